"""The buildinject part of the path benchmark: where the trace is cut, and its steps."""

from pathlib import Path

import pytest

from benchmarks import path_quality_cdm as benchmark
from graphad.workspace import Workspace
from tests import captures


def test_a_trace_is_cut_at_the_connection_that_brought_the_file(tmp_path: Path) -> None:
    trace = tmp_path / "trace.json"
    lines = [
        '[\n{"event": "audit:event:aue_accept:", "n": 1}\n',
        ', {"event": "audit:event:aue_read:", "n": 2}\n',
        ', {"event": "audit:event:aue_accept:", "n": 3}\n',
        ', {"event": "audit:event:aue_execve:", "cmdline": "scp -t x"}\n',
        "]\n",
    ]
    trace.write_text("".join(lines))
    before, after = benchmark.split(trace, tmp_path)
    assert before.read_text() == "".join(lines[:2])
    assert after.read_text() == "[" + lines[2].lstrip(", ") + lines[3] + lines[4]


def test_the_truth_is_the_attacks_edges(tmp_path: Path) -> None:
    trace = tmp_path / "buildinject.json"
    trace.write_bytes(captures.unpacked("cdm-streamspot", "/buildinject.json"))
    store = Workspace(tmp_path / "s")
    store.ingest([trace])
    truth = benchmark.truth_of(store, tmp_path)
    marked = store.sql(
        """SELECT r.line, e.action, d.label AS dst FROM edges e JOIN entities d ON d.id = dst
           JOIN records r USING (source, record)"""
    ).to_pylist()
    attack = [
        (row["action"], row["dst"])
        for row in marked
        if truth.parts([(str(trace), row["line"], None)], (), "", 0, 0)
    ]
    assert ("write", "/usr/lib/crt1.o") in attack
    assert 20 < len(attack) < len(marked) / 4


def test_a_trace_without_the_steps_is_no_measure(tmp_path: Path) -> None:
    store = Workspace(tmp_path / "s")
    store.ingest([Path(__file__).parents[1] / "sample_logs" / "cadets" / "trace.json"])
    with pytest.raises(ValueError, match="upload"):
        benchmark.truth_of(store, tmp_path)
