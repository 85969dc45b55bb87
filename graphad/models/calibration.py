"""From a score to false alarms a day: what quiet, held-out time exceeds, and how sure that is.

The unit is a block (a host's hour), not a path: paths of one busy minute are not independent. Each
block gives its largest score or, if it had none, counts as empty. A score's rate is how many
blocks a day would reach it; it is never claimed lower than the length of the reference can show.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from graphad.errors import ModelError

Floats = npt.NDArray[np.float64]
Severity = Literal["critical", "high", "medium", "low", "informational"]

# Most false alarms a day at which a score still has this severity.
LEVELS: tuple[tuple[Severity, float], ...] = (
    ("critical", 0.01),
    ("high", 0.1),
    ("medium", 1.0),
    ("low", 10.0),
)
RUN = 4  # neighbouring blocks drawn together, so that quiet and busy stretches stay stretches
RESAMPLES = 400


@dataclass(frozen=True)
class Calibration:
    """Block maxima of a quiet reference period, and the false alarms a day that are allowed.

    maxima: falling, one a block that had a score; `blocks` counts all blocks, the empty ones too;
    `days` is the reference's length; the budget is for the whole installation. `interval` is the
    90 % bootstrap interval of the threshold, over runs of 4 blocks; None stands for no limit.
    Source: the rank p-value is Davison and Hinkley's, Bootstrap Methods, 1997, section 4.2.
    """

    maxima: tuple[float, ...]
    blocks: int
    days: float
    budget_per_day: float
    interval: tuple[float | None, float | None]

    @classmethod
    def fit(
        cls,
        block_maxima: Floats,
        *,
        blocks: int,
        days: float,
        budget_per_day: float = 10.0,
        seed: int = 0,
    ) -> "Calibration":
        """Return the calibration of one reference period.

        Shape: block_maxima [M], in the order of the blocks, M <= blocks; -inf is an empty block,
        and blocks not listed are empty. The period must be held out: not what the scoring model
        was fitted on. The seed is for the interval alone.

        Raises:
            ValueError: a maximum is NaN or inf, there are more maxima than blocks, no block at
                all, or days or the budget are not positive.
        """
        made, every = cls._uncertain(block_maxima, blocks, days, budget_per_day)
        allowed = max(_allowed(blocks, days, budget_per_day), 0)
        return replace(made, interval=_interval(every, allowed, np.random.default_rng(seed)))

    @classmethod
    def _uncertain(
        cls, block_maxima: Floats, blocks: int, days: float, budget_per_day: float
    ) -> tuple["Calibration", Floats]:
        """Return a calibration without its interval, and all blocks [B]. Raises: as `fit`."""
        found = np.asarray(block_maxima, dtype=np.float64)
        if found.ndim != 1 or np.isnan(found).any() or np.isposinf(found).any():
            raise ValueError("Block maxima must be one-dimensional, without NaN or inf.")
        if blocks < max(len(found), 1):
            raise ValueError("blocks must count every block, empty ones too, and be at least 1.")
        if not (0 < days < np.inf and 0 < budget_per_day < np.inf):
            raise ValueError("days and budget_per_day must be positive and finite.")
        every = np.full(blocks, -np.inf)
        every[: len(found)] = found
        kept = np.sort(found[~np.isneginf(found)])[::-1].tolist()
        made = cls(tuple(kept), int(blocks), float(days), float(budget_per_day), (None, None))
        return made, every

    @property
    def blocks_per_day(self) -> float:
        """Return the blocks a day of the whole installation."""
        return self.blocks / self.days

    @property
    def smallest_rate(self) -> float:
        """Return the lowest false alarms a day this reference can show, just under 1 / days."""
        return self.blocks_per_day / (1 + self.blocks)

    @property
    def supported(self) -> bool:
        """Return whether the reference is long enough for the budget."""
        return _allowed(self.blocks, self.days, self.budget_per_day) >= 0

    def p_value(self, score: float) -> float:
        """Return (1 + blocks that reach the score) / (1 + blocks): one quiet block's chance.

        Raises:
            ValueError: the score is NaN.
        """
        if np.isnan(score):
            raise ValueError("A score must not be NaN.")
        reach = bisect_right(self.maxima, -score, key=lambda m: -m)
        return (1 + reach) / (1 + self.blocks)

    def expected_per_day(self, score: float) -> float:
        """Return the false alarms a day to expect at this score, for the whole installation.

        The one more that p_value counts makes it conservative: even far beyond all that was seen
        it is `smallest_rate`.
        """
        return self.p_value(score) * self.blocks_per_day

    @property
    def threshold(self) -> float:
        """Return the smallest score whose expected false alarms a day are within the budget.

        Alert at score >= threshold. -inf if any score may; if not `supported`, just above all that
        was seen, where false alarms are expected at up to `smallest_rate`, more than the budget.
        """
        place = max(_allowed(self.blocks, self.days, self.budget_per_day), 0)
        return _just_above(self.maxima[place] if place < len(self.maxima) else -np.inf)

    def severity(self, score: float) -> Severity:
        """Return the level by expected false alarms a day: critical <= 0.01, high <= 0.1, ...

        medium <= 1, low <= 10, else informational. As rates are never claimed below
        `smallest_rate`, a reference of 10 days supports nothing above "high", one day "medium".
        """
        rate = self.expected_per_day(score)
        return next((level for level, most in LEVELS if rate <= most), "informational")

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Calibration":
        """Return what `to_json` wrote.

        Raises:
            ModelError: a field is missing or out of range.
        """
        try:
            made, _ = cls._uncertain(
                np.array(data["maxima"], dtype=np.float64), int(data["blocks"]),
                float(data["days"]), float(data["budget_per_day"]),
            )  # fmt: skip
            low, high = (None if x is None else float(x) for x in data["interval"])
        except (KeyError, TypeError, ValueError) as e:
            raise ModelError(f"The calibration is damaged: {e}.") from e
        return replace(made, interval=(low, high))


def _allowed(blocks: int, days: float, budget_per_day: float) -> int:
    """Return how many blocks may reach the threshold; -1 if even none is too many."""
    # The slack is for budgets that are exact multiples, such as 3 of 10 blocks.
    most = budget_per_day * days / blocks * (1 + blocks)
    return int(np.floor(most * (1 + 1e-12))) - 1


def _just_above(score: float) -> float:
    return float(np.nextafter(score, np.inf)) if score > -np.inf else -np.inf


def _interval(
    every: Floats, allowed: int, generator: np.random.Generator
) -> tuple[float | None, float | None]:
    """Return the 5 % and 95 % quantile of the threshold over resampled runs of blocks [B]."""
    blocks = len(every)
    if allowed >= blocks:
        return None, None
    found = []
    for _ in range(RESAMPLES):
        starts = generator.integers(0, blocks, -(-blocks // RUN))
        drawn = every[((starts[:, None] + np.arange(RUN)).ravel()[:blocks]) % blocks]
        place = blocks - 1 - allowed
        found.append(_just_above(float(np.partition(drawn, place)[place])))
    low, high = np.quantile(found, [0.05, 0.95], method="inverted_cdf").tolist()
    return (None if low == -np.inf else low), (None if high == -np.inf else high)
