"""Prints incidents; nothing a log contains leaves here unescaped."""

from collections.abc import Sequence
from typing import Any

import msgspec

from graphad.cli.show import NOT_CALIBRATED, form_of, paragraph, rows
from graphad.findings import short, weight
from graphad.incident_graph import Event, Incident
from graphad.incident_text import Words, duration
from graphad.incident_tree import tree
from graphad.incidents import microseconds
from graphad.sanitize import json_line, shorten, terminal

ALIKE = 3  # telling events of one process, action and type that are shown; the rest is counted
LINES = 50  # of a time line
CUT = 240  # cells of a log line


def listed(found: Sequence[Incident]) -> None:
    """Print a table with one row an incident."""
    rows([_row(one) for one in found], "table")


def _row(one: Incident) -> dict[str, Any]:
    lasted = duration(microseconds(one.end) - microseconds(one.start))
    return {
        "incident": one.id, "severity": one.severity or "ranked", "z": f"{one.z:.2f}",
        "programs": one.programs,
        "start": one.start[:19].replace("T", " "), "lasted": lasted.replace("a second", "<1 s"),
        "hosts": ", ".join(one.hosts), "paths": one.paths, "what": one.title,
    }  # fmt: skip


def one(incident: Incident, form: str | None, every: bool) -> None:
    """Print all of an incident; in a table at most LINES events unless `every` one is asked for."""
    form = form_of(form)
    if form != "table":
        print(json_line(msgspec.to_builtins(incident), indent=1 if form == "json" else None))
        return
    level = incident.severity or NOT_CALIBRATED
    print(
        f"{incident.id}  {level}  {incident.score:.1f} bits  {weight(incident)}  "
        f"{incident.paths} path{'s' * (incident.paths != 1)}"
    )
    if incident.merged:
        print(terminal("took in " + ", ".join(incident.merged)))
    print()
    paragraph(incident.description, "")
    if incident.tags:
        print("\nATT&CK techniques that events are instances of, each with its first event")
        for tag in incident.tags:
            event = incident.events[tag.event]
            more = f" (and {tag.count - 1} more)" if tag.count > 1 else ""
            name = terminal(f"{tag.technique} {tag.name}")
            print(f"  {name:<44} {_moment(event)}  {_link(incident, event)}{more}")
    print("\nWho started whom, and what of it was telling")
    for line in tree(incident):
        print("  " + terminal(line))
    chosen = _chosen(incident, every)
    _time_line(incident, chosen)
    _evidence(incident, chosen, every)


def _moment(event: Event) -> str:
    return event.ts[11:23] if "T" in event.ts else event.ts


def _link(incident: Incident, event: Event) -> str:
    src, dst = incident.entities[event.src], incident.entities[event.dst]
    return terminal(f"{short(src)} —{event.action}→ {short(dst)}")


def _chosen(incident: Incident, every: bool) -> dict[int, tuple[int, int]]:
    """Return the places of events to show: how many more are like it, and the last of these.

    Alike are events of one action between one process and one type of entity; of these the most
    surprising ones are shown.
    """
    events, entities = incident.events, incident.entities
    if every:
        return {place: (0, place) for place in range(len(events))}
    alike: dict[tuple[object, ...], list[int]] = {}
    for place, event in enumerate(events):
        out = entities[event.src].type == "process"
        one, other = (event.src, event.dst) if out else (event.dst, event.src)
        key = (one, event.action, entities[other].type, out, event.telling)
        alike.setdefault(key, []).append(place)
    shown: dict[int, tuple[int, int]] = {}
    for same in alike.values():
        most = ALIKE if events[same[0]].telling else 1
        best = sorted(sorted(same, key=lambda i: (-events[i].bits, i))[:most])
        shown |= {place: (0, place) for place in best}
        shown[best[-1]] = len(same) - len(best), same[-1]
    best = sorted(shown, key=lambda i: (not events[i].telling, -events[i].bits, i))[:LINES]
    return {place: shown[place] for place in sorted(best)}


def _time_line(incident: Incident, chosen: dict[int, tuple[int, int]]) -> None:
    print("\nTime line; * marks what is telling")
    events, day, said = incident.events, "", Words(incident)
    told = 0
    for place, (more, last) in chosen.items():
        event = events[place]
        if event.ts[:10] != day:
            day = event.ts[:10]
            print(f"  {day} UTC")
        mark = "*" if event.telling else " "
        host = terminal(said.host(event.host)) + "  " if len(incident.hosts) > 1 else ""
        print(
            f"  {place + 1:>4} {_moment(event)} {mark} {event.bits:>5.1f} bits  "
            f"{host}{_link(incident, event)}"
        )
        told += 1 + more
        if more:
            print(f"       and {more} more like that, the last at {_moment(events[last])}")
    if told < len(events):
        print(f"  {len(events) - told} less telling events are left out; --all shows them")


def _evidence(incident: Incident, chosen: dict[int, tuple[int, int]], every: bool) -> None:
    print("\nLog lines behind what is telling")
    source = None
    for place in chosen:
        event = incident.events[place]
        proof = event.evidence
        if not (event.telling or every):
            continue
        if proof.source != source:
            source = proof.source
            print("  " + terminal(source))
        where = f"line {proof.line}" if proof.line else f"record {proof.record}"
        text = proof.text if proof.text is not None else "(the log is no longer there)"
        line = terminal(f"{where}: {text}")
        print(f"  {place + 1:>4} " + (line if every else shorten(line, CUT)))
    print(terminal(f"graphad explain {incident.findings[0]} shows its best path term by term"))
