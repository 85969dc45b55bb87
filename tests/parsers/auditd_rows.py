"""Rows of audit logs in forms that can be compared: as one list, and with JSON read."""

import json
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from benchmarks import plain_auditd
from graphad.decoders.auditd_decode import Decoder
from graphad.parse import Decoded, Options

Row = dict[str, Any]


def decode(data: bytes, host: str | None = None) -> Decoded:
    return Decoder(Options(host=host)).decode(data, True)


def moved(table: pa.Table, records: int, offset: int, line: int) -> list[Row]:
    """Return rows with places counted from the log's start."""
    rows: list[Row] = table.to_pylist()
    for row in rows:
        row["record"] += records
        row["offset"] += offset
        row["line"] += line
    return rows


def said(row: Row) -> Row:
    """Return what a row says, without places and nothings, JSON as lists of pairs."""
    left = ("record", "offset", "length", "line")
    found = {name: value for name, value in row.items() if value is not None and name not in left}
    if "attrs" in found:
        found["attrs"] = [
            pair for pair in json.loads(found["attrs"], object_pairs_hook=list)
            if pair[0] != "lines"
        ]  # fmt: skip
    return found


def differences(data: bytes) -> list[tuple[object, ...]]:
    """Return where the scanner and the plain parser do not say the same."""
    done = decode(data)
    plain = plain_auditd.rows(data)
    events = [row for row in plain if "reason" not in row]
    bad = [row for row in plain if row.get("reason")]
    found: list[tuple[object, ...]] = []
    if done.read != len(plain):
        found.append(("read", done.read, len(plain)))
    if done.rejects.to_pylist() != [
        {name: row[name] for name in ("record", "offset", "length", "line", "reason")}
        for row in bad
    ]:
        found.append(("rejects", done.rejects.to_pylist(), bad))
    rows = done.raw.to_pylist()
    if len(rows) != len(events):
        found.append(("rows", len(rows), len(events)))
    for ours, theirs in zip(rows, events, strict=False):
        for name, value in theirs.items():
            mine, other = ours[name], value
            if name == "ts":
                mine = (mine - datetime(1970, 1, 1)) // timedelta(microseconds=1)
            elif name == "attrs":
                mine = json.loads(mine, object_pairs_hook=list) if mine else None
                text = plain_auditd.dumps(value) if value else ""
                other = json.loads(text, object_pairs_hook=list) if text else None
            elif name == "target_pid" and value is None:
                continue  # it may be one that only the lifetimes know
            if mine != other:
                found.append((theirs["record"], name, mine, other))
    return found
