"""Connections of DARPA's intrusion detection evaluation of 1998, as edge lists have them.

One a line: source, destination, minute, and the label of an attack or `-`. The label is kept as a
field and tells nothing else.

Source: the data set's list files, as MIDAS publishes them.
"""

import re

from graphad.parse import Parser, matching

_IP = r"\d{1,3}(?:\.\d{1,3}){3}"
_LINE = (
    rf"(?P<src_ip>{_IP}),(?P<dst_ip>{_IP}),(?P<minute>\d\d/\d\d/\d{{4}}-\d\d:\d\d),(?P<label>[^,]*)"
)
_BYTES = re.compile(_LINE.encode())


def sniff(head: bytes) -> float:
    """Return the share of lines that are such connections."""
    lines = head.splitlines()[:50]
    return sum(_BYTES.fullmatch(line) is not None for line in lines) / max(1, len(lines))


parser = Parser(
    name="darpa98",
    about="DARPA 1998 connections: source, destination, minute, label (CSV)",
    sniff=sniff,
    decoder=matching(_LINE),
    mapping="""
        SELECT record, try_strptime(minute, '%m/%d/%Y-%H:%M') AS ts, 'network' AS host,
               'address' AS src_type,
               regexp_replace(src_ip, '(^|\\.)0+(\\d)', '\\1\\2', 'g') AS src_key,
               'connect' AS action, 'address' AS dst_type,
               regexp_replace(dst_ip, '(^|\\.)0+(\\d)', '\\1\\2', 'g') AS dst_key
        FROM raw""",
    reject="'the time is no time'",
)
