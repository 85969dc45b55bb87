"""What Entra (Azure AD) says: who signed in from where to what, who changed whom.

Sources: Microsoft's reference of signIn and directoryAudit in Graph, and of the tables SigninLogs
and AuditLogs.
"""

import re
import struct
from typing import Any
from uuid import UUID

from graphad.decoders.cloud_acts import CHANGE, acts, named, user
from graphad.decoders.cloud_decode import Edge, Thing, Told
from graphad.decoders.cloud_values import address, at, first, nested, parts, text
from graphad.decoders.told_claims import Claim

_APPS = "appDisplayName AppDisplayName appId AppId"
_PEOPLE = (
    "userPrincipalName UserPrincipalName servicePrincipalName ServicePrincipalName userId UserId "
    "servicePrincipalId ServicePrincipalId appId AppId"
)
_NAMES = "userPrincipalName UserPrincipalName"
_SIGN_INS = re.compile(r".*SignInLogs", re.IGNORECASE)


def is_sign_in(event: dict[str, Any]) -> bool:
    """Say whether a record is of a sign-in."""
    kind = first(event, "category", "Category", "Type") or ""
    if _SIGN_INS.fullmatch(kind):
        return True
    return first(event, *_APPS.split()) is not None and (
        first(event, "ipAddress", "IPAddress", "userPrincipalName", "UserPrincipalName") is not None
    )


def is_audit(event: dict[str, Any]) -> bool:
    """Say whether a record is of a change in the directory."""
    return (
        any(key in event for key in ("targetResources", "TargetResources", "initiatedBy"))
        or text(event, "category") == "AuditLogs"
        or at(event, "properties", "targetResources") is not None
    )


def _tenant(event: dict[str, Any], inner: dict[str, Any]) -> str | None:
    names = "tenantId TenantId AADTenantId resourceTenantId ResourceTenantId homeTenantId"
    return first(event, *names.split()) or first(inner, *names.split())


def sid_of(id_: str | None) -> str | None:
    """Return the SID that Windows knows an account of Entra by; None if this is no id of one.

    It has the id's 16 bytes as four numbers.

    >>> sid_of("73d664e4-0886-4a73-b745-c694da45ddb4")
    'S-1-12-1-1943430372-1249052806-2496021943-3034400218'
    """
    try:
        halves = struct.unpack("<4I", UUID(id_ or "").bytes_le)
    except ValueError:
        return None
    return "S-1-12-1-" + "-".join(map(str, halves)) if any(halves) else None


def signed_in(event: dict[str, Any], told: Told) -> None:
    """Add what a sign-in says."""
    inner = nested(event, "properties") or event
    told.host = _tenant(event, inner)
    who, app = first(inner, *_PEOPLE.split()), first(inner, *_APPS.split())
    if who is None:
        told.rule = "nobody is named who acted"
        return
    status = nested(inner, "status") or nested(inner, "Status") or {}
    code = first(status, "errorCode") or first(event, "resultType", "ResultType")
    outcome = None if code is None else "success" if code == "0" else "failure"
    told.fields |= {"code": "sign-in", "result": code, "outcome": outcome, "user": who}
    ip = address(first(inner, "ipAddress", "IPAddress") or text(event, "callerIpAddress"))
    told.fields["src_ip"] = ip
    account = user(who)
    sid = sid_of(first(inner, "userId", "UserId"))
    if sid is not None and first(inner, *_NAMES.split()) == who:
        told.claims.append(Claim("sid", account, sid))
    resource = first(inner, "resourceDisplayName", "ResourceDisplayName")
    told.edges = acts(account, ip, f"sign-in:{app or resource or 'unknown'}", [], outcome)
    if resource and resource != app:
        told.edges.append(Edge(account, "access", named("service", resource), outcome))
    detail = nested(inner, "deviceDetail") or nested(inner, "DeviceDetail")
    device = first(detail, "displayName", "deviceId")
    if device:
        told.edges.append(Edge(named("host", device), "logon", account, outcome))


def audited(event: dict[str, Any], told: Told) -> None:
    """Add what a change in the directory says."""
    inner = nested(event, "properties") or event
    told.host = _tenant(event, inner)
    name = first(inner, "activityDisplayName", "ActivityDisplayName", "OperationName")
    name = name or text(event, "operationName")
    if name is None:
        told.reason = "no operation name"
        return
    by = nested(inner, "initiatedBy") or nested(inner, "InitiatedBy")
    who = first(
        by, "user.userPrincipalName", "user.displayName", "user.id", "app.displayName",
        "app.servicePrincipalName", "app.servicePrincipalId", "app.appId",
    ) or first(event, "identity", "Identity")  # fmt: skip
    told.fields |= {"code": name, "user": who}
    if who is None:
        told.rule = "nobody is named who acted"
        return
    result = (first(inner, "result", "Result") or text(event, "resultType") or "").lower()
    outcome = {"success": "success", "failure": "failure", "0": "success"}.get(result)
    ip = address(first(by, "user.ipAddress", "app.ipAddress"))
    told.fields["src_ip"] = ip
    targets = parts(inner, "targetResources") or _listed(inner)
    things = [(CHANGE, thing) for one in targets if (thing := _target(one)) is not None]
    told.edges = acts(user(who), ip, name, things, outcome)


def _listed(inner: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the targets that a table holds as the text of a JSON list."""
    held = at(inner, "TargetResources")
    if isinstance(held, str):
        held = at(nested({"x": f'{{"x":{held}}}'}, "x"), "x")
    return parts({"x": held}, "x")


def _target(one: dict[str, Any]) -> Thing | None:
    kind = (text(one, "type") or "").lower()
    name = first(one, "userPrincipalName", "displayName", "id")
    if name is None:
        return None
    if kind in ("user", "group", "serviceprincipal", "role", "application"):
        return user(name if kind in ("user", "serviceprincipal") else f"{kind}/{name}")
    if kind == "device":
        return named("host", name)
    return named("file", f"{kind or 'directory'}/{name}")
