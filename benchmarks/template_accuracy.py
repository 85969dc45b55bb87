"""How well lines are grouped and taken apart, against a truth.

Sources: Zhu et al., Tools and benchmarks for automated log parsing, ICSE-SEIP 2019 (grouping
accuracy); Dai et al., Logram, IEEE TSE 2020 (parsing accuracy).
"""

import re
from collections import defaultdict
from collections.abc import Hashable, Sequence

_VARIABLE = re.compile(r"<(?:\*|v|[a-z0-9]+)>")


def grouping_accuracy(found: Sequence[Hashable], truth: Sequence[Hashable]) -> float:
    """Return the share of lines whose group has just the lines that it has by the truth.

    >>> grouping_accuracy([1, 1, 2, 3], ["a", "a", "b", "b"])
    0.5
    """
    groups: dict[Hashable, set[int]] = defaultdict(set)
    real: dict[Hashable, set[int]] = defaultdict(set)
    for i, (one, other) in enumerate(zip(found, truth, strict=True)):
        groups[one].add(i)
        real[other].add(i)
    right = sum(len(g) for g in groups.values() if real[truth[min(g)]] == g)
    return right / len(truth)


def parsing_accuracy(found: Sequence[str], truth: Sequence[str]) -> float:
    """Return the share of lines whose template has the right words and the right variable ones.

    A word with any variable part is variable as a whole: how much of a word a mask takes in is not
    what is judged.

    >>> parsing_accuracy(["user <user> from /<ip>:<port>"], ["user <*> from <*>"])
    1.0
    """
    known: dict[str, str] = {}

    def plain(text: str) -> str:
        if text not in known:
            words = text.replace("<<", "<").split()
            known[text] = " ".join("<*>" if _VARIABLE.search(word) else word for word in words)
        return known[text]

    return sum(plain(a) == plain(b) for a, b in zip(found, truth, strict=True)) / len(truth)
