"""Zeek's logs of what it saw on a network: TSV or JSON, one log or several in a file.

Sources: Zeek's documentation of its logs and of their formats.
"""

import json
import re

from graphad.decoders.zeek_fields import log_of
from graphad.decoders.zeek_relations import IGNORE, RELATIONS
from graphad.parse import Decoder, Options, Parser

_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?#(?:separator|set_separator|fields)[^\n]*\n")
_FIELDS = re.compile(rb"(?m)^#path[^\w]|^#fields[^\w]ts[^\w]")  # else it is input for Zeek
_CONNECTION = re.compile(rb'"id[._]orig_h"\s*:')
_PATH = re.compile(rb'"_path"\s*:\s*"')
_TIME = re.compile(rb'"(?:_write_)?ts"\s*:')


def sniff(head: bytes) -> float:
    """Return how sure it is that this is Zeek's: by its header, or by the names of JSON fields."""
    if _HEADER.match(head):
        return 1.0 if _FIELDS.search(head) else 0.0
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] not in (b"{", b"["):
        return 0.0
    if _CONNECTION.search(head) and _TIME.search(head):
        return 0.95
    if _PATH.search(head) and _TIME.search(head):
        return 0.9
    try:
        first = json.loads(start.splitlines()[0].strip(b"[],\r "))
    except (ValueError, RecursionError):
        return 0.0
    if not isinstance(first, dict):
        return 0.0
    log = log_of(first)
    if log == "loaded_scripts":  # nothing but a name
        return 0.9 if str(first["name"]).endswith((".zeek", ".bro")) else 0.0
    # A number since 1970, or Zeek's own ISO form: others call that field another name.
    return 0.8 if log is not None and "ts" in first and _is_time(first["ts"]) else 0.0


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and value[4:5] == "-")


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanner is only loaded here, for it is compiled."""
    from graphad.decoders.zeek_decode import ZeekDecoder

    return ZeekDecoder(options)


parser = Parser(
    name="zeek",
    about="Zeek's logs of network traffic, TSV or JSON",
    sniff=sniff,
    decoder=decoder,
    mapping=RELATIONS,
    ignore=IGNORE,
    reject="'no time'",
)
