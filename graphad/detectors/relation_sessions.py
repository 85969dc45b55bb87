"""Which lines make a session: those that name one value of a type, or a host's stretch of time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.detectors.relation_rows import TemplatesOf, events_of, lines_of
from graphad.graph import ALL, Graph, coded
from graphad.models.event_counts import EventCounts

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Sessions:
    """S sessions with L lines, those of each side by side and in order of time, by first line.

    counts: of the events of each; line [L]: events in the graph; event [L]: by counts.events;
    start [S + 1]: where the lines of each begin; value [S]: what its lines name, "" of a stretch of
    time; host [S]: of its first line; begin [S] us: of that, or of the stretch.
    """

    counts: EventCounts
    line: Ints
    event: Ints
    start: Ints
    value: Texts
    host: Texts
    begin: Ints

    def __len__(self) -> int:
        """Return S."""
        return len(self.value)

    def of(self, session: int) -> slice:
        """Return where the lines of a session are."""
        return slice(int(self.start[session]), int(self.start[session + 1]))


def sessions_of(
    graph: Graph, columns: Sequence[str], ids_of: TemplatesOf, session: str, window_us: int,
    chosen: Bools | None = None,
) -> Sessions:  # fmt: skip
    """Return the sessions of a graph's lines; chosen [E]: of these events alone.

    session: the type of value, or the column, that a line names its session by; "" for stretches of
    `window_us` of a host. Lines that name none are in no session; of several the first counts.
    """
    at = lines_of(graph, columns)
    if chosen is not None:
        at = at[chosen[at]]
    if session:
        named, values = _named(graph, at, columns, session)
        at = at[named]
        key, words = coded(pa.chunked_array([values]))
        begin = graph.ts[at]
    else:
        host, _ = coded(graph.host[at])
        begin = graph.ts[at] // window_us * window_us
        _, key = np.unique(np.stack([host, begin]), axis=1, return_inverse=True)
        key, words = key.ravel().astype(np.int64), []
    event, events = events_of(graph, at, columns, ids_of)
    # Sessions count in the order of their first lines.
    found, first, which = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    number = rank[which.ravel()]
    by = np.argsort(number, kind="stable")
    start = np.searchsorted(number[by], np.arange(len(found) + 1))
    names = [words[k] if words else "" for k in found[order].tolist()]
    return Sessions(
        EventCounts.of(number, event, events, len(found)), at[by], event[by], start,
        np.array([*names, None], object)[:-1], graph.host[at[first[order]]], begin[first[order]],
    )  # fmt: skip


def _named(graph: Graph, at: Ints, columns: Sequence[str], session: str) -> tuple[Ints, pa.Array]:
    """Return the places of lines that name a session, and its names."""
    take = pa.array(at)
    if columns:
        words = graph.fields[session].take(take)
        there = np.flatnonzero(words.is_valid().to_numpy(zero_copy_only=False))
        return there, words.take(pa.array(there))
    told = graph.fields[ALL].take(take)
    flat = told.flatten()
    line = np.repeat(np.arange(len(at)), np.diff(told.offsets.to_numpy()))
    kinds, names = coded(pa.chunked_array([flat.field("type")]))
    mine = np.flatnonzero(kinds == (names.index(session) if session in names else -1))
    there, first = np.unique(line[mine], return_index=True)
    return there, flat.field("value").take(pa.array(mine[first]))
