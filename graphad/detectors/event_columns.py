"""From the columns of a table to codes: categories, numbers by quantiles, hours and weekdays.

A value seen less often than `least` has code 0, as has one never seen; that one is told apart, for
what is seen for the first time is a finding of its own. A missing value is a value. numpy and
pyarrow only: an enriching process loads nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MISSING = ""
HOUR, WEEKDAY = "hour", "weekday"
CLOCK = (HOUR, WEEKDAY)
BINS = 16  # of a column of numbers
_MOST_WORDS = 1_000_000  # that a column remembers; the rarest beyond are forgotten
_DAY = 86_400_000_000  # microseconds
# Days of training, and the share of its hours or days with events, before a time can be odd.
_ENOUGH = {HOUR: (3.0, 3_600_000_000, 0.25), WEEKDAY: (14.0, _DAY, 0.5)}


def text_of(value: object) -> str:
    """Return a value as the word it is known by.

    >>> text_of(None), text_of(3.0), text_of(True), text_of("x")
    ('', '3', 'true', 'x')
    """
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return MISSING
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def microseconds_of(value: object) -> int | None:
    """Return the UTC microseconds of a time: a datetime, ISO 8601 text, or a number since 1970.

    A number is of seconds, or of milli-, micro- or nanoseconds if so large that seconds would lie
    past the year 5000. Text without a zone is UTC. None for anything else.

    >>> microseconds_of("2026-11-22T10:00:00Z") == microseconds_of(1795341600.0)
    True
    """
    if isinstance(value, str):
        try:
            value = float(value) if value[:1].isdigit() and "-" not in value else _parsed(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1e6)
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        number = _float(value)
        if not np.isfinite(number) or abs(number) >= 1e20:
            return None
        scales = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (1e20, 1e-3))
        return round(number * next(scale for most, scale in scales if abs(number) < most))
    return None


def _parsed(text: str) -> datetime:
    return datetime.fromisoformat(text.strip())


@dataclass
class Column:
    """One column: `codes` by word (0 for a rare one), and how often each word was there.

    edges: the bounds of a column of numbers; None for categories. novelty: the share of events,
    at the end of training, whose value had not been seen before.
    """

    name: str
    codes: dict[str, int]
    seen: dict[str, int]
    arity: int = 1
    edges: Floats | None = None
    novelty: float = 1.0

    @classmethod
    def fit(cls, name: str, values: pa.Array, least: int, numbers: bool) -> "Column":
        """Return the column that learned values [n], in time order."""
        made = cls.of(name, values, numbers)
        made.learn(made.words(values), least)
        return made

    @classmethod
    def of(cls, name: str, values: pa.Array, numbers: bool) -> "Column":
        """Return a column that knows where to cut values [n], if they are numbers, and no words."""
        if not numbers:
            return cls(name, {}, {})
        found = _floats(values)
        found = found[np.isfinite(found)]
        inner = np.linspace(0, 1, BINS + 1)[1:-1]
        edges = np.unique(np.quantile(found, inner)) if len(found) else np.zeros(0)
        return cls(name, {}, {}, edges=edges)

    def learn(self, words: pa.Array, least: int) -> None:
        """Learn the first words [n], in time order."""
        held = max(len(words) // 10, 1)
        before = set(pc.unique(words[:-held]).to_pylist())
        new = [word not in before for word in words[-held:].to_pylist()]
        self.novelty = (sum(new) + 0.5) / (len(new) + 1.0)
        self.count(words, least)
        if len(self.seen) == 1:  # what never varies says nothing, until another value comes
            self.codes, self.arity = dict.fromkeys(self.seen, 0), 1

    def count(self, words: pa.Array, least: int) -> None:
        """Count words [n]; one that is no longer rare gets the next free code."""
        for entry in pc.value_counts(words).to_pylist():
            word = entry["values"]
            self.seen[word] = self.seen.get(word, 0) + entry["counts"]
        if len(self.seen) > _MOST_WORDS:
            kept = sorted(self.seen, key=lambda w: (-self.seen[w], w))[:_MOST_WORDS]
            coded = {w: None for w, code in self.codes.items() if code}
            self.seen = {w: self.seen[w] for w in dict.fromkeys(kept) | coded}
        for word in sorted(self.seen):
            if self.seen[word] >= least and not self.codes.get(word):
                self.codes[word] = self.arity
                self.arity += 1
        for word in self.seen:
            self.codes.setdefault(word, 0)

    def words(self, values: pa.Array) -> pa.Array:
        """Return the words [n] that values [n] of any Arrow type are known by."""
        if self.edges is not None:
            found = _floats(values)
            at = np.searchsorted(self.edges, found, side="right")
            names = [self._between(i) for i in range(len(self.edges) + 1)]
            words = pa.array([*names, MISSING], pa.string())
            return words.take(pa.array(np.where(np.isfinite(found), at, len(names))))
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            return values.cast(pa.string()).fill_null(MISSING)
        coded = values.dictionary_encode()
        words = pa.array([text_of(v) for v in coded.dictionary.to_pylist()], pa.string())
        return words.take(coded.indices).fill_null(MISSING)

    def bin(self, number: float) -> str:
        """Return the word of a number: between which bounds it lies."""
        assert self.edges is not None
        if not np.isfinite(number):
            return MISSING
        return self._between(int(np.searchsorted(self.edges, number, side="right")))

    def _between(self, at: int) -> str:
        assert self.edges is not None
        low = f"{self.edges[at - 1]:g}" if at else ""
        high = f"{self.edges[at]:g}" if at < len(self.edges) else ""
        return f"{low}..{high}"

    def encode(self, values: pa.Array) -> tuple[Ints, Bools]:
        """Return the codes [n] of values, and which of them were never seen."""
        return self.coded(self.words(values))

    def coded(self, words: pa.Array) -> tuple[Ints, Bools]:
        """Return the codes [n] of words, and which of them were never seen."""
        coded = words.dictionary_encode()
        known = [self.codes.get(word, -1) for word in coded.dictionary.to_pylist()]
        at = np.array(known, np.int64)[coded.indices.to_numpy(zero_copy_only=False)]
        new: Bools = at < 0
        if MISSING not in self.codes:  # nothing is not a new value
            new &= pc.not_equal(words, MISSING).to_numpy(zero_copy_only=False)
        return np.maximum(at, 0), new

    def word(self, value: object) -> str:
        """Return the word of one value."""
        if self.edges is None:
            return text_of(value)
        return self.bin(_float(value))

    def named(self) -> list[str]:
        """Return what each code stands for."""
        names = ["(rare)"] * self.arity
        if self.arity == len(self.codes) == 1:
            return list(self.codes)
        for word, code in self.codes.items():
            if code:
                names[code] = word
        return names

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]], list[str]]:
        """Return settings, arrays and words for `restore`."""
        words = sorted(self.seen)
        told = {"name": self.name, "arity": self.arity, "novelty": self.novelty,
                "numbers": self.edges is not None}  # fmt: skip
        arrays = {
            "codes": np.array([self.codes[w] for w in words], np.int64),
            "seen": np.array([self.seen[w] for w in words], np.int64),
            "edges": np.zeros(0) if self.edges is None else self.edges,
        }
        return told, arrays, words

    @classmethod
    def restore(
        cls, told: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], words: Sequence[str]
    ) -> "Column":
        """Return what `dump` gave. Raises: ValueError if it doesn't hang together."""
        codes, seen = arrays["codes"].tolist(), arrays["seen"].tolist()
        arity = int(told["arity"])
        if any(not 0 <= code < arity for code in codes):
            raise ValueError(f"the codes of column {told['name']}")
        return cls(
            str(told["name"]), dict(zip(words, codes, strict=True)),
            dict(zip(words, seen, strict=True)), arity,
            arrays["edges"] if told["numbers"] else None, float(told["novelty"]),
        )  # fmt: skip


def _floats(values: pa.Array) -> Floats:
    """Return numbers [n], NaN for what is none."""
    if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
        found: Floats = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return found
    return np.array([_float(text_of(v)) for v in values.to_pylist()], np.float64)


def _float(value: object) -> float:
    """Return a number, NaN for what is none or is too large for one."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column of a table as one array."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    return column


def times(values: pa.Array) -> list[int | None]:
    """Return UTC microseconds of times [n] of any Arrow type."""
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        return list(values.to_pylist())
    return [microseconds_of(v) for v in values.to_pylist()]


def clock(moment: int | None) -> tuple[str, str]:
    """Return the hour and weekday, UTC, of a time in microseconds.

    >>> clock(0)
    ('0', 'Thursday')
    """
    if moment is None:
        return MISSING, MISSING
    day, rest = divmod(moment, _DAY)
    names = ("Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday")
    return str(rest // 3_600_000_000), names[day % 7]


def clock_words(name: str, moments: Sequence[int | None]) -> pa.Array:
    """Return the words [n] of the column `hour` or `weekday` of times in microseconds."""
    at = CLOCK.index(name)
    return pa.array([clock(moment)[at] for moment in moments], pa.string())


def codes_of(columns: Sequence[Column], words: Sequence[pa.Array]) -> tuple[Ints, Bools]:
    """Return the codes [n, m] of the words of columns, and which of them were never seen."""
    found = [column.coded(mine) for column, mine in zip(columns, words, strict=True)]
    codes, new = (np.stack(part, axis=1) for part in zip(*found, strict=True))
    return codes, new


def clock_columns(moments: Sequence[int | None]) -> tuple[str, ...]:
    """Return which of hour and weekday training [n] is long enough for, and has seen enough of.

    Of the hours from its first to its last a quarter must have events, for the weekday half of the
    days: a few captures with weeks between them say nothing of when things are usual.
    """
    known = np.array([m for m in moments if m is not None], np.int64)
    found = []
    for name, (days, unit, share) in _ENOUGH.items():
        steps = np.unique(known // unit)
        span = int(steps[-1] - steps[0]) + 1 if len(steps) else 0
        if span * unit >= days * _DAY and len(steps) >= share * span:
            found.append(name)
    return tuple(found)
