"""What evaluation takes and what it says: a finding as far as it is judged, and one figure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Judged:
    """A finding as far as it is judged.

    `score` is what findings are ranked by; `alert` and `severity` are None where nothing was
    calibrated. `start` and `end` are its first and last event, UTC microseconds; `times` are those
    of all events it shows, none if it is of all the time between. `edges` are (path of the source,
    line, record); `entities` are keys. Findings of one `incident` are not independent; without one
    a finding is by itself.
    """

    id: str
    score: float
    alert: bool | None
    host: str
    start: int
    end: int
    edges: Sequence[tuple[str, int | None, int | None]] = ()
    entities: Sequence[str] = ()
    severity: str | None = None
    incident: str = ""
    times: Sequence[int] = ()


@dataclass(frozen=True)
class Metric:
    """One figure and what it was computed from: `part` of `whole`, each with its unit in words.

    `value` is None where the denominator is missing or zero.
    """

    name: str
    value: float | None
    part: float | None
    whole: float | None
    meaning: str


def ratio(name: str, part: float, whole: float | None, meaning: str) -> Metric:
    """Return the share of a part, of nothing None."""
    return Metric(name, part / whole if whole else None, part, whole, meaning)
