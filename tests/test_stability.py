"""The same logs give the same findings, whatever the order of files, commits and threads."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from graphad.files import folder
from graphad.workspace import Workspace

LOGS = folder("parsers").parent / "sample_logs"
FILES = ["strace", "windows", "auditd", "evtx"]
# Ids of entities are keyed hashes, drawn anew with each store; sources are numbered as they come.
DRAWN = {"number", "model"}


def told(found: Any, drop: frozenset[str] = frozenset(DRAWN)) -> Any:
    """Return plain data without what each store draws anew."""
    if isinstance(found, dict):
        entity = {"id"} if {"key", "type"} <= found.keys() else set()
        return {k: told(v) for k, v in found.items() if k not in drop | entity}
    return [told(one) for one in found] if isinstance(found, list) else found


def hunted(path: Path, commits: list[list[str]], **settings: Any) -> bytes:
    store = Workspace(path)
    for names in commits:
        store.ingest([LOGS / name for name in names])
    found = store.hunt(settings=settings).findings
    assert len({finding.id for finding in found}) == len(found)
    return msgspec.json.encode(told(msgspec.to_builtins(found)))


@pytest.mark.parametrize("mode", ["default", "paper"])
def test_order_commits_and_threads_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    one = hunted(tmp_path / "one", [FILES], mode=mode)
    assert len(one) > 10_000
    assert hunted(tmp_path / "two", [[name] for name in reversed(FILES)], mode=mode) == one
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    store = Workspace(tmp_path / "two")
    store.compact()
    again = msgspec.to_builtins(store.hunt(settings={"mode": mode}).findings)
    assert msgspec.json.encode(told(again)) == one
