"""What Microsoft 365's unified audit log says: who did what to which file, mailbox or account.

Source: Microsoft's Office 365 Management Activity API schema.
"""

import re
from typing import Any

from graphad.decoders.cloud_acts import CHANGE, CREATE, READ, acts, named, user, verb
from graphad.decoders.cloud_decode import Thing, Told
from graphad.decoders.cloud_table import table_or_json
from graphad.decoders.cloud_values import address, at, first, nested, parts, text, time_us
from graphad.parse import Decoder, Options

FIELDS = [
    ("CreationTime", "ts"), ("CreationDate", "ts"), ("Operation", "code"),
    ("Operations", "code"), ("Workload", "provider"), ("UserId", "user"), ("UserIds", "user"),
    ("ClientIP", "src_ip"), ("ClientIPAddress", "src_ip"), ("ActorIpAddress", "src_ip"),
    ("ResultStatus", "outcome"), ("LogonError", "error"),
]  # fmt: skip
ENVELOPES = ["value"]
_SUCCEEDED = {"true", "succeeded", "success", "partiallysucceeded", "pass"}
_FAILED = {"false", "failed", "failure", "fail", "userlockedout"}
_MAIL = re.compile(r"(?:MailItems|Mail)?(?:Accessed|Access)|MessageBind|FolderBind|SearchQuery\w*")
_CMDLET = re.compile(r"([A-Z][a-z]+)-\w+")
_READING = re.compile(
    r"File(?:Accessed|Downloaded|Previewed|SyncDownloaded|Copied)\w*|Page(?:Viewed|Prefetched)\w*|"
    r"\w+(?:Accessed|Viewed|Downloaded)"
)
_ENDING = re.compile(r"\w*(?:Deleted|Recycled|HardDelete|SoftDelete|MoveToDeletedItems)\w*")
_MAKING = re.compile(r"\w*(?:Uploaded|Created|Added|Create|Send|SendAs|SendOnBehalf)")


def decoder(options: Options) -> Decoder:
    """Return a decoder of the unified audit log, as JSON or as a table."""
    return table_or_json(options, tell, ENVELOPES, FIELDS)


def tell(event: dict[str, Any], options: Options) -> Told:
    """Return what a record says, of a search's answer that holds it as text too."""
    inner = nested(event, "AuditData") or nested(event, "auditData")
    told = Told()
    if inner is not None:
        event = inner
        told.fields = {column: text(event, path) for path, column in FIELDS if column != "ts"}
    told.ts = time_us(first(event, "CreationTime", "CreationDate", "TimeGenerated"))
    told.host = first(event, "OrganizationId", "OrganizationName")
    name = text(event, "Operation")
    if name is None:
        told.reason = "no operation"
        return told
    who = first(event, "UserId", "UserKey")
    if who is None:
        told.rule = "nobody is named who acted"
        return told
    ip = address(first(event, "ClientIP", "ClientIPAddress", "ActorIpAddress", "Client_IPAddress"))
    operation = f"{first(event, 'Workload', 'OfficeWorkload') or 'Microsoft365'}:{name}"
    told.edges = acts(user(who), ip, operation, _things(event, name), _outcome(event, name))
    return told


def _outcome(event: dict[str, Any], name: str) -> str | None:
    if name in ("UserLoginFailed",):
        return "failure"
    said = at(event, "ResultStatus")
    status = str(said).lower() if isinstance(said, bool | str) else ""
    return "success" if status in _SUCCEEDED else "failure" if status in _FAILED else None


def _verb(name: str) -> str:
    """Return what an operation does.

    >>> _verb("FileDownloaded"), _verb("New-InboxRule"), _verb("FileRecycled"), _verb("Set-Mailbox")
    ('read', 'create', 'delete', 'change')
    """
    if found := _CMDLET.fullmatch(name):
        return verb(found[1])
    if _MAIL.fullmatch(name) or _READING.fullmatch(name):
        return READ
    if _ENDING.fullmatch(name):
        return "delete"
    return CREATE if _MAKING.fullmatch(name) else CHANGE


def _things(event: dict[str, Any], name: str) -> list[tuple[str, Thing]]:
    what, found = _verb(name), []
    thing = first(event, "ObjectId", "OfficeObjectId")
    workload = first(event, "Workload", "OfficeWorkload")
    if thing and thing not in ("Unknown", "Not Available"):
        if workload == "AzureActiveDirectory" and name.startswith("UserLog"):
            found.append((READ, named("service", thing)))
        elif workload == "AzureActiveDirectory":
            found.append((CHANGE, user(thing)))
        else:
            found.append((what, named("file", thing)))
    owner = text(event, "MailboxOwnerUPN")
    if owner:
        found.append((what, named("file", f"mailbox/{owner}")))
    other = text(event, "TargetUserOrGroupName")
    if other:
        found.append((CHANGE, user(other)))
    for one in parts(event, "Target"):
        said = text(one, "ID")
        if said and "@" in said and not name.startswith("UserLog"):
            found.append((CHANGE, user(said)))
    for one in parts(event, "Parameters"):
        if text(one, "Name") in (
            "Member",
            "User",
            "ForwardTo",
            "RedirectTo",
            "ForwardingSmtpAddress",
        ):
            said = text(one, "Value")
            if said:
                found.append((CHANGE, user(said)))
    return found
