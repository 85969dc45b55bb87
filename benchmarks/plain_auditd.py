"""The plain parser of audit logs: regular expressions, a line at a time, a dictionary an event.

It gives the same rows as graphad/auditd_decode.py, which is measured against it, and is the
definition that the scanner is tested with.
"""

import json
import posixpath
import re
import shlex
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from graphad.auditd_kinds import name_of, order_of
from graphad.auditd_syscalls import ARCHES, ERRORS
from graphad.scan import auditd_keys as k
from graphad.scan.auditd_event import MAX_ARGS, MAX_KEYS, MAX_PATHS
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
_VALUE = rb'(?:"([^"]*)"|(\{[^}]*\})|([^\x00-\x20]*))'
_TOKEN = re.compile(rb"[\x00-\x20]*(?:([^=\x00-\x20]+)=" + _VALUE + rb"|(=|[^=\x00-\x20]+))")
_PAIR = re.compile(rb"[\x00-\x20]*(?!$)([^=\x00-\x20]*)(?:=" + _VALUE + rb")?")
_CALL_ARGS = re.compile(
    rb"a0=([0-9a-fA-F]{1,16}) a1=([0-9a-fA-F]{1,16}) a2=([0-9a-fA-F]{1,16}) a3=[0-9a-fA-F]{1,16}"
    rb"(?![^\x00-\x20])"
)
_ARG = re.compile(rb"a(\d{1,7})(?:\[(\d{0,8})|(.?))", re.DOTALL)
_HEX = re.compile(rb"(?:[0-9A-F]{2})+")
_WHOLE = re.compile(rb"0|[1-9]\d{0,17}")
_CODED = frozenset({"exe", "cwd", "acct", "script"})
# Fields that fill a column, of records that are no PATH and so on.
_COLUMNS = {
    b"exe": "exe", b"uid": "uid", b"auid": "auid", b"ses": "ses", b"acct": "acct",
    b"hostname": "hostname", b"addr": "addr", b"op": "op", b"res": "outcome",
    b"success": "outcome", b"exit": "exit", b"unit": "unit", b"cmd": "script", b"id": "id",
    b"UID": "UID", b"AUID": "AUID", b"ID": "acct", b"cwd": "cwd",
}  # fmt: skip
_NAMES = {
    "exe": "exe", "uid": "user_sid", "ses": "logon_id", "acct": "target_user",
    "hostname": "src_host", "addr": "src_ip", "op": "action", "outcome": "outcome",
    "exit": "result", "unit": "service", "script": "script", "id": "target_sid", "cwd": "cwd",
}  # fmt: skip
_FAMILIES = {row[k.CALLS]: row for row in k.machines(ARCHES.items()).tolist()}
_TYPES = {b"NORMAL", b"PARENT", b"CREATE", b"DELETE"}
_AT = (-100, 0xFFFFFF9C)

Value = tuple[bytes, bool]  # text, and whether it stood in quotation marks
Pairs = list[tuple[str, Any]]  # a JSON object whose keys may repeat


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


def text_of(value: bytes) -> str:
    """Return bytes as text, those that are no UTF-8 as backslash, x, digits."""
    return value.decode("utf-8", "backslashreplace")


def shown(value: Value) -> str:
    """Return a value for JSON: with quotation marks only where it says something else without."""
    text, quoted = value
    if quoted and (_HEX.fullmatch(text) or text.startswith(b"(")):
        return f'"{text_of(text)}"'
    return text_of(text)


def decoded(value: Value) -> bytes:
    """Return the bytes that a value stands for, which may be in hexadecimal."""
    text, quoted = value
    if not quoted and _HEX.fullmatch(text):
        return bytes.fromhex(text.decode())
    return text


class Event:
    """What the lines of one event say."""

    def __init__(self) -> None:
        self.slots: dict[str, Value] = {}
        self.numbers: dict[str, int] = {}
        self.paths: list[dict[str, Any]] = []
        self.args: list[tuple[int, int, Value]] = []
        self.call_args: bytes | None = None
        self.command: str | None = None
        self.saddr: bytes | None = None
        self.module: Value | None = None
        self.arch: list[int] | None = None
        self.flags: int | None = None

    def take(self, kind: str, key: bytes, value: Value) -> bool:
        """Give a field to the columns; return whether JSON needn't have it."""
        text, quoted = value
        if kind == "PATH":
            if self.paths and self.paths[-1]["open"]:
                if key == b"name" and (quoted or not text.startswith(b"(")):
                    self.paths[-1]["name"] = value
                elif key in (b"nametype", b"objtype"):
                    self.paths[-1]["type"] = text if text in _TYPES else b"?"
            return False
        if kind in ("KERN_MODULE", "SOCKADDR"):
            if kind == "KERN_MODULE" and key == b"name" and self.module is None:
                self.module = value
            elif kind == "SOCKADDR" and key == b"saddr" and self.saddr is None:
                self.saddr = text
            return False
        column = _COLUMNS.get(key)
        if kind in ("TTY", "USER_TTY") and key == b"data":
            column = "script"
        if kind == "CWD" and column != "cwd":
            return False
        if key in (b"pid", b"ppid", b"opid", b"syscall", b"arch", b"oflag"):
            return self.take_number(kind, key.decode(), text)
        if column is None or kind in ("OBJ_PID", "OPENAT2") or text in (b"", b"?"):
            return False
        if (not quoted and text.startswith(b"(")) or column in self.slots:
            return False
        self.slots[column] = value
        if column == "exit":
            if len(text) < 12 and _WHOLE.fullmatch(text.removeprefix(b"-")):
                self.numbers["exit"] = int(text)
            return True
        return quoted or column not in _CODED or not _HEX.fullmatch(text)

    def take_number(self, kind: str, key: str, text: bytes) -> bool:
        """Give a number to the columns; return whether JSON needn't have it."""
        if key == "arch":
            if self.arch is None and re.fullmatch(rb"[0-9a-fA-F]{1,16}", text):
                self.arch = _FAMILIES.get(int(text, 16))
            return False
        if key == "oflag":
            if kind == "OPENAT2" and self.flags is None and len(text) <= 18:
                self.flags = 0
                for byte in text:
                    self.flags = self.flags * 8 + (byte & 7)
            return False
        if not _WHOLE.fullmatch(text) or key in self.numbers:
            return False
        if (key == "opid") != (kind == "OBJ_PID"):
            return False
        if key == "syscall":
            if self.arch is None or int(text) >= k.CALLS or self.arch[int(text)] < 0:
                return False
            self.numbers["family"] = self.arch[int(text)]
        self.numbers[key] = int(text)
        return True


def fields(kind: str, body: bytes, event: Event) -> Pairs:
    """Give the fields of a line to its event; return those that are left."""
    pairs: Pairs = []
    words: list[list[int]] = []
    counts: dict[bytes, int] = {}
    outer, inner = pairs, False
    kept, at, limit, login = 0, 0, len(body), False
    while True:
        found = _TOKEN.match(body, at, limit)
        if not found:
            if not inner:
                break
            inner, at, limit = False, limit + 1, len(body)
            if not pairs:
                outer.pop()
            pairs, counts = outer, {}
            continue
        if found[5]:  # a word
            if len(words) < MAX_KEYS:
                words.append([found.start(5), found.end()])
            else:
                words[-1][1] = found.end()
            at = found.end()
            continue
        key = found[1].lstrip(b"(,")
        start = found.end(1) - len(key)
        value_at = found.end(1) + 1
        if key == b"msg" and not inner and value_at < limit and body[value_at] == 39:
            stop = body.find(b"\x1d", value_at + 1)
            stop = len(body) if stop < 0 else stop
            close = body.rfind(b"'", value_at + 1, stop)
            inner, at, limit = True, value_at + 1, stop if close < 0 else close
            pairs, counts = [], {}
            outer.append(("msg", pairs))
            continue
        if kind == "SYSCALL" and key == b"a0" and event.call_args is None:
            call = _CALL_ARGS.match(body, start, limit)
            if call:
                event.call_args = call[0]
                for i in range(3):
                    number = int(call[i + 1], 16)
                    event.numbers[f"a{i}"] = number - (1 << 64) if number >> 63 else number
                at = call.end()
                continue
        at = found.end()
        before = b""
        if words and words[-1][1] + 1 == start:
            before = body[words[-1][0] : words[-1][1]]
        if found[2] is not None:
            value = (found[2], True)
        else:
            value = (found[3] if found[3] is not None else _trimmed(found[4]), False)
        if before in (b"old", b"new"):
            words.pop()
        if before != b"old" and (login or key != b"AUID") and event.take(kind, key, value):
            login = login or key == b"auid"
            continue
        if kept == MAX_KEYS:
            if not words:
                words.append([start, at])
            words[-1][1] = at
            continue
        name = text_of(key)
        if before == b"old":
            pairs.append((f"old-{name}", shown(value)))
            continue
        kept += 1
        counts[key] = counts.get(key, 0) + 1
        pairs.append((f"{name}#{counts[key]}" if counts[key] > 1 else name, shown(value)))
        if kind == "PATH" and key == b"name" and not value[1] and _HEX.fullmatch(value[0]):
            pairs.append(("name_text", text_of(decoded(value))))
    if login and "AUID" in event.slots:
        pairs.append(("auid", shown((event.slots["auid"][0], False))))
    if words:
        pairs.append(("text", " ".join(text_of(body[a:b]) for a, b in words)))
    return pairs


def _trimmed(text: bytes) -> bytes:
    text = text.removesuffix(b",")
    return text[:-1] if text.endswith(b")") and b"(" not in text else text


def arguments(body: bytes, event: Event, odd: list[int]) -> Pairs:
    """Take the arguments of a line of EXECVE. odd: [is one not plain, how many there are]."""
    pairs: Pairs = []
    at = 0
    while True:
        found = _PAIR.match(body, at)
        if not found or not found[0].strip(bytes(range(33))):
            return pairs
        at = found.end()
        key = found[1]
        value = (found[2], True) if found[2] is not None else (found[3] or b"", False)
        if found[4] is not None:
            value = (_trimmed(found[4]), False)
        pairs.append((text_of(key), shown(value)))
        arg = _ARG.match(key)
        if not arg:
            if key == b"argc" and _WHOLE.fullmatch(value[0]) and odd[1] < 0:
                odd[1] = min(int(value[0]), 1 << 20)
            else:
                odd[0] = 1
            continue
        if arg[2] is not None or arg[3]:
            odd[0] = 1
            if arg[2] is None:
                continue
        if not value[1] or len(event.args) == MAX_ARGS:
            odd[0] = 1
        if len(event.args) < MAX_ARGS:
            event.args.append((int(arg[1]), int(arg[2] or b"0"), value))


def command(event: Event) -> tuple[str, bool]:
    """Return the command line of the arguments, and whether they came in order."""
    ordered = sorted(event.args, key=lambda arg: arg[:2])
    words: dict[int, bytes] = {}
    for number, _, value in ordered:
        words[number] = words.get(number, b"") + decoded(value)
    in_order = len({arg[:2] for arg in event.args}) == len(event.args) and ordered == event.args
    return " ".join(quoted(word) for word in words.values()), in_order


def quoted(word: bytes) -> str:
    """Return a word as text, quoted for a shell if need be."""
    return shlex.quote(text_of(word))


def title(body: bytes, event: Event) -> Pairs:
    """Take PROCTITLE."""
    found = _PAIR.match(body)
    if not found or not found[0].strip(bytes(range(33))):
        return []
    value = (found[2], True) if found[2] is not None else (found[3] or b"", False)
    if found[4] is not None:
        value = (_trimmed(found[4]), False)
    has_value = found.end() > found.end(1)
    kept = True
    named = has_value and len(found[1]) == 9 and event.command is None
    if named and (value[1] or not value[0].startswith(b"(")):
        whole = decoded(value)
        bare = whole.rstrip(b"\0")
        kept = bare != whole or not bare
        words = bare.split(b"\0")
        if len(words) > 1:
            kept = kept or any(text_of(w).encode() != w for w in words)
            event.command = " ".join(map(quoted, words))
        else:
            kept = kept or not value[1]
            event.command = text_of(bare)
    rest = body[found.end() :].lstrip(bytes(range(33)))
    pairs: Pairs = []
    if kept or rest:
        pairs.append((text_of(found[1]), shown(value)))
    if rest:
        pairs.append(("text", text_of(rest)))
    return pairs


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
    if slot not in _CODED:
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

    if not _HEX.fullmatch(saddr) or len(saddr) < 4:
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
        row["attrs"] = dumps(row["attrs"])
    for name in made[0] if made else ():
        columns[name] = [row[name] for row in made]
    return len(made)
