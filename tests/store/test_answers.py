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
