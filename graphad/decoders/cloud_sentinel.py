"""Tables of Log Analytics (Sentinel) that are exported as CSV: events of hosts, flows of networks.

SecurityEvent's rows are Windows events and Syslog's are text lines, read as such. Network Security
Groups' flows (AzureNetworkAnalytics) say which address reached which.

Source: Microsoft's reference of these tables.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from graphad.decoders.cloud_acts import named
from graphad.decoders.cloud_decode import Edge, Told
from graphad.decoders.cloud_edr import socket
from graphad.decoders.cloud_table import Row, RowsAs, ToldRows
from graphad.decoders.cloud_values import address, first, text, time_us
from graphad.decoders.told_claims import addresses
from graphad.parse import Decoder, Options

_PUBLIC = re.compile(r"[0-9A-Fa-f:.]{3,45}")


def _iso(value: str | None) -> str | None:
    us = time_us(value)
    if us is None:
        return None
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    except OverflowError:
        return None
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def security_event(options: Options) -> Decoder:
    """Return a decoder of SecurityEvent: each row as the Security event that it is."""
    from graphad.decoders.windows_decode import windows_decoder

    return RowsAs(options, _as_event, windows_decoder)


def _as_event(row: Row) -> Row:
    when = _iso(first(row, "TimeCreatedUtc", "TimeGenerated"))
    return {"Channel": "Security"} | row | ({"TimeCreated": when} if when else {})


def syslog(options: Options) -> Decoder:
    """Return a decoder of Syslog: each row as the line that it was."""
    from graphad.decoders.text_decode import Decoder as TextDecoder

    return RowsAs(options, _as_line, TextDecoder)


def _as_line(row: Row) -> Row:
    line = {
        "timestamp": _iso(first(row, "EventTime", "TimeGenerated")),
        "host": first(row, "HostName", "Computer"), "SYSLOG_IDENTIFIER": text(row, "ProcessName"),
        "pid": text(row, "ProcessID"), "message": row.get("SyslogMessage"),
        "level": text(row, "SeverityLevel"), "facility": text(row, "Facility"),
    }  # fmt: skip
    if isinstance(line["message"], str):  # exports replace the ; that sudo puts between
        line["message"] = re.sub(r" {3,}(?=(?:TTY|PWD|USER|COMMAND)=)", " ; ", line["message"])
    return {name: value for name, value in line.items() if value is not None}


def flows(options: Options) -> Decoder:
    """Return a decoder of flows that Network Security Groups saw."""
    return ToldRows(options, flow)


def flow(row: dict[str, Any], options: Options) -> Told:
    """Return what a flow says: which end opened a connection to which port of which."""
    when = first(row, "FlowStartTime", "FlowStartTime_t", "TimeGenerated")
    told = Told(ts=time_us(when), host=_one(row, "VMName", "VM") or _one(row, "VM1Name", "VM1"))
    source, target = _one(row, "SrcIP"), _one(row, "DestIP")
    inner = address(_one(row, "VMIPAddress", "VMIP"))
    if told.host and inner and _one(row, "VMName", "VM"):  # a VM's own address, not the public one
        told.claims = addresses(named("host", told.host.lower()), [inner])
    outer = [ip for ip in _PUBLIC.findall(_one(row, "PublicIPs", "AllExtIPs") or "") if address(ip)]
    inbound = _one(row, "FlowDirection") == "I"
    ends = [(source, target)] if source and target else [
        (ip, inner) if inbound else (inner, ip) for ip in dict.fromkeys(outer)
    ]  # fmt: skip
    port = _one(row, "DestPort")
    allowed, denied = (
        any((_one(row, name) or "0") not in ("0", "0.0") for name in names)
        for names in (("AllowedOutFlows", "AllowedInFlows"), ("DeniedInFlows", "DeniedOutFlows"))
    )
    outcome = "success" if allowed else "failure" if denied else None
    for one, other in ends:
        src, dst = address(one), socket(other, port)
        if src and dst:
            told.edges.append(Edge(named("address", src), "connect", dst, outcome))
    if not told.edges:
        told.rule = "an end of the flow is not named"
    return told


def _one(row: dict[str, Any], *names: str) -> str | None:
    """Return the first of these columns that has a value, with the suffix of its type or not."""
    return first(row, *(f"{name}{suffix}" for name in names for suffix in ("", "_s", "_d")))
