"""The terms of links against their definitions, counted slowly in dicts."""

import datetime as dt
from collections import defaultdict
from math import log2

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphad.detectors.path_names import HOURS, PASSIVE, Names
from graphad.detectors.path_terms import MODES, POOLS, PRIOR_HOURS, TERMS, Scorer

ENDS = ["process a", "process b", "process c", "file a", "file x", "socket s", "user u"]
ACTIONS = ["launch", "exec", "read", "write"]
row = st.tuples(
    st.integers(0, 3), st.sampled_from("hk"), st.sampled_from(ENDS), st.sampled_from(ACTIONS),
    st.sampled_from(ENDS), st.sampled_from(["", "one", "two"]), st.integers(1, 40),
    st.integers(0, 2**24 - 1).map(lambda mask: mask or 1),
)  # fmt: skip
tables = st.lists(row, min_size=1, max_size=25)
STRANGE = [
    ("process new", "launch", "process a", "one"), ("process a", "write", "file n", ""),
    ("file a", "read", "process b", ""), ("host h", "logon", "user z", ""),
]  # fmt: skip
Row = tuple[int, str, str, str, str, str, int, int]


def table(rows: list[Row]) -> pa.Table:
    """Return counts as a store gives them: one row a day, host and relation."""
    merged: dict[tuple[object, ...], list[int]] = {}
    for day, host, src, action, dst, shape, n, mask in rows:
        held = merged.setdefault((day, host, src, action, dst, shape), [0, 0])
        held[0] += n
        held[1] |= mask
    return pa.table(
        {
            "day": pa.array([dt.datetime(2026, 3, 1 + int(str(k[0]))) for k in merged],
                            pa.timestamp("us")),
            "host": [str(k[1]) for k in merged],
            **{f"{end}_{part}": [str(k[i]).split(" ")[j] for k in merged]
               for end, i in (("src", 2), ("dst", 4)) for j, part in enumerate(("type", "name"))},
            "action": [str(k[3]) for k in merged],
            "shape": [str(k[5]) for k in merged],
            "n": [n for n, _ in merged.values()],
            "hours": [mask for _, mask in merged.values()],
        }
    )  # fmt: skip


def columns(links: list[tuple[str, ...]]) -> tuple[list[str], list[str], list[str], list[str]]:
    """Return links' sources, actions, destinations and shapes."""
    src, action, dst, shape = ([link[i] for link in links] for i in range(4))
    return src, action, dst, shape


class Naive:
    """The default terms, one link at a time."""

    def __init__(self, rows: list[Row]) -> None:
        past = table(rows).to_pylist()
        for r in past:
            r["shape"] = r["shape"] if r["action"] == "launch" else ""
        hours: set[tuple[object, ...]] = set()
        self.active: defaultdict[tuple[str, ...], set[object]] = defaultdict(set)
        self.weight: defaultdict[tuple[str, ...], float] = defaultdict(float)
        spans = []
        for r in past:
            span = {(r["host"], r["day"], h) for h in range(24) if r["hours"] >> h & 1}
            hours |= span
            spans.append(span)
        self.hours = len(hours)
        for r, span in zip(past, spans, strict=True):
            link = (f"{r['src_type']} {r['src_name']}", r["action"],
                    f"{r['dst_type']} {r['dst_name']}", r["shape"])  # fmt: skip
            self.weight[link] += len(span) if self.hours >= HOURS else 1 + log2(r["n"])
            self.active[self.agent(link)[:3]] |= span
        self.raw = {link: self.bits(link, 1.0)[2] for link in self.weight}

    @staticmethod
    def agent(link: tuple[str, ...]) -> tuple[str, ...]:
        src, action, dst, _ = link
        types = src.split(" ")[0], dst.split(" ")[0]
        swap = types[0] in PASSIVE and types[1] == "process"
        return (dst, action, types[0], src) if swap else (src, action, types[1], dst)

    @staticmethod
    def kind(link: tuple[str, ...]) -> tuple[str, ...]:
        types = link[0].split(" ")[0], link[2].split(" ")[0]
        for i, pool in enumerate(POOLS):
            if set(types) & pool:
                return (str(i),)
        return (types[0], link[1], types[1])

    def bits(self, link: tuple[str, ...], own: float) -> tuple[float, float, float]:
        actor, action, met, other = self.agent(link)
        sent = pair = seen = into = drawn = everything = 0.0
        for held, weight in self.weight.items():
            a, act, m, o = self.agent(held)
            if act != action:
                continue
            sent += weight * ((a, m) == (actor, met))
            pair += weight * ((a, o) == (actor, other))
            seen += weight * ((a, o, held[3]) == (actor, other, link[3]))
            into += weight * (o == other)
            drawn += weight * ((o, held[3]) == (other, link[3]))
            everything += weight * (m == met)
        sent, pair, seen, into, drawn, everything = (
            max(x - own, 0.0) for x in (sent, pair, seen, into, drawn, everything)
        )
        names = -log2(min(1.0, (pair + 10 * (into + 0.5) / (everything + 1)) / (sent + 10)))
        whole = -log2(min(1.0, (seen + 10 * (drawn + 0.5) / (everything + 1)) / (sent + 10)))
        if action == "exec" and link[0].split(" ")[1] == link[2].split(" ")[1]:
            return 0.0, 0.0, 0.0
        command = max(whole - names, 0.0)
        return names, command, names + command

    def total(self, link: tuple[str, ...], own: float) -> float:
        raw = self.bits(link, own)[2]
        near = [held for held in self.weight if self.raw[held] >= raw - 1e-7]
        above = sum(self.weight[held] for held in near if self.kind(held) == self.kind(link))
        common = (max(above - own, 0.0) + 0.5) / (self.hours + 1)
        me = self.agent(link)[:3]
        mine = sum(self.weight[held] for held in near if self.agent(held)[:3] == me)
        active = max(len(self.active.get(me, ())) - own, 0.0)
        personal = (max(mine - own, 0.0) + PRIOR_HOURS * min(common, 1.0)) / (active + PRIOR_HOURS)
        return log2(1 + 3600 / max(common, personal))


@given(tables, st.booleans())
def test_default_terms_equal_their_definition(rows: list[Row], inside: bool) -> None:
    naive = Naive(rows)
    links = list(naive.weight)
    if not inside:
        links += STRANGE
    scorer = Scorer(Names.fit(table(rows)), "default", 10.0, 0.2)
    terms = scorer.terms(*columns(links), inside=inside)
    own = 1.0 if inside else 0.0
    for link, found in zip(links, terms, strict=True):
        names, command, _ = naive.bits(link, own)
        held = dict(zip(TERMS, found, strict=True))
        assert held["transition"] == pytest.approx(names, abs=1e-6), link
        assert held["command"] == pytest.approx(command, abs=1e-6), link
        assert found.sum() == pytest.approx(naive.total(link, own), abs=1e-6), link
        assert found.sum() >= 0


@given(tables, st.randoms(use_true_random=False), st.integers(0, 20))
def test_order_and_days_do_not_matter(rows: list[Row], random: object, shift: int) -> None:
    other = [(row[0] + shift, *row[1:]) for row in rows]
    random.shuffle(other)  # type: ignore[attr-defined]
    for mode in MODES:
        one, two = (Scorer(Names.fit(table(some)), mode, 10.0, 0.2) for some in (rows, other))
        asked = columns([(r[2], r[3], r[4], r[5]) for r in rows])
        first, second = one.terms(*asked), two.terms(*asked)
        assert np.isfinite(first).all()
        assert (first.sum(axis=1) >= 0).all()
        if mode == "paper":  # a random walk's sums depend on the order a little
            assert first == pytest.approx(second, abs=1e-6)
        else:
            assert np.array_equal(first, second)


@given(tables)
def test_names_survive_saving(rows: list[Row]) -> None:
    names = Names.fit(table(rows))
    again = Names.restore(*names.dump())
    asked = columns([(r[2], r[3], r[4], r[5]) for r in rows])
    for mode in MODES:
        one, two = (Scorer(n, mode, 10.0, 0.2).terms(*asked) for n in (names, again))
        assert np.array_equal(one, two)


@pytest.mark.parametrize("name", ["src", "weight", "active"])
def test_tables_that_do_not_fit_are_refused(name: str) -> None:
    arrays, texts = Names.fit(table([(0, "h", "process a", "read", "file x", "", 3, 7)])).dump()
    arrays[name] = np.concatenate([arrays[name], arrays[name] + 9])
    with pytest.raises(ValueError, match=r"differ in length|does not fit"):
        Names.restore(arrays, texts)
