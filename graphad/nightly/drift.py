"""Whether a day is still like the days that judge it: its scores, and what its events are of."""

from collections.abc import Callable, Iterable
from datetime import date
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from graphad import judge
from graphad.detect import Detector, Paths
from graphad.graph import HOUR, Graph, coded
from graphad.models import drift
from graphad.nightly.state import Night, microseconds
from graphad.store import Store
from graphad.workspace import Workspace
from graphad.workspace_window import StoreWindow

UNLIKELY = 0.001  # chance of a distance of scores, below which it is told as a drift
MODERATE, LARGE = 0.1, 0.25  # stability index of scores beyond chance, and of shares, likewise
SAMPLED = 480  # hours of hosts that are scored, about, of a day that has more
_LEAST = 30  # hours with a score on either side, from which on they are compared
_MOVED = 3  # types or hosts that are named


def compared(store: Workspace, night: Night, model: str) -> dict[str, Any]:
    """Return how a day differs from what a model learned and was calibrated on.

    scores: distance, chance, wasserstein (in z), stability and by_chance of the largest z of each
    hour of each host, or of about SAMPLED of them, against those of the held-out days; hours: of
    how many they are, and of how many, if not of all; entities, hosts: stability of their shares
    among the ends of events, and events, with those that moved most (name, share before, now).
    """
    found, calibration, _ = store.model(model)
    about = next(one for one in store.models() if one.model == model)
    told: dict[str, Any] = {}
    if calibration is not None:
        maxima, scored, hours = _maxima(store, found, night)
        told["scores"] = _scores(np.array(calibration.maxima), maxima)
        if scored < hours:
            told["hours"] = [scored, hours]
    begin, end = (microseconds(date.fromisoformat(t[:10])) for t in (about.start, about.end))
    told["entities"] = _shares(store, (begin, end), night, ("src_type", "dst_type"))
    told["hosts"] = _shares(store, (begin, end), night, ("host",))
    return told


def _maxima(store: Workspace, detector: Detector, night: Night) -> tuple[drift.Floats, int, int]:
    """Return the best z of the incidents of hours of hosts, of how many they are, of how many."""
    window = StoreWindow(store, night.begin, night.end)
    hours = _hours(store, night)
    graphs = window.graphs(detector.fields)
    if hours <= SAMPLED:
        maxima, _, _ = judge.quiet_reference(detector, graphs)
        return np.asarray(maxima, np.float64), hours, hours
    share, scored, found = SAMPLED / hours, 0, list[float]()
    for graph in graphs:
        host_of, hosts = coded(graph.host)
        hour = graph.ts // HOUR
        unit, of = np.unique(np.stack([host_of, hour]), axis=1, return_inverse=True)
        taken = np.array([_taken(hosts[h], one, share) for h, one in unit.T.tolist()], bool)
        scored += int(taken.sum())
        found += _best(detector.hourly, graph, taken[of.ravel()], False)
        # What crosses hosts is of an hour of all of them.
        those = np.array([_taken("", one, share) for one in hour.tolist()], bool)
        found += _best(detector.crossing, graph, those, True)
    return np.array(found), scored, hours


def _taken(host: str, hour: int, share: float) -> bool:
    """Say whether an hour is in a sample of so large a share: always the same ones."""
    digest = blake2b(f"{hour} {host}".encode("utf-8", "backslashreplace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2.0**64


def _best(
    scored: Callable[[Graph], Iterable[tuple[Graph, Paths]]], graph: Graph,
    taken: npt.NDArray[np.bool_], crossing: bool,
) -> list[float]:  # fmt: skip
    if not taken.any():
        return []
    parts = scored(graph.subset(np.flatnonzero(taken)))
    return [z for part, paths in parts for z in judge.incident_maxima(paths, part, crossing)]


def _hours(store: Store, night: Night) -> int:
    """Return how many hours of hosts have events in a day."""
    connection = store.connect()
    try:
        found = connection.execute(
            """SELECT count(*) FROM (SELECT DISTINCT host, date_trunc('hour', ts) FROM edges
               WHERE ts >= make_timestamp($first) AND ts < make_timestamp($last))""",
            {"first": night.begin, "last": night.end},
        ).fetchone()
    finally:
        connection.close()
    return int(found[0]) if found else 0


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


def _shares(
    store: Store, days: tuple[int, int], night: Night, columns: tuple[str, ...]
) -> dict[str, Any]:
    """Return how the shares of what columns of the counts name differ from those of days."""
    before, now = (_counted(store, *one, columns) for one in (days, (night.begin, night.begin)))
    names = sorted(before | now)
    if not before or not now:
        return {}
    p, q = (np.array([float(held.get(name, 0)) for name in names]) for held in (before, now))
    shares = [(name, a, b) for name, a, b in zip(names, p / p.sum(), q / q.sum(), strict=True)]
    # Of which share of the index each name is the cause.
    moved = sorted(
        shares, key=lambda s: -abs(s[2] - s[1]) * abs(np.log((s[2] + 1e-6) / (s[1] + 1e-6)))
    )
    return {
        "stability": drift.stability(p, q),
        "moved": [[name, float(a), float(b)] for name, a, b in moved[:_MOVED]],
    }


def _counted(store: Store, first: int, last: int, columns: tuple[str, ...]) -> dict[str, int]:
    """Return events by what the columns name, of the days with these midnights, both counted in."""
    connection = store.connect()
    try:
        rows = connection.execute(
            f"""SELECT name, sum(n)::BIGINT FROM (
                    SELECT unnest([{", ".join(columns)}]) AS name, n FROM counts
                    WHERE day >= make_timestamp($first) AND day <= make_timestamp($last))
                WHERE name IS NOT NULL GROUP BY name""",
            {"first": first, "last": last},
        ).fetchall()
    finally:
        connection.close()
    return {name: int(n) for name, n in rows}


def warnings(detector: str, told: dict[str, Any]) -> list[str]:
    """Return what to say of drift that matters."""
    found = []
    scores = told.get("scores", {})
    moved = scores.get("stability", 0.0) - scores.get("by_chance", 0.0) > MODERATE
    if moved and scores["chance"] < UNLIKELY:
        found.append(
            f"scores of {detector} have drifted: their hours' largest z lie "
            f"{scores['wasserstein']:.2f} from those of the quiet days (distance "
            f"{scores['distance']:.2f}, stability index {scores['stability']:.2f}); thresholds may "
            f"no longer hold"
        )
    for what in ("entities", "hosts"):
        shares = told.get(what, {})
        if shares and shares["stability"] > LARGE:
            moved = ", ".join(
                f"{name} {100 * a:.1f} % to {100 * b:.1f} %" for name, a, b in shares["moved"]
            )
            found.append(
                f"shares of {what} have drifted (stability index {shares['stability']:.2f}): "
                f"{moved}"
            )
    return found


def alarms(nights: list[Night], detector: str) -> list[float]:
    """Return the incidents with an alert of each night that had a calibrated model, in order."""
    stages = (one.stages.get(f"judge {detector}") for one in nights)
    return [float(s.told["alarms"]) for s in stages if s is not None and "alarms" in s.told]
