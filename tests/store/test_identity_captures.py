"""Real Windows captures that tell of the same processes in Sysmon's and the Security log."""

import tarfile
from pathlib import Path

import pytest

from benchmarks.identity import judged
from benchmarks.identity_pairs import connections
from graphad.store import Store
from tests.captures import captures


def test_what_two_logs_tell_of_unites_and_nothing_wrongly(tmp_path: Path) -> None:
    """Truth: Sysmon's GUID, a connection's two ends; benchmarks/identity.py prints all figures."""
    path = captures() / "otrf-windows.tar.xz"
    if not path.is_file():
        pytest.skip("the captures are not here: set GRAPHAD_DATA")
    store = Store(tmp_path / "store")
    logs = []
    with tarfile.open(path) as packed:
        for member in packed:
            if member.name.endswith(".zip") and member.size < 600_000:
                inner = packed.extractfile(member)
                assert inner is not None
                logs.append(tmp_path / Path(member.name).name)
                logs[-1].write_bytes(inner.read())
    store.ingest(logs)
    found = judged(store)
    for log, tally in found.items():
        print(log, dict(tally))
    total = found["all"]
    assert total["told by both"] > 200
    assert (total["missed"], total["wrong"], total["GUIDs melted"]) == (0, 0, 0)
    tally = connections(store)
    print(dict(tally))
    assert tally["told at both ends"] == tally["united"] > 20
    assert tally["of one process"] > 0.95 * tally["ends told by both logs"] > 20
    assert tally["connections as one that are several"] == tally["of one process, wrongly"] == 0
