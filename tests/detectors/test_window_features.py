"""Graphs of units: their nodes' features, as counting by hand tells them."""

import math
from collections import Counter, defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.detectors.window_features import FEATURES, RARITY, Rarity, counted, names_of, nodes_of
from graphad.detectors.window_units import Units, units
from graphad.graph import Graph
from graphad.schema import ACTIONS, ENTITY_TYPES
from tests.detectors.test_window_units import GRAPHS


def word(made: Graph, n: int) -> str:
    return f"{made.types[n]} {made.names[n]}"


def met(made: Graph, found: Units) -> Counter[str]:
    """Return in how many units each name is."""
    told: Counter[str] = Counter()
    for u in range(len(found)):
        ends = {int(n) for e in found.events(u) for n in (made.src[e], made.dst[e])}
        told.update({word(made, n) for n in ends})
    return told


@settings(max_examples=100, deadline=None)
@given(made=GRAPHS, kind=st.sampled_from(["host", "tree"]), inside=st.booleans())
def test_features_are_counts_of_a_nodes_events_in_its_unit(
    made: Graph, kind: str, inside: bool
) -> None:
    found = units(made, kind)  # type: ignore[arg-type]
    names = met(made, found)
    rarity = Rarity.fit([counted(made, found)], len(found))
    assert dict(zip(rarity.words, rarity.met.tolist(), strict=True)) == names
    nodes = nodes_of(made, found, rarity.of(names_of(made), inside))
    slow: dict[tuple[int, int], dict[str, float]] = {}
    pairs: Counter[tuple[tuple[int, int], tuple[int, int]]] = Counter()
    for u in range(len(found)):
        for e in found.events(u):
            src, dst, action = int(made.src[e]), int(made.dst[e]), made.action[e]
            for n, way in ((src, "events out"), (dst, "events in")):
                row = slow.setdefault((u, n), defaultdict(float))
                row[action] += 1
                row[way] += 1
            pairs[(u, src), (u, dst)] += 1
    keys = sorted(slow)
    assert nodes.sizes.tolist() == [sum(u == v for v, _ in keys) for u in range(len(found))]
    assert nodes.entity.tolist() == [n for _, n in keys]
    for i, (u, n) in enumerate(keys):
        for j, name in enumerate(FEATURES[:-1]):
            if name in ENTITY_TYPES:
                expected = float(made.types[n] == name)
            else:
                expected = math.log1p(slow[u, n].get(name, 0.0))
            assert abs(nodes.features[i, j] - expected) < 1e-12, (name, u, n)
        others = names[word(made, n)] - inside
        total = max(len(found) - inside, 1)
        rare = 1 - math.log1p(others) / math.log1p(total)
        assert abs(nodes.features[i, RARITY] - min(max(rare, 0.0), 1.0)) < 1e-12
    place = {key: i for i, key in enumerate(keys)}
    edges = zip(nodes.src, nodes.dst, nodes.weight, strict=True)
    assert {(int(a), int(b)): w for a, b, w in edges} == {
        (place[a], place[b]): np.log1p(count) for (a, b), count in pairs.items()
    }
    for k, (u, e) in enumerate(zip(found.unit, found.event, strict=True)):
        assert nodes.at_src[k] == place[int(u), int(made.src[e])]
        assert nodes.at_dst[k] == place[int(u), int(made.dst[e])]


def test_a_name_never_met_is_rarest_and_one_met_everywhere_is_not_rare() -> None:
    import pyarrow as pa

    rarity = Rarity.fit(
        [(["file /a", "file /b"], np.array([4, 1])), (["file /a"], np.array([4]))], 8
    )
    assert rarity.met.tolist() == [8, 1]
    told = rarity.of(pa.array(["file /a", "file /b", "file /c"]), False)
    assert told[0] == 0.0
    assert 0.5 < told[1] < told[2] == 1.0
    # A unit that was counted doesn't vouch for its own names.
    assert rarity.of(pa.array(["file /b"]), True)[0] == 1.0


def test_feature_names_are_those_of_the_schema() -> None:
    assert set(ACTIONS) | set(ENTITY_TYPES) < set(FEATURES)
    assert len(set(FEATURES)) == len(FEATURES)
