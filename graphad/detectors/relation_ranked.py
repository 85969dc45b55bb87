"""Relations judged in their windows by a network, alone or beside how seldom they were.

What both say is put into one number by the shares of quiet relations that reach their scores. Those
are of hours that neither had learned from. Source: our notes on GLAD, 12.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from graphad.detectors.relation_rows import Fine, Rows
from graphad.errors import GraphadError
from graphad.graph import HOUR
from graphad.models.codes import changes
from graphad.models.relation_counts import RelationCounts
from graphad.models.relation_network import RelationNetwork
from graphad.models.relation_ranks import rank_average
from graphad.models.relations import Relations, joined
from graphad.models.tails import Tail

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Told = Callable[[int, tuple[float, float]], None]

WINDOW = 300_000_000  # us; an hour is some of them
LEAST_HOURS = 5
_LEARNED = 0.8  # of the hours; the rest says how high quiet scores are
_LEAST = 1e-3  # slope of the tail of the network's scores


@dataclass
class Ranked:
    """A trained network, and the tails of its quiet scores and, if they count too, of surprisal."""

    network: RelationNetwork
    tails: tuple[Tail, ...]

    @classmethod
    def fit(
        cls, every: Sequence[Rows], network: RelationNetwork, alone: bool,
        told: Told | None = None, checkpoint: Path | None = None,
    ) -> tuple["Ranked", dict[str, Floats]]:  # fmt: skip
        """Learn from the first hours of quiet rows; also return the bits of the later, by type.

        alone: the network alone. Raises: GraphadError: there are too few hours.
        """
        hours = np.unique(np.concatenate([rows.first // HOUR for rows in every]))
        if len(hours) < LEAST_HOURS:
            raise GraphadError(
                f"There are {len(hours)} hours to learn from; a network takes {LEAST_HOURS}.",
                hint="Fit on a longer window, or take --model surprisal.",
            )
        cut = hours[int(len(hours) * _LEARNED)]
        early = [taken(rows, rows.first // HOUR < cut) for rows in every]
        late = [taken(rows, rows.first // HOUR >= cut) for rows in every]
        known = joined([rows.relations for rows in early])
        if not len(known) or not any(len(rows.relations) for rows in late):
            raise GraphadError(
                "There are no relations in the first or in the last hours to learn from.",
                hint="Fit on a longer window, or take --model surprisal.",
            )
        network.fit(apart(joined([fine(rows).relations for rows in early]), network), told,
                    checkpoint=checkpoint)  # fmt: skip
        counts = RelationCounts("surprisal").fit(known)
        made = cls(network, ())
        parts = [made.scores(rows, counts, alone) for rows in late]
        fresh = [fresh_of(rows.relations, counts) for rows in late]
        ours = [np.concatenate(one) for one in zip(*parts, strict=True)]
        seen = ~np.concatenate(fresh)
        if not seen.any():
            raise GraphadError(
                "No message of the last hours is known from the first ones.",
                hint="Fit on a longer window, or take --model surprisal.",
            )
        made.tails = tuple(Tail.fit(one[seen], _LEAST) for one in ours)
        bits = rank_average(made.tails, ours)[seen]
        kinds = np.concatenate(
            [np.array([k for k, _ in rows.relations.nodes], object)[rows.relations.node]
             for rows in late]
        )[seen]  # fmt: skip
        # Types of values that the last hours lack are held against all others.
        names = {kind for rows in every for kind, _ in rows.relations.nodes}
        held = {kind: bits[kinds == kind] for kind in sorted(names)}
        return made, {kind: mine if len(mine) else bits for kind, mine in held.items()}

    def bits(self, rows: Rows, counts: RelationCounts) -> Floats:
        """Return the bits of rows [R]; of messages that were never seen, none."""
        bits = rank_average(self.tails, self.scores(rows, counts, len(self.tails) == 1))
        return np.where(fresh_of(rows.relations, counts), 0.0, bits)

    def scores(self, rows: Rows, counts: RelationCounts, alone: bool) -> list[Floats]:
        """Return the network's scores of rows [R], each its highest, and their surprisal.

        Hours are scored one by one, so that not even the last digit hangs on which others are.
        """
        windows = fine(rows)
        hours = windows.relations.ts // HOUR
        begins = np.flatnonzero(changes(hours))
        highest = np.full(len(rows.relations), -np.inf)
        for begin, end in zip(begins, [*begins[1:], len(hours)], strict=True):
            part = named(windows.relations.take(np.arange(begin, end)))
            np.maximum.at(highest, windows.row[begin:end], self.network.score(part))
        return [highest] if alone else [highest, counts.score(rows.relations).bits]

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return settings and arrays for `restore`."""
        told, arrays = self.network.dump()
        tails = [tail.dump() for tail in self.tails]
        held = {f"network/{name}": array for name, array in arrays.items()}
        held |= {f"quiet/{number}": scores for number, (_, scores) in enumerate(tails)}
        return {"network": told, "tails": [about for about, _ in tails]}, held

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "Ranked":
        """Return what `dump` gave. Raises: ModelError, KeyError, TypeError, ValueError."""
        network = {
            name.partition("/")[2]: a for name, a in arrays.items() if name.startswith("network/")
        }
        tails = tuple(
            Tail.restore(about, arrays[f"quiet/{number}"])
            for number, about in enumerate(told["tails"])
        )
        if not 1 <= len(tails) <= 2:
            raise ValueError("tails")
        return cls(RelationNetwork.restore(told["network"], network), tails)


def fine(rows: Rows) -> Fine:
    """Return the relations by windows. Raises: ValueError: they were not asked for."""
    if rows.fine is None:
        raise ValueError("A network needs relations by windows.")
    return rows.fine


def taken(rows: Rows, kept: Bools) -> Rows:
    """Return some rows [R], with their windows; those of events alone stay."""
    windows = fine(rows)
    mine = kept[windows.row]
    place = np.cumsum(kept) - 1
    part = Fine(windows.relations.take(mine), place[windows.row[mine]])
    return replace(
        rows, relations=rows.relations.take(kept), event=rows.event[kept], first=rows.first[kept],
        last=rows.last[kept], count=rows.count[kept], host=rows.host[kept], fine=part,
    )  # fmt: skip


def apart(relations: Relations, network: RelationNetwork) -> Relations:
    """Return relations with hours so far apart that none is in another's past.

    A window of a store may be cut between two hours, and that must not change what is found.
    """
    gap = network.past * network.step_us
    return replace(relations, ts=relations.ts + relations.ts // HOUR * gap)


def named(relations: Relations) -> Relations:
    """Return relations with the names they use alone, in order."""
    events, event = np.unique(relations.event, return_inverse=True)
    nodes, node = np.unique(relations.node, return_inverse=True)
    part = replace(
        relations, event=event.astype(np.int64), node=node.astype(np.int64),
        events=[relations.events[e] for e in events], nodes=[relations.nodes[n] for n in nodes],
    )  # fmt: skip
    return joined([part])


def fresh_of(relations: Relations, counts: RelationCounts) -> Bools:
    """Return which relations [R] are of an event that was never seen."""
    new = np.array([not counts.knows(name) for name in relations.events], bool)
    return new[relations.of_event] if len(relations) else np.zeros(0, bool)
