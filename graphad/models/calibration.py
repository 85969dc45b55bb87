"""What a score means in false alarms a day, read off a quiet reference period.

The unit is a block (one host, one hour): its highest score stands for everything in it, since the
paths of one block are far from independent. Nothing is assumed about the scores' distribution,
and no rate is claimed below what the reference can support: with d quiet days, one in d.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEVELS = (("critical", 0.01), ("high", 0.1), ("medium", 1.0), ("low", 10.0))  # false alarms a day
BLOCKS_OF_RESAMPLE = 4  # neighbouring hours resampled together, so that their likeness stays


@dataclass(frozen=True)
class Calibration:
    """A quiet reference: sorted block maxima, how many blocks and days it spans, the threshold."""

    maxima: list[float]
    blocks: int
    days: float
    budget_per_day: float
    threshold: float
    interval: tuple[float, float]  # 90 %, of the threshold, by block bootstrap

    @classmethod
    def fit(
        cls, maxima: Floats, *, blocks: int, days: float, budget_per_day: float = 10.0, seed: int = 0
    ) -> "Calibration":
        """Return the calibration of a reference.

        Shape: maxima [M] in time order, of the M <= blocks blocks that had any score.

        Raises:
            ValueError: more maxima than blocks, or no blocks, or days or budget not above zero.
        """
        found = np.asarray(maxima, np.float64)
        if blocks < max(len(found), 1) or days <= 0.0 or budget_per_day <= 0.0:
            raise ValueError("a reference needs blocks, days and a budget above zero")
        allowed = budget_per_day * days
        threshold = _threshold(found, allowed)
        generator = np.random.default_rng(seed)
        resampled = [_threshold(_resample(found, generator), allowed) for _ in range(200)]
        low, high = np.quantile(resampled, [0.05, 0.95], method="nearest")
        return cls(
            sorted(map(float, found)), blocks, float(days), float(budget_per_day), threshold,
            (float(low), float(high)),
        )  # fmt: skip

    def expected_per_day(self, score: float) -> float:
        """Return the false alarms a day to expect at a threshold of `score`, conservatively.

        One exceedance more than was seen: so it never falls below one in the reference's days.
        """
        return (self._above(score) + 1) / self.days

    def p_value(self, score: float) -> float:
        """Return how likely a quiet block reaches `score`: (1 + exceedances) / (1 + blocks)."""
        return (1 + self._above(score)) / (1 + self.blocks)

    def severity(self, score: float) -> str:
        """Return critical, high, medium, low or informational, by expected_per_day."""
        rate = self.expected_per_day(score)
        return next((level for level, most in LEVELS if rate <= most), "informational")

    @property
    def smallest_rate(self) -> float:
        """Return the lowest rate, in false alarms a day, that the reference can support."""
        return 1.0 / self.days

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Calibration":
        """Return the calibration that `to_json` gave. Raises: TypeError, KeyError."""
        return cls(**(value | {"interval": tuple(value["interval"])}))

    def _above(self, score: float) -> int:
        return len(self.maxima) - int(np.searchsorted(self.maxima, score, side="left"))


def _threshold(maxima: Floats, allowed: float) -> float:
    """Return the least score that at most `allowed` blocks reach, counting one more than was seen."""
    spare = int(np.floor(allowed + 1e-9)) - 1
    ordered = np.sort(maxima)[::-1]
    if len(ordered) == 0:
        return 0.0
    if spare >= len(ordered):
        return float(ordered[-1])
    return float(np.nextafter(ordered[max(spare, 0)], np.inf))


def _resample(maxima: Floats, generator: np.random.Generator) -> Floats:
    if not len(maxima):
        return maxima
    size = len(maxima)
    starts = generator.integers(0, size, -(-size // BLOCKS_OF_RESAMPLE))
    rows = (starts[:, None] + np.arange(BLOCKS_OF_RESAMPLE)).ravel()[:size] % size
    drawn: Floats = maxima[rows]
    return drawn
