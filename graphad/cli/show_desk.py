"""Prints process trees, time lines and neighbourhoods; nothing a log contains leaves unescaped."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from graphad.cli import show
from graphad.sanitize import shorten, terminal
from graphad.workspace_entity import Neighbour, Neighbourhood, Relative

DEEP = 30  # levels; what is deeper is shown at that depth
NAMES = 8  # neighbours of one kind that are named; the others are counted
CUT = 160  # cells of a name or a command


def _moment(ts: datetime | None) -> str:
    return "" if ts is None else ts.isoformat(sep=" ", timespec="milliseconds")


def _brief(text: str | None, cut: int = CUT) -> str:
    return shorten(terminal((text or "")[: 4 * cut]), cut)


def _cut_off(shown: int, limit: int) -> None:
    if shown >= limit:
        print(f"graphad: {shown:,} rows; there may be more: --limit", file=sys.stderr)


def processes(found: Any, form: str | None, limit: int) -> None:
    """Print the rows of the query process_tree; in a table one line a process."""
    if show.form_of(form) != "table":
        show.table(found, form)
        return
    for row in found.to_pylist():
        pad = "  " * min(row["depth"], DEEP)
        name = _brief((row["process"] or "").lstrip(" "))
        command = row["command"] or ""
        same = command == (row["process"] or "").strip()
        told = "" if same or not command else f"  {_brief(command)}"
        print(f"{_moment(row['ts']):<23}  {pad}{name}{told}  [{row['id']}]")
    _cut_off(found.num_rows, limit)


def events(found: Any, form: str | None, limit: int) -> None:
    """Print the rows of the query timeline; in a table one line an event."""
    if show.form_of(form) != "table":
        show.table(found, form)
        return
    for row in found.to_pylist():
        src, dst = (f"{row[f'{end}_type'] or '?'} {_brief(row[end], 80)}" for end in ("src", "dst"))
        failed = "  failed" if row["outcome"] == "failure" else ""
        command = f"  {_brief(row['command'])}" if row["command"] else ""
        action = terminal(row["action"] or "?")
        host = _brief(row["host"], 40)
        print(f"{_moment(row['ts']):<23}  {host}  {src} —{action}→ {dst}{command}{failed}")
    _cut_off(found.num_rows, limit)


def neighbourhood(found: Neighbourhood, form: str | None, every: bool) -> None:
    """Print what is around an entity; in a table as a tree."""
    form = show.form_of(form)
    if form != "table":
        told = msgspec.to_builtins(found, builtin_types=(datetime,))
        print(json.dumps(told, default=show.plain, indent=1 if form == "json" else None))
        return
    host = f"  on {_brief(found.host, 60)}" if found.host else ""
    print(f"{terminal(found.type)} {_brief(found.name, 400)}{host}  [{found.id}]")
    if found.command and found.command != found.name:
        print("  command: " + _brief(found.command, 2000))
    if found.key and found.key != found.name:
        print("  key: " + _brief(found.key, 400))
    failed = f", {found.failed:,} failed" if found.failed else ""
    times = f", {_moment(found.first_seen)} to {_moment(found.last_seen)} UTC"
    print(f"  {found.events:,} events{failed}{times if found.first_seen else ''}")
    if found.findings:
        print("  findings: " + ", ".join(terminal(name) for name in found.findings[:NAMES]))
    if len(found.relatives) > 1:
        print("\nWho started it, and what it started")
        for line in _kin(found.relatives):
            print("  " + line)
    for direction, title in (("to", "What it did"), ("from", "What came to it")):
        lines = list(_acts(found.neighbours, direction, every))
        if lines:
            print("\n" + title)
            for line in lines:
                print("  " + line)
    if found.more:
        print(f"\n{found.more:,} neighbours with fewer events are left out; --all shows more")


def _kin(relatives: list[Relative]) -> Iterable[str]:
    """Yield a line a process: those above from the first one down, then those that came of it."""
    top = min(one.generation for one in relatives)
    for one in relatives:
        pad = "  " * min(one.generation - top, DEEP)
        mark = "* " if one.generation == 0 else ""
        command = f"  {_brief(one.command)}" if one.command and one.command != one.process else ""
        yield f"{_moment(one.ts):<23}  {pad}{mark}{_brief(one.process)}{command}  [{one.id}]"


def _acts(neighbours: list[Neighbour], direction: str, every: bool) -> Iterable[str]:
    """Yield the neighbours of a direction by kind of act, most events first in each."""
    kinds: dict[tuple[str, str], list[Neighbour]] = defaultdict(list)
    for one in neighbours:
        if one.direction == direction:
            kinds[one.action, one.type or "?"].append(one)
    for (action, kind), ends in kinds.items():
        ends.sort(key=lambda one: (-one.events, one.first_seen, one.id))
        arrow = f"—{action}→" if direction == "to" else f"←{action}—"
        first, last = min(e.first_seen for e in ends), max(e.last_seen for e in ends)
        total = sum(e.events for e in ends)
        times = "once" if total == 1 else f"{total:,} times"
        span = _moment(first) if total == 1 else f"{_moment(first)} to {_moment(last)}"
        yield terminal(f"{arrow} {len(ends):,} {kind}") + f", {times}, {span}"
        for one in ends if every else ends[:NAMES]:
            often = f"  {one.events:,} times" if one.events > 1 else ""
            failed = f"  {one.failed:,} failed" if one.failed else ""
            yield f"    {_brief(one.name)}{often}{failed}  [{one.id}]"
        if not every and len(ends) > NAMES:
            yield f"    and {len(ends) - NAMES:,} more"
