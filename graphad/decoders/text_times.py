"""Times of text lines: the year and the zone that a stamp leaves out are taken from elsewhere.

The year of the first stamp without one is the last in which it is not in the future. From there on
a step back by more than half a year is New Year's.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad.jit import kernel
from graphad.scan.text_stamps import LEAP, NO_YEAR, NO_ZONE, ORDER_GUESSED
from graphad.scan.timestamps import days_from_civil
from graphad.scan.words import Ints

DAY = 86_400_000_000  # us
_HALF_YEAR = 182 * DAY
GUESSES = {NO_YEAR: "year", NO_ZONE: "zone", ORDER_GUESSED: "order"}


class Clock(NamedTuple):
    """The year that the last stamp without one was put in, and that stamp; 0 0 before any."""

    year: int = 0
    last: int = 0


def newest_year(us: int, now: datetime) -> int:
    """Return the last year in which a stamp, whose microseconds are in LEAP, is not in the future.

    A day is allowed for clocks and zones.
    """
    latest = int((now + timedelta(days=1)).timestamp() * 1_000_000)
    year = now.year + 1
    while _moved(us, year) > latest:
        year -= 1
    return year


def dated(us: Ints, flags: Ints, clock: Clock, year: int | None) -> tuple[Ints, Clock]:
    """Return times with their years, and the clock after them. `year`: of the first, if known."""
    without = np.flatnonzero(flags & NO_YEAR)
    if not len(without):
        return us, clock
    if not clock.year:
        first = int(us[without[0]])
        clock = Clock(year or newest_year(first, datetime.now(UTC)), first)
    us = us.copy()
    last = _dated(us, without, clock.year, clock.last)
    return us, Clock(*map(int, last))


@kernel
def _moved(us: int, year: int) -> int:
    """Return a time in LEAP as it is in another year."""
    day = us // DAY
    start = days_from_civil(LEAP, 1, 1)
    moved = day - start + days_from_civil(year, 1, 1)
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not leap and day >= days_from_civil(LEAP, 3, 1):
        moved -= 1
    return us + (moved - day) * DAY


@kernel
def _dated(us: Ints, rows: Ints, year: int, last: int) -> tuple[int, int]:
    for row in rows:
        now = us[row]
        if now < last - _HALF_YEAR:
            year += 1
        elif now > last + _HALF_YEAR:
            year -= 1
        last = now
        us[row] = _moved(now, year)
    return year, last


def in_utc(us: Ints, flags: Ints, zone: str) -> Ints:
    """Return times in UTC: those whose zone is not known are of the clocks of `zone`.

    An hour that a zone has twice is the first one; one that it leaves out is the hour after.
    """
    local = np.flatnonzero(flags & NO_ZONE)
    if zone == "UTC" or not len(local):
        return us
    naive = pa.array(us[local], pa.timestamp("us"))
    placed = pc.assume_timezone(naive, zone, ambiguous="earliest", nonexistent="latest")
    us = us.copy()
    us[local] = placed.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
    return us


def guesses(flags: npt.NDArray[np.int64]) -> tuple[list[str], Ints]:
    """Return texts that name what was guessed, the first one empty, and which one each row has."""
    mask = sum(GUESSES)
    found, which = np.unique(np.append(0, flags & mask), return_inverse=True)
    texts = [" ".join(name for bit, name in GUESSES.items() if code & bit) for code in found]
    return texts, which[1:]
