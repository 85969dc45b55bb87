"""The fields of audit lines, plainly: what plain_auditd.py takes rows from."""

import re
import shlex
from typing import Any

from graphad.decoders.auditd_syscalls import ARCHES
from graphad.scan import auditd_keys as k
from graphad.scan.auditd_event import MAX_ARGS, MAX_KEYS

_VALUE = rb'(?:"([^"]*)"|(\{[^}]*\})|([^\x00-\x20]*))'
_TOKEN = re.compile(rb"[\x00-\x20]*(?:([^=\x00-\x20]+)=" + _VALUE + rb"|(=|[^=\x00-\x20]+))")
_PAIR = re.compile(rb"[\x00-\x20]*(?!$)([^=\x00-\x20]*)(?:=" + _VALUE + rb")?")
_CALL_ARGS = re.compile(
    rb"a0=([0-9a-fA-F]{1,16}) a1=([0-9a-fA-F]{1,16}) a2=([0-9a-fA-F]{1,16}) a3=[0-9a-fA-F]{1,16}"
    rb"(?![^\x00-\x20])"
)
_ARG = re.compile(rb"a(\d{1,7})(?:\[(\d{0,8})|(.?))", re.DOTALL)
HEX = re.compile(rb"(?:[0-9A-F]{2})+")
_WHOLE = re.compile(rb"0|[1-9]\d{0,17}")
CODED = frozenset({"exe", "cwd", "acct", "script"})
# Fields that fill a column, of records that are no PATH and so on.
_COLUMNS = {
    b"exe": "exe", b"uid": "uid", b"auid": "auid", b"ses": "ses", b"acct": "acct",
    b"hostname": "hostname", b"addr": "addr", b"op": "op", b"res": "outcome",
    b"success": "outcome", b"exit": "exit", b"unit": "unit", b"cmd": "script", b"id": "id",
    b"UID": "UID", b"AUID": "AUID", b"ID": "acct", b"cwd": "cwd",
}  # fmt: skip
_FAMILIES = {row[k.CALLS]: row for row in k.machines(ARCHES.items()).tolist()}
_TYPES = {b"NORMAL", b"PARENT", b"CREATE", b"DELETE"}

Value = tuple[bytes, bool]  # text, and whether it stood in quotation marks
Pairs = list[tuple[str, Any]]  # a JSON object whose keys may repeat


def text_of(value: bytes) -> str:
    """Return bytes as text, those that are no UTF-8 as backslash, x, digits."""
    return value.decode("utf-8", "backslashreplace")


def shown(value: Value) -> str:
    """Return a value for JSON: with quotation marks only where it says something else without."""
    text, quoted = value
    if quoted and (HEX.fullmatch(text) or text.startswith(b"(")):
        return f'"{text_of(text)}"'
    return text_of(text)


def decoded(value: Value) -> bytes:
    """Return the bytes that a value stands for, which may be in hexadecimal."""
    text, quoted = value
    if not quoted and HEX.fullmatch(text):
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
        return quoted or column not in CODED or not HEX.fullmatch(text)

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
        if kind == "PATH" and key == b"name" and not value[1] and HEX.fullmatch(value[0]):
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
