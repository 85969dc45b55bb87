"""Claims that a decoder wrote down, made rows of `aliases`: against a slow loop."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.decoders.told import Thing, Told
from graphad.decoders.told_claims import MOST, Claim, addresses, end, lived, plain
from graphad.decoders.told_columns import Columns
from graphad.parse import CLAIMS
from graphad.store.mapped import CODED, entity_ids
from graphad.store.told_claims import EACH, told_claims

KEY = bytes(16)
CLAIM = st.builds(
    Claim,
    st.sampled_from(["connect", "process", "birth", "address", "sid"]),
    st.builds(
        Thing, st.sampled_from(["process", "host", "socket"]), st.sampled_from(["a", "b|1"]),
        st.sampled_from([None, "x", "lone \ud800"]), st.sampled_from([None, "x -c"]),
    ),
    st.sampled_from([None, "1", "2"]), st.sampled_from([None, "far"]),
    st.sampled_from([None, 1_700_000_000_000_000]),
)  # fmt: skip
RECORD = st.tuples(
    st.one_of(st.none(), st.integers(1, 3)), st.sampled_from(["h", "i", None]),
    st.lists(CLAIM, max_size=4),
)  # fmt: skip


def raw(records: list[tuple[int | None, str | None, list[Claim]]]) -> pa.Table | None:
    lists = Columns.of(Told(claims=claims) for _, _, claims in records).claims()
    if lists is None:
        return None
    return pa.table({
        "record": pa.array([5 + i for i in range(len(records))], pa.int64()),
        "ts": pa.array([ts for ts, _, _ in records], pa.timestamp("us")),
        "host": pa.array([host for _, host, _ in records], pa.string()).dictionary_encode(),
        CLAIMS: lists,
    })  # fmt: skip


def entity(type_: str, host: str, key: str) -> int:
    def one(text: str) -> pa.DictionaryArray:
        return pa.array([text]).dictionary_encode().cast(CODED)

    return int(entity_ids(one(type_), one(host), pa.array([key]), KEY)[0])


def naive(records: list[tuple[int | None, str | None, list[Claim]]]) -> list[dict[str, Any]]:
    """Return the rows: those that say the same once, unless each counts."""
    found: dict[Any, dict[str, Any]] = {}
    for i, (ts, host, claims) in enumerate(records):
        for n, one in enumerate(claims):
            if ts is None or host is None or (one.value is None and one.kind != "birth"):
                continue
            type_, key, label, detail = one.thing
            id_ = entity(type_, host if type_ == "process" else "", key)
            label = None if label is None else label.replace("\ud800", "\ufffd")
            same = (host, one.kind, id_, label, detail, *one[2:])
            row = found.setdefault((same, (i, n) if one.kind in EACH else None), {
                "record": 5 + i, "kind": one.kind, "host": host, "entity": id_,
                "value": one.value, "far": one.far, "label": label, "detail": detail,
                "born": one.born, "ts": ts, "last": ts, "n": 0, "logged": False,
            })  # fmt: skip
            if ts < row["ts"]:
                row |= {"record": 5 + i, "ts": ts}
            row |= {"last": max(ts, row["last"]), "n": row["n"] + 1}
    return list(found.values())


@settings(max_examples=60, deadline=None)
@given(st.lists(RECORD, max_size=6))
def test_rows_are_those_of_a_slow_loop(
    records: list[tuple[int | None, str | None, list[Claim]]],
) -> None:
    table = raw(records)
    if table is None:
        assert not any(claims for *_, claims in records)
        return
    made = told_claims(table, CLAIMS, KEY)
    for name in ("born", "ts", "last"):
        at = made.schema.get_field_index(name)
        made = made.set_column(at, name, made[name].cast(pa.int64()))
    assert made.to_pylist() == naive(records)


def test_a_kind_that_nobody_knows_is_a_mistake_of_the_parser() -> None:
    table = raw([(1, "h", [Claim("alias", Thing("host", "h"), "i")])])
    with pytest.raises(ValueError, match="no claim is called 'alias'"):
        told_claims(table, CLAIMS, KEY)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.one_of(st.text(max_size=8), st.integers(), st.none()))
def test_ends_are_addresses_with_ports_or_none(address: str, port: object) -> None:
    found = end(address, port)
    if found is not None:
        before, _, after = found.rpartition(":")
        assert plain(before.strip("[]")) == before.strip("[]")
        assert 0 < int(after) < 65536


def test_what_claims_nothing() -> None:
    known, bare = Thing("process", "G-1", "x"), Thing("process", "pid:7:x", "x")
    assert lived("process", known, 7, 3) == [Claim("process", known, "7", None, 3)]
    for thing, pid in ((bare, 7), (None, 7), (known, None), (known, 0), (known, True)):
        assert lived("process", thing, pid) == []
    host = Thing("host", "h")
    assert [end("10.0.0.1", port) for port in ("000443", "0000044399", "4 4", "-1", 1.5)] == [
        "10.0.0.1:443", None, None, None, None,
    ]  # fmt: skip
    assert addresses(host, [f"10.0.{i // 256}.{i % 256}" for i in range(9999)])[MOST:] == []
    assert plain("1" * 99) is None
    said = ["10.0.0.1", "::ffff:10.0.0.1", "0.0.0.0", "::", "web", None, 7]
    assert addresses(host, said) == [Claim("address", host, "10.0.0.1")]
