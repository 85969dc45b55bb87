"""Flow logs of AWS' virtual networks, as they are delivered to files: fields between spaces.

The first line names the fields; without one they are those of version 2.

Source: Amazon VPC User Guide, Flow log records.
"""

import re
from typing import ClassVar

from graphad.decoders.network_ends import REMOTE, RESPONDER, SOURCE, flow
from graphad.parse import Decoder, Options, Parser
from graphad.relations import Relations

VERSION_2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
    "start end action log-status"
)
_HEADER = re.compile(r"(?=.*\bsrcaddr\b)(?=.*\bdstaddr\b)(?=.*\bstart\b)[a-z0-9-]+(?: [a-z0-9-]+)+")
_PLAIN = re.compile(
    r"2 \S+ \S+ (?:[0-9a-fA-F.:]+ [0-9a-fA-F.:]+|- -)(?: (?:\d+|-)){5} \d{10} \d{10} "
    r"(?:ACCEPT|REJECT|-) (?:OK|NODATA|SKIPDATA)"
)


def sniff(head: bytes) -> float:
    """Return how sure it is that this is a flow log: by its first line."""
    first = head[:4096].split(b"\n", 1)[0].decode("utf-8", "replace").rstrip("\r")
    return 0.95 if _HEADER.fullmatch(first) or _PLAIN.fullmatch(first) else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanner is only loaded here, for it is compiled."""
    import pyarrow as pa

    from graphad.decoders.delimited import EPOCH, NUMBER, TEXT, Delimited, Header
    from graphad.decoders.network_ends import on_host

    kinds = {"start": EPOCH, "packets": NUMBER, "bytes": NUMBER, "end": NUMBER}

    class Layout:
        """The fields that the first line names, or those of version 2."""

        mark: ClassVar[int] = -1
        names: tuple[str, ...] = ()

        def read(self, line: str) -> None:
            """Nothing: no line is marked as a header."""

        def header(self, first: str) -> Header | str | None:
            """Return the header; a line of fields' names is one, wherever it stands first."""
            if not self.names:
                if _HEADER.fullmatch(first):
                    self.names = tuple(first.split(" "))
                    return None
                if not _PLAIN.fullmatch(first):
                    return "the line has another form"
                self.names = tuple(VERSION_2.split(" "))
            return Header(self.names, tuple(kinds.get(n, TEXT) for n in self.names), ord(" "))

        def state(self) -> object:
            """Return the fields."""
            return list(self.names)

        def restore(self, state: object) -> None:
            """Go on with them. Raises: ValueError: it is no list of names."""
            if not isinstance(state, list) or not all(isinstance(name, str) for name in state):
                raise ValueError("no state of a flow log")
            self.names = tuple(state)

    fields = [
        ("start", "ts"), ("srcaddr", "src_ip"), ("srcport", "src_port"), ("dstaddr", "dst_ip"),
        ("dstport", "dst_port"), ("protocol", "protocol"), ("action", "action"),
        ("log-status", "result"), ("flow-direction", "direction"), ("tcp-flags", "args"),
        ("interface-id", "host"),
    ]  # fmt: skip

    def finish(raw: pa.Table, options: Options) -> pa.Table:
        return on_host(raw, options.host or "vpc")

    return Delimited(Layout(), fields, options, finish)


# Each direction of a connection is a record of its own. SYN and ACK together (18) answer; where no
# flags are logged, what goes from a service's port to one that systems lend out does.
_LENT = 32768
_ANSWER = f"""CASE WHEN try_cast(args AS INTEGER) & 18 = 18 THEN TRUE
    WHEN try_cast(args AS INTEGER) & 2 = 2 THEN FALSE
    ELSE coalesce(src_port < {_LENT} AND dst_port >= {_LENT}, FALSE) END"""
parser = Parser(
    name="vpcflow",
    about="Flow logs of AWS' virtual networks (VPC)",
    sniff=sniff,
    decoder=decoder,
    mapping=Relations(
        kind=f"""CASE WHEN ts IS NULL THEN NULL WHEN src_ip IS NULL THEN 'no data'
            WHEN protocol IN ('1', '58') THEN 'icmp' WHEN {_ANSWER} THEN 'answer'
            WHEN action = 'REJECT' THEN 'rejected' ELSE 'flow' END""",
        ends={"source": SOURCE, "responder": RESPONDER, "remote": REMOTE},
        edges={
            "flow": [("source", "connect", "remote"), ("remote", "accept", "responder")],
            "rejected": [("source", "connect", "remote")],
            "icmp": [("source", "connect", "responder")],
        },
        outcome="CASE action WHEN 'REJECT' THEN 'failure' WHEN 'ACCEPT' THEN 'success' END",
        rules={
            "flow": "an end is not named", "rejected": "an end is not named",
            "icmp": "an end is not named", "no data": "no traffic, or records were lost",
            "answer": "the way back of a connection, whose other way is a record of its own",
        },
        claims=[flow("flow", "rejected")],
    ),
    reject="'no time'",
)  # fmt: skip
