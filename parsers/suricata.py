"""Suricata's events, EVE JSON: flows, requests, files and alerts that it saw on a network.

Source: Suricata's documentation of EVE JSON, 4 to 8.
"""

import re

from graphad.decoders.network_ends import ENDS, READING, RECIPIENTS, flow, whatever_case
from graphad.parse import Decoder, Options, Parser
from graphad.relations import Claim, End, Relations

_TYPE = re.compile(rb'"event_type"\s*:\s*"[a-z_0-9]+"')
_OWN = re.compile(rb'"(?:flow_id|in_iface|stats|engine|pcap_cnt)"\s*:')


def sniff(head: bytes) -> float:
    """Return how sure it is that these are EVE's events, one a line."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] != b"{" or not _TYPE.search(start):
        return 0.0
    return 0.95 if _OWN.search(start) and b'"timestamp"' in start else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanner is only loaded here, for it is compiled."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from graphad.decoders.json_decoder import JsonDecoder
    from graphad.decoders.network_ends import on_host
    from graphad.decoders.suricata_fields import FIELDS

    def finish(raw: pa.Table, options: Options) -> pa.Table:
        """A flow is logged when it has ended, and happened when it began."""
        if {"channel", "ts", "created_time"} <= set(raw.column_names):
            ended = pc.is_in(raw["channel"].cast(pa.string()), pa.array(["flow", "netflow"]))
            began = pc.if_else(ended, raw["created_time"], pa.scalar(None, pa.timestamp("us")))
            at = raw.schema.get_field_index("ts")
            raw = raw.set_column(at, "ts", pc.coalesce(began, raw["ts"]))
        return on_host(raw, options.host or "suricata")

    return JsonDecoder(FIELDS, options, finish)


_KIND = rf"""CASE WHEN ts IS NULL THEN NULL ELSE channel || CASE channel
    WHEN 'flow' THEN CASE WHEN protocol LIKE '%ICMP%' THEN ' icmp'
        WHEN protocol = 'TCP' AND result = 'new' THEN ' tried' ELSE '' END
    WHEN 'alert' THEN CASE WHEN protocol LIKE '%ICMP%' THEN ' icmp' ELSE '' END
    WHEN 'dns' THEN CASE WHEN action IN ('answer', 'response') THEN ' answer' ELSE '' END
    WHEN 'http' THEN CASE WHEN action IS NULL THEN ' without its request'
        WHEN action = 'CONNECT' THEN ' tunnel'
        WHEN upper(action) IN {READING} THEN ' read' ELSE ' write' END
    WHEN 'smb' THEN CASE WHEN action LIKE '%CREATE%' OR action LIKE '%READ%' THEN ' read'
        WHEN action LIKE '%WRITE%' THEN ' write' ELSE ' other' END
    WHEN 'ftp' THEN CASE WHEN upper(action) = 'RETR' THEN ' read'
        WHEN upper(action) IN ('STOR', 'APPE', 'STOU') THEN ' write'
        WHEN upper(action) = 'DELE' THEN ' delete' ELSE ' other' END
    ELSE '' END END"""
_NAME = """coalesce(domain, try(json_extract_string(args, '$[0].rrname')))"""
_CARRIED = "CASE WHEN dst_host <> '' THEN 'http://' || lower(dst_host) ELSE '' END"
_FILE = f"{_CARRIED} || split_part(file_path, '?', 1)"
_FLOW = [("source", "connect", "remote"), ("remote", "accept", "responder")]
_EDGES = {
    "flow": _FLOW,
    "flow tried": [("source", "connect", "remote")],
    "flow icmp": [("source", "connect", "responder")],
    "alert": [("source", "connect", "remote")],
    "alert icmp": [("source", "connect", "responder")],
    "ssh": [("source", "connect", "remote")],
    "rdp": [("source", "connect", "remote")],
    "dns": [("source", "resolve", "name")],
    "tls": [("source", "connect", "domain")],
    "http read": [("source", "connect", "web host"), ("url", "read", "source")],
    "http write": [("source", "connect", "web host"), ("source", "write", "url")],
    "http tunnel": [("source", "connect", "web host")],
    "fileinfo": [("source", "write", "carried"), ("carried", "read", "responder")],
    "smb read": [("shared", "read", "source")],
    "smb write": [("source", "write", "shared")],
    "ftp read": [("ftp file", "read", "source")],
    "ftp write": [("source", "write", "ftp file")],
    "ftp delete": [("source", "delete", "ftp file")],
    "krb5": [("source", "logon", "principal")],
    "smtp": [("sender", "send", name) for name in RECIPIENTS],
}  # fmt: skip
_RULES = {
    "dns answer": "dns: an answer, whose question is a record of its own",
    "http without its request": "http: the request was not seen",
    "smb other": "smb: no file is read or written",
    "ftp other": "ftp: a command without a file",
    "netflow": "netflow: one direction of a flow",
    "stats": "stats: state of the sensor",
    "tls": "tls: no server is named",
    "smtp": "smtp: no sender or no recipient",
    "dhcp": "dhcp: says who has which address, see aliases",
}
_OUTCOME = """CASE channel
    WHEN 'flow' THEN CASE WHEN protocol = 'TCP' AND result = 'new' THEN 'failure' END
    WHEN 'alert' THEN CASE WHEN action IN ('blocked', 'drop') THEN 'failure' END
    WHEN 'http' THEN CASE WHEN try_cast(result AS INTEGER) >= 400 THEN 'failure'
        WHEN try_cast(result AS INTEGER) >= 100 THEN 'success' END
    WHEN 'krb5' THEN CASE WHEN error <> '' THEN 'failure' ELSE 'success' END END"""

parser = Parser(
    name="suricata",
    about="Suricata's events (EVE JSON)",
    sniff=sniff,
    decoder=decoder,
    mapping=Relations(
        kind=_KIND,
        ends=ENDS
        | {
            "name": End("domain", f"nullif(lower({_NAME}), '')", _NAME),
            "carried": End("file", _FILE),
            "principal": whatever_case("user", """nullif("user", '') || '@' || user_domain"""),
        },
        edges=_EDGES,
        outcome=_OUTCOME,
        rules={kind: f"{kind.split()[0]}: an end of its edge is not named" for kind in _EDGES}
        | _RULES,
        claims=[
            flow("flow", "flow tried"), Claim("address", ENDS["client"], "answer", ("dhcp",)),
        ],
    ),
    ignore="CASE WHEN ts IS NOT NULL AND channel IS NOT NULL "
    "THEN channel || ': no relation in this kind of event' END",
    reject="CASE WHEN channel IS NULL THEN 'no event_type' ELSE 'no time' END",
)  # fmt: skip
