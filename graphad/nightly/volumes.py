"""Whether a day has as many events as the days that judge it: in all, of a host, of a type."""

from collections.abc import Mapping
from math import log
from typing import Any, Literal

import numpy as np

from graphad.models.volumes import holm, predicted
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
    of these, each with kind, name, events, the ends of its prediction interval (low, high), days
    it is from, chance (adjusted by Holm). Nothing if no count has days enough.

    What has no events on a day is not among its own days: a host that is off says nothing of what
    it does when it is on. So a host without any is not asked here, nor a type unless it was there
    on each of the days.
    """
    like = [d for d in learned["all"] if d != day and _weekend(d) == _weekend(day)]
    asked: list[dict[str, Any]] = []
    chances: list[float] = []
    weights: list[float] = []
    for kind, by_day in learned.items():
        now = by_day.get(day, {})
        own = _by_name([by_day.get(d, {}) for d in like])
        names = [
            name for name, days in sorted(own.items()) if len(days) >= LEAST
            and (name in now or (kind == "type" and len(days) == len(like)))
        ]  # fmt: skip
        for name in names:
            found = predicted(np.array(own[name], np.float64), now.get(name, 0), LEVEL)
            asked.append({
                "kind": kind, "name": name, "events": now.get(name, 0), "low": found.low,
                "high": found.high, "days": len(own[name]), "usual": found.usual,
            })  # fmt: skip
            chances.append(found.chance)
            # Each kind has as much of the level, so that many hosts don't hide what all do.
            weights.append(1.0 / len(names))
    if not asked:
        return {}
    for one, chance in zip(asked, holm(np.array(chances), np.array(weights)), strict=True):
        one["chance"] = float(chance)
    moved = sorted(filter(_changed, asked), key=lambda one: (one["kind"] != "all", one["chance"]))
    return {"tested": len(asked), "told": len(moved), "moved": moved[:_SHOWN]}


def _weekend(day: int) -> bool:
    return (day - _MONDAY) % (7 * DAY) >= 5 * DAY


def _by_name(days: list[Mapping[str, int]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for held in days:
        for name, n in held.items():
            found.setdefault(name, []).append(n)
    return found


def _changed(one: Mapping[str, Any]) -> bool:
    far = abs(log(max(one["events"], 0.5) / one["usual"])) >= log(FACTOR)
    return bool(one["chance"] <= LEVEL) and far


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
