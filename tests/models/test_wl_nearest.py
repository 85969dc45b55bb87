"""Distances from the nearest quiet graph: by sets of spelled labels, one graph after the other."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.errors import NotFitted
from graphad.models.wl_labels import LabelSets
from graphad.models.wl_nearest import LabelNearest
from tests.models.graph_cases import Drawn, drawn_graphs
from tests.models.planted_graphs import planted
from tests.models.test_wl_surprise import views, words


def distance(one: set[Any], other: set[Any]) -> float:
    return 1.0 - (len(one & other) + 1) / math.sqrt((len(one) + 1) * (len(other) + 1))


def slow(row: set[Any], quiet: list[set[Any]], inside: bool) -> float:
    """Return how far the nearest quiet graph is; one of the same labels is left out if inside."""
    rest = list(quiet)
    if inside:
        rest.remove(row)
    return min(distance(row, one) for one in rest)


@settings(max_examples=80, deadline=None)
@given(drawn_graphs(), drawn_graphs(), st.integers(0, 2), st.integers(0, 99))
def test_distances_are_those_of_sets(quiet: Drawn, other: Drawn, hops: int, seed: int) -> None:
    if len(quiet.sizes) < 2:
        return
    labels = [views(d, seed + i) for i, d in enumerate((quiet, other))]
    told = [words(d, one, hops) for d, one in zip((quiet, other), labels, strict=True)]
    mine = [
        LabelSets.of(d.batch(), one, hops) for d, one in zip((quiet, other), labels, strict=True)
    ]
    model = LabelNearest().fit(mine[0])
    for sets, rows, inside in ((mine[1], told[1], False), (mine[0], told[0], True)):
        far = model.distances(sets, inside=inside)
        assert far == pytest.approx(np.array([slow(r, told[0], inside) for r in rows]), abs=1e-9)
        missing, each = model.parts(sets, inside=inside)
        total = missing + np.bincount(sets.graph, each, sets.graphs)
        assert total == pytest.approx(far, abs=1e-9)
        assert (missing >= 0).all()
        assert (each >= 0).all()


def test_what_is_missing_is_told_apart_from_what_is_new() -> None:
    batch, _ = planted(1, 0.0, 0)
    n = len(batch.features)
    kinds = np.arange(n)
    quiet = LabelSets.of(batch, kinds, 0)
    model = LabelNearest().fit(quiet)
    missing, each = model.parts(LabelSets.of(batch, np.where(kinds == 1, 0, kinds), 0))
    assert missing[0] == pytest.approx(1 - np.sqrt(n / (n + 1)))
    assert not each.any()
    missing, each = model.parts(LabelSets.of(batch, np.where(kinds == 1, n, kinds), 0))
    assert missing[0] == pytest.approx(0.5 / (n + 1))
    assert np.sort(each)[-2:] == pytest.approx([0.0, 0.5 / (n + 1)])


def test_it_is_fitted_first() -> None:
    batch, _ = planted(1, 0.0, 0)
    with pytest.raises(NotFitted):
        LabelNearest().distances(LabelSets.of(batch, np.zeros(len(batch.features)), 0))
