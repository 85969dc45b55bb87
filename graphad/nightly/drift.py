"""Whether a day is like the days that judge it: its scores, what its events are of, how many."""

from datetime import date
from typing import Any

import numpy as np

from graphad import judge
from graphad.models import drift
from graphad.nightly import sample, volumes
from graphad.nightly.state import Night, microseconds
from graphad.nightly.volumes import Counts, Kind
from graphad.store import Store
from graphad.workspace import Workspace
from graphad.workspace_window import StoreWindow

UNLIKELY = 0.001  # chance of a distance of scores, below which it is told as a drift
MODERATE, LARGE = 0.1, 0.25  # stability index of scores beyond chance, and of shares, likewise
_LEAST = 30  # hours with a score on either side, from which on they are compared
_MOVED = 3  # types or hosts that are named


def compared(store: Workspace, night: Night, model: str) -> dict[str, Any]:
    """Return how a day differs from what a model learned and was calibrated on.

    scores: distance, chance, wasserstein (in z), stability and by_chance of the largest z of each
    hour, against those of the held-out days; sample: of how many hours of hosts these are, of how
    many, if not of all; entities, hosts: stability of their shares among the ends of events, and
    events, usual: the largest of a learned day against the others (0 of one day), with those that
    moved most (name, share before, share now); volumes: what `volumes.compared` says.
    """
    found, calibration, _ = store.model(model)
    about = next(one for one in store.models() if one.model == model)
    told: dict[str, Any] = {}
    if calibration is not None:
        drawn = None
        # What windows and relations say of an hour may depend on other hours.
        if found.unit in ("path", "event"):
            every = sample.active(store, night.begin, night.end)
            drawn = sample.draw(every, night.day)
        if drawn is None:
            window = StoreWindow(store, night.begin, night.end)
            maxima, _, _ = judge.quiet_reference(found, window.graphs(found.fields))
        else:
            maxima = sample.maxima(found, store, drawn)
        told["scores"] = _scores(np.array(calibration.maxima), np.asarray(maxima, np.float64))
        if drawn is not None:
            told["sample"] = {"hours": len(drawn.hours), "of": drawn.of}
    begin, end = (microseconds(date.fromisoformat(t[:10])) for t in (about.start, about.end))
    counts = _counted(store, begin, end, night.begin)
    told["entities"] = _shares(counts["type"], night.begin)
    told["hosts"] = _shares(counts["host"], night.begin)
    told["volumes"] = volumes.compared(counts, night.begin)
    return told


def _scores(quiet: drift.Floats, day: drift.Floats) -> dict[str, float]:
    day = day[np.isfinite(day)]
    if min(len(quiet), len(day)) < _LEAST:
        return {}
    return {
        "distance": drift.distance(quiet, day), "chance": drift.chance(quiet, day),
        "wasserstein": drift.wasserstein(quiet, day),
        "stability": drift.stability(*drift.binned(quiet, day)),
        "by_chance": drift.stability_by_chance(*drift.binned(quiet, day)),
    }  # fmt: skip


def _shares(counts: Counts, day: int) -> dict[str, Any]:
    """Return how the shares that names have of the counts of a day differ from other days'."""
    now = counts.get(day, {})
    by_day = {other: held for other, held in counts.items() if other != day}
    names = sorted(now.keys() | {name for held in by_day.values() for name in held})
    if not by_day or not now:
        return {}
    each = np.array([[float(held.get(name, 0)) for name in names] for held in by_day.values()])
    p, q = each.sum(axis=0), np.array([float(now.get(name, 0)) for name in names])
    shares = [(name, a, b) for name, a, b in zip(names, p / p.sum(), q / q.sum(), strict=True)]
    # Of which share of the index each name is the cause.
    moved = sorted(
        shares, key=lambda s: -abs(s[2] - s[1]) * abs(np.log((s[2] + 1e-6) / (s[1] + 1e-6)))
    )
    return {
        "stability": drift.stability(p, q),
        "usual": max(drift.stability(p - one, one) for one in each) if len(each) > 1 else 0.0,
        "moved": [[name, float(a), float(b)] for name, a, b in moved[:_MOVED]],
    }


def _counted(store: Store, first: int, last: int, day: int) -> dict[Kind, Counts]:
    """Return events of days from midnight first to midnight last, and of day (us).

    Of all ("" is their name), of each type (both ends of events) and of each host that is told.
    """
    connection = store.connect()
    try:
        rows = connection.execute(
            """SELECT epoch_us(day), grouping(src_type, dst_type, host),
                      coalesce(src_type, dst_type, host, ''), sum(n)::BIGINT
               FROM counts
               WHERE day BETWEEN make_timestamp($first) AND make_timestamp($last)
                     OR day = make_timestamp($day)
               GROUP BY GROUPING SETS ((day), (day, src_type), (day, dst_type), (day, host))
               ORDER BY ALL""",
            {"first": first, "last": last, "day": day},
        ).fetchall()
    finally:
        connection.close()
    # A bit is set for each of the three columns that a row is not of.
    kinds: dict[int, Kind] = {0b111: "all", 0b011: "type", 0b101: "type", 0b110: "host"}
    found: dict[Kind, dict[int, dict[str, int]]] = {"all": {}, "type": {}, "host": {}}
    for moment, which, name, n in rows:
        kind = kinds[which]
        if name or kind == "all":
            held = found[kind].setdefault(int(moment), {})
            held[name] = held.get(name, 0) + int(n)
    return dict(found)


def drifted(told: dict[str, Any]) -> list[str]:
    """Return what of a comparison is a drift that matters: scores, entities, hosts, volumes."""
    scores = told.get("scores", {})
    beyond = scores["stability"] - scores.get("by_chance", 0.0) if scores else 0.0
    far = beyond > MODERATE and scores["chance"] < UNLIKELY
    shares = ((what, told[what]) for what in ("entities", "hosts") if told.get(what))
    # Days that differ that much anyway say nothing: only one in days + 1 differs most by chance.
    moved = [w for w, one in shares if one["stability"] > max(LARGE, one.get("usual", 0.0))]
    many = bool(told.get("volumes", {}).get("told"))
    return ["scores"] * far + moved + ["volumes"] * many


def warnings(detector: str, told: dict[str, Any]) -> list[str]:
    """Return what to say of drift that matters."""
    found = []
    for what in drifted(told):
        one = told[what]
        if what == "scores":
            found.append(
                f"scores of {detector} have drifted: their hours' largest z lie "
                f"{one['wasserstein']:.2f} from those of the quiet days (distance "
                f"{one['distance']:.2f}, stability index {one['stability']:.2f}); thresholds may "
                f"no longer hold"
            )
            continue
        if what == "volumes":
            found.append(volumes.warning(one))
            continue
        moved = ", ".join(
            f"{name} {100 * a:.1f} % to {100 * b:.1f} %" for name, a, b in one["moved"]
        )
        found.append(
            f"shares of {what} have drifted (stability index {one['stability']:.2f}): {moved}"
        )
    return found


def alarms(nights: list[Night], detector: str) -> list[float]:
    """Return the incidents with an alert of each night that had a calibrated model, in order."""
    stages = (one.stages.get(f"judge {detector}") for one in nights)
    return [float(s.told["alarms"]) for s in stages if s is not None and "alarms" in s.told]
