"""Sequences as graphs, and runs of calls, against counting by hand; molecules' text."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import cell_lines
from benchmarks.call_graphs import commonest, transitions
from benchmarks.wl_neighbours import GramNeighbours

lists = st.lists(st.lists(st.integers(0, 6), max_size=12), min_size=1, max_size=5)


@settings(max_examples=80, deadline=None)
@given(lists, st.permutations(range(7)), st.integers(0, 7))
def test_transitions_are_counted(drawn: list[list[int]], order: list[int], columns: int) -> None:
    calls = [np.array(one, np.int64) for one in drawn]
    known = np.array(order[:columns], np.int64)
    found = transitions(calls, known)
    batch = found.batch
    assert batch.sizes.tolist() == [len(set(one)) for one in drawn]
    for g, one in enumerate(drawn):
        nodes = range(batch.start[g], batch.start[g + 1])
        assert [found.kinds[n] for n in nodes] == sorted(set(one))
        pairs = Counter(pairwise(one))
        for n in nodes:
            call, row = found.kinds[n], np.zeros(columns + 1)
            row[order.index(call) if order.index(call) < columns else columns] = np.log1p(
                one.count(call)
            )
            np.testing.assert_allclose(batch.features[n], row)
            near = slice(batch.indptr[n], batch.indptr[n + 1])
            weights = {
                int(found.kinds[v]): w
                for v, w in zip(batch.indices[near], batch.weight[near], strict=True)
            }
            slow = {
                b: sum(np.log1p(pairs[p]) for p in ((call, b), (b, call)))
                for b in set(one) - {call}
                if pairs[call, b] or pairs[b, call]
            }
            assert weights == pytest.approx(slow)


def test_the_commonest_calls_are_in_most_sequences() -> None:
    calls = [np.array(one) for one in ([5, 5, 5, 1], [1, 2], [1, 2, 9])]
    assert commonest(calls, 3).tolist() == [1, 2, 5]
    assert commonest([]).tolist() == []


@settings(max_examples=60, deadline=None)
@given(st.lists(lists, min_size=1, max_size=4), st.lists(lists, min_size=1, max_size=3))
def test_runs_of_calls_are_counted_by_process(
    quiet: list[list[list[int]]], other: list[list[list[int]]]
) -> None:
    def slow(processes: list[list[int]]) -> Counter[tuple[int, ...]]:
        return Counter(
            tuple(one[i : i + 3]) for one in processes if one for i in range(max(len(one) - 2, 1))
        )

    def arrays(traces: list[list[list[int]]]) -> list[list[np.ndarray]]:
        return [[np.array(one, np.int64) for one in trace] for trace in traces]

    model = GramNeighbours().fit(arrays(quiet))
    known = set().union(*map(slow, quiet))
    assert len(model.known_) == len(known)
    found = model.counts(arrays(other)).toarray()
    for row, trace in zip(found, other, strict=True):
        counts = slow(trace)
        assert sorted(row[:-1][row[:-1] > 0]) == sorted(n for g, n in counts.items() if g in known)
        assert row[-1] == sum(n for g, n in counts.items() if g not in known)
    assert (model.score(arrays(quiet)) <= 1.0 + 1e-9).all()


SDF = """1


  3  2  0  0  0  0              1 V2000
    0.0000    0.0000    0.0000 O   0  0
    0.0000    0.0000    0.0000 C   0  0
    0.0000    0.0000    0.0000 N   0  0
  1  2  1  0  0  0
  2  3  1  0  0  0
M  END
> <value>
-1.0

$$$$
2


  1  0  0  0  0  0              1 V2000
    0.0000    0.0000    0.0000 C   0  0
M  END
> <value>
1.0

$$$$
"""


def test_molecules_of_a_text() -> None:
    found = cell_lines.family(list(cell_lines.read(SDF)))
    assert found.batch.sizes.tolist() == [3, 1]
    assert found.abnormal.tolist() == [False, True]
    assert found.kinds.tolist() == [2, 0, 1, 0]
    assert found.batch.degree.tolist() == [1, 2, 1, 0]
    for damaged in (SDF.replace("V2000", ""), SDF.replace("<value>", "<x>"), SDF.replace(
        "  2  3  1  0  0  0\n", ""
    )):  # fmt: skip
        with pytest.raises(ValueError, match=r"lacks|counts line|invalid literal"):
            list(cell_lines.read(damaged))


@pytest.mark.parametrize(("name", "graphs"), [("MCF-7", 3918), ("SW-620", 4162), ("SN12C", 3282)])
def test_screens_of_the_notes(name: str, graphs: int) -> None:
    found = cell_lines.load(name)
    if found is None:
        pytest.skip("the captures are not here: set GRAPHAD_DATA")
    assert len(found.batch) == graphs
    assert found.abnormal.sum() == graphs / 2
