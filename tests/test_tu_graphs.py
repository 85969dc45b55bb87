"""Sets in TU Dortmund's format: a small one written here, and the counts of real ones."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import captures, tu_graphs


def write(folder: Path, **columns: str) -> Path:
    for name, text in columns.items():
        (folder / f"X_{name}.txt").write_text(text)
    return folder


SMALL = {
    "A": "1, 2\n2, 1\n2, 3\n3, 2\n4, 5\n5, 4\n", "graph_indicator": "1\n1\n1\n2\n2\n",
    "graph_labels": "-1\n1\n", "node_labels": "7\n3\n7\n3\n3\n",
}  # fmt: skip


def test_a_small_set(tmp_path: Path) -> None:
    found = tu_graphs.read(write(tmp_path, **SMALL), "X")
    assert found.abnormal.tolist() == [False, True]
    assert found.kinds.tolist() == [1, 0, 1, 0, 0]
    assert found.batch.sizes.tolist() == [3, 2]
    assert found.batch.degree.tolist() == [1, 2, 1, 1, 1]
    np.testing.assert_array_equal(found.batch.features, np.eye(2)[found.kinds])


def test_nodes_out_of_order_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="side by side"):
        tu_graphs.read(write(tmp_path, **SMALL | {"graph_indicator": "1\n2\n1\n2\n2\n"}), "X")


def test_where_there_are_no_captures_there_is_no_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captures, "data", lambda: tmp_path)
    assert tu_graphs.load("MUTAG") is None


@pytest.mark.parametrize(
    ("name", "normal", "abnormal", "nodes", "kinds"),
    [("Tox21_HSE", 3607, 207, 21.3, 25), ("Tox21_p53", 3797, 291, 22.6, 27)],
)
def test_counts_of_the_notes(
    name: str, normal: int, abnormal: int, nodes: float, kinds: int
) -> None:
    found = tu_graphs.load(name)
    if found is None:
        pytest.skip("the captures are not here: set GRAPHAD_DATA")
    assert (int((~found.abnormal).sum()), int(found.abnormal.sum())) == (normal, abnormal)
    assert found.batch.sizes.mean() == pytest.approx(nodes, abs=0.06)
    assert found.batch.features.shape[1] == kinds
