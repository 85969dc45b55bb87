"""Windows' firewall log, pfirewall.log: connections that it let pass or dropped.

Its times are the host's, in a zone that it doesn't name: see --assume-timezone.

Source: Microsoft's documentation of Windows Defender Firewall with Advanced Security.
"""

import re

from graphad.decoders.network_ends import REMOTE, RESPONDER, SOURCE, flow
from graphad.parse import Decoder, Options, Parser
from graphad.relations import Relations

_FIELDS = re.compile(rb"(?m)^#Fields: (?:[\w-]+ )*action protocol src-ip dst-ip ")


def sniff(head: bytes) -> float:
    """Return how sure it is that this log has the firewall's fields."""
    return 1.0 if head[:1] == b"#" and _FIELDS.search(head) else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanner is only loaded here, for it is compiled."""
    import pyarrow as pa

    from graphad.decoders.delimited import Delimited
    from graphad.decoders.network_ends import on_host
    from graphad.decoders.w3c import W3cLayout, in_utc

    fields = [
        ("ts", "ts"), ("local_time", "local_time"), ("action", "action"), ("protocol", "protocol"),
        ("src-ip", "src_ip"), ("src-port", "src_port"), ("dst-ip", "dst_ip"),
        ("dst-port", "dst_port"), ("path", "direction"), ("pid", "pid"),
    ]  # fmt: skip

    def finish(raw: pa.Table, options: Options) -> pa.Table:
        return on_host(in_utc(raw, options), options.host or "localhost")

    return Delimited(W3cLayout(), fields, options, finish)


parser = Parser(
    name="pfirewall",
    about="Windows' firewall log (pfirewall.log)",
    sniff=sniff,
    decoder=decoder,
    mapping=Relations(
        kind="""CASE WHEN ts IS NOT NULL AND action IS NOT NULL
            THEN CASE WHEN protocol LIKE 'ICMP%' OR protocol IN ('1', '58') THEN 'icmp' ELSE 'flow'
            END || CASE WHEN action IN ('ALLOW', 'OPEN', 'OPEN-INBOUND') THEN ''
                WHEN action = 'DROP' THEN ' dropped' ELSE ' other' END END""",
        ends={"source": SOURCE, "responder": RESPONDER, "remote": REMOTE},
        edges={
            "flow": [("source", "connect", "remote"), ("remote", "accept", "responder")],
            "flow dropped": [("source", "connect", "remote")],
            "icmp": [("source", "connect", "responder")],
            "icmp dropped": [("source", "connect", "responder")],
        },
        outcome="CASE action WHEN 'DROP' THEN 'failure' ELSE 'success' END",
        rules={
            "flow": "an end is not named", "flow dropped": "an end is not named",
            "icmp": "an end is not named", "icmp dropped": "an end is not named",
            "flow other": "a connection ended, or records were lost",
            "icmp other": "a connection ended, or records were lost",
        },
        claims=[flow("flow", "flow dropped")],
    ),
    reject="CASE WHEN ts IS NULL THEN 'no time' ELSE 'no action' END",
)  # fmt: skip
