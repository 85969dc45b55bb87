"""Killed at random moments, a store is as it was or as it would be, and repeating completes it.

GRAPHAD_KILLS sets how often; a few are tried by default.
"""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from graphad.store import Store
from tests.store.test_prune import START, day
from tests.store.test_replace import shown
from tests.toy import line, toy

KILLS = int(os.environ.get("GRAPHAD_KILLS", "8"))
CHILD = """
import sys
from pathlib import Path
from graphad.store import Store
from graphad.store import compact, ingest, prune, replace, tally
import graphad.scan.siphash, graphad.scan.tuples, graphad.scan.texts
from tests.toy import toy
store, logs = Store(sys.argv[1]), sorted(Path(sys.argv[2]).glob("*.log"))
print("ready", flush=True)
{action}
"""
ACTIONS = {
    "ingest": "store.ingest(logs, parser=toy)",
    "replace": "store.ingest(logs[:2], parser=toy, replace=True)",
    "compact": "store.compact()",
    "prune": f"store.prune('{day(1)}')",
}


def prepared(folder: Path) -> tuple[Path, Path]:
    """Return (a store of a few segments over three days, a folder of logs, one of them new)."""
    logs = folder / "logs"
    logs.mkdir()
    store = Store(folder / "template")
    for i in range(6):
        log = logs / f"{i}.log"
        log.write_text(
            "".join(
                f"{START + s * 60 + i} {line(s).split(maxsplit=1)[1]}\n"
                for s in range(0, 3 * 24 * 60, 9)
            )
        )
        if i < 5:
            store.ingest(log, parser=toy)
    return folder / "template", logs


def start(action: str, store: Path, logs: Path) -> "subprocess.Popen[bytes]":
    """Start a child and return when it has loaded what it needs."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(action=ACTIONS[action]), store, logs],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    return child


def content(store: Path) -> dict[str, list[dict[str, Any]]]:
    opened = Store(store)
    assert list(opened.check()) == []
    return shown(opened)


@pytest.mark.parametrize("action", ACTIONS)
def test_killed_at_a_random_moment(action: str, tmp_path: Path) -> None:
    template, logs = prepared(tmp_path)
    whole = tmp_path / "whole"
    shutil.copytree(template, whole)
    with start(action, whole, logs) as child:
        began = time.perf_counter()
        assert child.wait() == 0
        takes = time.perf_counter() - began
    states = [content(template), content(whole)]
    if action in ("ingest", "prune"):
        assert states[0] != states[1]
    moments = random.Random(action)
    for attempt in range(-(-KILLS // len(ACTIONS))):
        path = tmp_path / str(attempt)
        shutil.copytree(template, path)
        with start(action, path, logs) as child:
            time.sleep(moments.uniform(0, takes))
            child.kill()
        assert content(path) in states
        with start(action, path, logs) as child:
            assert child.wait() == 0
        assert content(path) == states[1]
        assert not list(path.rglob(".*.tmp"))
        shutil.rmtree(path)
