"""System calls, as `strace -f -ttt` writes them, with or without -y, -yy, -T, -x and -s.

Source: strace's manual page and its output, versions 4.15 to 6.
"""

import re

from graphad.parse import Decoder, Options, Parser

_LINE = re.compile(
    rb"(?m)^(?:\[pid +\d+\] |\d+ +)?\d{9,10}\.\d{6} (?:\w+\(|<\.\.\. |--- SIG|\+\+\+ )"
)
_CLOCK = re.compile(rb"(?m)^(?:\[pid +\d+\] |\d+ +)?\d\d:\d\d:\d\d(?:\.\d+)? \w+\(.* = ")


def sniff(head: bytes) -> float:
    """Return the share of lines that strace could have written, a little less for -t."""
    lines = max(1, head.count(b"\n"))
    sure = len(_LINE.findall(head)) / lines
    return min(1.0, max(sure, 0.5 * len(_CLOCK.findall(head)) / lines))


def decoder(options: Options) -> Decoder:
    """Return a decoder; the scanner is only loaded here, for it is compiled."""
    from graphad.decoders.strace_decode import Decoder as StraceDecoder

    return StraceDecoder(options)


parser = Parser(
    name="strace",
    about="System calls recorded with strace -f -ttt",
    sniff=sniff,
    decoder=decoder,
    mapping="""
        SELECT record, edge.ts AS ts, host, edge.ordinal AS ordinal, edge.action AS action,
               edge.src_type AS src_type, edge.src_key AS src_key, edge.src_label AS src_label,
               edge.src_detail AS src_detail, edge.dst_type AS dst_type, edge.dst_key AS dst_key,
               edge.dst_label AS dst_label, edge.dst_detail AS dst_detail
        FROM (SELECT record, host, unnest(_edges) AS edge FROM raw)""",
    ignore="_ignore",
    yields="process, file, socket, pipe: launch, fork, exec, load, read, write, create, delete, "
    "rename, link, chmod, connect, accept, send, receive, bind, access, inject, signal",
)
