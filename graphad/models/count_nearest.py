"""How far the counts of events in a window or session are from the nearest ones of quiet time.

The distance of a and b is sum |a - b| / sum max(a, b): 0 for equal counts, 1 where no event is
shared. Source: the count vectors of Landauer, Skopik, Wurzenberger, A critical review of common log
data sets used for evaluation of sequence-based anomaly detection techniques, FSE 2024 (ECVC).
Simple as it is, it keeps up with deep models there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.errors import ModelError, NotFitted
from graphad.jit import kernel
from graphad.models.event_counts import EventCounts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Difference(NamedTuple):
    """How often an event occurs here, and in the nearest quiet window."""

    event: str
    here: int
    there: int


@dataclass
class CountNearest:
    """Scores windows by the distance to the nearest distinct window of the fit; 1 is the farthest.

    idf: events count by log10((1 + N) / n), n of the N windows of the fit have it (an unseen one as
    if n were 1); new_events: 1 is added where an event occurs that the fit never had.
    events_: names, by the codes of learned_, the distinct windows by their totals; met_ [E]: in how
    many windows each event was; windows_: N.
    """

    idf: bool = False
    new_events: bool = False
    events_: tuple[str, ...] = ()
    learned_: EventCounts | None = field(default=None, repr=False)
    met_: Ints = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    windows_: int = 0

    def fit(self, quiet: EventCounts) -> "CountNearest":
        """Remember the distinct windows of quiet time. Raises: ValueError: there is none."""
        if not len(quiet):
            raise ValueError("A fit needs at least one window.")
        met = np.bincount(quiet.event, minlength=len(quiet.events))
        seen = np.flatnonzero(met)
        self.events_ = tuple(quiet.events[int(e)] for e in seen)
        self.met_, self.windows_ = met[seen].astype(np.int64), len(quiet)
        event = np.searchsorted(seen, quiet.event)
        rows = [
            (tuple(event[a:b].tolist()), tuple(quiet.count[a:b].tolist()))
            for a, b in zip(quiet.start[:-1], quiet.start[1:], strict=True)
        ]
        distinct = sorted(set(rows))
        start = np.concatenate([[0], np.cumsum([len(row[0]) for row in distinct])])
        flat = [np.array([x for row in distinct for x in row[i]], np.int64) for i in (0, 1)]
        counts = EventCounts(start.astype(np.int64), flat[0], flat[1], self.events_)
        # In the order of their totals the nearest one is soon found.
        totals = _totals(counts, self._weights(self._codes(self.events_)))
        self.learned_ = counts.take(np.argsort(totals, kind="stable"))
        return self

    def score(self, counts: EventCounts) -> Floats:
        """Return the scores [W]. Raises: NotFitted."""
        found = self.nearest(counts)[0]
        if self.new_events:
            new = self._codes(counts.events)[counts.event] < 0
            found[np.unique(counts.window[new])] += 1.0
        return found

    def nearest(self, counts: EventCounts) -> tuple[Floats, Ints]:
        """Return the distance [W] to the nearest window of the fit, and its number in `learned_`.

        Of equally near ones it is the first. Raises: NotFitted.
        """
        learned = self._known()
        codes = self._codes(counts.events)
        mine, theirs = self._weights(codes), self._weights(self._codes(self.events_))
        # Unseen events match nothing; all of them may be one code beyond the known ones.
        event = np.where(codes < 0, len(self.events_), codes)[counts.event]
        order = np.lexsort((event, counts.window))
        value = (counts.count * mine[counts.event])[order]
        return _nearest(
            counts.start, event[order], value,
            learned.start, learned.event, learned.count * theirs[learned.event],
            _totals(learned, theirs), len(self.events_),
        )  # fmt: skip

    def explain(self, counts: EventCounts, window: int) -> list[Difference]:
        """Return which events of a window differ from the nearest one, the weightiest first.

        Raises: NotFitted.
        """
        learned, one = self._known(), counts.take([window])
        _, near = self.nearest(one)
        a, b = learned.start[near[0]], learned.start[near[0] + 1]
        there = {
            self.events_[e]: c
            for e, c in zip(learned.event[a:b].tolist(), learned.count[a:b].tolist(), strict=True)
        }
        here = {
            counts.events[e]: c for e, c in zip(one.event.tolist(), one.count.tolist(), strict=True)
        }
        names = sorted(here.keys() | there.keys())
        weight = dict(zip(names, self._weights(self._codes(names)).tolist(), strict=True))
        found = [Difference(name, here.get(name, 0), there.get(name, 0)) for name in names]
        differ = [one for one in found if one.here != one.there]
        return sorted(differ, key=lambda d: -abs(d.here - d.there) * weight[d.event])

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return settings and arrays for `restore`."""
        learned = self._known()
        told = {
            "settings": {"idf": self.idf, "new_events": self.new_events},
            "learned": {"events": list(self.events_), "windows": self.windows_},
        }
        arrays = {"start": learned.start, "event": learned.event, "count": learned.count}
        return told, {**arrays, "met": self.met_}

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "CountNearest":
        """Return what `dump` gave. Raises: ModelError if it doesn't hang together."""
        try:
            learned, settings = told["learned"], told["settings"]
            made = cls(**settings)
            events = tuple(learned["events"])
            start, event, count, met = (arrays[n] for n in ("start", "event", "count", "met"))
            if any(a.dtype != np.int64 or a.ndim != 1 for a in (start, event, count, met)):
                raise ValueError("types")
            if not all(isinstance(on, bool) for on in settings.values()):
                raise ValueError("settings")
            windows = learned["windows"]
            if not isinstance(windows, int) or not all(isinstance(e, str) for e in events):
                raise ValueError("names")
            made.events_, made.met_, made.windows_ = events, met, windows
            made.learned_ = EventCounts(start, event, count, events)
            if len(set(events)) != len(events) or not made._whole(made.learned_):
                raise ValueError("shapes or values")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ModelError(f"The counts of events are damaged: {error}.") from error
        return made

    def _whole(self, learned: EventCounts) -> bool:
        """Return whether all that was learned hangs together."""
        start, event, count, met = learned.start, learned.event, learned.count, self.met_
        if len(start) < 2 or start[0] != 0 or start[-1] != len(event) or (np.diff(start) < 0).any():
            return False
        if len(count) != len(event) or len(met) != len(self.events_):
            return False
        if len(event) and not 0 <= event.min() <= event.max() < len(self.events_):
            return False
        inside = np.ones(max(len(event) - 1, 0), bool)
        cuts = start[1:-1]
        inside[cuts[(cuts > 0) & (cuts < len(event))] - 1] = False
        rising = (np.diff(event)[inside] > 0).all() if len(event) else True
        good = (count >= 1).all() and (met >= 1).all() and (met <= self.windows_).all()
        totals = _totals(learned, self._weights(self._codes(self.events_)))
        return bool(rising and good and (np.diff(totals) >= 0).all() and (count < 2**52).all())

    def _codes(self, names: Sequence[str]) -> Ints:
        """Return the code of each name, -1 if the fit never had it."""
        known = {name: code for code, name in enumerate(self.events_)}
        return np.array([known.get(name, -1) for name in names], np.int64)

    def _weights(self, codes: Ints) -> Floats:
        """Return what one occurrence of each event counts."""
        if not self.idf:
            return np.ones(len(codes))
        met = np.append(self.met_, 1)[codes]
        found: Floats = np.log10((1.0 + self.windows_) / met)
        return found

    def _known(self) -> EventCounts:
        if self.learned_ is None:
            raise NotFitted("count neighbour")
        return self.learned_


def _totals(counts: EventCounts, weight: Floats) -> Floats:
    return np.bincount(
        counts.window, counts.count * weight[counts.event], minlength=len(counts)
    ).astype(np.float64)


@kernel
def _nearest(
    start: Ints, event: Ints, value: Floats,
    begin: Ints, known: Ints, weight: Floats, total: Floats, events: int,
) -> tuple[Floats, Ints]:  # fmt: skip
    """Return the distance to the nearest of the known vectors, rising by total, and its number.

    From the one whose total is nearest outwards: the distance is at least 1 - the smaller total by
    the larger one, so that most are never looked at.
    """
    windows, found = len(start) - 1, len(begin) - 1
    far, near = np.ones(windows), np.zeros(windows, np.int64)
    here = np.zeros(events + 1)
    for w in range(windows):
        mine = 0.0
        for i in range(start[w], start[w + 1]):
            mine += value[i]
            if event[i] < events:
                here[event[i]] += value[i]
        up = int(np.searchsorted(total, mine))
        down = up - 1
        best, which = np.inf, found
        while down >= 0 or up < found:
            low = 1.0 - total[down] / mine if down >= 0 and mine > 0.0 else np.inf
            high = 1.0 - mine / total[up] if up < found and total[up] > 0.0 else np.inf
            if up < found and total[up] <= 0.0:
                high = 0.0
            if down >= 0 and mine <= 0.0:
                low = 0.0
            if min(low, high) > best + 1e-12:
                break
            at = up if high <= low else down
            if high <= low:
                up += 1
            else:
                down -= 1
            shared = 0.0
            for i in range(begin[at], begin[at + 1]):
                shared += min(weight[i], here[known[i]])
            most = mine + total[at] - shared
            d = max(1.0 - shared / most, 0.0) if most > 0.0 else 0.0
            if d < best - 1e-12 or (d < best + 1e-12 and at < which):
                best, which = min(d, best), at
        far[w], near[w] = best, which
        for i in range(start[w], start[w + 1]):
            here[event[i]] = 0.0
    return far, near
