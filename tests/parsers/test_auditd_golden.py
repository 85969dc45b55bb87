"""auditd against what go-libaudit says of its own test logs, field by field."""

import json
import re
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from graphad.decoders.auditd_decode import Decoder
from graphad.parse import Options
from tests.captures import members

FIELDS = ("pid", "ppid", "exe", "syscall", "paths", "address", "result", "users")
_USERS = ("uid", "gid", "euid", "suid", "fsuid", "egid", "sgid", "fsgid")
_DONE = {"yes": "success", "success": "success", "1": "success", "no": "fail", "failed": "fail",
         "0": "fail"}  # fmt: skip
Row = dict[str, Any]
Found = tuple[str, object, object]  # field, as they say, as we say


def rows(log: str) -> dict[tuple[int, int], Row]:
    table = Decoder(Options()).decode(log.encode(), True).raw
    return {(round(row["ts"].timestamp() * 1000), row["event_number"]): row | {
        "attrs": json.loads(row["attrs"] or "{}")} for row in table.to_pylist()}  # fmt: skip


def key(event: dict[str, Any]) -> tuple[int, int]:
    stamp = datetime.fromisoformat(event["@timestamp"].replace("Z", ""))
    return round(stamp.timestamp() * 1000), event["sequence"]


def lines_of(row: Row, kind: str) -> list[dict[str, str]]:
    found = row["attrs"].get(kind, [])
    return found if isinstance(found, list) else [found]


def names_of(row: Row) -> list[str]:
    """Return the paths of a record as the log names them, decoded."""
    return [line.get("name_text", line.get("name", "")) for line in lines_of(row, "PATH")]


def unset(value: object) -> object:
    return "unset" if value in ("4294967295", "-1") else value


def kept(row: Row, name: str, kind: str = "") -> object:
    """Return a field that has no column."""
    for of_kind, lines in row["attrs"].items():
        for line in lines if isinstance(lines, list) else [lines]:
            if isinstance(line, dict) and (not kind or of_kind == kind):
                if name in line:
                    return line[name]
                if name in line.get("msg", {}):
                    return line["msg"][name]
    return None


def user_of(row: Row, name: str) -> object:
    columns = {"uid": "user_sid", "auid": "login_user", "acct": "target_user"}
    return unset(row.get(columns.get(name, ""), None) or kept(row, name))


def result_of(row: Row) -> object:
    return _DONE.get(row["outcome"] or "")


def ports(row: Row) -> tuple[object, object]:
    if row["dst_ip"] is not None:
        return row["dst_ip"], row["dst_port"]
    return row["src_ip"], row["src_port"]


def of_message(event: dict[str, Any], row: Row) -> list[Found]:
    """Compare one message with the event it is a line of."""
    said = event["data"] or {}
    kind = event["record_type"].upper()
    found: list[Found] = []
    for name, column in (("pid", "pid"), ("ppid", "parent_pid"), ("exe", "exe")):
        if name in said and said[name] != "?":
            value = row[column]
            found.append((name, said[name], str(value) if value is not None else None))
    if "syscall" in said:
        found.append(("syscall", said["syscall"], row["syscall"]))
    if kind == "PATH" and "name" in said:
        found.append(("paths", said["name"], said["name"] if said["name"] in names_of(row)
                      else names_of(row)))  # fmt: skip
    if "cwd" in said:
        found.append(("paths", said["cwd"], row["cwd"]))
    if kind == "AVC" and "name" in said:
        found.append(("paths", said["name"], kept(row, "name", kind)))
    if kind == "SOCKADDR" and "addr" in said:
        found.append(("address", said["addr"], ports(row)[0]))
        found.append(("address", said["port"], str(ports(row)[1])))
    elif kind == "SOCKADDR" and "path" in said:
        found.append(("address", said["path"], row["file_path"]))
    elif "addr" in said:
        found.append(("address", said["addr"], row["src_ip"]))
    if "result" in said:
        found.append(("result", said["result"], result_of(row)))
    if "exit" in said:
        found.append(("result", said["exit"], row["error"] or row["result"]))
    for name in (*_USERS, "auid", "acct"):
        if name in said and said[name] != "?":
            found.append(("users", said[name], user_of(row, name)))
    return found


def of_event(event: dict[str, Any], row: Row) -> list[Found]:
    """Compare a whole event."""
    process, data = event.get("process", {}), event.get("data", {})
    found: list[Found] = []
    for name, column in (("pid", "pid"), ("ppid", "parent_pid"), ("exe", "exe")):
        if name in process:
            value = row[column]
            found.append((name, process[name], str(value) if value is not None else None))
    if "syscall" in data:
        found.append(("syscall", data["syscall"], row["syscall"]))
    for path in event.get("paths", []):
        if "name" in path:
            mine = path["name"] if path["name"] in names_of(row) else names_of(row)
            found.append(("paths", path["name"], mine))
    if "cwd" in process:
        found.append(("paths", process["cwd"], row["cwd"]))
    if event.get("file", {}).get("path"):  # theirs may be the folder it was made in
        path, mine = event["file"]["path"], {row["file_path"], *names_of(row)}
        found.append(("paths", path, path if path in mine else mine))
    for side, prefix in (("source", "src"), ("destination", "dst")):
        for name, column in (("ip", f"{prefix}_ip"), ("port", f"{prefix}_port")):
            if name in event.get(side, {}):
                found.append(("address", event[side][name], str(row[column])))
    if "socket_addr" in data:
        found.append(("address", data["socket_addr"], ports(row)[0]))
    if event["result"] != "unknown":
        found.append(("result", event["result"], result_of(row)))
    if "exit" in data:
        found.append(("result", data["exit"], row["error"] or row["result"]))
    ids = event["user"]["ids"]
    for name in (*_USERS, "auid"):
        if name in ids:
            found.append(("users", ids[name], user_of(row, name)))
    if "acct" in data:
        found.append(("users", data["acct"], user_of(row, "acct")))
    return found


def logs_of(text: str) -> dict[str, str]:
    """Return the log of each test in one of their YAML files, which have but this shape."""
    tests: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        start = re.fullmatch(r"  (\S.*?): *[|>]-?", line)
        if start:
            lines = tests.setdefault(start[1].strip("\"'"), [])
        elif line.startswith("    ") and not line.strip().startswith("#"):
            lines.append(line.strip())
    return {name: "\n".join(lines) + "\n" for name, lines in tests.items()}


def compare() -> tuple[list[Found], int, int]:
    """Return all fields they have with ours, how many events they have, and how many we lack."""
    found: list[Found] = []
    events = missing = 0
    golden = members("auditd", ".golden")
    if not golden:
        pytest.skip("the captures are not here: set GRAPHAD_DATA")
    for name, content in golden.items():
        coalesced = name.endswith(".json.golden")
        other = name.removesuffix(".json.golden" if coalesced else ".golden")
        log = members("auditd", other.rpartition("/")[2] + (".yaml" if coalesced else ""))
        [text] = (value.decode() for path, value in log.items() if path.startswith(other))
        logs = logs_of(text) if coalesced else {}
        mine = {} if coalesced else rows(text)
        for one in json.loads(content):
            event = one["event"] if coalesced else one
            if event is None:  # a line that they can't read, and a reject of ours
                continue
            events += 1
            if coalesced:
                mine = rows(logs[one["test_name"]])
            row = mine.get(key(event))
            empty = dict.fromkeys(("pid", "parent_pid", "exe", "syscall", "cwd", "file_path",
                                   "src_ip", "src_port", "dst_ip", "dst_port", "outcome", "error",
                                   "result"))  # fmt: skip
            missing += row is None
            found += (of_event if coalesced else of_message)(event, row or {**empty, "attrs": {}})
    return found, events, missing


def test_each_field_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    found, events, missing = compare()
    asked, right = Counter(f[0] for f in found), Counter(f[0] for f in found if f[1] == f[2])
    with capsys.disabled():
        print(f"\n{events} golden events, {missing} not found")
        for field in FIELDS:
            print(f"  {field}: {right[field]} of {asked[field]}")
        for field, theirs, ours in found:
            if theirs != ours:
                print(f"  {field}: they say {theirs!r}, we say {ours!r}")
    assert all(asked[field] for field in FIELDS)
    assert all(right[field] >= 0.99 * asked[field] for field in FIELDS)
