"""Whether severity rises with harm: what findings of each severity hold of the attack.

Harm is all that the truth says of a finding: whether it is a hit, and how many attack units it
holds. Labels have no order of harm among them, and none is made up here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphad.evaluate_figures import Judged, Metric
from graphad.models import ordinal
from graphad.schema import SEVERITIES
from graphad.truth import Truth

DRAWS, SEED = 1000, 0


@dataclass(frozen=True)
class Level:
    """Findings of one severity: how many, in how many incidents, and how many of them are hits.

    `share` is hits of findings, None without any; `units` and `attacks` are those that hits hold.
    """

    severity: str
    findings: int
    incidents: int
    hits: int
    share: float | None
    units: int
    attacks: int


def levels(
    findings: Sequence[Judged], parts: Sequence[frozenset[int]], truth: Truth
) -> tuple[Level, ...]:
    """Return all severities, the highest first; none if nothing is calibrated."""
    graded = [(one, part) for one, part in zip(findings, parts, strict=True) if one.severity]
    found = []
    for severity in reversed(SEVERITIES if graded else ()):
        mine = [(one, part) for one, part in graded if one.severity == severity]
        hits = [part for _, part in mine if part]
        units = frozenset().union(*hits)
        found.append(
            Level(
                severity=severity,
                findings=len(mine),
                incidents=len({one.incident or one.id for one, _ in mine}),
                hits=len(hits),
                share=len(hits) / len(mine) if mine else None,
                units=len(units),
                attacks=len({truth.units[unit] for unit in units}),
            )
        )
    return tuple(found)


def rise(findings: Sequence[Judged], parts: Sequence[frozenset[int]]) -> list[Metric]:
    """Return gamma of severity with being a hit, and its interval by a bootstrap over incidents.

    Raises: ValueError: a severity is not one of SEVERITIES.
    """
    unknown = {one.severity for one in findings} - {None, *SEVERITIES}
    if unknown:
        raise ValueError(f"there is no severity {min(map(str, unknown))!r}")
    names = "severity_gamma", "severity_gamma_low", "severity_gamma_high"
    graded = [(one, bool(part)) for one, part in zip(findings, parts, strict=True) if one.severity]
    if not graded:
        return [Metric(name, None, None, None, "nothing is calibrated") for name in names]
    grades = np.array([SEVERITIES.index(one.severity or "") for one, _ in graded], np.int64)
    labels = np.array([hit for _, hit in graded], np.bool_)
    incidents = [one.incident or one.id for one, _ in graded]
    groups = np.unique(incidents, return_inverse=True)[1].astype(np.int64)
    above, below = ordinal.pairs(grades, labels)
    bounds = ordinal.interval(grades, labels, groups, draws=DRAWS, seed=SEED)
    how = (
        f"end of its 95 % interval, a bootstrap over {int(groups.max()) + 1} incidents, "
        f"{DRAWS} draws, seed {SEED}, {bounds.defined} of them with a value"
    )
    return [
        Metric(names[0], ordinal.gamma(grades, labels), above, above + below,
               "1: severity rises with being a hit, 0: no order, -1: it falls; pairs with the hit "
               "above, of pairs of a hit and none of other severity"),
        Metric(names[1], bounds.low, None, None, "lower " + how),
        Metric(names[2], bounds.high, None, None, "upper " + how),
    ]  # fmt: skip
