"""Any log of lines: syslog, logs of applications and web servers, JSON lines, or any other lines.

The last resort: it is asked when no other parser knows a format. What it reads is in docs/text.md.
"""

import re

from graphad.decoders.text_relations import IGNORE, RELATIONS
from graphad.parse import Decoder, Options, Parser

_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\x0b\x0c\x1b\x07\x08"))
_DOCUMENT = re.compile(rb"\s*(?:<\?xml|<!DOCTYPE|<[A-Za-z]+[ >]|\[\s*[\[{\]]|\{\s*\r?\n|%PDF|PAR1)")
_HEAD = (1 << 16) - 3  # bytes that a log is recognised by, without a mark of byte order
_STAMP = re.compile(rb"\d\d?:\d\d:\d\d|\d{10}")


def sniff(head: bytes) -> float:
    """Return how sure it is that this is a log of lines: no binary, no document, no table."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return 0.5  # text in UTF-16: the rejects say so
    text = head.removeprefix(b"\xef\xbb\xbf")
    control = len(text) - len(text.translate(None, _CONTROL))
    odd = 0
    try:
        text.decode()
    except UnicodeDecodeError as error:
        if error.end < len(text) - 3:  # else the last character may be cut
            odd = sum(byte > 127 for byte in text)
    if b"\0" in text[:4096] or control * 200 > len(text) or odd * 4 > len(text):
        return 0.0
    if _DOCUMENT.match(text) or _is_table(text):
        return 0.0
    return 0.5


def _is_table(text: bytes) -> bool:
    """Say whether the first line names columns that all lines have: that needs a mapping."""
    lines = text.splitlines()
    if len(text) >= _HEAD and text[-1:] != b"\n":
        lines.pop()  # it may be cut
    lines = [line for line in lines[:20] if line.strip()]
    if len(lines) < 2 or _STAMP.search(lines[0]):
        return False
    for delimiter in (b",", b";", b"\t"):
        count = lines[0].count(delimiter)
        if count > 1 and all(
            re.sub(rb'"[^"]*"', b"", line).count(delimiter) == count for line in lines
        ):
            return True
    return False


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanner is only loaded here, for it is compiled."""
    from graphad.decoders.text_decode import Decoder as TextDecoder

    return TextDecoder(options)


parser = Parser(
    name="text",
    about="Any log of lines: syslog, application and web server logs, JSON lines",
    sniff=sniff,
    decoder=decoder,
    mapping=RELATIONS,
    ignore=IGNORE,
    last_resort=True,
)
