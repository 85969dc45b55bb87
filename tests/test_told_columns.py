"""Columns made of slices are those made of all records at once, one value after another."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.decoders import told_columns
from graphad.decoders.told import Thing, Told
from graphad.decoders.told_claims import Claim

TEXT = st.one_of(st.none(), st.sampled_from(["", "a", "é", "\ud800", "b" * 40]))
NAME = st.sampled_from(["a", "b", "c"])
THING = st.builds(Thing, NAME, NAME, TEXT, TEXT)
EDGES = st.lists(st.tuples(THING, NAME, THING), max_size=3)
FIELDS = st.dictionaries(
    st.sampled_from(["user", "own"]), st.one_of(TEXT, st.integers(0, 9), st.booleans())
) | st.dictionaries(st.just("pid"), st.integers(0, 99))
CLAIMS = st.lists(st.builds(Claim, NAME, THING, TEXT, TEXT, st.none() | st.integers(0, 99)))
TOLD = st.builds(
    Told,
    ts=st.none() | st.integers(0, 99), host=TEXT, edges=EDGES, fields=FIELDS, rule=TEXT,
    reason=TEXT, claims=CLAIMS,
)  # fmt: skip


def plain(value: Any) -> Any:
    if value is None:
        return None
    return str(value).replace("\ud800", "\ufffd")


@settings(max_examples=60, deadline=None)
@given(st.lists(TOLD, max_size=9), st.sampled_from([1, 2, 1000]), st.sampled_from([None, 1]))
def test_slices_give_what_each_record_tells(told: list[Told], size: int, most: int | None) -> None:
    found = told_columns.Columns(most)
    for some in [told[i : i + size] for i in range(0, len(told), size)] or [[]]:
        found.add(some)
    own, fields = found.own.arrays(), found.fields.arrays()
    assert own["rule"].to_pylist() == [plain(one.rule) for one in told]
    assert found.hosts("x").to_pylist() == [plain(one.host) or "x" for one in told]
    assert set(fields) == {name for one in told for name in one.fields}
    for name, values in fields.items():
        said = [one.fields.get(name) for one in told]
        assert values.to_pylist() == (said if name == "pid" else [plain(one) for one in said])
    cut = [one.edges[:most] for one in told]
    seen = [
        [(e["src_label"], e["action"], e["dst_key"], e["ordinal"]) for e in some]
        for some in found.edges().to_pylist()
    ]
    assert seen == [
        [(plain(src.label), act, dst.key, i) for i, (src, act, dst) in enumerate(some)]
        for some in cut
    ]
    dropped = most is not None and any(len(one.edges) > most for one in told)
    assert ("more_edges" in own) == dropped
    claims = found.claims()
    said_claims = [
        [(c.kind, plain(c.value), plain(c.thing.detail)) for c in one.claims] for one in told
    ]
    assert (claims is None) == (not any(said_claims))
    if claims is not None:
        assert [
            [(c["kind"], c["value"], c["detail"]) for c in some] for some in claims.to_pylist()
        ] == said_claims


def test_edges_have_times_of_their_own_only_where_records_say_so() -> None:
    edge = (Thing("file", "f"), "read", Thing("process", "p"))
    told = [Told(1, edges=[edge]), Told(1, edges=[edge, edge], times=[None, 7]), Told(1)]
    edges = told_columns.Columns.of(told).edges().flatten()
    assert edges.field("ts").cast("int64").to_pylist() == [None, None, 7]
