"""Small hostile graphs for tests of path search, and how results are compared."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from graphad.models.path_search import PathSet

Array = npt.NDArray[Any]
Arrays = tuple[Array, Array, Array, Array, Array]
Graph = tuple[Arrays, dict[str, Any]]


@st.composite
def graphs(draw: Callable[..., Any], most: int = 24) -> Graph:
    """Return (arrays, options): ties, cycles, self loops, copies and equal times all abound."""
    size = draw(st.integers(1, most))
    vertices = draw(st.integers(2, 8))
    vertex = st.lists(st.integers(0, vertices - 1), min_size=size, max_size=size)
    src, dst = np.array(draw(vertex)), np.array(draw(vertex))
    last = draw(st.sampled_from([0, 3, 9, 40]))
    ts = np.sort(draw(st.lists(st.integers(0, last), min_size=size, max_size=size)))
    kinds = draw(st.sampled_from([1, 2, 4, 12]))
    label = np.array(draw(st.lists(st.integers(-2, kinds - 3), min_size=size, max_size=size)))
    if draw(st.booleans()):
        label = src * 100 + dst
    price = draw(st.sampled_from([0, 1, 5]))
    cost = np.array(draw(st.lists(st.integers(0, price), min_size=size, max_size=size))) / 4
    if draw(st.booleans()):
        cost = (label * 7 % 5).astype(float)  # the same for a whole label, as in the detector
    options: dict[str, Any] = {
        "max_length": draw(st.integers(1, 8)),
        "k": draw(st.sampled_from([1, 2, 5, 40])),
        "strict": draw(st.booleans()),
        "span": draw(st.one_of(st.none(), st.integers(0, last))),
    }
    for name in ("mask", "start", "end", "through"):
        if draw(st.sampled_from([False, False, True])):
            options[name] = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    return (src, dst, ts, cost, label), options


def rows(found: PathSet) -> list[tuple[int, float, tuple[int, ...]]]:
    return [
        (int(n), float(score), tuple(e[e >= 0].tolist()))
        for n, score, e in zip(found.length, found.score, found.edges, strict=True)
    ]


def listed(arrays: tuple[Array, ...]) -> list[Any]:
    return [a.tolist() for a in arrays]
