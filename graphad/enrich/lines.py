"""One line of NDJSON in, the same line with one more key out: every other byte stays as it was."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from graphad.enrich.enricher import Enricher
from graphad.errors import GraphadError

KEY = "graphad"
_MARK = b"\xef\xbb\xbf"  # of byte order, as some shippers begin a file
_BLANK = re.compile(r"[ \t\n\r]*")
_decode = msgspec.json.Decoder().decode
_scan = json.JSONDecoder().raw_decode


class Unreadable(GraphadError):
    """A line is no JSON object."""


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def parsed(line: bytes) -> dict[str, Any]:
    """Return the object that a line holds. Raises: Unreadable."""
    try:
        found = _decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # msgspec knows no \ud800 by itself, nor a number beyond float64, but whoever reads the log
        # may: an attacker shall not hide an event by one of them.
        try:
            text = line.removeprefix(_MARK).decode()
            found = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"no JSON: {type(error).__name__}") from error
    if type(found) is not dict:
        raise Unreadable("no JSON object")
    return found


def with_key(enricher: Enricher, line: bytes, key: str = KEY) -> bytes:
    r"""Return a line without its line end, with what the enricher says of it before its last brace.

    A key that has our name already was not written by us, and nobody shall be able to tell a SIEM
    that an event is harmless: its value goes into our object, as `was`.

    Raises: Unreadable: it is no JSON object.
    """
    event = parsed(line)
    if key in event:
        del event[key]
        line, was = _taken(line, key)
        members = b'%b,"was":%b' % (enricher.members(event), was)
    else:
        members = enricher.members(event)
    end = line.rindex(b"}")
    comma = b"," if event else b""
    return b"%b%b%b:{%b}%b" % (line[:end], comma, _quoted(key), members, line[end:])


def for_rsyslog(enricher: Enricher, line: bytes, key: str = KEY) -> bytes:
    """Return what rsyslog's mmexternal takes as an answer: it sets the property `$!graphad`.

    Of a whole line given back mmexternal would only take what are properties of its messages.
    Source: plugins/external/INTERFACE.md of rsyslog. Raises: Unreadable: it is no JSON object.
    """
    event = parsed(line)
    event.pop(key, None)
    return b'{"$!":{%b:{%b}}}' % (_quoted(key), enricher.members(event))


def _quoted(key: str) -> bytes:
    return b'"graphad"' if key == KEY else msgspec.json.encode(key)


class _Member(NamedTuple):
    """A member of an object, by where its key begins, its value begins, and it ends."""

    key: str
    start: int
    value: int
    end: int


def _members(text: str) -> Iterator[_Member]:
    """Yield the members of the object that a text is known to hold."""
    at = _blank(text, text.index("{") + 1)
    while text[at] != "}":
        start = at
        key, at = _scan(text, at)
        value = _blank(text, _blank(text, at) + 1)  # beyond the colon
        _, end = _scan(text, value)
        yield _Member(key, start, value, end)
        at = _blank(text, end)
        if text[at] == ",":
            at = _blank(text, at + 1)


def _blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _taken(line: bytes, key: str) -> tuple[bytes, bytes]:
    """Return a line without the members of a key, and the value that the last one had."""
    text = line.decode()
    found = list(_members(text))
    kept = [i for i, one in enumerate(found) if one.key != key]
    was = next(text[one.value : one.end] for one in reversed(found) if one.key == key)
    parts = [text[: found[0].start]]
    for place, i in enumerate(kept):
        last = place == len(kept) - 1
        parts.append(text[found[i].start : found[i].end if last else found[i + 1].start])
    parts.append(text[found[-1].end :])
    return "".join(parts).encode(), was.encode()
