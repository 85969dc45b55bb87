"""Values of a record that may be anything: looked up by path, as text, as a time, as an address."""

import functools
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?\s*(Z|[+-]\d\d:?\d\d)?"
)
_US_TIME = re.compile(
    r"(\d\d?)/(\d\d?)/(\d{4}),? +(\d\d?):(\d\d)(?::(\d\d))?(?:[.](\d+))?(?: ([AP]M))?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+(?:%\w+)?")
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}")
LONGEST = 1024  # characters of a key; a longer one is no name


def at(event: Any, *path: str) -> Any:
    """Return what stands at a path, None if nothing does.

    >>> at({"a": {"b": 1}}, "a", "b"), at({"a": [1]}, "a", "b")
    (1, None)
    """
    for key in path:
        if type(event) is not dict:
            return None
        event = event.get(key)
    return event


def text(event: Any, *path: str) -> str | None:
    """Return the text or number at a path as text; None if it is empty or something else.

    >>> text({"a": {"b": 17}}, "a", "b"), text({"a": ""}, "a"), text({"a": []}, "a")
    ('17', None, None)
    """
    for key in path:
        if type(event) is not dict:
            return None
        event = event.get(key)
    if type(event) is str:
        return event.strip()[:LONGEST] or None
    return str(event)[:LONGEST] if type(event) is int or type(event) is float else None


def texts(event: dict[str, Any], *within: str) -> dict[str, str]:
    """Return an object's texts and numbers as `text` gives them, those without one left out.

    within: objects in it whose fields are there too, as `object.field`.

    >>> texts({"a": 1, "b": "", "c": {"d": "x"}, "e": {}}, "c")
    {'a': '1', 'c.d': 'x'}
    """
    found = {}
    for key, value in event.items():
        if type(value) is str:
            value = value.strip()[:LONGEST]
            if value:
                found[key] = value
        elif type(value) is int or type(value) is float:
            found[key] = str(value)[:LONGEST]
    for name in within:
        inner = event.get(name)
        if type(inner) is dict:
            found |= {f"{name}.{key}": value for key, value in texts(inner).items()}
    return found


@functools.lru_cache(4096)
def _keys(path: str) -> list[str]:
    return path.split(".")


def first(event: Any, *paths: str) -> str | None:
    """Return the first text there is at some paths, their keys joined by dots."""
    for path in paths:
        found = text(event, *_keys(path)) if "." in path else text(event, path)
        if found is not None:
            return found
    return None


def parts(event: Any, *path: str) -> list[dict[str, Any]]:
    """Return the objects of the list at a path, or the one object that stands there."""
    found = at(event, *path)
    if isinstance(found, dict):
        return [found]
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def nested(event: Any, *path: str) -> dict[str, Any] | None:
    """Return the object at a path, or that which the text there is the JSON of."""
    found = at(event, *path)
    if isinstance(found, str) and found.lstrip()[:1] == "{":
        try:
            found = json.loads(found, strict=False)
        except (ValueError, RecursionError):
            return None
    return found if isinstance(found, dict) else None


def address(value: str | None) -> str | None:
    """Return an IP address without its port, None if it is none: services write their names there.

    >>> address("192.0.2.7:51110"), address("[2001:db8::1]:443"), address("s3.amazonaws.com")
    ('192.0.2.7', '2001:db8::1', None)
    """
    if value is None:
        return None
    if found := _WITH_PORT.fullmatch(value):
        return found[1] or found[2]
    return value if _IP.fullmatch(value) and value != "::" else None


def _plain_us(value: str) -> int | None:
    """Return the time of the form that most have, 2024-05-02T10:14:59.123Z, else None: fast."""
    fraction = value[20:-1]
    if value[-1:] != "Z" or value[10:11] not in ("T", " ") or value[19:20] not in (".", "Z"):
        return None
    if value[19] == "." and not (fraction.isascii() and fraction.isdecimal()):
        return None
    if value[19] == "Z" and len(value) != 20:
        return None
    if not value[4] == value[7] == "-" or not value[13] == value[16] == ":":
        return None
    try:
        since = datetime.fromisoformat(value[:19] + "+00:00") - _EPOCH
    except ValueError:
        return None
    return (since.days * 86_400 + since.seconds) * 1_000_000 + int(fraction[:6].ljust(6, "0"))


@functools.lru_cache(4096)
def time_us(value: str | None) -> int | None:
    """Return a time in microseconds since 1970, None if it is none; UTC where no zone is said.

    >>> time_us("2024-05-02T10:14:59.1234567+02:00"), time_us("5/2/2024 8:14:59 AM")
    (1714637699123456, 1714637699000000)
    """
    if value is None:
        return None
    found = _plain_us(value)
    if found is not None:
        return found
    if iso := _TIME.fullmatch(value):
        *date, fraction, zone = iso.groups()
        numbers = [int(part) for part in date]
    elif other := _US_TIME.fullmatch(value):
        month, day, year, hour, minute, second, fraction, half = other.groups()
        hours = int(hour) % 12 + (12 if half == "PM" else 0) if half else int(hour)
        numbers = [int(year), int(month), int(day), hours, int(minute), int(second or 0)]
        zone = None
    else:
        return None
    try:
        when = datetime(*numbers, tzinfo=UTC)  # type: ignore[misc,arg-type]
        offset = timedelta()
        if zone and zone != "Z":
            minutes = int(zone[1:3]) * 60 + int(zone[-2:])
            offset = timedelta(minutes=-minutes if zone[0] == "-" else minutes)
        us = (when - offset - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None
    return us + int((fraction or "")[:6].ljust(6, "0"))
