"""What Google Cloud's audit log says: who called which method on what, and from where.

Sources: Google's reference of LogEntry and AuditLog.
"""

import re
from typing import Any

from graphad.decoders.cloud_acts import CHANGE, READ, acts, named, user, verb
from graphad.decoders.cloud_decode import CloudDecoder, Edge, Thing, Told
from graphad.decoders.cloud_values import address, at, first, parts, text, time_us
from graphad.parse import Options

FIELDS = [
    ("timestamp", "ts"), ("receiveTimestamp", "received_time"),
    ("protoPayload.methodName", "code"), ("protoPayload.serviceName", "provider"),
    ("protoPayload.authenticationInfo.principalEmail", "user"),
    ("protoPayload.requestMetadata.callerIp", "src_ip"),
    ("protoPayload.status.message", "result"), ("logName", "channel"),
]  # fmt: skip
ENVELOPES = ["entries"]
_PLACE = re.compile(r"(?:projects|organizations|folders|billingAccounts)/([^/]+)")
_MEMBER = re.compile(r"(?:user|serviceAccount|group):(.+)")


def decoder(options: Options) -> CloudDecoder:
    """Return a decoder of Google Cloud's log entries."""
    return CloudDecoder(FIELDS, options, tell, ENVELOPES)


def tell(event: dict[str, Any], options: Options) -> Told:
    """Return what a log entry says."""
    told = Told(ts=time_us(first(event, "timestamp", "receiveTimestamp")))
    place = _PLACE.match(text(event, "logName") or "")
    told.host = (place[1] if place else None) or text(event, "resource", "labels", "project_id")
    payload = at(event, "protoPayload")
    if not isinstance(payload, dict):
        told.rule = "no entry of the audit log"
        return told
    method, service = text(payload, "methodName"), text(payload, "serviceName")
    if method is None or service is None:
        told.reason = "no method name" if method is None else "no service name"
        return told
    email = first(
        payload, "authenticationInfo.principalEmail", "authenticationInfo.principalSubject"
    )
    if email is None:
        told.rule = "nobody is named who acted"
        return told
    who = user(_MEMBER.sub(r"\1", email))
    failed = text(payload, "status", "code") not in (None, "0")
    outcome = "failure" if failed else "success"
    ip = address(text(payload, "requestMetadata", "callerIp"))
    operation = f"{service.removesuffix('.googleapis.com')}:{method}"
    told.edges = acts(who, ip, operation, _things(payload, method), outcome)
    for one in parts(payload, "authenticationInfo", "serviceAccountDelegationInfo"):
        name = first(one, "firstPartyPrincipal.principalEmail", "principalSubject")
        if name:
            told.edges.append(Edge(user(_MEMBER.sub(r"\1", name)), "logon", who, outcome))
    return told


def _things(payload: dict[str, Any], method: str) -> list[tuple[str, Thing]]:
    """Return what a call does to what: by the rights it needed, else by its own name."""
    found = []
    own = text(payload, "resourceName")
    if own:
        found.append((_verb(method, own), _thing(own)))
    for one in parts(payload, "authorizationInfo"):
        name = first(one, "resource", "resourceAttributes.name")
        right = text(one, "permission")
        if name and right and at(one, "granted") is not False:
            found.append((_verb(right, name), _thing(name)))
    made = text(payload, "response", "email")
    if made:
        found.append((CHANGE, user(made)))
    for one in parts(payload, "serviceData", "policyDelta", "bindingDeltas"):
        member = _MEMBER.fullmatch(text(one, "member") or "")
        if member:
            found.append((CHANGE, user(member[1])))
    return found


def _verb(method: str, resource: str) -> str:
    """Return what a method does; whoever makes something in a project changes the project."""
    what = verb(method.rpartition(".")[2])
    return CHANGE if what != READ and resource.count("/") < 2 else what


def _thing(resource: str) -> Thing:
    """Return what a resource name stands for: an account, a machine, a service, or else data."""
    name = re.sub(r"^//[^/]+/", "", resource)
    *_, kind, last = ["", "", *name.split("/")]
    if kind == "serviceAccounts":
        return user(last)
    if kind == "instances" and "/zones/" in name:
        return named("host", last)
    if kind in ("functions", "services", "jobs"):
        return named("service", name)
    return named("file", name)
