"""What an AWS CloudTrail event says: who did what, to which resources, from which address.

Sources: AWS's CloudTrail user guide (record contents, userIdentity element), and its service
authorization reference for what requests name.
"""

import functools
import re
from collections.abc import Iterator
from typing import Any

from graphad.decoders.cloud_decode import CloudDecoder, Edge, Thing, Told
from graphad.decoders.cloud_values import LONGEST, address, at, first, nested, parts, text, time_us
from graphad.parse import Options

FIELDS = [
    (f"{prefix}{path}", column)
    for prefix in ("", "detail.")  # as EventBridge passes them on
    for path, column in (
        ("eventTime", "ts"), ("eventName", "code"), ("eventSource", "provider"),
        ("eventCategory", "channel"), ("errorCode", "error"), ("errorMessage", "result"),
        ("userIdentity.arn", "user"),
        ("userIdentity.accountId", "user_domain"), ("userIdentity.principalId", "user_sid"),
        ("userIdentity.accessKeyId", "logon_id"), ("userIdentity.type", "logon_type"),
        ("userIdentity.sessionContext.sessionIssuer.arn", "login_user"),
        ("sourceIPAddress", "src_ip"), ("awsRegion", "context"),
        ("requestParameters.roleArn", "target_user"),
        ("responseElements.credentials.accessKeyId", "target_logon"),
    )
]  # fmt: skip
ENVELOPES = ["Records", "Events", "events", "logEvents"]

_READS = re.compile(
    "Get|BatchGet|List|Describe|Head|Lookup|Search|Query|Scan|Select|Download|Decrypt|View|Test|"
    "Check|Simulate|Estimate|Preview|Validate|Verify|Detect|Is[A-Z]|Invoke|Retrieve|Discover"
)
_MAKES = re.compile("Create|Run|Put|Upload|Import|Copy|Allocate|Register|Request|Generate|Start")
_ENDS = re.compile("Delete|Terminate|Remove|Deregister|Release|Purge|BatchDelete")
# Fields of a request whose values name what it is about. Lists may be nested in lists of items.
_NAMING = re.compile(
    r"(.*?)_?(?:[a-z0-9](?:Arn|ARN|Id|Ids|ID|Name|Names|Identifier|Identifiers|Arns)|"
    r"^(?:arn|name|names|id|key|identifier|targets|resource|resourceARN))"
)
_SAYS_NOTHING = re.compile(
    r"(?i)(?:request|client|session|token|owner|account|region|zone|user.?agent|event|operation|"
    r"attribute|parameter|engine|device|action|metric|display|host|principal|assumedrole|return|tag|"
    r"rolesession|log.?group.?prefix|reservation|nextToken|request_?)(?:Id|Ids|ID|Name|Names)?"
)
_FILTERS = re.compile(r"(?i).*filters?(?:Set)?")  # what is looked for, not what is acted upon
_SUFFIX = re.compile(r"(?:Arns?|ARN|Ids?|ID|Names?|Identifiers?)$")
_FORM = re.compile(r"([a-z]{1,8})-[0-9a-f]{8,17}")  # i-0123456789abcdef0
# What a request only makes use of, unless its name says that it is about just that.
_USED = ("image", "document", "policy", "subnet", "vpc", "layer", "kmsKey", "securityGroup")
# Of an answer, which says much else, only names that can be nothing else.
_ANSWERS = re.compile(r"arn:|[a-z]{1,8}-[0-9a-f]{8,17}$")
_ANSWERED = ("user", "role", "function", "command", "group")
_ANSWERS_OK = ("ConsoleLogin", "CheckMfa", "SwitchRole", "ExitRole", "PasswordUpdated")
_DEEPEST = 6
_MOST = 64

_HOLDS = frozenset({str, list, dict})

_Named = tuple[str, str]  # what kind of thing, its name


def decoder(options: Options) -> CloudDecoder:
    """Return a decoder of CloudTrail's events."""
    return CloudDecoder(FIELDS, options, tell, ENVELOPES)


def tell(event: dict[str, Any], options: Options) -> Told:
    """Return what an event says, however it is wrapped."""
    # As `aws cloudtrail lookup-events` gives it, and as CloudWatch does.
    inner = nested(event, "CloudTrailEvent") or nested(event, "message")
    if inner is None and isinstance(at(event, "detail"), dict):
        inner = event["detail"]
    told = Told()
    if inner is not None:
        event = inner
        told.fields = {
            column: text(event, *path.split("."))
            for path, column in FIELDS[: len(FIELDS) // 2]
            if column != "ts"
        }
    name, source = text(event, "eventName"), text(event, "eventSource")
    told.ts = time_us(first(event, "eventTime", "@timestamp"))
    account = first(event, "recipientAccountId", "userIdentity.accountId")
    told.host = _role_account(event) or account
    if text(event, "eventType") == "AwsCloudTrailInsight":
        told.rule = "insight: a sum of other events"
        return told
    if name is None or source is None:
        told.reason = "no event name" if name is None else "no event source"
        return told
    home = account or options.host or "unknown"
    who = _who(event, home)
    outcome = "failure" if _failed(event) else "success"
    service = source.removesuffix(".amazonaws.com")
    ip = address(text(event, "sourceIPAddress"))
    if who is None:
        who = _console_user(event, home)
    if who is None:
        told.rule = "nobody is named who acted"
        return told
    if ip is not None:
        told.edges.append(Edge(Thing("address", ip, ip), "logon", who, outcome))
    person = _person(who)
    if person is not None:
        told.edges.append(Edge(person, "logon", who, outcome))
    operation = f"{service}:{name}"
    told.edges.append(Edge(who, "access", Thing("service", operation, operation), outcome))
    told.edges += _effects(event, name, service, who, home, outcome)
    return told


def _failed(event: dict[str, Any]) -> bool:
    if first(event, "errorCode", "errorMessage"):
        return True
    answer = at(event, "responseElements")
    return isinstance(answer, dict) and any(answer.get(name) == "Failure" for name in _ANSWERS_OK)


def role_arn(arn: str) -> str:
    """Return the ARN of a user or role without the path before its name, which is unique anyway.

    >>> role_arn("arn:aws:iam::123456789012:role/service/app/Deploy")
    'arn:aws:iam::123456789012:role/Deploy'
    """
    found = re.fullmatch(r"(arn:[\w-]+:iam::\d*:(?:user|role|group))/(?:.*/)?([^/]+)", arn)
    return f"{found[1]}/{found[2]}" if found else arn


def _session(key: str | None, arn: str) -> Thing:
    """Return a session by its temporary key, or by the role and the name it was given."""
    return Thing("session", key or arn, arn.rpartition(":assumed-role/")[2] or arn)


def _who(event: dict[str, Any], home: str) -> Thing | None:
    identity = at(event, "userIdentity")
    kind, arn = text(identity, "type"), text(identity, "arn")
    if kind == "AssumedRole" and arn:
        return _session(text(identity, "accessKeyId"), arn)
    if kind in ("AWSService", None) and (service := text(identity, "invokedBy")):
        return Thing("service", service, service)
    if arn:
        return _user(role_arn(arn))
    if kind == "IAMUser" and (name := text(identity, "userName")):
        return _user(f"arn:aws:iam::{text(identity, 'accountId') or home}:user/{name}")
    if found := first(
        identity, "onBehalfOf.userId", "userName", "principalId", "credentialId", "invokedBy"
    ):
        return _user(found)
    account = text(identity, "accountId")
    return _user(f"account/{account}") if account else None


def _person(who: Thing) -> Thing | None:
    """Return who is behind a session that Identity Center opened: it is named after its user."""
    role, _, name = who.label.partition("/")
    opened = who.type == "session" and role.startswith("AWSReservedSSO_") and name
    return _user(name) if opened else None


def _console_user(event: dict[str, Any], home: str) -> Thing | None:
    name = first(event, "additionalEventData.UserName", "requestParameters.userName")
    return _user(f"arn:aws:iam::{home}:user/{name}") if name else None


def _user(key: str) -> Thing:
    return Thing("user", key, key)


def _effects(
    event: dict[str, Any], name: str, service: str, who: Thing, home: str, outcome: str
) -> Iterator[Edge]:
    if service == "sts" and name.startswith(("AssumeRole", "GetSessionToken", "GetFederation")):
        yield from _assumed(event, who, outcome)
        return
    for thing, kind in _things(event, service, home).items():
        if thing == who:
            continue
        if thing.type == "file" and kind in _USED and not _about(name, kind):
            yield Edge(thing, "read", who, outcome)
        elif _reads(event, name):
            if thing.type == "file":
                yield Edge(thing, "read", who, outcome)
            else:
                yield Edge(who, "access", thing, outcome)
        elif thing.type != "file":
            yield Edge(who, "change", thing, outcome)
        elif _ENDS.match(name):
            yield Edge(who, "delete", thing, outcome)
        else:
            yield Edge(who, "create" if _MAKES.match(name) else "change", thing, outcome)


def _about(name: str, kind: str) -> bool:
    """Say whether an event's name says that things of a kind are made, changed or ended."""
    return re.match(rf"(?i)(?!attach|detach|associate|disassociate)\w+?{kind}", name) is not None


def _assumed(event: dict[str, Any], who: Thing, outcome: str) -> Iterator[Edge]:
    """Return how one becomes another: through a role, into a session."""
    role = text(event, "requestParameters", "roleArn")
    if role:
        yield Edge(who, "access", _user(role_arn(role)), outcome)
    key = text(event, "responseElements", "credentials", "accessKeyId")
    if key:
        yield Edge(
            who, "logon", _session(key, _assumed_arn(event) or f"{who.label} session"), outcome
        )


def _assumed_arn(event: dict[str, Any]) -> str | None:
    """Return the ARN of the session that was opened, made of the request if no answer says it."""
    said = first(
        event, "responseElements.assumedRoleUser.arn", "responseElements.federatedUser.arn"
    )
    role = text(event, "requestParameters", "roleArn")
    if said or not role:
        return said
    found = re.fullmatch(r"(arn:[\w-]+):iam::(\d*):role/(?:.*/)?([^/]+)", role)
    name = text(event, "requestParameters", "roleSessionName")
    return f"{found[1]}:sts::{found[2]}:assumed-role/{found[3]}/{name or ''}" if found else role


def _role_account(event: dict[str, Any]) -> str | None:
    """Return the account of a role that was assumed: the session lives there, not at its opener."""
    arn = _assumed_arn(event) if text(event, "eventSource") == "sts.amazonaws.com" else None
    found = re.match(r"arn:[\w-]+:sts::(\d{12}):", arn or "")
    return found[1] if found else None


def _reads(event: dict[str, Any], name: str) -> bool:
    flag = at(event, "readOnly")
    if flag in (True, "true"):
        return True
    return flag not in (False, "false") and _READS.match(name) is not None


def _things(event: dict[str, Any], service: str, home: str) -> dict[Thing, str]:
    """Return the resources a request names, and of what kind: listed, in parameters, answered."""
    found: dict[Thing, str] = {}
    for one in parts(event, "resources"):
        arn = first(one, "ARN", "arn", "ResourceName", "resourceName")
        if arn:
            found[_thing("", arn, service, home)] = ""
    bucket = text(event, "requestParameters", "bucketName")
    key = text(event, "requestParameters", "key")
    if bucket:
        path = f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "")
        found[Thing("file", path, path)] = "bucket"
    named = _named(at(event, "requestParameters"), 0, "")
    if not found:
        answer = _named(at(event, "responseElements"), 0, "")
        named += [one for one in answer if _ANSWERS.match(one[1]) or one[0] in _ANSWERED]
    for kind, value in named:
        if bucket and kind in ("bucket", "key"):
            continue
        found.setdefault(_thing(kind, value, service, home), kind)
        if len(found) >= _MOST:
            break
    return found


def _named(value: Any, depth: int, kind: str) -> list[_Named]:
    """Return what the fields of a request name."""
    if depth > _DEEPEST:
        return []
    if isinstance(value, list):
        return [one for part in value[:_MOST] for one in _named(part, depth + 1, kind)]
    if isinstance(value, str):
        said = kind and 0 < len(value) <= LONGEST and value != "HIDDEN_DUE_TO_SECURITY_REASONS"
        return [(kind, value)] if said else []
    if not isinstance(value, dict):
        return []
    found: list[_Named] = []
    for name, inner in value.items():
        if type(inner) not in _HOLDS:
            continue
        sort = _sort(name)
        if sort is None:
            continue
        listed = isinstance(inner, list) and inner and isinstance(inner[0], str)
        if not isinstance(inner, str) and not listed:
            found += _named(inner, depth + 1, "")
        elif sort:
            found += _named(inner, depth + 1, sort)
    return found


@functools.lru_cache(4096)
def _sort(name: str) -> str | None:
    """Return of what kind the thing is that a field of this name names.

    Empty if it names none, but one within it may; None if there is nothing to look for.

    >>> _sort("instanceIds"), _sort("instancesSet"), _sort("requestId")
    ('instance', '', None)
    """
    if _SAYS_NOTHING.fullmatch(name) or _FILTERS.fullmatch(name):
        return None
    return (_SUFFIX.sub("", name) or name) if _NAMING.fullmatch(name) else ""


def _thing(kind: str, value: str, service: str, home: str) -> Thing:
    """Return the entity that a name stands for: accounts, machines and functions, or else data."""
    if value.startswith("arn:"):
        if re.match(r"arn:[\w-]+:iam::\d*:(?:user|role|group)/", value):
            return _user(role_arn(value))
        if re.match(r"arn:[\w-]+:lambda:", value):
            return Thing("service", value, value)
        if found := re.fullmatch(r"arn:[\w-]+:ec2:[\w-]*:\d*:instance/(i-\w+)", value):
            return Thing("host", found[1], found[1])
        return Thing("file", value, value)
    if re.fullmatch(r"i-[0-9a-f]{8,17}|mi-[0-9a-f]{17}", value):
        return Thing("host", value, value)
    if kind in ("user", "role", "group") and service in ("iam", "sts", "signin", "sso"):
        return _user(f"arn:aws:iam::{home}:{kind}/{value}")
    if kind == "function" and service == "lambda":
        return Thing("service", f"function/{value}", f"function/{value}")
    if _FORM.fullmatch(value):
        return Thing("file", value, value)
    label = f"{service}/{kind}/{value}"
    return Thing("file", label, label)
