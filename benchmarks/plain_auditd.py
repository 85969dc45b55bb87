"""The plain parser of audit logs: regular expressions, a line at a time, a dictionary an event.

It gives the same rows as graphad/decoders/auditd_decode.py, which is measured against it, and
is the definition that the scanner is tested with.
"""

import json
import posixpath
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from benchmarks.plain_auditd_fields import (
    CODED,
    HEX,
    Event,
    Pairs,
    Value,
    arguments,
    command,
    decoded,
    fields,
    text_of,
    title,
)
from graphad.decoders.auditd_kinds import name_of, order_of
from graphad.decoders.auditd_syscalls import ARCHES, ERRORS
from graphad.scan import auditd_keys as k
from graphad.scan.auditd_event import MAX_PATHS
from graphad.scan.auditd_lines import (
    EVENT_BYTES,
    EVENT_LINES,
    EVENTS,
    LAST_SECOND,
    MAX_PREFIX,
    OPEN_BYTES,
)

_HEAD = re.compile(rb"(?:^|(?<= ))(?:node=([^ ]*) (?=type=)|(?=type=))type=")
_KIND = re.compile(rb"([^\x00-\x20]+) ")
_TIME = re.compile(rb"(\d{1,12})\.(\d{1,3})(?!\d)")
_SERIAL = re.compile(rb":(\d{1,18})\):?")
_NAMES = {
    "exe": "exe", "uid": "user_sid", "ses": "logon_id", "acct": "target_user",
    "hostname": "src_host", "addr": "src_ip", "op": "action", "outcome": "outcome",
    "exit": "result", "unit": "service", "script": "script", "id": "target_sid", "cwd": "cwd",
}  # fmt: skip
_AT = (-100, 0xFFFFFF9C)


class Line(NamedTuple):
    """A line that is part of an event."""

    host: bytes
    stamp: int
    serial: int
    kind: str
    body: bytes
    prefix: bytes
    offset: int
    length: int
    number: int


def head(line: bytes) -> "tuple[bytes, int, int, str, bytes, bytes] | str":
    """Return host, milliseconds, serial number, kind, body and what stood before; or why not."""
    found = _HEAD.search(line)
    kind = _KIND.match(line, found.end()) if found else None
    if not found or not kind or found.start() >= MAX_PREFIX:
        return "no type= as an audit record has one"
    at = kind.end() + (4 if line.startswith(b"msg=", kind.end()) else 0)
    if not line.startswith(b"audit(", at):
        return "no audit(time:serial) after its type"
    time = _TIME.match(line, at + 6)
    if not time or int(time[1]) > LAST_SECOND:
        return "its time is not seconds.milliseconds, or not in the years 1970 to 9999"
    serial = _SERIAL.match(line, time.end())
    if not serial:
        return "its serial number is no number of at most 18 digits"
    return (
        found[1] or b"", int(time[1]) * 1000 + int(time[2]), int(serial[1]),
        name_of(kind[1].decode()), line[serial.end() :], line[: max(0, found.start() - 1)],
    )  # fmt: skip


def join(lines: Iterable[bytes]) -> Iterator[tuple[str, Any, Line | None]]:
    """Return ("event", lines, None), ("bad", reason, where) or ("blank", None, where) in turn."""
    # An ordered one: a dict whose first entry is taken again and again is slow.
    open_: OrderedDict[tuple[bytes, int, int], list[Line]] = OrderedDict()
    size: dict[tuple[bytes, int, int], int] = {}
    offset = total = 0
    for number, raw in enumerate(lines):
        place = Line(b"", 0, 0, "", b"", b"", offset, len(raw), number)
        offset += len(raw) + 1
        text = raw.decode("utf-8", "backslashreplace").encode()
        line = text.removesuffix(b"\r")
        if not line.strip(b" \t\n\v\f\r"):
            yield "blank", None, place
            continue
        found = head(line)
        if isinstance(found, str):
            yield "bad", found, place
            continue
        one = Line(*found, *place[6:])
        key = one[:3]
        open_.setdefault(key, []).append(one)
        size[key] = size.get(key, 0) + len(text) + 1
        total += len(text) + 1
        while len(open_) > EVENTS or total > OPEN_BYTES:
            oldest, event = open_.popitem(last=False)
            total -= size.pop(oldest)
            yield "event", event, None
        if key in open_ and (len(open_[key]) >= EVENT_LINES or size[key] >= EVENT_BYTES):
            total -= size.pop(key)
            yield "event", open_.pop(key), None
    for event in open_.values():
        yield "event", event, None


def row_of(lines: list[Line], host: str) -> dict[str, Any]:
    """Return the columns of an event, processes left out."""
    event = Event()
    kinds = sorted({line.kind for line in lines}, key=order_of)
    attrs: Pairs = []
    runs = _runs(lines)
    if len(runs) > 1:
        begin = runs[0][0]
        attrs.append(("lines", [[start - begin, length] for start, length in runs[1:]]))
    for kind in [*(x for x in kinds if x == "SYSCALL"), *(x for x in kinds if x != "SYSCALL")]:
        if kind == "EOE":
            continue
        group = [line for line in lines if line.kind == kind]
        if kind == "PATH" and len(group) <= MAX_PATHS:
            group.sort(key=lambda line: _item(line.body))
        objects = []
        odd = [0, -1]
        for line in group:
            pairs: Pairs = [("prefix", text_of(line.prefix))] if line.prefix else []
            if kind == "EXECVE":
                pairs += arguments(line.body, event, odd)
            elif kind == "PROCTITLE":
                pairs += title(line.body, event)
            else:
                for path in event.paths:
                    path["open"] = False
                if kind == "PATH" and len(event.paths) < MAX_PATHS:
                    event.paths.append({"open": True, "name": None, "type": b""})
                pairs += fields(kind, line.body, event)
            objects.append(pairs)
        if kind == "EXECVE" and event.args:
            event.command, in_order = command(event)
            last = max(arg[0] for arg in event.args)
            n = len(event.args)
            if not odd[0] and in_order and odd[1] == n and last == n - 1:
                continue
        if len(objects) > 1:
            attrs.append((kind, objects))
        elif objects[0]:
            attrs.append((kind, objects[0]))
    first = lines[0]
    row: dict[str, Any] = {
        "offset": first.offset, "length": runs[0][1], "line": first.number,
        "ts": first.stamp * 1000, "event_number": first.serial,
        "host": first.host.decode() or host,
        "code": " ".join(x for x in kinds if x != "EOE" or len(kinds) == 1),
        "attrs": attrs, "command_line": event.command,
        "args": text_of(event.call_args) if event.call_args is not None else None,
    }  # fmt: skip
    fill(row, event)
    return row


def _runs(lines: list[Line]) -> list[tuple[int, int]]:
    runs: list[list[int]] = []
    for line in lines:
        if runs and runs[-1][1] + 1 == line.offset:
            runs[-1][1] = line.offset + line.length
        else:
            runs.append([line.offset, line.offset + line.length])
    return [(start, end - start) for start, end in runs]


def _item(body: bytes) -> int:
    digits = re.match(rb"\d*", body.lstrip(b" ")[5:])
    number = 0
    for digit in (digits[0] if digits else b"").decode():
        if number >= 1 << 40:
            break
        number = number * 10 + int(digit)
    return number


def fill(row: dict[str, Any], event: Event) -> None:
    """Fill the columns that an event's fields say."""
    slots, numbers = event.slots, event.numbers
    for slot, column in _NAMES.items():
        row[column] = text_of(_plain(slot, slots[slot])) if slot in slots else None
    for column, slot, other in (("user", "UID", "uid"), ("login_user", "AUID", "auid")):
        value = slots.get(slot) or slots.get(other)
        row[column] = text_of(value[0]) if value else None
    for column, name in (("pid", "pid"), ("parent_pid", "ppid"), ("target_pid", "opid")):
        row[column] = numbers.get(name)
    arch = event.arch[k.CALLS] if event.arch else 0
    row["syscall"] = ARCHES[arch][numbers["syscall"]] if "syscall" in numbers else None
    returned = numbers.get("exit", 0)
    row["error"] = None
    if "syscall" in numbers and -4096 < returned < 0:
        row["error"] = ERRORS.get(-returned, str(-returned))
    cwd = text_of(_plain("cwd", slots["cwd"])) if "cwd" in slots else ""
    one, two = chosen(event)
    row["file_path"] = absolute(one, k.DIR, cwd, event)
    row["new_path"] = absolute(two, k.DIR2, cwd, event)
    if one is None and event.module is not None:
        row["file_path"] = text_of(event.module[0])
    row["access"] = access(event)
    for column in ("src_port", "dst_port", "dst_ip", "object_type"):
        row[column] = None
    if event.saddr is not None:
        kind, address, port = socket(event.saddr)
        row["object_type"] = kind
        family = numbers.get("family", 0) & k.FAMILY_BITS
        side = "src" if family in (k.ACCEPT, k.RECEIVE, k.BIND) else "dst"
        if address:
            row["file_path" if kind == "unix" else f"{side}_ip"] = address
            if port is not None:
                row[f"{side}_port"] = port


def _plain(slot: str, value: Value) -> bytes:
    if slot not in CODED:
        return value[0]
    text = decoded(value)
    needed = any(c in (32, 34) or c > 126 for c in text) and not any(c < 32 for c in text)
    return text if slot != "acct" or needed else value[0]


def chosen(event: Event) -> tuple[Any, Any]:
    """Return the paths that were acted upon: the file, its new name."""
    family = event.numbers.get("family", 0) & k.FAMILY_BITS
    paths = [path for path in event.paths if path["name"] and path["name"][0]]
    made = [path for path in paths if path["type"] == b"CREATE"]
    gone = [path for path in paths if path["type"] == b"DELETE"]
    own = [path for path in paths if path["type"] != b"PARENT"]
    old = [path for path in own if path["type"] != b"CREATE"]
    last = own[-1] if own else None
    first = old[0] if old else None
    if family == k.RENAME:
        return gone[0] if gone else first, made[-1] if made else None
    if family in (k.LINK, k.SYMLINK):
        return first, made[-1] if made else last if last is not first else None
    if family == k.EXEC:
        return paths[0] if paths else None, None
    if family == k.UNLINK and gone:
        return gone[0], None
    return made[-1] if made else last or (paths[0] if paths else None), None


def absolute(path: Any, argument: int, cwd: str, event: Event) -> str | None:
    """Return a path, absolute if its folder is known."""
    if path is None:
        return None
    name = text_of(decoded(path["name"]))
    family = event.numbers.get("family", 0)
    place = family >> argument & 15
    known = not place or event.numbers.get(f"a{place - 1}", -100) in _AT
    if family & k.FAMILY_BITS == k.SYMLINK and argument == k.DIR:
        known = False
    if not name.startswith("/"):
        if not known or not cwd.startswith("/"):
            return name
        name = f"{cwd}/{name}"
    return "/" + posixpath.normpath(name).lstrip("/")


def access(event: Event) -> str | None:
    """Return what was asked for."""
    value = event.numbers.get("family", 0)
    family = value & k.FAMILY_BITS
    place = value >> k.FLAG_AT & 15
    if family == k.SOCKETCALL:
        asked = k.SOCKETCALLS.get(event.numbers.get("a0", -1), 0)
        event.numbers["family"] = asked
        words = {k.BIND: "bind", k.CONNECT: "connect", k.ACCEPT: "accept", k.SEND: "send"}
        return words.get(asked, "receive") if asked else None
    flags = event.numbers.get(f"a{place - 1}") if place else event.flags
    if family in (k.OPEN, k.OPEN2, k.CREAT):
        if any(path["type"] == b"CREATE" for path in event.paths):
            return "create"
        if family == k.CREAT:
            return "write"
        if flags is None or flags < 0 or flags & 0o10000000:
            return "nothing"
        if flags & 3 == 0:
            return "write" if flags & 0o1000 else "read"
        return "write" if flags & 3 == 1 else "read write"
    if family == k.PTRACE:
        injects = event.numbers.get("a0") in (4, 5, 6, 13, 15, 16, 0x4205, 0x4206)
        return "inject" if injects else "nothing"
    if family == k.KILL:
        return "nothing" if flags == 0 else "signal"
    return None


def socket(saddr: bytes) -> tuple[str, str, int | None]:
    """Return kind, address and port of a socket address."""
    import ipaddress

    if not HEX.fullmatch(saddr) or len(saddr) < 4:
        return "other socket", "", None
    data = bytes.fromhex(saddr.decode())
    if data[0] and data[1]:
        return "other socket", "", None
    family = data[0] | data[1]
    if family == 2 and len(data) >= 8:
        return "inet", ".".join(map(str, data[4:8])), int.from_bytes(data[2:4])
    if family == 10 and len(data) >= 24:
        ip = ipaddress.IPv6Address(data[8:24])
        mapped = ip.ipv4_mapped
        return "inet", str(mapped or ip), int.from_bytes(data[2:4])
    if family == 1:
        rest = data[2:]
        if rest[:1] == b"\0":
            rest = rest.rstrip(b"\0")
            return "unix", "@" + text_of(rest[1:]) if rest else "", None
        path = text_of(rest.split(b"\0")[0])
        if path.startswith("/"):
            path = "/" + posixpath.normpath(path).lstrip("/")
        return "unix", path, None
    return "netlink" if family == 16 else "other socket", "", None


def rows(data: bytes, host: str = "localhost") -> list[dict[str, Any]]:
    """Return the rows of a log; those that are no event have a `reason`, None for a blank line."""
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    found = []
    for record, (_, value, place) in enumerate(join(lines)):
        if place is None:
            found.append(row_of(value, host) | {"record": record})
        else:
            found.append(
                {"record": record, "offset": place.offset, "length": place.length,
                 "line": place.number, "reason": value}
            )  # fmt: skip
    return found


def dumps(pairs: Any) -> str:
    """Return JSON of an object whose keys may repeat, as the scanner writes it."""
    if isinstance(pairs, list) and all(isinstance(pair, tuple) for pair in pairs):
        return "{" + ",".join(f"{dumps(key)}:{dumps(value)}" for key, value in pairs) + "}"
    if isinstance(pairs, list):
        return "[" + ",".join(map(dumps, pairs)) + "]"
    return json.dumps(pairs, ensure_ascii=False)


def parse(data: bytes) -> int:
    """Make the columns of a log, processes left out; return how many events there are."""
    columns: dict[str, list[Any]] = {}
    made = [row for row in rows(data) if "reason" not in row]
    for row in made:
        row["attrs"] = json.dumps(_plain_json(row["attrs"]), ensure_ascii=False)
    for name in made[0] if made else ():
        columns[name] = [row[name] for row in made]
    return len(made)


def _plain_json(value: Any) -> Any:
    """Return the object of some pairs, of which a repeated key is the last: faster than dumps."""
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return {key: _plain_json(one) if type(one) is list else one for key, one in value}
    return [_plain_json(one) for one in value] if isinstance(value, list) else value
