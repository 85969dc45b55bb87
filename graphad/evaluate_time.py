"""How soon attacks are found, and how near in time findings come to them.

Time to detect is from an attack's first event to the end of the first alert that hits it, for a
finding can only be raised once its last event is there; what one attack is, see evaluate.py. A
window begins when the truth says, whether or not anything happened then. An attack that is not
detected has no time; it counts among all attacks, and in no mean.

For PATE see models/pate.py. An attack of lines, records or an entity goes on from one of its
events to the next, if that comes soon; windows are as they were told. So does a finding, on its
host; one that does not show its events, as of a window, claims all its time. All attacks of a host
count as one kind.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphad.evaluate_figures import Judged, Metric, ratio
from graphad.evaluate_moments import Moments
from graphad.models import pate
from graphad.models.metrics import Ints
from graphad.truth import Truth

STEP_S, BUFFER_S = 60.0, 3600.0
JOINED_S = 600.0  # an attack's next event comes so soon
WITHIN = {"1m": 60.0, "1h": 3600.0, "1d": 86_400.0}
UNTIMED = "the truth has no times, and no store was given to take them from"

_DELAYS = (
    "seconds_to_first_alert",
    *(f"seconds_to_detect_{name}" for name in ("median", "p90", "median_of_all")),
    *(f"detected_within_{name}" for name in WITHIN),
)
_SECOND = 1_000_000  # microseconds
_MOST_S = 1e10  # of a step or buffer, 300 years


@dataclass(frozen=True)
class Detection:
    """When one attack began (UTC microseconds) and how soon it was found.

    `finding` is the first alert that hits it, None if none does. Where `seconds` or `begin` is
    None, `reason` says why.
    """

    attack: str
    begin: int | None
    seconds: float | None
    finding: str | None
    reason: str


def detections(
    findings: Sequence[Judged],
    parts: Sequence[frozenset[int]],
    truth: Truth,
    moments: Moments | None,
) -> tuple[Detection, ...]:
    """Return how soon the findings, which have these attack units, found each attack.

    In order of their begin, those without one last.
    """
    begins: dict[str, int] = {}
    for unit, start in zip(*((moments.unit, moments.start) if moments else ((), ())), strict=True):
        attack = truth.units[unit]
        begins[attack] = min(begins.get(attack, int(start)), int(start))
    first: dict[str, tuple[int, str]] = {}
    for finding, part in zip(findings, parts, strict=True):
        for attack in {truth.units[unit] for unit in part}:
            told = (finding.end, finding.id)
            first[attack] = min(first.get(attack, told), told)
    found = []
    for attack in truth.attacks:
        begin, (end, name) = begins.get(attack), first.get(attack, (None, None))
        reason = "" if name else "nothing hits it"
        seconds = None
        if begin is None:
            reason = UNTIMED if moments is None else "no record of it in the store has a time"
        elif end is not None:
            seconds = max(end - begin, 0) / _SECOND
        found.append(Detection(attack, begin, seconds, name, reason))
    return tuple(
        sorted(found, key=lambda one: (one.begin is None, one.begin or 0, one.attack))
    )  # fmt: skip


def delays(found: Sequence[Detection], what: str) -> list[Metric]:
    """Return figures of the times to detect. what: the findings that count, in words.

    A quantile is the smallest time within which at least that share is detected.
    """
    timed = [one for one in found if one.begin is not None]
    known = sorted(one.seconds for one in timed if one.seconds is not None)
    if found and not timed:
        return [Metric(name, None, None, None, found[0].reason) for name in _DELAYS]
    n, all_ = len(known), len(timed)
    of = "detected attacks, of attacks with a time"
    first = min(((one.begin or 0) for one in timed), default=0)
    soonest = min(
        ((one.begin or 0) - first + one.seconds * _SECOND for one in timed
         if one.seconds is not None), default=None,
    )  # fmt: skip
    values = (
        None if soonest is None else soonest / _SECOND,
        _quantile(known, n, 0.5), _quantile(known, n, 0.9), _quantile(known, all_, 0.5),
    )  # fmt: skip
    meanings = (
        f"seconds from the first event of all attacks to the end of the first of {what} that hits "
        "any",
        f"seconds from an attack's first event to the end of the first of {what} that hits it, "
        "within which half of the detected are",
        "the same within which 90 % of the detected are",
        "the same within which half of all attacks are; none if fewer ever are",
    )
    return [
        *(
            Metric(name, value, n, all_, f"{meaning}; {of}")
            for name, value, meaning in zip(_DELAYS, values, meanings, strict=False)
        ),
        *(
            ratio(f"detected_within_{name}", sum(x <= most for x in known), all_,
                  "attacks detected so soon, of attacks with a time")
            for name, most in WITHIN.items()
        ),
    ]  # fmt: skip


def _quantile(rising: Sequence[float], of: int, share: float) -> float | None:
    """Return the smallest value that a share of `of` reaches; the rest of them never do.

    >>> _quantile([1.0, 5.0], 2, 0.5), _quantile([1.0, 5.0], 4, 0.5), _quantile([1.0], 4, 0.5)
    (1.0, 5.0, None)
    """
    place = max(math.ceil(share * of), 1) - 1
    return rising[place] if place < len(rising) else None


def proximity(
    findings: Sequence[Judged],
    moments: Moments | None,
    *,
    step_s: float = STEP_S,
    buffer_s: float = BUFFER_S,
    joined_s: float = JOINED_S,
) -> list[Metric]:
    """Return PATE of the ranking, by both rules, and PATE-F1 of the alerts.

    Buffers before and after are of nothing, half of `buffer_s` and all of it, in all pairs. Events
    of attacks on one host, and of one finding, that are no more than `joined_s` apart are one
    stretch.

    Raises: ValueError: a step is not positive, a buffer negative, or one of them 1e10 s or more.
    """
    if not 0 < step_s < _MOST_S or round(step_s * _SECOND) < 1:
        raise ValueError("a step must be at least a microsecond, and less than 1e10 seconds")
    if not 0 <= buffer_s < _MOST_S or not 0 <= joined_s < _MOST_S:
        raise ValueError("a buffer must be 0 or more, and less than 1e10 seconds")
    names = "pate", "pate_step", "pate_f1"
    if moments is None:
        return [Metric(name, None, None, None, UNTIMED) for name in names]
    step = round(step_s * _SECOND)
    sizes = sorted({math.ceil(buffer_s * part / step_s) for part in (0.0, 0.5, 1.0)})
    lines = timelines(findings, moments, step, round(joined_s * _SECOND))
    alerts = [one for one in findings if one.alert]
    decided = any(one.alert is not None for one in findings)
    told = ", ".join(f"{size * step_s:g}" for size in sizes)
    grid = f"steps of {step_s:g} s, buffers of {told} s; "
    held = sum([_steps(one.attacks) for one in lines])
    called = sum([_steps(one.spans) for one in lines])
    of = "steps of attacks, of steps that findings claim"
    return [
        Metric("pate", pate.pate(lines, sizes, sizes), held, called,
               f"area under proximity-aware precision and recall, as published; {grid}{of}"),
        Metric("pate_step", pate.pate(lines, sizes, sizes, "step"), held, called,
               f"the same without interpolation, which flatters few findings; {of}"),
        Metric("pate_f1", pate.f1(timelines(alerts, moments, step, round(joined_s * _SECOND)),
                                  sizes, sizes) if decided else None, None, None,
               "proximity-aware F1 of alerts" if decided else "nothing is calibrated"),
    ]  # fmt: skip


def timelines(
    findings: Sequence[Judged], moments: Moments, step: int, joined: int
) -> list[pate.Timeline]:
    """Return attacks and findings in steps [us] of each host.

    If attacks are on no host by name, all is on one timeline; else those on all hosts are on each
    that a finding or an attack is on.
    """
    named = {host for host in moments.host if host is not None}
    hosts = sorted(named | {one.host for one in findings}) if named else [None]
    place = {host: n for n, host in enumerate(hosts)}
    at = np.array([-1 if host is None else place[host] for host in moments.host], np.int64)
    order = np.argsort(at, kind="stable")
    begins = np.searchsorted(at[order], np.arange(-1, len(hosts) + 1))
    claims: list[list[Judged]] = [[] for _ in hosts]
    for one in findings:
        claims[place.get(one.host, 0)].append(one)
    found = []
    for n, mine in enumerate(claims, 1):
        here = np.concatenate([order[: begins[1]], order[begins[n] : begins[n + 1]]])
        pairs = np.stack([moments.start[here], moments.end[here]], axis=1)
        if moments.single:
            pairs = join(pairs, joined)
        spans = [claimed(one, joined) for one in mine]
        scores = np.repeat([float(one.score) for one in mine], [len(span) for span in spans])
        whole = np.concatenate([np.zeros((0, 2), np.int64), *spans])
        found.append(pate.Timeline(pairs // step, whole // step, scores))
    return found


def claimed(finding: Judged, joined: int) -> Ints:
    """Return the stretches of time [P, 2] that a finding claims."""
    if not len(finding.times):
        return np.array([(finding.start, max(finding.start, finding.end))], np.int64)
    times = np.array(finding.times, np.int64)
    return join(np.stack([times, times], axis=1), joined)


def join(pairs: Ints, most: int) -> Ints:
    """Return stretches [P, 2], those no more than `most` apart as one.

    >>> join(np.array([[0, 0], [9, 9], [5, 5], [20, 21]]), 5).tolist()
    [[0, 9], [20, 21]]
    """
    if not len(pairs):
        return pairs
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    reach = np.maximum.accumulate(pairs[:, 1])
    begins = np.flatnonzero(np.concatenate([[True], pairs[1:, 0] - reach[:-1] > most]))
    ends = np.concatenate([begins[1:], [len(pairs)]]) - 1
    return np.stack([pairs[begins, 0], reach[ends]], axis=1)


def _steps(pairs: Ints) -> int:
    """Return how many steps are in at least one of some stretches.

    >>> _steps(np.array([[0, 4], [2, 6], [9, 9]]))
    8
    """
    whole = join(pairs, 1)
    return int((whole[:, 1] - whole[:, 0] + 1).sum())
