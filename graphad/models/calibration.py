"""From a score to false alarms a day: what quiet, held-out time exceeds, and how sure that is.

The unit is a block (a host's hour), not a path: paths of one busy minute are not independent. Each
block gives its largest score or, if it had none, counts as empty. A score's rate is how many
blocks a day would reach it; it is never claimed lower than the length of the reference can show.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import special

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


@dataclass(frozen=True)
class Calibration:
    """Block maxima of a quiet reference period, and the false alarms a day that are allowed.

    maxima [M], falling: the largest score of each block that had one; `blocks` >= M counts all
    blocks, the empty ones too; `days` is the reference's length, `budget_per_day` for the whole
    installation. Source: design of the project; the rank p-value is Davison and Hinkley, 1997.
    """

    maxima: Floats
    blocks: int
    days: float
    budget_per_day: float = 10.0

    @classmethod
    def fit(
        cls,
        block_maxima: Floats,
        *,
        blocks: int,
        days: float,
        budget_per_day: float = 10.0,
    ) -> "Calibration":
        """Return the calibration of one reference period.

        Shape: block_maxima [M], one a block that had a score; -inf entries are empty blocks.
        The period must be held out: not what the scoring model was fitted on.

        Raises:
            ValueError: a maximum is NaN or inf, there are more maxima than blocks, no block at
                all, or days or the budget are not positive.
        """
        found = np.asarray(block_maxima, dtype=np.float64)
        if found.ndim != 1 or np.isnan(found).any() or np.isposinf(found).any():
            raise ValueError("Block maxima must be one-dimensional, without NaN or inf.")
        if blocks < max(len(found), 1):
            raise ValueError("blocks must count every block, empty ones too, and be at least 1.")
        if not (0 < days < np.inf and 0 < budget_per_day < np.inf):
            raise ValueError("days and budget_per_day must be positive and finite.")
        kept = np.sort(found[~np.isneginf(found)])[::-1].copy()
        return cls(kept, int(blocks), float(days), float(budget_per_day))

    @property
    def blocks_per_day(self) -> float:
        """Return the blocks a day of the whole installation."""
        return self.blocks / self.days

    @property
    def smallest_rate(self) -> float:
        """Return the lowest false alarms a day this reference can show, about 1 / days."""
        return self.blocks_per_day / (1 + self.blocks)

    @property
    def supported(self) -> bool:
        """Return whether the reference is long enough for the budget."""
        return self._allowed() >= 0

    def p_value(self, score: Floats | float) -> Floats:
        """Return (1 + blocks that reach the score) / (1 + blocks): one quiet block's chance.

        Shape: any, and the same out; in (0, 1], never rising in score.

        Raises:
            ValueError: a score is NaN.
        """
        scores = np.asarray(score, dtype=np.float64)
        if np.isnan(scores).any():
            raise ValueError("A score must not be NaN.")
        reach = np.searchsorted(-self.maxima, -scores, side="right")
        p: Floats = (1.0 + reach) / (1.0 + self.blocks)
        return p

    def expected_per_day(self, score: Floats | float) -> Floats:
        """Return the false alarms a day to expect at this score, for the whole installation.

        Shape: any, and the same out. The one more that p_value counts makes it conservative: even
        far beyond all that was seen it is `smallest_rate`.
        """
        return self.p_value(score) * self.blocks_per_day

    @property
    def threshold(self) -> float:
        """Return the smallest score whose expected false alarms a day are within the budget.

        Alert at score >= threshold. -inf if any score may; if not `supported`, just above all that
        was seen, where false alarms are expected at up to `smallest_rate`, more than the budget.
        """
        return self._just_above(max(self._allowed(), 0))

    def threshold_interval(self, confidence: float = 0.9) -> tuple[float, float]:
        """Return the bootstrap interval of the threshold over resampled blocks.

        The (m+1)-th largest of `blocks` draws with replacement is the one at place
        floor(blocks * U), U ~ Beta(m + 1, blocks - m), so the quantiles need no simulation. Blocks
        are taken as independent; where quiet hours come in runs the true interval is wider.

        Raises:
            ValueError: confidence is not inside (0, 1).
        """
        if not 0.0 < confidence < 1.0:
            raise ValueError("confidence must lie inside (0, 1).")
        m = max(self._allowed(), 0)
        if m >= self.blocks:
            return -np.inf, -np.inf
        tail = (1.0 - confidence) / 2.0
        places = [
            min(int(self.blocks * special.betaincinv(m + 1, self.blocks - m, u)), self.blocks - 1)
            for u in (1.0 - tail, tail)
        ]
        return self._just_above(places[0]), self._just_above(places[1])

    def severity(self, score: float) -> Severity:
        """Return the level by expected false alarms a day: critical <= 0.01, high <= 0.1, ...

        medium <= 1, low <= 10, else informational. As rates are never claimed below
        `smallest_rate`, a reference of 10 days supports nothing above "high", 1 day "medium".
        """
        rate = float(self.expected_per_day(score))
        for level, most in LEVELS:
            if rate <= most:
                return level
        return "informational"

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers for `from_json`."""
        return {
            "maxima": self.maxima.tolist(),
            "blocks": self.blocks,
            "days": self.days,
            "budget_per_day": self.budget_per_day,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Calibration":
        """Return what `to_json` wrote.

        Raises:
            ModelError: a field is missing or out of range.
        """
        try:
            return cls.fit(
                np.array(data["maxima"], dtype=np.float64),
                blocks=int(data["blocks"]),
                days=float(data["days"]),
                budget_per_day=float(data["budget_per_day"]),
            )
        except (KeyError, TypeError, ValueError) as e:
            raise ModelError(f"The calibration is damaged: {e}.") from e

    def _allowed(self) -> int:
        """Return how many blocks may reach the threshold; -1 if even none is too many."""
        # The slack is for budgets that are exact multiples, such as 3 of 10 blocks.
        most = self.budget_per_day / self.blocks_per_day * (1 + self.blocks)
        return int(np.floor(most * (1 + 1e-12))) - 1

    def _just_above(self, place: int) -> float:
        """Return the smallest score above the maximum at a place, 0 being the largest."""
        if place >= len(self.maxima):
            return -np.inf
        return float(np.nextafter(self.maxima[place], np.inf))
