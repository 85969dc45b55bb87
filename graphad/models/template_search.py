"""Which template each of many lines joins or has, compiled.

drain3 keeps the tree and its clusters. Most lines change nothing there: they are passed by here,
as drain3's own search would find, and it is told of the others.

Source: He, Zhu, Zheng, Lyu, Drain: an online log parsing approach with fixed depth tree, ICWS 2017.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.models.templates import ANY
from graphad.scan.text_split import Numbers, split

Ints = npt.NDArray[np.int64]


class Search:
    """N lines, and templates in lists: of a number of words, and of a first word or of any.

    In the lines single blanks stand between words, and nowhere else. A line is looked for in the
    list of its first word, and where there is none in that of any.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        """Number the words of all lines."""
        found = split([*lines, ANY])
        self.words, self.ends = found.words, found.ends
        self.any = int(found.words[-1])
        size = np.diff(found.ends)
        first = np.where(
            size > 0, found.words[np.minimum(found.ends[:-1], len(found.words) - 1)], 0
        )
        self._keys, self.group = np.unique(size * found.distinct + first, return_inverse=True)
        self._distinct = found.distinct
        self._head = np.empty(len(self._keys) + int(size.max()) + 1, np.int64)
        self._last = np.empty_like(self._head)
        self._after, self._begin = np.empty(64, np.int64), np.zeros(65, np.int64)
        self._pool = np.empty(1024, np.int32)
        self.clear()

    def clear(self) -> None:
        """Forget all templates."""
        self._head[:] = -1
        self._count = 0

    def words_of(self, row: int) -> Numbers:
        """Return the words of a line."""
        return self.words[self.ends[row] : self.ends[row + 1]]

    def template(self, number: int) -> Numbers:
        """Return the words of a template, to be read or changed."""
        return self._pool[self._begin[number] : self._begin[number + 1]]

    def put(self, words: Numbers, of_any: bool) -> None:
        """Put in a template, at the end of its list; its number is how many there were."""
        number, size = self._count, len(words)
        if number == len(self._after):
            self._after = np.concatenate([self._after, self._after])
            self._begin = np.concatenate([self._begin, self._begin[1:]])
        begin = int(self._begin[number])
        while begin + size > len(self._pool):
            self._pool = np.concatenate([self._pool, self._pool])
        self._pool[begin : begin + size] = words
        self._begin[number + 1] = begin + size
        self._after[number] = -1
        self._count += 1
        at = len(self._keys) + size
        if not of_any:
            key = size * self._distinct + int(words[0])
            at = int(np.searchsorted(self._keys, key))
            if at == len(self._keys) or self._keys[at] != key:
                return  # no line would look for it
        elif at >= len(self._head):
            return
        if self._head[at] < 0:
            self._head[at] = number
        else:
            self._after[self._last[at]] = number
        self._last[at] = number

    def widen(self, number: int, row: int) -> None:
        """Let a template have any word where a line has another."""
        own = self.template(number)
        own[own != self.words_of(row)] = self.any

    def changing(self, row: int, similarity: float) -> tuple[int, int]:
        """Return the next line from `row` on that a template isn't wide enough for, and which one.

        The template is -1 if none agrees in that share of the words. The line is past the last
        one if there is none.
        """
        found = _changing(
            self.words, self.ends, self.group, row, self._head, self._after, self._begin,
            self._pool, self.any, len(self._keys), similarity,
        )  # fmt: skip
        return int(found[0]), int(found[1])

    def covering(self, row: int) -> Ints:
        """Return for each line from `row` on the template that has its words; -1 if none has.

        Of each list the first one that has them counts, of both the one with fewer that are any.
        """
        return _covering(
            self.words, self.ends, self.group, row, self._head, self._after, self._begin,
            self._pool, self.any, len(self._keys),
        )  # fmt: skip


@kernel
def _changing(
    words: Numbers, ends: Ints, group: Ints, row: int, head: Ints, after: Ints, begin: Ints,
    pool: Numbers, any_: int, groups: int, similarity: float,
) -> tuple[int, int]:  # fmt: skip
    n = len(ends) - 2  # the last one is ANY
    while row < n:
        start, size = ends[row], ends[row + 1] - ends[row]
        number = head[group[row]]
        if number < 0:
            number = head[groups + size]
        best, most, widest = -1, -1, -1
        while number >= 0:
            same, wide = 0, 0
            for i in range(size):
                word = pool[begin[number] + i]
                if word == any_:
                    wide += 1
                elif word == words[start + i]:
                    same += 1
            if same > most or (same == most and wide > widest):
                best, most, widest = number, same, wide
            number = after[number]
        if best < 0 or (size > 0 and most / size < similarity):
            return row, -1
        if most + widest < size:
            return row, best
        row += 1
    return row, -1


@kernel
def _covering(
    words: Numbers, ends: Ints, group: Ints, row: int, head: Ints, after: Ints, begin: Ints,
    pool: Numbers, any_: int, groups: int,
) -> Ints:  # fmt: skip
    n = len(ends) - 2
    found = np.empty(n - row, np.int64)
    for one in range(row, n):
        start, size = ends[one], ends[one + 1] - ends[one]
        best, least = -1, size + 1
        for place in (group[one], groups + size):
            number = head[place]
            while number >= 0:
                wide, at = 0, begin[number]
                for i in range(size):
                    if pool[at + i] == any_:
                        wide += 1
                    elif pool[at + i] != words[start + i]:
                        wide = -1
                        break
                if wide >= 0:
                    if wide < least:
                        best, least = number, wide
                    break
                number = after[number]
        found[one - row] = best
    return found
