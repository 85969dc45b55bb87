"""How often each event occurs in each window or session: sparse vectors of counts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphad.models.codes import changes
from graphad.models.graph_batch import ranges
from graphad.models.relations import Relations

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EventCounts:
    """Counts of W windows: those of window w are start[w] to start[w + 1], events rising.

    start [W + 1]; event, count [K], counts at least 1; events: names.
    """

    start: Ints
    event: Ints
    count: Ints
    events: Sequence[str]

    def __len__(self) -> int:
        """Return W."""
        return len(self.start) - 1

    @classmethod
    def of(
        cls, window: npt.ArrayLike, event: npt.ArrayLike, events: Sequence[str], windows: int
    ) -> "EventCounts":
        """Count lines [L], each of a window and an event, in any order.

        Raises: ValueError: a window or event is named that is not there.

        >>> found = EventCounts.of([1, 0, 1, 1], [0, 1, 2, 0], ["a", "b", "c"], 2)
        >>> found.start.tolist(), found.event.tolist(), found.count.tolist()
        ([0, 1, 3], [1, 0, 2], [1, 2, 1])
        """
        of_window, of_event = np.asarray(window, np.int64), np.asarray(event, np.int64)
        for codes, size in ((of_window, windows), (of_event, len(events))):
            if len(codes) and not 0 <= codes.min() <= codes.max() < size:
                raise ValueError("A line has a window or an event that is not there.")
        order = np.lexsort((of_event, of_window))
        of_window, of_event = of_window[order], of_event[order]
        first = np.flatnonzero(changes(of_window, of_event))
        count = np.diff(np.append(first, len(order)))
        start = np.searchsorted(of_window[first], np.arange(windows + 1))
        return cls(start, of_event[first], count, events)

    @classmethod
    def joined(cls, parts: "Sequence[EventCounts]") -> "EventCounts":
        """Return the windows of all parts, in that order, by names in order."""
        names = sorted({name for part in parts for name in part.events})
        place = {name: code for code, name in enumerate(names)}
        window, event, count, before = [], [], [], 0
        for part in parts:
            codes = np.array([place[name] for name in part.events], np.int64)
            window.append(part.window + before)
            event.append(codes[part.event] if len(codes) else part.event)
            count.append(part.count)
            before += len(part)
        every = [np.concatenate([np.zeros(0, np.int64), *one]) for one in (window, event, count)]
        order = np.lexsort((every[1], every[0]))
        start = np.searchsorted(every[0][order], np.arange(before + 1))
        return cls(start, every[1][order], every[2][order], names)

    @classmethod
    def of_windows(cls, relations: Relations, step_us: int) -> tuple["EventCounts", Ints]:
        """Count the events of lines between multiples of a step; also return the windows' numbers.

        Windows without lines are left out; number n begins at n * step_us.
        """
        number, window = np.unique(relations.ts // step_us, return_inverse=True)
        made = cls.of(window.ravel(), relations.event, relations.events, len(number))
        return made, number

    @property
    def window(self) -> Ints:
        """Return the window of each count [K]."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    def take(self, windows: npt.ArrayLike) -> "EventCounts":
        """Return some windows, a mask or numbers in the order that is wanted."""
        chosen = np.arange(len(self))[np.asarray(windows)]
        at, start = ranges(self.start[chosen], self.start[chosen + 1])
        return EventCounts(start, self.event[at], self.count[at], self.events)
