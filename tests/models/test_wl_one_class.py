"""The smaller share of quiet graphs: by both measures, its parts, kept and damaged."""

from typing import Any

import numpy as np
import pytest

from graphad.errors import ModelError, NotFitted
from graphad.models.graph_batch import GraphBatch
from graphad.models.metrics import roc_auc
from graphad.models.wl_labels import LabelSets
from graphad.models.wl_one_class import WlOneClass
from tests.models.planted_graphs import planted


def kinds(batch: GraphBatch) -> Any:
    return batch.features.argmax(axis=1)


def test_a_score_is_the_smaller_share_of_quiet_graphs_and_its_parts_add_up() -> None:
    quiet, _ = planted(120, 0.0, 0)
    later, _ = planted(60, 0.3, 1)
    model = WlOneClass().fit(quiet, kinds(quiet))
    assert model.tails_ is not None
    spoke = []
    for batch, inside in ((later, False), (quiet, True)):
        sets = LabelSets.of(batch, kinds(batch), 1)
        rare = model.surprise_.score(sets, inside=inside)
        far = model.nearest_.distances(sets, inside=inside)
        share = np.minimum(model.tails_[0].share(rare), model.tails_[1].share(far))
        score = model.score(batch, kinds(batch), inside=inside)
        assert score == pytest.approx(-np.log2(share))
        usual, missing, nodes = model.parts(batch, kinds(batch), inside=inside)
        graph = batch.graph
        total = usual + missing + np.bincount(graph, nodes.sum(axis=0), len(batch))
        assert total == pytest.approx(score)
        assert min(usual.min(), missing.min(), nodes.min()) >= 0
        spoke.append((usual > 0).mean())
    assert min(spoke) > 0
    assert max(spoke) < 1  # of both measures each has more to say of some graphs
    assert model.quiet_ is not None
    assert model.quiet_ == pytest.approx(np.sort(score))


def test_of_quiet_graphs_few_have_many_bits() -> None:
    quiet, _ = planted(400, 0.0, 0)
    others, _ = planted(400, 0.0, 5)
    model = WlOneClass().fit(quiet, kinds(quiet))
    assert model.quiet_ is not None
    for score in (model.score(others, kinds(others)), model.quiet_):
        for bits in (3.0, 5.0):
            assert (score >= bits).mean() <= 2.0 * 2.0**-bits + 0.03  # either of two measures


def test_planted_graphs_are_found_and_common_labels_together_that_never_were() -> None:
    quiet, _ = planted(300, 0.0, 0)
    later, odd = planted(200, 0.3, 1)
    model = WlOneClass().fit(quiet, kinds(quiet))
    found = roc_auc(model.score(later, kinds(later)), odd)
    assert found is not None
    assert found > 0.95
    # Half of quiet graphs are of labels 0 to 9, half of 10 to 19; one is of five of each.
    n = 200
    of = np.concatenate([np.arange(10) + 10 * (g % 2) for g in range(n)])
    two = GraphBatch.of([10] * n, [], [], np.zeros((10 * n, 1)))
    both = GraphBatch.of([10], [], [], np.zeros((10, 1)))
    sorts = WlOneClass().fit(two, of)
    assert sorts.score(both, np.arange(5, 15))[0] > 20
    assert sorts.score(two, of).max() == 0
    assert sorts.surprise_.score(LabelSets.of(both, np.arange(5, 15), 1)) == pytest.approx(
        sorts.surprise_.score(LabelSets.of(two, of, 1))[0]
    )


def test_the_order_of_nodes_and_graphs_does_not_matter() -> None:
    quiet, _ = planted(30, 0.0, 0)
    order = np.random.default_rng(1).permutation(30)
    nodes = np.concatenate([np.arange(quiet.start[g], quiet.start[g + 1]) for g in order])
    labels = kinds(quiet)
    model = WlOneClass().fit(quiet, labels)
    again = WlOneClass().fit(quiet.take(order), labels[nodes])
    np.testing.assert_array_equal(again.quiet_, model.quiet_)
    np.testing.assert_array_equal(
        again.score(quiet.take(order), labels[nodes], inside=True),
        model.score(quiet, labels, inside=True)[order],
    )


def test_it_is_the_same_after_dump_and_restore_and_damage_is_an_error() -> None:
    quiet, _ = planted(20, 0.0, 0)
    later, _ = planted(20, 0.5, 1)
    model = WlOneClass().fit(quiet, kinds(quiet))
    told, arrays = model.dump()
    again = WlOneClass.restore(told, arrays)
    for one, other in zip(
        again.parts(later, kinds(later)), model.parts(later, kinds(later)), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    bad: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (told | {"hops": 99}, arrays), ({}, arrays), (told | {"surprise": {}}, arrays),
        (told, arrays | {"sizes": arrays["sizes"][1:]}),
        (told, arrays | {"where": arrays["where"] + 1}), (told | {"far": {}}, arrays),
        (told, arrays | {"where": arrays["where"][1:]}), (told, arrays | {"rare": arrays["met"]}),
        (told, arrays | {"sizes": arrays["sizes"] + 1}),
    ]  # fmt: skip
    for settings_, held in bad:
        with pytest.raises(ModelError):
            WlOneClass.restore(settings_, held)


def test_errors_are_clear() -> None:
    batch, _ = planted(1, 0.0, 0)
    with pytest.raises(ValueError, match="two quiet graphs"):
        WlOneClass().fit(batch, kinds(batch))
    with pytest.raises(NotFitted):
        WlOneClass().score(batch, kinds(batch))
    with pytest.raises(NotFitted):
        WlOneClass().dump()
    with pytest.raises(ValueError, match="hops"):
        WlOneClass(hops=9)
