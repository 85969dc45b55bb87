"""From scored paths to findings: identity, calibration, evidence."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from graphad.detect import MARK, Detector, Paths, Story
from graphad.findings import (
    Doubt,
    Edge,
    Entity,
    Evidence,
    Finding,
    finding_id,
    is_telling,
    joined,
    remark,
    standing,
    title,
    told_row,
)
from graphad.graph import HOUR, Graph
from graphad.incidents import ODD, Act, count_programs, grouped, is_peer, links, rank, settle
from graphad.rawlines import fetch, rebuild_binary
from graphad.schema import id_text
from graphad.store import Store
from graphad.store.manifest import Source

if TYPE_CHECKING:
    from graphad.models.calibration import Calibration


def rfc3339(us: int) -> str:
    """Return UTC microseconds as RFC 3339 text.

    >>> rfc3339(1_700_000_000_250_000)
    '2023-11-14T22:13:20.250000Z'
    """
    whole, part = divmod(int(us), 1_000_000)
    try:
        moment = datetime.fromtimestamp(whole, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{us}us"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{part:06d}Z"


def quiet_reference(
    detector: Detector, graphs: Iterable[Graph]
) -> tuple[np.ndarray[Any, Any], int, float]:
    """Return what a quiet period would have raised: each incident's standing, hours, days.

    graphs: of the period's parts, in which no hour is cut. Incidents are formed within one hour of
    one host, as the paths of an hour are far from independent; to them come those of an hour that
    cross hosts. Hours are those of each host from its first event to its last, and each incident of
    an hour beyond the first counts as one more, as each that crosses does.
    """
    maxima: list[float] = []
    spans: dict[str, tuple[int, int]] = {}
    more = 0
    for graph in graphs:
        host_of, hosts = graph.hosts
        hour = graph.ts // HOUR
        for h, host in enumerate(hosts):
            mine = hour[host_of == h]
            known = spans.get(host, (int(mine[0]), int(mine[0])))
            spans[host] = min(known[0], int(mine.min())), max(known[1], int(mine.max()))
        for part, paths in detector.hourly(graph):
            best = incident_maxima(paths, part)
            more += max(len(best) - 1, 0)
            maxima += best
        for part, paths in detector.crossing(graph):
            best = incident_maxima(paths, part, crossing=True)
            more += len(best)
            maxima += best
        del graph, host_of, hour  # the next one is made while we hold these
    if not spans:
        return np.array(maxima), 0, 0.0
    firsts, lasts = zip(*spans.values(), strict=True)
    blocks = sum(lasts) - sum(firsts) + len(spans) + more
    return np.array(maxima), blocks, (max(lasts) - min(firsts) + 1) / 24.0


def incident_maxima(paths: Paths, graph: Graph, crossing: bool = False) -> list[float]:
    """Return the standing of each incident that the paths of one hour form, best first.

    crossing: only of those whose best path crosses hosts.
    """
    acts = _acts(paths, graph)
    groups: dict[int, list[int]] = {}
    for i, first in enumerate(joined(links(acts))):
        groups.setdefault(first, []).append(i)
    found = []
    for first, members in groups.items():  # paths come best first, so the first is the best
        events = paths.events[first][: paths.length[first]]
        if crossing and len(set(graph.host[events])) < 2:
            continue
        programs = {
            graph.names[end]
            for i in members if paths.z[i] >= ODD
            for e, act in zip(paths.events[i], acts[i], strict=False)
            if act.telling for end in (graph.src[e], graph.dst[e])
            if graph.types[end] == "process"
        }  # fmt: skip
        found.append(standing(float(paths.z[first]), len(programs)))
    return sorted(found, reverse=True)


def _acts(paths: Paths, graph: Graph) -> list[list[Act]]:
    """Return the events of paths as they count in merging; the same as incidents.acts says."""
    bits, score = paths.terms.sum(axis=2).tolist(), paths.score.tolist()
    events, place = np.unique(np.maximum(paths.events, 0), return_inverse=True)
    told = [
        getattr(graph, name)[events].tolist()
        for name in ("source", "record", "ts", "action", "src", "dst")
    ]
    # Each event once, whatever paths it is on; a path says only if it tells.
    plain = [
        Act((source, record), ts, action, src, graph.types[src], dst, graph.types[dst], False,
            is_peer(graph.types[dst], graph.labels[dst]))
        for source, record, ts, action, src, dst in zip(*told, strict=True)
    ]  # fmt: skip
    telling = [act._replace(telling=True) for act in plain]
    rows = [row.tolist() for row in place.reshape(paths.events.shape)]
    return [
        [
            (telling if is_telling(bits[i][at], score[i], length) else plain)[row[at]]
            for at in range(length)
        ]
        for i, (length, row) in enumerate(zip(paths.length.tolist(), rows, strict=True))
    ]


def to_findings(
    store: Store,
    graph: Graph,
    paths: Paths,
    model: str,
    calibration: "Calibration | None" = None,
) -> list[Finding]:
    """Return findings of a model, best first, with their raw records and incidents."""
    found = [_finding(graph, paths, i, model) for i in range(len(paths))]
    _add_evidence(store, graph, paths, found)
    groups = grouped(found)
    count_programs(groups)
    for finding in found:
        rule(finding, calibration)
    found.sort(key=rank)
    for place, finding in enumerate(found, 1):
        finding.rank = place
    settle(groups, {}, [], 0)
    return found


def _terms(
    values: np.ndarray[Any, Any], names: Sequence[str], used: Sequence[str]
) -> dict[str, float]:
    """Return the used terms by name; what marks take off only where there is one."""
    named = {name: float(bits) for name, bits in zip(names, values, strict=True)}
    return {name: bits for name, bits in named.items() if name in used or (name == MARK and bits)}


def rule(finding: Finding, calibration: "Calibration | None") -> None:
    """Set p_value, severity and alert of a finding by its standing; None if not calibrated."""
    finding.p_value = finding.severity = finding.alert = None
    if calibration is not None:
        at = finding.standing
        finding.p_value, finding.severity = calibration.p_value(at), calibration.severity(at)
        finding.alert = bool(at >= calibration.threshold)


def _finding(graph: Graph, paths: Paths, i: int, model: str) -> Finding:
    story = None if paths.stories is None else paths.stories[i]
    used = paths.used if story is None else story.used
    events = paths.events[i][: paths.length[i]]
    nodes = [int(graph.src[events[0]]), *(int(graph.dst[e]) for e in events)]
    ends = [(at, at + 1) for at in range(len(events))]
    if story is not None:  # its events are no chain
        both = [(int(graph.src[e]), int(graph.dst[e])) for e in events]
        nodes = list(dict.fromkeys(n for pair in both for n in pair))
        ends = [(nodes.index(u), nodes.index(v)) for u, v in both]
    entities = [
        Entity(
            id_text(graph.ids[n]), graph.types[n], graph.names[n],
            graph.labels[n], graph.details[n],
        )
        for n in nodes
    ]  # fmt: skip
    edges = [
        Edge(
            *ends[at], graph.action[e], rfc3339(graph.ts[e]),
            _terms(paths.terms[i, at], paths.names, used),
            graph.host[e],
        )
        for at, e in enumerate(events)
    ]  # fmt: skip
    host = graph.host[events[0]]
    if story is None:
        start, end = int(graph.ts[events[0]]), int(graph.ts[events[-1]])
        sequence = _sequence(graph, events, entities, edges)
    else:
        start, end = story.start, story.end
        sequence = [story.kind, *story.words]
    detector = model.partition("-")[0]
    found = Finding(
        id=finding_id(detector, host, sequence, rfc3339(start)[:10]),
        detector=detector,
        unit="window" if story is not None and story.measure else detector,
        score=float(paths.score[i]),
        z=float(paths.z[i]),
        p_value=None,
        severity=None,
        alert=None,
        host=host,
        start=rfc3339(start),
        end=rfc3339(end),
        title=title(entities),
        entities=entities,
        edges=edges,
        terms=dict(story.parts if story and story.parts else ())
        or _terms(paths.terms[i].sum(axis=0), paths.names, used),
        evidence=[],
        model=model,
        **_told(story),
    )
    if story is not None:
        about = told_row(found) if found.kind.partition(":")[0] == "table" else found.title
        found.title = story.title or f"{about}: {remark(found)}"
    return found


def _told(story: Story | None) -> dict[str, Any]:
    """Return what a finding says of a story."""
    if story is None:
        return {"count": 1}
    doubts = [
        Doubt(d.column, d.value, d.bits, d.likely, story.learned, d.first_seen)
        for d in story.doubts
    ]
    return {
        "count": story.count, "kind": story.kind, "doubts": doubts, "measure": story.measure
    }  # fmt: skip


def _sequence(
    graph: Graph, events: np.ndarray[Any, Any], entities: Sequence[Entity], edges: Sequence[Edge]
) -> list[str]:
    """Return the names and actions that make a path another one than others of its host."""
    host = graph.host[events[0]]
    sequence = [entities[0].name]
    told_src, told_dst = graph.told
    for e, edge, entity in zip(events, edges, entities[1:], strict=True):
        sequence += [edge.action, entity.name]
        if edge.action == "launch":
            sequence.append(graph.shapes[graph.dst[e]] or "")
        if graph.host[e] != host:  # the same names elsewhere are another path
            sequence.append(f"@{graph.host[e]}")
        # So are other names that the log told of what was found to be one: they were scored.
        for told, stands in ((told_src[e], graph.src[e]), (told_dst[e], graph.dst[e])):
            if graph.names[told] != graph.names[stands]:
                sequence.append(f"={graph.names[told]}")
    return sequence


def _add_evidence(store: Store, graph: Graph, paths: Paths, found: Sequence[Finding]) -> None:
    """Give each finding the place and text of the records behind its edges."""
    used = np.unique(paths.events[paths.events >= 0])
    if not len(used):
        return
    keys = {(int(graph.source[e]), int(graph.record[e])) for e in used}
    places = _places(store, keys)
    # A call that took a while is logged in two lines; the first one says what was asked for.
    sources = {source.source: source for source in store.sources}
    begun = {
        key: (_holder(sources, key[0], place.begun), place.begun)
        for key, place in places.items()
        if place.begun
    }
    places |= _places(store, set(begun.values()) - set(places))
    connection = store.connect()
    try:
        texts = rebuild_binary(store.sources, connection, places)
    finally:
        connection.close()
    lines = [(*key, p.offset, p.length) for key, p in places.items() if key not in texts]
    texts |= fetch(store.sources, lines)
    for i, finding in enumerate(found):
        for e in paths.events[i][: paths.length[i]]:
            key = (int(graph.source[e]), int(graph.record[e]))
            place = places.get(key, _Place(0, 0, 0, None))
            text = texts.get(key)
            if key in begun and text is not None:
                text = f"{texts.get(begun[key], '')} … {text}"
            finding.evidence.append(
                Evidence(sources[key[0]].path, key[1], place.line, text, key[0])
            )


def _holder(sources: dict[int, Source], source: int, record: int) -> int:
    """Return which source holds a record of a log that was read in parts as it grew."""
    while source in sources:
        before = sources[source].continues
        if before not in sources or record > sources[before].records:
            break
        source = before
    return source


class _Place(NamedTuple):
    offset: int
    length: int
    line: int
    begun: int | None


def _places(store: Store, keys: set[tuple[int, int]]) -> dict[tuple[int, int], _Place]:
    """Return where records lie, by (source, record)."""
    by_source: dict[int, list[int]] = {}
    for number, record in sorted(keys):
        by_source.setdefault(number, []).append(record)
    found: dict[tuple[int, int], _Place] = {}
    connection = store.connect()
    try:
        for number, records in by_source.items():
            rows = connection.execute(
                'SELECT record, "offset", length, line, begun FROM records '
                "WHERE source = ? AND record IN (SELECT unnest(?))",
                [number, records],
            ).fetchall()
            found |= {(number, row[0]): _Place(*row[1:]) for row in rows}
    finally:
        connection.close()
    return found
