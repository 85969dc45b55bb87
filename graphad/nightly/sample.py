"""Hours of hosts drawn from a large day, so that its scores are compared without scoring it anew.

Each host gives as many hours, so that one that moved is seen; what crosses hosts is taken from as
large a share of the day's hours. The draw follows from the day alone: it is the same when repeated.
"""

from random import Random
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.detect import Detector
from graphad.graph import HOUR
from graphad.judge import incident_maxima
from graphad.store import Store

SIZE = 200  # hours of hosts; a share of them is known to a standard error of 0.035 at most
WHOLE = 2 * SIZE  # up to as many are all taken


class Drawn(NamedTuple):
    """Hours of hosts (host, hours since 1970), whole hours for what crosses hosts, of how many."""

    hours: list[tuple[str, int]]
    crossing: list[int]
    of: int


def draw(every: dict[str, list[int]], seed: str) -> Drawn | None:
    """Return a sample of the hours of each host; None: there are so few that all are taken.

    Of each host as many, at least one, as give SIZE together; a host with fewer gives all.
    """
    total = sum(map(len, every.values()))
    if total <= WHOLE:
        return None
    each = -(-SIZE // len(every))
    random = Random(seed)
    hours = [
        (host, hour)
        for host in sorted(every)
        for hour in sorted(random.sample(sorted(every[host]), min(each, len(every[host]))))
    ]
    known = sorted({hour for mine in every.values() for hour in mine})
    most = max(round(len(known) * len(hours) / total), 1)
    return Drawn(hours, sorted(random.sample(known, most)), total)


def active(store: Store, begin: int, end: int) -> dict[str, list[int]]:
    """Return the hours (since 1970) of [begin, end) with events, by host."""
    connection = store.connect()
    try:
        rows = connection.execute(
            f"""SELECT DISTINCT coalesce(e.host, ''), epoch_us(e.ts) // {HOUR}
                FROM edges e WHERE {store.window(begin, end)}"""
        ).fetchall()
    finally:
        connection.close()
    found: dict[str, list[int]] = {}
    for host, hour in rows:
        found.setdefault(host, []).append(int(hour))
    return found


def maxima(detector: Detector, store: Store, drawn: Drawn) -> npt.NDArray[np.float64]:
    """Return the best z of each incident of the drawn hours, as judge.quiet_reference does."""
    found: list[float] = []
    first, last = (pick(hour for _, hour in drawn.hours) for pick in (min, max))
    graph = store.graph(
        first * HOUR, (last + 1) * HOUR, fields=detector.fields, hours=drawn.hours
    )  # fmt: skip
    for part, paths in detector.hourly(graph):
        found += incident_maxima(paths, part)
    for hour in drawn.crossing if detector.unit == "path" else ():  # an event is of one host
        graph = store.graph(hour * HOUR, (hour + 1) * HOUR, fields=detector.fields)
        for part, paths in detector.crossing(graph):
            found += incident_maxima(paths, part, crossing=True)
    return np.array(found, np.float64)
