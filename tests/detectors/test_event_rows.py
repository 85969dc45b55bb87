"""Events of a graph become rows of words, each distinct one once an hour of a host."""

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.detectors.event_kinds import KINDS, events_of, table_kind
from graphad.detectors.event_rows import TIME, rows_of
from graphad.detectors.event_words import base, extension, folder
from graphad.graph import Graph
from tests.detectors.event_graphs import HOUR, START, Event, graph

NAMES = {kind.name: kind for kind in KINDS}
TYPES = ("process", "file", "socket", "registry", "user", "session", "host", "service", "address")
EVENTS = st.builds(
    Event,
    ts=st.integers(0, 50).map(lambda i: START + i * HOUR // 2),
    src=st.tuples(st.sampled_from(TYPES), st.sampled_from(["/a/b.exe", "/c", "10.0.0.1:80"])),
    action=st.sampled_from(["launch", "read", "load", "connect", "logon", "access", "start"]),
    dst=st.tuples(st.sampled_from(TYPES), st.sampled_from(["/a/b.exe", "/x/y/z.dll", "d"])),
    host=st.sampled_from(["ws1", "ws2"]),
    said=st.dictionaries(
        st.sampled_from(["user", "logon_type"]), st.sampled_from(["bob", "10"]), max_size=2
    ),
    shape=st.none(),
    record=st.none(),
)


def words(made: Graph, kind: str, event: int) -> dict[str, str]:
    """Return the words of one event, by looking at it alone."""
    one = made.subset(np.array([event]))
    table = rows_of(one, np.array([0]), NAMES[kind].columns).table
    return {name: table[name][0].as_py() for name in table.column_names if name != TIME}


@settings(max_examples=60, deadline=None)
@given(events=st.lists(EVENTS, min_size=1, max_size=40))
def test_each_distinct_event_is_one_row_an_hour_of_a_host(events: list[Event]) -> None:
    made = graph(events)
    for kind, mine in zip(KINDS, events_of(made), strict=True):
        if not len(mine):
            continue
        rows = rows_of(made, mine, kind.columns)
        slow: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for e in mine.tolist():
            told = tuple(words(made, kind.name, e).values())
            slow[(*told, made.host[e], made.ts[e] // HOUR)].append(e)
        assert rows.event.tolist() == [group[0] for group in slow.values()]
        assert rows.count.tolist() == [len(group) for group in slow.values()]
        assert rows.last.tolist() == [made.ts[group].max() for group in slow.values()]
        assert rows.hour.tolist() == [key[-1] for key in slow]
        columns = [rows.table[name].to_pylist() for name in kind.columns]
        assert list(zip(*columns, strict=True)) == [key[:-2] for key in slow]
        days = [(*key[:-1], key[-1] // 24) for key in slow]
        same = {day: days.index(day) for day in days}
        firsts = {story: i for i, story in reversed(list(enumerate(rows.story.tolist())))}
        assert [firsts[s] for s in rows.story.tolist()] == [same[day] for day in days]


@settings(max_examples=60, deadline=None)
@given(events=st.lists(EVENTS, min_size=1, max_size=40))
def test_an_event_is_of_the_first_kind_that_fits(events: list[Event]) -> None:
    made = graph(events)
    kind_of = {e: k.name for k, mine in zip(KINDS, events_of(made), strict=True) for e in mine}
    for e in range(len(made)):
        src, dst, action = made.types[made.src[e]], made.types[made.dst[e]], made.action[e]
        fits = [
            k for k in KINDS
            if (k.actions is None or action in k.actions)
            and ((src in k.actors and dst in k.others)
                 or (k.both and src in k.others and dst in k.actors))
        ]  # fmt: skip
        assert kind_of.get(e) == (fits[0].name if fits else None)


@pytest.mark.parametrize(
    ("event", "kind", "expected"),
    [
        (
            Event(START, ("process", "/usr/sbin/sshd"), "launch", ("process", "/usr/bin/nc"),
                  said={"user": "Bob"}, shape="nc <ip>"),
            "launch",
            {"user": "bob", "parent": "sshd", "parent_folder": "/usr/sbin", "program": "nc",
             "program_folder": "/usr/bin", "command": "nc <ip>"},
        ),
        (
            Event(START, ("file", "/etc/shadow"), "read", ("process", "/usr/bin/cat")),
            "file",
            {"user": "", "program": "cat", "program_folder": "/usr/bin", "action": "read",
             "folder": "/etc", "extension": "", "file": "shadow"},
        ),
        (
            Event(START, ("socket", "10.0.0.9:4444"), "accept", ("process", "/usr/bin/nc"),
                  said={"protocol": "6"}),
            "network",
            {"user": "", "program": "nc", "program_folder": "/usr/bin", "action": "accept",
             "protocol": "tcp", "address": "10.0.0.9", "port": "4444"},
        ),
        (
            Event(START, ("address", "10.0.0.9"), "logon", ("session", "0x3e7"), "dc1",
                  {"target_user": "ANNA", "user": "SYSTEM", "logon_type": "3"}),
            "logon",
            {"host": "dc1", "account": "anna", "source": "10.0.0.9", "logon_type": "3",
             "outcome": ""},
        ),
        (
            Event(START, ("user", "corp\\bob"), "install", ("service", "evil"), "dc1"),
            "service",
            {"host": "dc1", "user": "corp\\bob", "program": "", "program_folder": "",
             "action": "install", "type": "service", "service": "evil"},
        ),
    ],
)  # fmt: skip
def test_words_of_a_kind(event: Event, kind: str, expected: dict[str, str]) -> None:
    made = graph([event])
    assert [k.name for k, mine in zip(KINDS, events_of(made), strict=True) if len(mine)] == [kind]
    assert words(made, kind, 0) == expected


def test_a_logon_that_gives_two_edges_is_one_event() -> None:
    two = [
        Event(START, ("address", "10.0.0.9"), "logon", ("session", "0x1"), record=7),
        Event(START, ("user", "anna"), "logon", ("session", "0x1"), record=7),
        Event(START, ("user", "anna"), "logon", ("session", "0x2"), record=8),
    ]
    mine = dict(zip((k.name for k in KINDS), events_of(graph(two)), strict=True))["logon"]
    assert mine.tolist() == [0, 2]


def test_a_table_row_is_an_event_if_it_says_anything() -> None:
    ends = ("user", "u"), "access", ("template", "t")
    made = graph(
        [
            Event(START, *ends, said={"a": "1"}, record=1),
            Event(START, *ends, said={"a": "1"}, record=1),
            Event(START, *ends, said={"b": "2"}, record=2),
            Event(START, *ends, record=3),
        ],
        fields=("a", "b"),
    )
    kind = table_kind(("a", "b", "a"))
    (mine,) = events_of(made, (kind,))
    assert mine.tolist() == [0, 2]
    table = rows_of(made, mine, kind.columns).table
    assert table.drop([TIME]).to_pylist() == [{"a": "1", "b": ""}, {"a": "", "b": "2"}]


def test_words_come_whatever_a_graph_lacks() -> None:
    from dataclasses import replace

    made = replace(graph([Event(START, ("user", "a"), "logon", ("host", "h"))]), fields={})
    mine = dict(zip((k.name for k in KINDS), events_of(made), strict=True))["logon"]
    table = rows_of(made, mine, NAMES["logon"].columns).table
    assert table.drop([TIME]).to_pylist()[0]["account"] == "a"
    assert pa.types.is_timestamp(table[TIME].type)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("", ("", "", "")),
        ("%drive%\\a\\b\\c\\d\\x.tar.gz", ("x.tar.gz", "%drive%/a/b", "gz")),
        ("/etc/passwd", ("passwd", "/etc", "")),
        ("/home/<user>/.bashrc", (".bashrc", "/home/<user>", "")),
        ("x.this is no ending", ("x.this is no ending", "", "")),
        ("\\\\srv\\share\\x.", ("x.", "//srv", "")),
    ],
)
def test_names_are_taken_apart(name: str, parts: tuple[str, str, str]) -> None:
    assert (base(name), folder(name), extension(name)) == parts
