"""Gives back the JSON record that a stored row was made of, every field of it.

The row's `shape` lists [path, column, kind] of the fields that went to columns, `attrs` holds the
others under their paths, and `message` refers to fields by {path}. A path is keys joined by dots,
[n] for an element of a list; a backslash stands before a dot, [ or backslash of a key itself.
"""

import json
import re
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from graphad.decoders.json_decoder import REST

_STEP = re.compile(r"\[(\d+)\]|\.?((?:[^.\[\\]|\\.)*)", re.DOTALL)
_QUOTE = re.compile(r"\{\{|\}\}|\{([^{}]*?)(!X)?\}")
_LISTED = re.compile(r"\[\d+\]")
_EPOCH = datetime(1970, 1, 1)


def steps(path: str) -> list[str | int]:
    r"""Return the keys and list places of a path.

    >>> steps(r"Event.Data[2].a\.b"), steps("")
    (['Event', 'Data', 2, 'a.b'], [''])
    """
    found: list[str | int] = []
    at = 0
    while at < len(path) or not found:
        step = _STEP.match(path, at)
        assert step is not None  # the second alternative matches anything
        if step[1] is not None:
            found.append(int(step[1]))
        else:
            found.append(re.sub(r"\\(.)", r"\1", step[2], flags=re.DOTALL))
        at = step.end()
        if path[at:] == ".":
            found.append("")
            break
    return found


def _put(whole: dict[str, Any], path: str, value: object) -> None:
    """Set what stands at a path, making the objects and lists on the way."""
    at: Any = whole
    places = steps(path)
    for place, following in pairwise(places):
        if isinstance(place, int):
            at.extend([None] * (place + 1 - len(at)))
            at[place] = {} if at[place] is None else at[place]
            at = at[place]
        else:
            at = at.setdefault(place, [] if isinstance(following, int) else {})
    if isinstance(places[-1], int):
        at.extend([None] * (places[-1] + 1 - len(at)))
    at[places[-1]] = value


def _value(kind: str, stored: Any, rest: int) -> object:
    """Return the JSON value that a column holds as `stored`."""
    from graphad.scan import timestamps

    if kind == "n":
        return None
    if kind == "j":
        return json.loads(stored)
    if kind in ("s", "i"):
        return stored
    if kind in "dxX":
        return timestamps.write_int("dxX".index(kind) + timestamps.DECIMAL, stored)
    if isinstance(stored, datetime):
        stored = (stored.replace(tzinfo=None) - _EPOCH) // timedelta(microseconds=1)
    if kind == "f":
        return timestamps.write_filetime(stored, rest)
    form = int(kind[1:])
    if form >= timestamps.EPOCH:
        return json.loads(timestamps.write_epoch(form, stored, rest))
    long = (form - timestamps.TIME) % 20 // 2 > 6  # more digits than microseconds have
    return timestamps.write_time(form, stored, rest if long else 0)


def rebuild(row: dict[str, Any]) -> dict[str, Any]:
    """Return the record, equal to what json.loads makes of it.

    row: the columns of one row of `records`; times as datetime (UTC) or microseconds. What the
    record's own bytes could not mean (invalid UTF-8, half surrogates) reads as an escape instead.
    """
    whole: dict[str, Any] = {}
    quoted: dict[str, str] = {}
    for path, value in json.loads(row.get("attrs") or "{}").items():
        _put(whole, path, value)
        quoted[path] = str(value)
    message = None
    for path, column, kind in json.loads(row["shape"]):
        if column == "message" and kind != "n":
            message = path
            continue
        value = _value(kind, row.get(column), row.get(REST) or 0)
        quoted[_LISTED.sub("", path)] = str(value)
        name = re.fullmatch(r"(.*\[\d+\])\.([^.]*)", path)
        if name:
            _put(whole, name[1], {"@Name": name[2], "#text": value})
        else:
            _put(whole, path, value)
    if message is not None:
        _put(whole, message, _QUOTE.sub(lambda found: _quote(found, quoted), row["message"]))
    return whole


def _quote(found: re.Match[str], quoted: dict[str, str]) -> str:
    if found[0] in ("{{", "}}"):
        return found[0][0]
    text = quoted[found[1]]
    return text[:2] + text[2:].upper() if found[2] else text
