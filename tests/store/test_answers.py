"""What expressions gave before is remembered within bounds, and forgetting changes no answer."""

import numpy as np
import pyarrow as pa
import pytest

from graphad import database
from graphad.store import expressions
from graphad.store.expressions import Answers, Columns, Expression, evaluate


@pytest.mark.parametrize(("few", "size", "longest"), [(1024, 1 << 20, 4096), (3, 900, 300)])
def test_forgetting_changes_no_answer(
    few: int, size: int, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expressions, "_FEW", few)
    monkeypatch.setattr(expressions, "_REMEMBERED", size)
    monkeypatch.setattr(expressions, "_LONGEST", longest)
    answers, connection = Answers(), database.connect(config=database.SHUT)
    luck = np.random.default_rng(7)
    asked = [Expression("exe || '!' || coalesce(pid, 0)"), Expression("upper(exe)")]
    for _ in range(20):
        texts = [f"{'x' * int(n)}{n}" if n else None for n in luck.integers(0, 40, 8)]
        raw = pa.table({"exe": pa.array(texts, pa.string()), "pid": luck.integers(0, 3, 8)})
        rows = luck.permutation(8)[:6]
        found = evaluate(Columns(raw), [(one, rows) for one in asked], connection, answers)
        pids = raw["pid"].to_pylist()
        assert found[0].to_pylist() == [
            None if texts[i] is None else f"{texts[i]}!{pids[i]}" for i in rows
        ]
        assert found[1].to_pylist() == [
            None if texts[i] is None else texts[i].upper() for i in rows
        ]
        assert answers._size <= size


def test_what_shares_columns_is_as_if_asked_alone() -> None:
    raw = pa.table({"exe": ["A b", None, "C", "A b", "d"], "pid": [1, 2, None, 1, 3]})
    every, some = np.array([4, 0, 1, 2, 3]), np.array([2, 0])
    label, key = "split_part(exe, ' ', 1)", "lower(split_part(exe, ' ', 1))"
    asked = [
        (Expression(label), every), (Expression(key), every), (Expression(label), some),
        (Expression("pid || exe"), some), (Expression("pid || exe"), every),
        (Expression("lower(exe)"), some),
    ]  # fmt: skip
    connection = database.connect(config=database.SHUT)
    together = evaluate(Columns(raw), asked, connection, Answers())
    for (expression, rows), found in zip(asked, together, strict=True):
        alone = evaluate(Columns(raw), [(expression, rows)], connection, Answers())
        assert found.to_pylist() == alone[0].to_pylist()
    assert together[0].to_pylist() == ["d", "A", None, "C", "A"]
    assert together[4].to_pylist() == ["3d", "1A b", None, None, "1A b"]
