"""The time axis of a report's pictures: stretches of one length, empty ones left out."""

from collections.abc import Iterable
from dataclasses import dataclass

HOUR = 3_600_000_000
# Lengths of a stretch, us: the shortest is taken of which there are not too many.
LENGTHS = (
    *(HOUR * h for h in (1, 2, 3, 6, 12)), *(24 * HOUR * d for d in (1, 2, 7, 14, 28, 91, 364)),
)  # fmt: skip
FINER = (60_000_000, 300_000_000, 900_000_000)  # where all is within FEW hours
FEW = 3
MOST = 96  # stretches


@dataclass(frozen=True)
class Axis:
    """Stretches [start, start + length) of UTC microseconds in which anything was logged."""

    length: int
    starts: tuple[int, ...]

    def column(self, ts: int) -> int | None:
        """Return the place of the stretch that a moment is in, None if that is left out."""
        low, high = 0, len(self.starts)
        while low < high:
            middle = (low + high) // 2
            if self.starts[middle] <= ts:
                low = middle + 1
            else:
                high = middle
        found = low - 1
        return found if found >= 0 and ts < self.starts[found] + self.length else None

    def at(self, ts: int) -> float | None:
        """Return where a moment is, in stretches from the axis' beginning."""
        column = self.column(ts)
        return None if column is None else column + (ts - self.starts[column]) / self.length

    def breaks(self) -> list[int]:
        """Return the places of stretches before which others were left out."""
        starts = self.starts
        return [i for i in range(1, len(starts)) if starts[i] - starts[i - 1] != self.length]

    @property
    def unit(self) -> str:
        """Return how long a stretch is, in words."""
        for size, word in ((24 * HOUR, "day"), (HOUR, "hour"), (60_000_000, "minute")):
            if self.length % size == 0:
                count = self.length // size
                return f"{count} {word}{'s' * (count != 1)}"
        raise AssertionError(self.length)


def axis(moments: Iterable[int]) -> Axis:
    """Return the axis of moments [us], with as fine stretches as can be told apart.

    Hours where they fit, for they are what people compare; finer ones where there are few hours.

    >>> axis([0, 90 * HOUR]).unit, axis([5]).unit
    ('1 hour', '1 minute')
    """
    distinct = set(moments)
    lengths = LENGTHS
    if distinct and max(distinct) // HOUR - min(distinct) // HOUR < FEW:
        lengths = FINER + LENGTHS
    for length in lengths:
        starts = {ts // length for ts in distinct}
        if len(starts) <= MOST:
            break
    else:  # longer than a millennium: time stamps that are no times
        length = LENGTHS[-1] * -(-len(starts) // MOST)
        while len(starts := {ts // length for ts in distinct}) > MOST:
            length *= 2
    return Axis(length, tuple(start * length for start in sorted(starts)))
