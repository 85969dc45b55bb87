"""Distinct rows and compared texts, against plain Python."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.scan.texts import differ
from graphad.scan.tuples import distinct_rows


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(-2, 2), st.sampled_from([0, 2**63 - 1, -(2**63)]))),
    seed=st.integers(0, 2**64 - 1),
)
def test_distinct_rows(rows: list[tuple[int, int]], seed: int) -> None:
    columns = np.array(rows, np.int64).reshape(-1, 2).T.copy()
    first, number = distinct_rows(columns, np.uint64(seed))
    known = list(dict.fromkeys(rows))
    assert [rows[i] for i in first.tolist()] == known
    assert [rows.index(row) for row in known] == first.tolist()
    assert number.tolist() == [known.index(row) for row in rows]


@settings(deadline=None)
@given(
    texts=st.lists(st.binary(max_size=200), min_size=1),
    pairs=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6))),
)
def test_differ(texts: list[bytes], pairs: list[tuple[int, int]]) -> None:
    texts = [*texts, *texts]  # so that some are equal
    ends = np.cumsum([0, *map(len, texts)])
    data = np.frombuffer(b"".join(texts), np.uint8)
    rows = np.array([a % len(texts) for a, _ in pairs], np.int64)
    others = np.array([b % len(texts) for _, b in pairs], np.int64)
    found = differ(data, ends, rows, others)
    assert found.tolist() == [texts[a] != texts[b] for a, b in zip(rows, others, strict=True)]
