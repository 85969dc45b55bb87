"""A quick plain parser of audit logs: what a good Python programmer writes to load one.

One regular expression a line, fields split at spaces, a dictionary by event id, columns as lists.
It fills the columns that graphad fills of an event's own lines. It leaves out what is dear and what
few logs need: every other field as JSON, processes' lifetimes, places of records, old kernels'
quirks, lines that come late. So a ratio to it favours the plain way.
"""

import re
from operator import itemgetter
from typing import Any

from graphad.decoders.auditd_syscalls import ARCHES, ERRORS

_LINE = re.compile(r"(?:node=(\S+) )?type=(\S+) msg=audit\((\d+)\.(\d+):(\d+)\):? ?(.*)")
_PAIR = re.compile(r"""([\w-]+)=(?:"([^"]*)"|([^\s"']\S*)|'([^']*)')""")
_COLUMNS = {
    "exe": "exe", "uid": "user_sid", "auid": "login_user", "ses": "logon_id", "acct": "target_user",
    "hostname": "src_host", "addr": "src_ip", "op": "action", "success": "outcome",
    "res": "outcome", "exit": "result", "unit": "service", "cmd": "script", "id": "target_sid",
    "pid": "pid", "ppid": "parent_pid", "opid": "target_pid", "cwd": "cwd",
}  # fmt: skip
NAMES = (
    "ts", "event_number", "host", "code", "syscall", "error", "command_line", "file_path",
    "new_path", "dst_ip", "dst_port", *dict.fromkeys(_COLUMNS.values()),
)  # fmt: skip
_ITEM = itemgetter(0)
_NUMBERS = ("pid", "parent_pid", "target_pid")


def parse(text: str) -> dict[str, list[Any]]:
    """Return the columns of a log, one entry an event; lines that are none are left out."""
    events: dict[tuple[str | None, str, str, str], list[tuple[str, str]]] = {}
    for line in text.split("\n"):
        found = _LINE.match(line)
        if found:
            node, kind, seconds, fraction, serial, body = found.groups()
            events.setdefault((node, seconds, fraction, serial), []).append((kind, body))
    columns: dict[str, list[Any]] = {name: [] for name in NAMES}
    appends = [(name, columns[name].append) for name in NAMES]
    for (node, seconds, fraction, serial), lines in events.items():
        row: dict[str, Any] = {}
        for kind, body in lines:
            _READERS.get(kind, _other)(row, body)
        _finish(row)
        row["ts"] = int(seconds) * 1_000_000 + int(fraction) * 1000
        row["event_number"], row["host"] = int(serial), node or "localhost"
        row["code"] = " ".join(dict.fromkeys(kind for kind, _ in lines))
        get = row.get
        for name, append in appends:
            append(get(name))
    return columns


def _pairs(body: str) -> dict[str, str]:
    """Return the fields of a simple line, quotation marks taken off."""
    return {key: value.strip('"') for key, _, value in (x.partition("=") for x in body.split(" "))}


def _decoded(value: str) -> str:
    """Return a value that may be in hexadecimal; zeros, between arguments, as spaces."""
    if value[:1] == '"':
        return value[1:-1]
    try:
        return bytes.fromhex(value).decode("utf-8", "backslashreplace").replace("\0", " ")
    except ValueError:
        return value


def _call(row: dict[str, Any], body: str) -> None:
    pairs = _pairs(body)
    for key, value in pairs.items():
        if key in _COLUMNS and value != "(null)":
            row[_COLUMNS[key]] = value
    table = ARCHES.get(int(pairs.get("arch", "0"), 16), {})
    row["syscall"] = table.get(int(pairs.get("syscall", "-1")))
    result = int(pairs.get("exit", "0"))
    if -4096 < result < 0:
        row["error"] = ERRORS.get(-result)


def _exec(row: dict[str, Any], body: str) -> None:
    words = (x.partition("=") for x in body.split(" "))
    row["command_line"] = " ".join(_decoded(value) for key, _, value in words if key != "argc")


def _folder(row: dict[str, Any], body: str) -> None:
    row["cwd"] = _decoded(body.partition("=")[2])


def _path(row: dict[str, Any], body: str) -> None:
    fields = {key: value for key, _, value in (x.partition("=") for x in body.split(" "))}
    one = int(fields.get("item", "0")), _decoded(fields.get("name", "")), fields.get("nametype")
    row.setdefault("paths", []).append(one)


def _title(row: dict[str, Any], body: str) -> None:
    if "command_line" not in row:
        row["command_line"] = _decoded(body.partition("=")[2])


def _address(row: dict[str, Any], body: str) -> None:
    address = body.partition("=")[2]
    if address.startswith("0200") and len(address) >= 16:
        data = bytes.fromhex(address[:16])
        row["dst_port"] = int.from_bytes(data[2:4])
        row["dst_ip"] = ".".join(map(str, data[4:8]))


def _other(row: dict[str, Any], body: str) -> None:
    for key, quoted, bare, nested in _PAIR.findall(body):
        if nested:
            _other(row, nested)
        elif key in _COLUMNS and (quoted or bare) not in ("?", ""):
            row.setdefault(_COLUMNS[key], quoted or bare)


_READERS = {
    "SYSCALL": _call, "EXECVE": _exec, "CWD": _folder, "PATH": _path, "PROCTITLE": _title,
    "SOCKADDR": _address,
}  # fmt: skip


def _finish(row: dict[str, Any]) -> None:
    """Choose an event's file among its paths, make it absolute, and numbers of what are some."""
    paths = row.pop("paths", None)
    if paths:
        paths.sort(key=_ITEM)
        own = [path for _, path, kind in paths if kind != "PARENT"] or [paths[0][1]]
        if row.get("syscall") in ("execve", "execveat"):
            row["file_path"] = own[0]
        else:
            row["file_path"] = own[-1]
            if str(row.get("syscall")).startswith("rename") and len(own) > 1:
                row["file_path"], row["new_path"] = own[0], own[-1]
        folder = row.get("cwd", "")
        for name in ("file_path", "new_path"):
            if row.get(name) and row[name][0] != "/":
                row[name] = f"{folder}/{row[name]}"
    for name in _NUMBERS:
        if name in row:
            row[name] = int(row[name])
