"""Whether a day has as many events as the days that judge it: in all, of a host, of a type."""

from collections import Counter
from collections.abc import Mapping
from math import log
from typing import Any, Literal

import numpy as np

from graphad.models.volumes import NONE, Floats, furthest, holm, predicted
from graphad.nightly.state import DAY

Kind = Literal["all", "type", "host"]
Counts = Mapping[int, Mapping[str, int]]  # by day (us) and name, of what was there

LEVEL = 0.01  # chance of a day without drift to be told, over all that is asked of it
FACTOR = 1.5  # a change by less is not told, however certain
LEAST = 3  # days of the same kind that a count is held against
_SHOWN = 4
_MONDAY = 4 * DAY  # the first after 1970 began, us


def compared(learned: Mapping[Kind, Counts], day: int) -> dict[str, Any]:
    """Return which counts of a day (us) are not those of the learned days of its kind.

    learned: of all ("" is its name), of types and of hosts; the day itself among them. Days of a
    kind are those from Monday to Friday, or those of weekends.

    tested: how many were held against their days; told: how many of them changed; moved: the first
    of these, each with kind, name, events, the days it is held against, their geometric mean
    (usual), the ends of its prediction interval (low, high), chance (adjusted by Holm). Nothing if
    no count has days enough.

    What has no events on a day is not among its own days: a host that is off says nothing of what
    it does when it is on. So a host without any is not asked here, nor a type unless it was there
    on each of the days.
    """
    like = [d for d in learned["all"] if d != day and _weekend(d) == _weekend(day)]
    tables: dict[str, Floats] = {}
    asked: list[dict[str, Any]] = []
    weights: list[float] = []
    for kind, by_day in learned.items():
        today = by_day.get(day, {})
        days = [by_day.get(d, {}) for d in like]
        own = Counter(name for held in days for name in held)
        names = [
            name for name, n in sorted(own.items())
            if n >= LEAST and (name in today or (kind == "type" and n == len(like)))
        ]  # fmt: skip
        if not names:
            continue
        table = np.array([[held.get(n, np.nan) for n in names] for held in days], np.float64)
        now = np.array([float(today.get(name, 0)) for name in names])
        found = predicted(table, now, LEVEL)
        tables[kind] = table
        each = zip(names, *(values.tolist() for values in found), strict=True)
        asked += [
            {"kind": kind, "name": name, "events": today.get(name, 0), "days": own[name],
             "usual": usual, "low": low, "high": high, "chance": chance}
            for name, usual, low, high, chance in each
        ]  # fmt: skip
        # Each kind has as much of the level, so that many hosts don't hide what all do.
        weights += [1.0 / len(names)] * len(names)
    if not asked:
        return {}
    adjusted = holm(np.array([one["chance"] for one in asked]), np.array(weights)).tolist()
    both = zip(asked, adjusted, strict=True)
    sure = [(one, chance) for one, chance in both if chance <= LEVEL and _large(one)]
    # Days are seldom quite log-normal: what a learned day was as far off by is usual.
    least = {kind: furthest(tables[kind]) for kind in {one["kind"] for one, _ in sure}}
    moved = [one | {"chance": p} for one, p in sure if one["chance"] < least[one["kind"]]]
    moved.sort(key=lambda one: (one["kind"] != "all", one["chance"]))
    return {"tested": len(asked), "told": len(moved), "moved": moved[:_SHOWN]}


def _large(one: Mapping[str, Any]) -> bool:
    return abs(log(max(one["events"], NONE) / one["usual"])) >= log(FACTOR)


def _weekend(day: int) -> bool:
    return (day - _MONDAY) % (7 * DAY) >= 5 * DAY


def warning(told: Mapping[str, Any]) -> str:
    """Return what to say of counts that have changed."""
    words = {"all": "all events", "type": "ends of type {name}", "host": "events of host {name}"}
    each = [
        f"{words[one['kind']].format(name=one['name'])} {one['events']:,}, usually "
        f"{one['low']:,.0f} to {one['high']:,.0f} ({one['days']} days)"
        for one in told["moved"]
    ]
    more = told["told"] - len(each)
    return f"volumes have drifted: {'; '.join(each)}{f'; {more} more' if more else ''}"
