"""JSON objects as lines of text: which of their fields are time, host, component and message.

journald's export as JSON (`journalctl -o json`), container runtimes, Suricata's eve.json and
whatever else writes an object a line. An object without a message is told by its fields' names and
by what kind of event it calls itself.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import numpy as np

from graphad.scan.text_attrs import PARTS
from graphad.scan.text_stamps import NO_YEAR, NO_ZONE, read_stamp

DEEPEST = 8  # levels of nesting that become fields; what lies deeper stays JSON
MOST = 300  # fields of an object that count
_TIMES = (
    "__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP", "@timestamp", "timestamp", "time", "ts",
    "datetime", "date", "eventTime", "event_time", "asctime", "t",
)  # fmt: skip
_MESSAGES = ("MESSAGE", "message", "msg", "log", "text", "short_message", "event")
_HOSTS = ("_HOSTNAME", "hostname", "host", "host.name", "host.hostname", "computer", "node")
_COMPONENTS = (
    "SYSLOG_IDENTIFIER", "_COMM", "logger", "logger_name", "component", "service.name", "service",
    "program", "app", "application", "container_name", "name",
)  # fmt: skip
_PIDS = ("SYSLOG_PID", "_PID", "pid", "process.pid", "process_id")
_KINDS = ("event_type", "type", "action", "kind", "event.action", "eventName", "operation")
# Of a journal, what says nothing of the event.
_NOISE = frozenset({"__CURSOR", "__MONOTONIC_TIMESTAMP", "_SOURCE_MONOTONIC_TIMESTAMP"})


class Said(NamedTuple):
    """What an object says, in texts; the empty text where it says nothing."""

    us: int | None
    flags: int
    host: str
    component: str
    pid: str
    message: str
    fields: dict[str, str]  # all others, by dotted names


def read(line: bytes) -> Said | str:
    """Return what a line says, or why it is rejected."""
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"no valid JSON: {str(error)[:200]}"
    if not isinstance(found, dict):
        return "no JSON object"
    fields: dict[str, str] = {}
    _flatten(found, "", 1, fields)
    us, flags, name = _time(found, fields)
    if name:
        fields.pop(name, None)
    host, component, pid, message = (
        _taken(fields, names) for names in (_HOSTS, _COMPONENTS, _PIDS, _MESSAGES)
    )
    if not pid.isdecimal() or len(pid) > 18:
        if pid:
            fields["process"] = pid
        pid = ""
    for name in _NOISE:
        fields.pop(name, None)
    message = message.strip("\r\n")
    first = message.split("\n", 1)[0]
    if not first:
        kinds = {name: fields[name] for name in _KINDS if name in fields}
        first = " ".join(
            [f"{name}:{value}" for name, value in kinds.items()]
            + sorted(name for name in fields if name not in kinds)
        )[:2000]
    return Said(us, flags, host, component, pid, first, fields)


def _flatten(found: Mapping[str, object], prefix: str, depth: int, into: dict[str, str]) -> None:
    for key, value in found.items():
        name = prefix + key.replace("#", "_")[:200]
        if not name or name in PARTS:
            name += "_"
        if value is None or value == "" or len(into) >= MOST:
            continue
        if isinstance(value, dict) and depth < DEEPEST:
            _flatten(value, f"{name}.", depth + 1, into)
        elif isinstance(value, str):
            into[name] = value
        elif isinstance(value, bool):
            into[name] = "true" if value else "false"
        elif (
            isinstance(value, list) and value and all(isinstance(x, int) for x in value)
            and key == "MESSAGE"
        ):  # fmt: skip
            # journald writes a message that is no UTF-8 as a list of its bytes
            into[name] = bytes(x & 255 for x in value).decode("utf-8", "backslashreplace")
        else:
            into[name] = msgspec.json.encode(value).decode()


def _taken(fields: dict[str, str], names: tuple[str, ...]) -> str:
    for name in names:
        value = fields.get(name)
        if value:
            del fields[name]
            return value
    return ""


def _time(found: Mapping[str, object], fields: Mapping[str, str]) -> tuple[int | None, int, str]:
    """Return (microseconds, flags of text_stamps, name of the field) of the object's time."""
    for name in _TIMES:
        text = fields.get(name)
        if text is None:
            continue
        value = found.get(name)
        number = None
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = float(value)
        elif text.isdecimal() and len(text) in (10, 13, 16, 19):
            number = float(text)
        if number is not None:
            if not math.isfinite(number):
                continue
            for scale in (1_000_000, 1000, 1, 0.001):  # seconds, ms, us, ns: of 2000 to 2100
                if 946_684_800e6 <= number * scale < 4_102_444_800e6:
                    exact = int(text) if text.isdecimal() else number
                    return int(exact * scale if scale >= 1 else exact // 1000), 0, name
            continue
        data = np.frombuffer(text.encode("utf-8", "replace") + bytes(8), np.uint8)
        end, us, flags = read_stamp(data, 0, len(data) - 8)
        if end == len(data) - 8:
            return int(us), int(flags) & (NO_ZONE | NO_YEAR), name
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            continue
        aware = when.tzinfo is not None
        seconds = (when if aware else when.replace(tzinfo=UTC)).timestamp()
        return round(seconds * 1_000_000), 0 if aware else NO_ZONE, name
    return None, 0, ""


def written(fields: Mapping[str, str]) -> bytes:
    """Return fields as JSON, without the braces."""
    return msgspec.json.encode(dict(fields))[1:-1]
