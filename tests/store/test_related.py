"""Relations against the same relations written as one SELECT."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad import database, formats
from graphad.parse import Decoded, Options, Parser
from graphad.relations import End, Relations
from graphad.store.expressions import Answers, Columns, Expression, evaluate
from graphad.store.mapper import Mapper, Run

KEY = bytes(range(16))
WINDOWS = formats.load_all()["windows"]
SAMPLES = Path(__file__).parents[2] / "sample_logs" / "windows"


def as_select(relations: Relations) -> str:
    """Return relations as a SELECT over raw, one edge a row: slow, and obvious."""
    rows = []
    kinds: dict[tuple[int, str, str, str], list[str]] = {}
    for kind, edges in relations.edges.items():
        for ordinal, edge in enumerate(edges):
            kinds.setdefault((ordinal, *edge), []).append(kind)
    for (ordinal, src, action, dst), alike in kinds.items():
        a, b = relations.ends[src], relations.ends[dst]
        rows.append(
            f"""SELECT record, ts, host, '{action}' AS action, {ordinal} AS ordinal,
                    '{a.type}' AS src_type, ({a.key})::VARCHAR AS src_key,
                    ({a.label})::VARCHAR AS src_label, ({a.detail})::VARCHAR AS src_detail,
                    '{b.type}' AS dst_type, ({b.key})::VARCHAR AS dst_key,
                    ({b.label})::VARCHAR AS dst_label, ({b.detail})::VARCHAR AS dst_detail,
                    outcome_told AS outcome FROM told WHERE kind_told IN ({str(alike)[1:-1]})"""
        )
    told = f"""SELECT *, ({relations.kind})::VARCHAR AS kind_told,
        ({relations.outcome})::VARCHAR AS outcome_told FROM raw"""
    return f"WITH told AS MATERIALIZED ({told}) {' UNION ALL '.join(rows)}"


def plain(parser: Parser) -> Parser:
    """Return the parser with its relations written out."""
    relations = parser.mapping
    assert isinstance(relations, Relations)
    kinds, rules = (
        ", ".join("'" + text.replace("'", "''") + "'" for text in texts)
        for texts in (relations.rules, relations.rules.values())
    )
    ignore = parser.ignore
    if rules:
        ignore = f"coalesce(map([{kinds}], [{rules}])[{relations.kind}], {ignore})"
    return Parser(
        parser.name, "", parser.sniff, parser.decoder, as_select(relations), ignore, parser.reject
    )


def rows_of(run: Run, table: str) -> list[dict[str, Any]]:
    return run.tables[table].to_pylist() if table in run.tables else []


def edges_of(run: Run) -> list[tuple[Any, ...]]:
    """Return a run's edges in a form that can be compared."""
    rows = rows_of(run, "edges")
    names = ("record", "ordinal", "ts", "host", "src", "dst", "action", "outcome")
    return sorted(tuple(row[name] for name in names) for row in rows)


def said_of(run: Run) -> dict[int, list[set[Any]]]:
    """Return what a run says of each entity."""
    found: dict[int, list[set[Any]]] = {}
    for row in rows_of(run, "entities"):
        said = found.setdefault(row["id"], [set(), set(), set()])
        said[0].add((row["type"], row["key"]))
        said[1].add(row["label"])
        said[2] |= {row["detail"]} - {None}
    return found


def check(parser: Parser, decoded: Decoded) -> Run:
    """Map by relations and by SELECT, and compare."""
    [fast], [slow] = (Mapper(p, KEY).run([decoded]) for p in (parser, plain(parser)))
    assert edges_of(fast) == edges_of(slow)
    assert said_of(fast) == said_of(slow)
    assert fast.parts == slow.parts
    assert rows_of(fast, "rejects") == rows_of(slow, "rejects")
    return fast


@pytest.mark.parametrize("name", ["flat", "winlogbeat", "xml", "array"])
def test_samples(name: str) -> None:
    data = (SAMPLES / f"{name}.json").read_bytes()
    decoder = WINDOWS.decoder(Options())
    decoder.cut(data, True)
    run = check(WINDOWS, decoder.decode(data, True))
    assert run.parts[0].used


TOY = Parser(
    name="toy",
    about="",
    sniff=lambda head: 0.0,
    decoder=lambda options: pytest.fail("not asked for"),
    mapping=Relations(
        kind="lower(action)",
        ends={
            "who": End("process", "coalesce(exe, 'pid:' || pid)", "exe", "command_line"),
            "what": End("file", "lower(nullif(file_path, '-'))", "nullif(file_path, '-')"),
            "where": End("host", "lower(host)", "host"),
            "fixed": End("task", "'it''s exe'"),
        },
        edges={
            "read": [("what", "read", "who")],
            "both": [("who", "write", "what"), ("who", "logon", "where")],
            "exec": [("who", "exec", "fixed")],
        },
        outcome="CASE WHEN code = '1' THEN 'failure' END",
    ),
    ignore="CASE WHEN ts IS NULL THEN NULL WHEN action = 'idle' THEN 'rests' END",
    reject="CASE WHEN ts IS NULL THEN 'no time' ELSE 'what is ' || coalesce(action, '') END",
)
TEXT = st.sampled_from(["a", "A", "-", "É", "'", "", "\U00010d50", None])
ROW = st.fixed_dictionaries(
    {
        "ts": st.sampled_from([0, 1_000_000, None]),
        "host": st.sampled_from(["h", "H", None]),
        "action": st.sampled_from(["read", "READ", "both", "exec", "idle", "odd", None]),
        "exe": TEXT,
        "pid": st.sampled_from([1, -1, 2**62, None]),
        "command_line": TEXT,
        "file_path": TEXT,
        "code": st.sampled_from(["1", "2", None]),
    }
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROW, max_size=30), coded=st.booleans(), absent=st.booleans())
def test_any_rows(rows: list[dict[str, Any]], coded: bool, absent: bool) -> None:
    check(TOY, decoded_of(rows, coded, absent))


def decoded_of(rows: list[dict[str, Any]], coded: bool, absent: bool) -> Decoded:
    place = ("record", "offset", "length", "line")
    columns: dict[str, pa.Array] = {n: pa.array(range(len(rows)), pa.int64()) for n in place}
    for name in ("ts", "host", "action", "exe", "pid", "command_line", "file_path", "code"):
        kind = {"ts": pa.timestamp("us"), "pid": pa.int64()}.get(name, pa.string())
        array = pa.array([row[name] for row in rows], kind)
        if absent and name in ("pid", "command_line", "code"):
            continue
        columns[name] = array.dictionary_encode() if coded and kind == pa.string() else array
    return Decoded(len(rows), pa.table(columns))


def test_an_edge_to_an_unknown_end_is_an_error() -> None:
    with pytest.raises(ValueError, match="'there'"):
        Relations("action", {"here": End("file", "exe")}, {"x": [("here", "read", "there")]})


@pytest.mark.parametrize(
    "sql",
    ["NULL", "exe", "lower(exe)", "nullif(exe, '-')", "lower(nullif(exe, '-'))", "exe || 'exe'",
     "'exe'", "upper(exe)", "pid", "nullif(pid, '1')", '"user"'],
)  # fmt: skip
def test_expressions_are_those_of_sql(sql: str) -> None:
    texts = ["C:\\A", "-", "", "É", "\U00010d50", None, "it's"]
    raw = pa.table(
        {"exe": texts, "user": texts[::-1], "pid": pa.array([1, 2, None, 4, 5, 6, 7], pa.int64())}
    )
    connection = database.connect()
    connection.register("raw", raw)
    expected = connection.sql(f"SELECT ({sql})::VARCHAR AS v FROM raw").to_arrow_table()
    block, expression = Columns(raw), Expression(sql)
    rows = np.arange(7)
    answers = Answers()
    [found] = evaluate(block, [(expression, rows)], connection, answers)
    assert found.to_pylist() == expected["v"].to_pylist()
    few = np.array([0, 1, 2])
    asked = [(expression, few), (Expression("exe || '!'"), rows)]
    twice = evaluate(block, asked, connection, answers)
    assert twice[0].to_pylist() == expected["v"].to_pylist()[:3]
    assert twice[1].to_pylist() == [None if t is None else t + "!" for t in texts]
