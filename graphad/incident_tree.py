"""An incident's processes as a tree in text: who started whom, and what each did."""

from collections import defaultdict

from graphad.findings import short
from graphad.incident_graph import Event, Incident
from graphad.incidents import BIRTHS

NAMES = 3  # ends of one kind of act that are named; the others are counted
DEEP = 30  # levels; what is deeper is shown at that depth


def tree(incident: Incident) -> list[str]:
    """Return the lines of the tree; each process once, those of one host together."""
    entities, events = incident.entities, incident.events
    processes = [i for i, node in enumerate(entities) if node.type == "process"]
    parent: dict[int, int] = {}
    for event in events:
        birth = event.action in BIRTHS and entities[event.src].type == "process"
        if birth and event.dst not in parent and event.src != event.dst:
            parent[event.dst] = event.src
    acts: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        if event.telling:
            acts[event.src if entities[event.src].type == "process" else event.dst].append(event)
    wanted: set[int] = set()
    for process in processes:
        at: int | None = process if acts[process] else None
        while at is not None and at not in wanted:
            wanted.add(at)
            at = parent.get(at)
    children: dict[int | None, list[int]] = defaultdict(list)
    for process in processes:
        if process in wanted:
            children[parent.get(process)].append(process)
    lines: list[str] = []
    seen: set[int] = set()
    by_host: dict[str, list[int]] = defaultdict(list)
    for root in children[None]:
        by_host[entities[root].host].append(root)
    # Where ids were used again a "parent" may also be a child: nobody is left out for that.
    for process in processes:
        if process in wanted and _rootless(process, parent):
            by_host[entities[process].host].append(process)
    for host, roots in by_host.items():
        lines.append(host)
        stack = [(root, 1) for root in reversed(roots)]
        while stack:
            process, depth = stack.pop()
            if process in seen:
                continue
            seen.add(process)
            pad = "  " * min(depth, DEEP)
            node = entities[process]
            command = f"  {node.detail}" if node.detail and node.detail != node.key else ""
            lines.append(f"{pad}{short(node)}{command[:120]}")
            lines += [f"{pad}  {line}" for line in _acts(incident, process, acts[process])]
            stack += [(child, depth + 1) for child in reversed(children[process])]
    return lines


def _rootless(process: int, parent: dict[int, int]) -> bool:
    """Return whether going up from a process ends nowhere."""
    seen = {process}
    at = parent.get(process)
    while at is not None:
        if at in seen:
            return True
        seen.add(at)
        at = parent.get(at)
    return False


def _acts(incident: Incident, process: int, events: list[Event]) -> list[str]:
    """Return a line for each kind of act of a process, or on it, the most surprising first."""
    kinds: dict[tuple[str, bool, str], list[int]] = {}
    for event in sorted(events, key=lambda event: -event.bits):  # the oddest ends are named
        out = event.src == process
        other = event.dst if out else event.src
        kind = (event.action, out, incident.entities[other].type)
        ends = kinds.setdefault(kind, [])
        if other not in ends:
            ends.append(other)
    lines = []
    for (action, out, type_), ends in kinds.items():
        names = ", ".join(short(incident.entities[end]) for end in ends[:NAMES])
        more = f" and {len(ends) - NAMES} more" if len(ends) > NAMES else ""
        arrow = f"—{action}→" if out else f"←{action}—"
        lines.append(f"* {arrow} {type_} {names}{more}")
    return lines
