"""What records of Azure say: the activity log here, Entra's sign-ins and audits in cloud_entra.py.

In the shapes of the management and Graph interfaces, of diagnostic settings (storage, event hubs),
of Log Analytics' tables, and with names in snake case, as Python's client writes them.

Sources: Microsoft's reference of the activity log's schema and of the tables AzureActivity,
SigninLogs and AuditLogs.
"""

import re
from typing import Any

from graphad.decoders.cloud_acts import CHANGE, CREATE, DELETE, READ, acts, named, user
from graphad.decoders.cloud_decode import Thing, Told
from graphad.decoders.cloud_entra import audited, is_audit, is_sign_in, signed_in
from graphad.decoders.cloud_table import table_or_json
from graphad.decoders.cloud_values import address, first, nested, time_us
from graphad.parse import Decoder, Options

FIELDS = [
    ("event_timestamp", "ts"), ("eventTimestamp", "ts"), ("createdDateTime", "ts"),
    ("activityDateTime", "ts"), ("TimeGenerated", "ts"), ("time", "ts"),
    ("caller", "user"), ("Caller", "user"), ("userPrincipalName", "user"),
    ("UserPrincipalName", "user"), ("properties.userPrincipalName", "user"),
    ("http_request.client_ip_address", "src_ip"), ("httpRequest.clientIpAddress", "src_ip"),
    ("callerIpAddress", "src_ip"), ("CallerIpAddress", "src_ip"), ("ipAddress", "src_ip"),
    ("IPAddress", "src_ip"), ("category.value", "channel"), ("category", "channel"),
    ("Category", "channel"),
]  # fmt: skip
ENVELOPES = ["value", "records"]
_OPERATION = "operation_name.value operationName.value OperationNameValue operationName"
_STATUS = "status.value ActivityStatusValue ActivityStatus resultType resultSignature"
_RESOURCE = "resource_id resourceId ResourceId _ResourceId resourceUri authorization.scope"
_CALLER = "caller Caller identity.claims.upn identity.claims.name identity.claims.appid"
_IP = (
    "http_request.client_ip_address httpRequest.clientIpAddress callerIpAddress CallerIpAddress "
    "claims.ipaddr identity.claims.ipaddr"
)
_TIMES = (
    "event_timestamp eventTimestamp createdDateTime activityDateTime TimeGenerated CreatedDateTime "
    "ActivityDateTime time"
)
_FAILED = re.compile(r"(?i)fail(?:ed|ure)?|error|denied")
_ENDED = re.compile(r"(?i)succe(?:eded|ss)|accept(?:ed)?|resolved|active")
_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)")


def decoder(options: Options) -> Decoder:
    """Return a decoder of Azure's records, as JSON or as tables."""
    return table_or_json(options, tell, ENVELOPES, FIELDS)


def tell(event: dict[str, Any], options: Options) -> Told:
    """Return what a record says."""
    told = Told(ts=time_us(first(event, *_TIMES.split())))
    if is_sign_in(event):
        signed_in(event, told)
    elif is_audit(event):
        audited(event, told)
    else:
        _activity(event, told)
    return told


def _activity(event: dict[str, Any], told: Told) -> None:
    operation = first(event, *_OPERATION.split())
    if operation is None:
        told.reason = "no operation name"
        return
    resource = (first(event, *_RESOURCE.split()) or "").lower()
    found = _SUBSCRIPTION.match(resource)
    told.host = (found[1] if found else None) or first(
        event, "subscription_id", "subscriptionId", "SubscriptionId", "tenant_id", "tenantId"
    )
    told.fields["code"] = operation
    status = first(event, *_STATUS.split()) or ""
    outcome = "failure" if _FAILED.match(status) else "success" if _ENDED.match(status) else None
    told.fields["outcome"] = status or None
    who = first(event, *_CALLER.split())
    if who is None:
        told.rule = "nobody is named who acted"
        return
    things = [(_verb(operation), _thing(resource))] if resource.count("/") > 2 else []
    things += [(CHANGE, user(one)) for one in _granted(event)]
    ip = address(first(event, *_IP.split()))
    told.edges = acts(user(who), ip, operation.lower(), things, outcome)


def _verb(operation: str) -> str:
    """Return what an operation does, by its last words: .../read, .../listKeys/action."""
    *_, before, last = ["", *operation.lower().split("/")]
    if last == "read" or (last == "action" and re.match("list|get|read|check|validate", before)):
        return READ
    return {"delete": DELETE, "write": CREATE}.get(last, CHANGE)


def _thing(resource: str) -> Thing:
    """Return what a resource id names; ids mean the same in whatever case they are written."""
    kind, _, name = resource.rpartition("/providers/")[2].rpartition("/")
    if kind.endswith("microsoft.compute/virtualmachines"):
        return Thing("host", name, name)
    if "/userassignedidentities" in kind:
        return user(resource)
    if kind.endswith(("microsoft.web/sites", "microsoft.logic/workflows")):
        return named("service", resource)
    return named("file", resource)


def _granted(event: dict[str, Any]) -> list[str]:
    """Return who is given a role, as the request's body says."""
    for path in ("properties.requestbody", "Properties.requestbody"):
        body = nested(event, *path.split("."))
        who = first(body, "Properties.PrincipalId", "properties.principalId")
        if who:
            return [who]
    inner = nested(event, "Properties")
    who = first(nested(inner, "requestbody"), "Properties.PrincipalId", "properties.principalId")
    return [who] if who else []
