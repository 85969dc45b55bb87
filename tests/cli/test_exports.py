"""Exports on the command line, as a user meets them."""

import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from graphad.workspace import Workspace
from tests.cli.running import run
from tests.export.ocsf_check import faults
from tests.marked import hunted


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return hunted(tmp_path_factory.mktemp("exports"))


def test_findings_for_a_siem(store: Workspace) -> None:
    rows = [
        json.loads(x) for x in run("findings", "-s", store.path, "-f", "ocsf").stdout.splitlines()
    ]
    best = [json.loads(x) for x in run("findings", "-s", store.path).stdout.splitlines()]
    assert [row["finding_info"]["uid"] for row in rows] == [one["id"] for one in best]
    assert not [fault for row in rows for fault in faults(row)]
    every = run("export", "findings", "-s", store.path).stdout.splitlines()
    assert len(every) == len(store.findings()) > len(rows)
    ecs = run("paths", "-s", store.path, "-f", "ecs", "--top", 3).stdout.splitlines()
    assert [json.loads(x)["event"]["kind"] for x in ecs] == ["alert"] * 3
    one = json.loads(run("incidents", "-s", store.path, "-f", "ocsf", "--top", 1).stdout)
    assert one["finding_info"]["uid"] == store.incidents()[0].id
    assert not list(faults(one))


def test_score_and_hunt_write_them_too(store: Workspace, tmp_path: Path) -> None:
    copy = Workspace(shutil.copytree(store.path, tmp_path / "store"))
    out = tmp_path / "out.ndjson"
    told = run("score", "-s", copy.path, "-f", "ocsf", "-o", out, "--top", 2)
    assert told.stdout == ""
    assert "incidents" in told.stderr
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 2
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    before = out.read_bytes()
    assert "--clobber" in run("findings", "-s", copy.path, "-o", out, code=1).stderr
    assert out.read_bytes() == before
    run("findings", "-s", copy.path, "-o", out, "--clobber", "-f", "table")
    assert out.read_text().startswith("  1. ")
    run("findings", "-s", copy.path, "--clobber", code=2)


def test_the_same_store_gives_the_same_bytes(store: Workspace) -> None:
    for form in ("ocsf", "ecs", "timesketch", "parquet", "csv"):
        first = run("export", "findings", "-s", store.path, "-f", form).stdout_bytes
        assert first == run("export", "findings", "-s", store.path, "-f", form).stdout_bytes
        assert first


def test_tags_of_your_own(store: Workspace, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('version = 1\n[[tag]]\ntechnique = "T9999"\nname = "Ours"\ndst = "loot$"\n')
    made = run("export", "findings", "-s", store.path, "--tags", own).stdout
    assert '"uid":"T9999"' in made
    assert "attacks" not in run("export", "findings", "-s", store.path, "--no-tags").stdout


def test_graphs(store: Workspace, tmp_path: Path) -> None:
    best = store.incidents()[0]
    out = tmp_path / "g.json"
    told = run("export", "graph", "-s", store.path, "--incident", best.id, "-f", "jgf", "-o", out)
    assert told.stderr == f"{len(best.entities)} entities, {len(best.events)} events\n"
    assert json.loads(out.read_text())["graph"]["id"] == best.id
    cut = run("export", "graph", "-s", store.path, "--host", "h", "--limit", 5, "-f", "jgf")
    assert "more events were left out" in cut.stderr
    assert len(json.loads(cut.stdout)["graph"]["edges"]) == 5
    near = run("export", "graph", "-s", store.path, "--around", "/tmp/x", "--hops", 1, "-f", "jgf")
    labels = {n["label"] for n in json.loads(near.stdout)["graph"]["nodes"].values()}
    assert labels == {"/bin/sh", "/tmp/x", "/bin/evil"}
    window = ("--since", "2023-11-14T22:20:00Z", "--until", "2023-11-14T22:20:02Z")
    few = run("export", "graph", "-s", store.path, *window, "-f", "jgf")
    assert len(json.loads(few.stdout)["graph"]["edges"]) == 2


@pytest.mark.parametrize("asked", [
    (), ("--incident", "a", "--finding", "b"), ("--incident", "a", "--host", "h"),
    ("--around", "x", "--host", "h"), ("--finding", "x", "--since", "2026-01-01"),
])  # fmt: skip
def test_choices_that_clash(store: Workspace, asked: tuple[str, ...]) -> None:
    run("export", "graph", "-s", store.path, *asked, "-f", "dot", code=2)


def test_what_is_not_there(store: Workspace) -> None:
    names = [(f"--{kind}", "nothing") for kind in ("incident", "finding", "around", "host")]
    for asked in (*names, ("--since", "2031-01-01"), ("--since", "soon")):
        told = run("export", "graph", "-s", store.path, *asked, "-f", "dot", code=1)
        assert told.stdout == ""
        assert told.stderr.startswith("graphad: ")


def test_what_is_redacted_leaves_no_list(store: Workspace) -> None:
    for command in (("findings",), ("paths",), ("incidents",), ("export", "findings")):
        made = run(*command, "-s", store.path, "--redact", "EVIL|loot").stdout
        assert "evil" not in made
        assert "loot" not in made
        assert "[redacted]" in made
