"""What is known of an event or value before its window is looked at: text, type, how often it was.

Source: our notes on GLAD, 9.2 and 12.3: vectors of texts, of events and of values apart; the type;
and whether it was seen 0, 1, 2 to 9 or more times in training. The authors take a language model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from graphad.errors import ModelError, NotFitted
from graphad.models.relations import Relations
from graphad.models.text_vectors import TextVectors

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.float32]

BUCKETS = (1, 2, 10)  # from how many lines on a node is of the next kind
_APART = "\x1f"  # of a type and a value


@dataclass
class RelationFeatures:
    """Learns the names of a training, and gives the vertices of any relations their features.

    width: of the vectors of texts; frequent: whether how often it was is a feature. names_ [K]: of
    events, then of values, joined with their types; lines_ [K]: of how many each was told.
    """

    width: int = 64
    frequent: bool = True
    seed: int = 0
    events_: list[str] = field(default_factory=list, repr=False)
    values_: list[tuple[str, str]] = field(default_factory=list, repr=False)
    lines_: Ints = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    texts_: tuple[TextVectors, TextVectors] | None = field(default=None, repr=False)

    def fit(self, given: Relations) -> "RelationFeatures":
        """Learn from the relations of a training. Raises: ValueError: there is none."""
        if not len(given):
            raise ValueError("There is no relation to learn from.")
        told = np.bincount(given.of_event, minlength=len(given.events))
        of = np.bincount(given.node, minlength=len(given.nodes))
        events = sorted((given.events[int(e)], int(told[e])) for e in np.flatnonzero(told))
        values = sorted((given.nodes[int(v)], int(of[v])) for v in np.flatnonzero(of))
        self.events_ = [name for name, _ in events]
        self.values_ = [name for name, _ in values]
        self.lines_ = np.array([n for _, n in events] + [n for _, n in values], np.int64)
        self.texts_ = (
            TextVectors(self.width, self.seed).fit(self.events_),
            TextVectors(self.width, self.seed).fit([_text(*value) for value in self.values_]),
        )
        return self

    @property
    def types(self) -> list[str]:
        """Return the types of values of the training."""
        return sorted({kind for kind, _ in self.values_})

    @property
    def size(self) -> int:
        """Return how many features there are."""
        return 2 * self.width + 1 + len(self.types) + (len(BUCKETS) + 1) * self.frequent

    def places(self, given: Relations) -> Ints:
        """Return the place among the K names of each event, then each value [V]; -1: not there."""
        events = {name: place for place, name in enumerate(self.events_)}
        values = {name: len(events) + place for place, name in enumerate(self.values_)}
        found = [events.get(name, -1) for name in given.events]
        return np.array(found + [values.get(node, -1) for node in given.nodes], np.int64)

    def of(self, given: Relations, places: Ints) -> Small:
        """Return the features [V, size] of events, then of values. Raises: NotFitted.

        How often comes last, see `buckets`.
        """
        if self.texts_ is None:
            raise NotFitted("relation")
        e, v, d = len(given.events), len(given.nodes), self.width
        types = {kind: number for number, kind in enumerate(self.types)}
        found = np.zeros((e + v, self.size), np.float32)
        found[:e, :d] = self.texts_[0].vectors(given.events)
        found[e:, d : 2 * d] = self.texts_[1].vectors([_text(*node) for node in given.nodes])
        found[:e, 2 * d] = 1.0
        for row, (kind, _) in enumerate(given.nodes, e):
            if kind in types:
                found[row, 2 * d + 1 + types[kind]] = 1.0
        if self.frequent:
            lines = np.append(self.lines_, 0)[places]
            found[:, -len(BUCKETS) - 1 :] = buckets(lines)
        return found

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return settings and arrays for `restore`."""
        if self.texts_ is None:
            raise NotFitted("relation")
        told: dict[str, Any] = {n: getattr(self, n) for n in ("width", "frequent", "seed")}
        arrays: dict[str, npt.NDArray[Any]] = {"lines": self.lines_}
        joined = [_APART.join(value) for value in self.values_]
        for name, names in (("events", self.events_), ("values", joined)):
            arrays |= {f"{name}/{key}": array for key, array in packed_names(names).items()}
        for name, model in zip(("event", "value"), self.texts_, strict=True):
            settings, mine = model.dump()
            told[f"{name} texts"] = settings
            arrays |= {f"{name} texts/{key}": array for key, array in mine.items()}
        return told, arrays

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "RelationFeatures":
        """Return what `dump` gave. Raises: ModelError if it doesn't hang together."""
        try:
            made = cls(told["width"], told["frequent"], told["seed"])
            made.events_ = unpacked_names(arrays, "events")
            joined = unpacked_names(arrays, "values")
            cut = [name.partition(_APART) for name in joined]
            made.values_ = [(kind, value) for kind, _, value in cut]
            made.lines_ = arrays["lines"]
            made.texts_ = (
                TextVectors.restore(told["event texts"], _below(arrays, "event texts/")),
                TextVectors.restore(told["value texts"], _below(arrays, "value texts/")),
            )
            if any(text.width != made.width for text in made.texts_):
                raise ValueError("widths")
            if not all(part for _, part, _ in cut) or made.lines_.dtype != np.int64:
                raise ValueError("names")
            for names in (made.events_, joined):
                if len(set(names)) != len(names):
                    raise ValueError("names")
            if made.lines_.shape != (len(made.events_) + len(made.values_),):
                raise ValueError("lines")
            if len(made.lines_) == 0 or made.lines_.min() < 1:
                raise ValueError("lines")
            if not isinstance(made.frequent, bool) or not isinstance(made.width, int):
                raise ValueError("settings")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"The names of relations are damaged: {error}.") from error
        return made


def buckets(lines: Ints) -> Small:
    """Return of which kind a number of lines is [n, 4]: none, one, 2 to 9, more.

    >>> buckets(np.array([0, 1, 9, 10])).argmax(axis=1).tolist()
    [0, 1, 2, 3]
    """
    kind = np.searchsorted(BUCKETS, lines, "right")
    return np.eye(len(BUCKETS) + 1, dtype=np.float32)[kind]


def packed_names(names: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Return texts as arrays: their bytes, and where each ends."""
    encoded = [name.encode("utf-8", "surrogatepass") for name in names]
    ends = np.cumsum([len(one) for one in encoded], dtype=np.int64)
    return {"text": np.frombuffer(b"".join(encoded), np.uint8).copy(), "end": ends}


def unpacked_names(arrays: Mapping[str, Any], name: str) -> list[str]:
    """Return what `packed_names` gave. Raises: KeyError, TypeError, ValueError."""
    text, end = arrays[f"{name}/text"], arrays[f"{name}/end"]
    if text.dtype != np.uint8 or end.dtype != np.int64 or text.ndim != 1 or end.ndim != 1:
        raise ValueError("types")
    start = np.concatenate([[0], end[:-1]]) if len(end) else end
    if (end < start).any() or (end[-1] if len(end) else 0) != len(text):
        raise ValueError("names")
    whole = text.tobytes()
    return [
        whole[a:b].decode("utf-8", "surrogatepass")
        for a, b in zip(start.tolist(), end.tolist(), strict=True)
    ]


def _text(kind: str, value: str) -> str:
    return f"<{kind}> {value}"


def _below(arrays: Mapping[str, Any], start: str) -> dict[str, Any]:
    return {n.removeprefix(start): a for n, a in arrays.items() if n.startswith(start)}
