"""Vectors of short texts without a language model: hashed n-grams, TF-IDF, truncated SVD.

Words and pairs of words, and pieces of 3 to 5 letters within words, are counted in hashed buckets;
a count of tf weighs 1 + ln tf, a bucket ln((1 + n) / (1 + n_b)) + 1, n_b of n texts of the fit have
it. The weights, scaled to length 1, are turned onto the directions in which texts of the fit differ
most, and scaled again. Sources: Manning, Raghavan, Schütze, Introduction to Information Retrieval,
2008, 6.4 and 18.4; that these vectors suffice for logs is our notes on GLAD, 9.2.
"""

import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphad.errors import ModelError, NotFitted

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LETTERS, WORDS = 2**15, 2**14  # buckets of pieces of words, and of words
_LONGEST = 512  # letters of a text that are looked at: nobody can make us read a book
_DENSE = 1500  # so many texts' products fit in memory well
_WORD = re.compile(r"<[^<>\s]{1,20}>|[^\W_]+")


@dataclass
class TextVectors:
    """Gives each text a vector of length 1, or of zeros if nothing in it was seen in the fit.

    width: numbers of a vector; buckets_ [B]: those seen, rising; weight_ [B]; turn_ [B, width].
    """

    width: int = 128
    seed: int = 0
    buckets_: Ints | None = field(default=None, repr=False)
    weight_: Floats = field(default_factory=lambda: np.zeros(0), repr=False)
    turn_: npt.NDArray[np.float32] = field(
        default_factory=lambda: np.zeros((0, 0), np.float32), repr=False
    )

    def __post_init__(self) -> None:
        """Refuse what makes no sense. Raises: ValueError."""
        if not 1 <= self.width <= 1024:
            raise ValueError("width must be within 1 and 1024.")

    def fit(self, texts: Sequence[str]) -> "TextVectors":
        """Learn from texts, each once, in any order."""
        distinct = sorted(set(texts))
        counts = [_counts(text) for text in distinct]
        buckets = np.array(sorted({b for one in counts for b in one}), np.int64)
        met = np.zeros(len(buckets))
        for one in counts:
            met[np.searchsorted(buckets, sorted(one))] += 1
        self.buckets_ = buckets
        self.weight_ = np.log((1.0 + len(distinct)) / (1.0 + met)) + 1.0
        self.turn_ = np.zeros((len(buckets), self.width), np.float32)
        if len(buckets):
            found = _directions(self._weighed(counts), self.width, self.seed)
            self.turn_[:, : found.shape[1]] = found
        return self

    def vectors(self, texts: Sequence[str]) -> Floats:
        """Return the vectors [n, width]. Raises: NotFitted."""
        if self.buckets_ is None:
            raise NotFitted("text vectors")
        distinct = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        found = np.zeros((len(distinct), self.width))
        if len(self.buckets_) and distinct:
            weighed = self._weighed([_counts(text) for text in distinct])
            found = unit(np.asarray(weighed @ self.turn_.astype(np.float64)))
        return found[[distinct[text] for text in texts]]

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return settings and arrays for `restore`."""
        if self.buckets_ is None:
            raise NotFitted("text vectors")
        arrays: dict[str, npt.NDArray[Any]] = {"buckets": self.buckets_, "weight": self.weight_}
        arrays["turn"] = self.turn_
        return {"width": self.width, "seed": self.seed}, arrays

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "TextVectors":
        """Return what `dump` gave. Raises: ModelError if it doesn't hang together."""
        try:
            made = cls(**told)
            buckets, made.weight_, made.turn_ = (arrays[n] for n in ("buckets", "weight", "turn"))
            kinds = [a.dtype for a in (buckets, made.weight_, made.turn_)]
            if kinds != [np.int64, np.float64, np.float32]:
                raise ValueError("types")
            b = len(buckets)
            if buckets.shape != (b,) or made.weight_.shape != (b,):
                raise ValueError("shapes")
            if made.turn_.shape != (b, made.width):
                raise ValueError("shapes")
            if not (np.isfinite(made.turn_).all() and np.isfinite(made.weight_).all()):
                raise ValueError("values")
            if b and not (buckets[0] >= 0 and (np.diff(buckets) > 0).all()):
                raise ValueError("buckets")
            made.buckets_ = buckets
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"The vectors of texts are damaged: {error}.") from error
        return made

    def _weighed(self, counts: Sequence[Mapping[int, int]]) -> "csr_matrix":
        """Return the weights of texts, rows of length 1; buckets that weren't seen are left out."""
        from scipy.sparse import csr_matrix

        assert self.buckets_ is not None
        row = np.repeat(np.arange(len(counts)), [len(one) for one in counts])
        bucket = np.array([b for one in counts for b in sorted(one)], np.int64)
        times = np.array([one[b] for one in counts for b in sorted(one)], np.float64)
        at = np.minimum(np.searchsorted(self.buckets_, bucket), len(self.buckets_) - 1)
        seen = self.buckets_[at] == bucket if len(bucket) else np.zeros(0, bool)
        row, at = row[seen], at[seen]
        value = (1.0 + np.log(times[seen])) * self.weight_[at]
        long = np.sqrt(np.bincount(row, value**2, len(counts)))
        value /= long[row]
        return csr_matrix((value, (row, at)), shape=(len(counts), len(self.buckets_)))


def unit(rows: Floats) -> Floats:
    """Return rows scaled to length 1; rows that are as good as 0 become 0."""
    long = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(long > 1e-9, rows / np.maximum(long, 1e-9), 0.0)


def _directions(x: "csr_matrix", width: int, seed: int) -> npt.NDArray[np.float32]:
    """Return the first right singular vectors [B, k] of x, k at most width, signs made definite."""
    n = x.shape[0]
    if n <= _DENSE:
        values, left = np.linalg.eigh(np.asarray((x @ x.T).todense()))
        order = np.argsort(-values, kind="stable")[:width]
        values, left = np.sqrt(np.maximum(values[order], 0.0)), left[:, order]
        kept = values > 1e-6
        right = np.asarray(x.T @ left[:, kept]) / values[kept]
    else:
        from scipy.sparse.linalg import svds

        k = min(width, min(x.shape) - 1)
        start = np.random.default_rng(seed).normal(size=min(x.shape))
        _, values, turned = svds(x, k=k, v0=start)
        right = turned[np.argsort(-values, kind="stable")].T
    biggest = np.abs(right).argmax(axis=0)
    sign = np.sign(right[biggest, np.arange(right.shape[1])])
    found: npt.NDArray[np.float32] = (right * sign).astype(np.float32)
    return found


def _counts(text: str) -> Counter[int]:
    """Return how often each bucket occurs in a text: letters first, words behind them."""
    found: Counter[int] = Counter()
    words = _WORD.findall(text[:_LONGEST].lower())
    for word in words:
        edged = f" {word} "
        for size in (3, 4, 5):
            for at in range(len(edged) - size + 1):
                piece = edged[at : at + size]
                found[zlib.crc32(piece.encode("utf-8", "surrogatepass")) % LETTERS] += 1
    for piece in words + [f"{a} {b}" for a, b in pairwise(words)]:
        found[LETTERS + zlib.crc32(piece.encode("utf-8", "surrogatepass")) % WORDS] += 1
    return found
