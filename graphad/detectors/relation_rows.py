"""Relations of a graph's events: each distinct one once an hour of a host.

Of a text log an event is a template, and it is related to its component, its host, and each value
that its line has. Of a table the first column is the event, and the others are what it is with.
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.graph import ALL, HOUR, Graph, coded
from graphad.models.relations import Relations

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Slots = Mapping[str, Sequence[int]]  # of templates: which words of a line are values, by place
TemplatesOf = Callable[[Sequence[str]], Sequence[str]]  # ids of masked lines

COMPONENT, HOST = "component", "host"
PROVIDER = "provider"
TEXT_FIELDS = (ALL, PROVIDER)
_WRITE = "write"
_AMOUNTS = frozenset({"num", "duration", "size", "time"})  # types of values that are no names
_SEED = np.uint64(int.from_bytes(os.urandom(8), "little"))


@dataclass(frozen=True)
class Rows:
    """R rows, in the order of their first events; those of events alone come last.

    relations: R of them, each in a line of its own; event [R]: first event in the graph; first,
    last [R] us; count [R] events; host [R]: by number; hosts: their names. alone: the same of
    distinct events [A] by themselves, whose `event_of` [A] is in relations.events. fine: the same
    relations once a window of a host, if asked for.
    """

    relations: Relations
    event: Ints
    first: Ints
    last: Ints
    count: Ints
    host: Ints
    alone: "Alone"
    hosts: list[str]
    fine: "Fine | None" = None


@dataclass(frozen=True)
class Alone:
    """Distinct events [A] of an hour and host, by themselves; see Rows."""

    event_of: Ints
    event: Ints
    first: Ints
    last: Ints
    count: Ints
    host: Ints

    def __len__(self) -> int:
        """Return A."""
        return len(self.event)


@dataclass(frozen=True)
class Fine:
    """F relations, each once a window of a host and in a line of its own; row [F]: see Rows."""

    relations: Relations
    row: Ints


def lines_of(graph: Graph, columns: Sequence[str]) -> Ints:
    """Return which events of a graph are lines: those that a template was written in, or rows."""
    if columns:
        first = np.ones(len(graph), bool)
        key = np.stack([graph.source, graph.record])
        first[1:] = (key[:, 1:] != key[:, :-1]).any(axis=0)  # a row may make several events
        return np.flatnonzero(first)
    template = graph.are({"template"})[graph.dst]
    return np.flatnonzero(template & (graph.action == _WRITE))


def masked_lines(graph: Graph) -> Counter[str]:
    """Return the masked lines that a graph's templates are learned from, and how often each is."""
    used, often = np.unique(graph.dst[lines_of(graph, ())], return_counts=True)
    found: Counter[str] = Counter()
    for n, count in zip(used, often.tolist(), strict=True):
        found[str(graph.labels[n])] += count
    return found


def rows_of(
    graph: Graph, columns: Sequence[str], ids_of: TemplatesOf, chosen: Bools | None = None,
    window_us: int | None = None, slots: Slots | None = None,
) -> Rows:  # fmt: skip
    """Return the relations of a graph's lines; chosen [E]: of these events alone.

    window_us: give them by such windows, too; an hour is some of them. slots: of templates.
    """
    at = lines_of(graph, columns)
    if chosen is not None:
        at = at[chosen[at]]
    event, events = events_of(graph, at, columns, ids_of)
    words = worded(graph, at, event, events, slots or {})
    line, node, nodes = _nodes(graph, at, columns, words)
    host, hosts = coded(graph.host[at])
    ts = graph.ts[at]
    alone = Alone(*_distinct([event], at, ts, host)[:-1])
    every = np.arange(len(line))
    told = [event[line], node], at[line], ts[line], host[line], every
    code, first_at, first, last, count, where, row = _distinct(*told)
    n = np.arange(len(code))
    relations = Relations(first, event[line[code]], n, node[code], events, nodes)
    fine = None
    if window_us is not None:
        one, _, when, *_ = _distinct(*told, window_us)
        lines = np.arange(len(one))
        parts = Relations(when, event[line[one]], lines, node[one], events, nodes)
        fine = Fine(parts, row[one])
    return Rows(relations, first_at, first, last, count, where, alone, hosts, fine)


def _distinct(
    codes: list[Ints], at: Ints, ts: Ints, host: Ints, told: Ints | None = None,
    window_us: int = HOUR,
) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints, Ints]:  # fmt: skip
    """Return the distinct rows of windows of hosts, by the first of each.

    These are themselves, their event, first, last, count and host; and which of them each row is.
    told: what stands for a row; the first code if not given.
    """
    from graphad.scan.tuples import distinct_rows

    first, which = distinct_rows(np.stack([*codes, host, ts // window_us]), _SEED)
    last = np.zeros(len(first), np.int64)
    np.maximum.at(last, which, ts)
    count = np.bincount(which, minlength=len(first)).astype(np.int64)
    row = codes[0] if told is None else told
    return row[first], at[first], ts[first], last, count, host[first], which.astype(np.int64)


def events_of(
    graph: Graph, at: Ints, columns: Sequence[str], ids_of: TemplatesOf
) -> tuple[Ints, list[str]]:
    """Return the event of each line, by number, and their names."""
    if columns:
        words = graph.fields[columns[0]].take(pa.array(at)).fill_null("")
        return coded(pa.chunked_array([words]))
    used, where = np.unique(graph.dst[at], return_inverse=True)
    ids = list(ids_of([str(graph.labels[n]) for n in used]))
    code, names = coded(ids)
    return code[where], names


def worded(
    graph: Graph, at: Ints, event: Ints, events: Sequence[str], slots: Slots
) -> list[tuple[str, Ints, pa.Array]]:
    """Return the words of lines that differ within their templates: type, lines and words of each.

    The n-th such word of a template is a "word n".
    """
    if not slots or not len(at):
        return []
    used, first, where = np.unique(graph.dst[at], return_index=True, return_inverse=True)
    held: list[list[str | None]] = []
    for number, (entity, line) in enumerate(zip(used.tolist(), first.tolist(), strict=True)):
        places = slots.get(events[int(event[line])], ())
        words = str(graph.labels[entity]).split() if places else []
        for n, place in enumerate(places):
            if n == len(held):
                held.append([None] * len(used))
            held[n][number] = words[place] if place < len(words) else None
    found = []
    for n, column in enumerate(held):
        told = pa.array(column, pa.string()).take(pa.array(where.ravel()))
        there = np.flatnonzero(told.is_valid().to_numpy(zero_copy_only=False))
        found.append((f"word {n + 1}", there, told.take(pa.array(there))))
    return found


def _nodes(
    graph: Graph, at: Ints, columns: Sequence[str], words: Sequence[tuple[str, Ints, pa.Array]]
) -> tuple[Ints, Ints, list[tuple[str, str]]]:
    """Return lines and nodes of relations, in order of lines, and the nodes' types and values."""
    every = np.arange(len(at))
    take = pa.array(at)
    parts = list(words)  # type, lines, values
    for name in columns[1:]:
        column = graph.fields[name].take(take)
        there = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
        parts.append((name, there, column.take(pa.array(there))))
    if not columns:
        provider = graph.fields[PROVIDER].take(take)
        there = np.flatnonzero(provider.is_valid().to_numpy(zero_copy_only=False))
        parts.append((COMPONENT, there, provider.take(pa.array(there))))
        parts.append((HOST, every, pa.array(graph.host[at], pa.string())))
        listed = graph.fields[ALL].take(take)
        flat = listed.flatten()
        sizes = np.diff(listed.offsets.to_numpy())
        line = np.repeat(every, sizes)
        kinds, names = coded(pa.chunked_array([flat.field("type")]))
        values = flat.field("value")
        for number, kind in enumerate(names):
            if kind in _AMOUNTS:
                continue
            mine = np.flatnonzero(kinds == number)
            parts.append((kind, line[mine], values.take(pa.array(mine))))
    nodes: list[tuple[str, str]] = []
    lines, codes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for kind, line, told in parts:
        code, values = coded(pa.chunked_array([told]))
        lines.append(line)
        codes.append(code + len(nodes))
        nodes += [(kind, value) for value in values]
    line, code = np.concatenate(lines), np.concatenate(codes)
    order = np.lexsort((code, line))
    return line[order], code[order], nodes
