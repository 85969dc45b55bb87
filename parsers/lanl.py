"""Los Alamos' data sets of a whole network: logons, processes, flows and names, comma separated.

Sources: Kent, Comprehensive, Multi-Source Cyber-Security Events, 2015; Turcotte, Kent and Hash,
Unified Host and Network Data Set, 2018. Times are seconds since their first day, here 1970's.
"""

import re
from typing import ClassVar

from graphad.parse import Decoder, Options, Parser
from graphad.relations import End, Relations

# Columns of each file's lines, and what a line of it looks like.
FILES = {
    "auth": (
        "ts user target_user src_host host authentication logon_type action outcome",
        r"\d+,[^,]*@[^,]*,[^,]*@[^,]*,[^,]+,[^,]+,[^,]*,[^,]*,[^,]*,(?:Success|Fail)",
    ),
    "proc": ("ts user host exe action", r"\d+,[^,]*@[^,]*,[^,]+,[^,]+,(?:Start|End)"),
    "flows": (
        "ts duration src_host source_port dst_host service protocol packets bytes",
        r"\d+,\d+,[A-Z]+\d+,[^,]+,[A-Z]+\d+,[^,]+,\d+,\d+,\d+",
    ),
    "dns": ("ts src_host domain", r"\d+,C\d+,C\d+"),
    "netflow": (
        "ts duration src_host dst_host protocol source_port service packets_out packets_in "
        "bytes_out bytes_in",
        r"\d+,\d+,[^,]+,[^,]+,\d+,(?:Port)?\d+,(?:Port)?\d+,\d+,\d+,\d+,\d+",
    ),
}


def file_of(line: str) -> str | None:
    """Return which of the files has such a line.

    >>> file_of("31,C161,C2109"), file_of("a,b,c")
    ('dns', None)
    """
    for name, (_, pattern) in FILES.items():
        if re.fullmatch(pattern, line, re.ASCII):
            return name
    return None


def sniff(head: bytes) -> float:
    """Return the share of lines that are of the file that the first one is of."""
    lines = head[:8192].decode("utf-8", "replace").splitlines()
    if len(head) > 8192 and len(lines) > 1:
        lines.pop()  # it may be cut
    name = file_of(lines[0]) if lines else None
    if name is None:
        return 0.0
    return 0.95 * sum(file_of(line) == name for line in lines) / len(lines)


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanner is only loaded here, for it is compiled."""
    import json

    import pyarrow as pa

    from graphad import schema
    from graphad.decoders.delimited import EPOCH, NUMBER, TEXT, Delimited, Header
    from graphad.decoders.network_ends import filled, on_host

    numbers = {"duration", "packets", "bytes", "packets_out", "packets_in", "bytes_out", "bytes_in"}

    class Layout:
        """One of the files, which the first line that looks like one of its says."""

        mark: ClassVar[int] = -1
        name: str | None = None

        def read(self, line: str) -> None:
            """Nothing: no line is a header."""

        def header(self, first: str) -> Header | str:
            """Return the header of the file."""
            self.name = self.name or file_of(first)
            if self.name is None:
                return "the line has another form"
            names = tuple(FILES[self.name][0].split())
            kinds = (EPOCH, *(NUMBER if n in numbers else TEXT for n in names[1:]))
            said = f'"channel":{json.dumps(self.name)}'
            return Header(names, kinds, ord(","), unset=b"?", said=said)

        def state(self) -> object:
            """Return the file."""
            return self.name

        def restore(self, state: object) -> None:
            """Go on with it. Raises: ValueError: there is none such."""
            if state is not None and state not in FILES:
                raise ValueError("no state of these data sets")
            self.name = state if isinstance(state, str) else None

    known = {column.name for column in schema.RECORDS}
    names = {name for columns, _ in FILES.values() for name in columns.split()} | {"channel"}
    fields = [(name, name) for name in sorted(names & (known - {"duration"}))]

    def finish(raw: pa.Table, options: Options) -> pa.Table:
        """A flow is of the host that began it."""
        if "src_host" in raw.column_names:
            raw = filled(raw, "host", raw["src_host"].combine_chunks().cast(pa.string()))
        return on_host(raw, options.host or "lanl")

    return Delimited(Layout(), fields, options, finish)


_SOCKET = "dst_host || ':' || service"
_SERVER = "coalesce(dst_host, host)"
parser = Parser(
    name="lanl",
    about="Los Alamos' data sets: auth, proc, flows, dns, netflow",
    sniff=sniff,
    decoder=decoder,
    mapping=Relations(
        kind="CASE WHEN ts IS NOT NULL THEN channel || coalesce(' ' || action, '') END",
        ends={
            "client": End("host", "lower(src_host)", "src_host"),
            "server": End("host", f"lower({_SERVER})", _SERVER),
            "user": End("user", 'lower("user")', '"user"'),
            "other": End("user", "lower(target_user)", "target_user"),
            "mapped": End("user", 'nullif(lower(target_user), lower("user"))', "target_user"),
            "process": End("process", "exe"),
            "socket": End("socket", f"lower({_SOCKET})", _SOCKET),
            "domain": End("domain", "lower(domain)", "domain"),
        },
        edges={
            "auth LogOn": [("client", "logon", "other"), ("other", "logon", "server")],
            "auth TGT": [("client", "logon", "other")],
            "auth TGS": [("client", "logon", "other"), ("other", "access", "server")],
            "auth AuthMap": [("user", "access", "mapped")],
            "proc Start": [("user", "start", "process")],
            "flows": [("client", "connect", "socket"), ("socket", "accept", "server")],
            "netflow": [("client", "connect", "socket"), ("socket", "accept", "server")],
            "dns": [("client", "resolve", "domain")],
        },
        outcome="CASE outcome WHEN 'Success' THEN 'success' WHEN 'Fail' THEN 'failure' END",
        rules={
            "auth LogOn": "auth LogOn: an end is not named",
            "auth AuthMap": "auth AuthMap: an account stands for itself",
            "auth LogOff": "auth LogOff: of no session that is named",
            "auth ScreenLock": "auth: the screen was locked or unlocked",
            "auth ScreenUnlock": "auth: the screen was locked or unlocked",
            "proc End": "proc End: of no process that is named",
        },
    ),
    ignore="CASE WHEN ts IS NOT NULL THEN channel || ': no relation in this kind of record' END",
    reject="'no time'",
)  # fmt: skip
