"""Stopped at any moment, a store is as it was or as it would be, and repeating completes it.

GRAPHAD_KILLS says how many moments are tried; a few are by default.
"""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphad.findings import Edge, Entity, Evidence, Finding
from graphad.store import Store
from graphad.workspace import Workspace
from tests.store.crashing import ACTIONS, FAIL, Crasher, crasher
from tests.store.test_prune import START, day
from tests.store.test_replace import shown
from tests.toy import line, toy

MOMENTS = int(os.environ.get("GRAPHAD_KILLS", "20"))
Content = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def children() -> Iterator[Crasher]:
    with crasher() as found:
        yield found


def finding(store: Store) -> Finding:
    """Return one that rests on a record of the first day."""
    proof = Evidence(store.sources[0].path, 1, 1, "its raw line", 1)
    return Finding(
        id="path-1", detector="path", unit="path", score=1.0, z=1.0, p_value=None, severity=None,
        alert=None, host="h", start="", end="", count=1, title="t",
        entities=[Entity("1", "file", "x", "x"), Entity("2", "process", "p", "p")],
        edges=[Edge(0, 1, "read", "2023-11-14T22:13:20.000000Z", {"odd": 1.0})],
        terms={"odd": 1.0}, evidence=[proof], model="m",
    )  # fmt: skip


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a store of a few segments over three days with a finding, and its logs.

    Of the logs one is new, one has grown behind a half-written line, and one is a piece of another.
    """
    folder = tmp_path_factory.mktemp("crash")
    logs = folder / "logs"
    logs.mkdir()
    store = Workspace(folder / "template")
    for i in range(6):
        log = logs / f"{i}.log"
        lines = [
            f"{START + s * 60 + i} {line(s).split(maxsplit=1)[1]}\n"
            for s in range(0, 3 * 24 * 60, 30)
        ]
        log.write_text("".join(lines))
        if i == 4:
            log.write_text("".join(lines)[:-500])
        if i < 5:
            store.ingest(log, parser=toy)
        log.write_text("".join(lines))
    (logs / "7.log").write_text("".join(lines[20:40]))
    (logs / "day").write_text(f'"{day(1)}"')
    store._remember([finding(store)], store.coverage())
    for path in store.path.glob("catalog-*"):
        path.unlink()  # so that publishing has something to do
    return store.path, logs


def content(path: Path) -> Content:
    """Return what a store holds, and that all of it can be read."""
    opened = Workspace(path)
    assert list(opened.check()) == []
    found = shown(opened)
    found["sources"] = [
        {"path": s.path, "bytes": s.bytes, "digest": s.digest, "read": s.read, "used": s.used}
        for s in opened.sources
    ]
    found["findings"] = [{"id": f.id, "evidence": str(f.evidence)} for f in opened.findings()]
    return found


class Trial:
    """A store's states before and after an action, and copies of it to be disturbed."""

    def __init__(self, action: str, template: tuple[Path, Path], folder: Path, run: Crasher):
        self.action, self.folder, self.run = action, folder, run
        self.template, self.logs = template
        whole = folder / "whole"
        shutil.copytree(self.template, whole)
        self.done = run.run(action, whole, self.logs)
        assert self.done["code"] == 0, self.done
        self.before, self.after = content(self.template), content(whole)
        assert (self.before == self.after) == (action in ("compact", "publish"))
        self.count = 0

    def disturb(self, **how: Any) -> dict[str, Any]:
        """Stop the action on a fresh copy, then repeat it, and compare."""
        self.count += 1
        path = self.folder / str(self.count)
        shutil.copytree(self.template, path)
        stopped = self.run.run(self.action, path, self.logs, **how)
        assert stopped["code"] in (0, 1, -9), stopped["error"]
        assert content(path) in (self.before, self.after), how
        again = self.run.run(self.action, path, self.logs)
        assert again["code"] == 0, (how, again)
        assert content(path) == self.after, how
        left = [p for p in path.rglob("*") if p.name.startswith(".") or p.suffix == ".tmp"]
        assert not left, how
        assert len(list(path.glob("catalog-*.duckdb"))) == 1, how
        shutil.rmtree(path)
        return stopped


@pytest.mark.parametrize("action", ACTIONS)
def test_killed_between_any_two_steps(
    action: str, template: tuple[Path, Path], tmp_path: Path, children: Crasher
) -> None:
    trial = Trial(action, template, tmp_path, children)
    steps = range(1, trial.done["steps"] + 1)
    chosen = random.Random(action).sample(steps, min(len(steps), MOMENTS // len(ACTIONS)))
    killed = [trial.disturb(step=step)["code"] for step in chosen]
    assert set(killed) == {-9}


@pytest.mark.parametrize("action", ACTIONS)
def test_killed_at_a_random_moment(
    action: str, template: tuple[Path, Path], tmp_path: Path, children: Crasher
) -> None:
    trial = Trial(action, template, tmp_path, children)
    moments = random.Random(action)
    for _ in range(-(-MOMENTS // len(ACTIONS) // 2)):
        trial.disturb(after=moments.uniform(0.001, trial.done["seconds"]))


@pytest.mark.parametrize("action", ACTIONS)
def test_a_disk_that_cannot_be_synced(
    action: str, template: tuple[Path, Path], tmp_path: Path, children: Crasher
) -> None:
    trial = Trial(action, template, tmp_path, children)
    for step in range(1, 4 + MOMENTS // 20):
        done = trial.disturb(step=step, how=FAIL, call="fsync")
        assert done["code"] == 0 or "Input/output error" in done["error"], done


@pytest.mark.parametrize("action", ACTIONS)
def test_files_that_cannot_be_written(
    action: str, template: tuple[Path, Path], tmp_path: Path, children: Crasher
) -> None:
    """As on a full disk, each file only gets as far as some number of bytes."""
    trial = Trial(action, template, tmp_path, children)
    for limit in (1, 300, 2000, 6000, 20_000, 100_000):
        done = trial.disturb(limit=limit)
        assert done["code"] == 0 or "cannot be" in done["error"], done


def test_a_full_disk(template: tuple[Path, Path], tmp_path: Path, children: Crasher) -> None:
    """On a real file system without room the store stays as it was, and says so."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(small)],
        check=False, capture_output=True,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("a small file system can only be mounted by root")
    try:
        path, logs = template
        shutil.copytree(path, small / "s")
        used = sum(p.stat().st_size for p in (small / "s").rglob("*") if p.is_file())
        for left in (0, 20_000, 60_000, 400_000, 900_000):
            filler = small / "filler"
            filler.write_bytes(b"\1" * (3 * 1024 * 1024 - used - 300_000 - left))
            done = children.run("ingest", small / "s", logs)
            if done["code"]:
                assert "cannot be written" in done["error"] or "catalog" in done["error"], done
            content(small / "s")
            filler.unlink()
        done = children.run("ingest", small / "s", logs)
        assert done["code"] == 0
        whole = tmp_path / "whole"
        shutil.copytree(path, whole)
        assert children.run("ingest", whole, logs)["code"] == 0
        assert content(small / "s") == content(whole)
    finally:
        subprocess.run(["umount", str(small)], check=True)
