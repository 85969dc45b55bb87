"""Incidents on the command line, and in the store."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from graphad.errors import SchemaError, UnknownName
from graphad.workspace import Workspace, open_store
from tests.cli.running import run
from tests.toy import hostile

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "sample_logs" / "demo"
HALF = "2026-03-06T12:00:00Z"


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with the demo, in which a model is fitted but nothing is scored."""
    store = open_store(tmp_path_factory.mktemp("fit") / "store")
    store.ingest([DEMO / "quiet.strace.gz", DEMO / "attack.strace.gz"])
    store.fit(end="2026-03-06")
    return store.path


@pytest.fixture(scope="module")
def scored(fitted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("scored") / "store"
    shutil.copytree(fitted, store)
    run("score", "-s", store, "--since", "2026-03-06")
    return store


def test_every_finding_is_in_the_incident_it_names(scored: Path) -> None:
    store = open_store(scored, create=False)
    of = {name: one.id for one in store.incidents() for name in one.findings}
    assert of == {f.id: f.incident for f in store.findings()}
    assert [one.z for one in store.incidents()] == sorted(
        (f.z for f in store.incidents()), reverse=True
    )


def test_the_attack_is_told_as_it_was(scored: Path) -> None:
    rows = [json.loads(text) for text in run("incidents", "-s", scored).stdout.splitlines()]
    first = rows[0]
    said = first["description"]
    assert "python3, which started sh" in said
    assert "127.0.0.1:4444" in said
    assert "It came in by 127.0.0.1:" in said
    assert {"T1059.004", "T1105"} <= {tag["technique"] for tag in first["tags"]}
    for tag in first["tags"]:
        assert first["events"][tag["event"]]["evidence"]["text"]
    stamps = [event["ts"] for event in first["events"]]
    assert stamps == sorted(stamps)
    # The secret that was read and sent is in there, though no single path holds all of it.
    keys = {node["key"] for node in first["entities"]}
    assert {"/srv/shop/etc/payment.key", "/tmp/x", "127.0.0.1:4444"} <= keys


def test_forms(scored: Path) -> None:
    piped = run("incidents", "-s", scored, "--top", 3).stdout.splitlines()
    whole = json.loads(run("incidents", "-s", scored, "--top", 3, "-f", "json").stdout)
    assert [json.loads(text) for text in piped] == whole
    sheet = list(csv.DictReader(io.StringIO(
        run("incidents", "-s", scored, "--top", 3, "-f", "csv").stdout
    )))  # fmt: skip
    assert [row["id"] for row in sheet] == [row["id"] for row in whole]
    assert "T1105 Ingress Tool Transfer" in sheet[0]["tags"]
    table = run("incidents", "-s", scored, "--top", 3, "-f", "table").stdout.splitlines()
    assert len(table) == 4
    one = json.loads(run("show", "-s", scored, whole[0]["id"], "-f", "json").stdout)
    assert one == whole[0] == json.loads(run("show", "-s", scored, whole[0]["id"]).stdout)


def test_show_has_all_parts(scored: Path) -> None:
    one = open_store(scored, create=False).incidents()[0]
    shown = run("show", "-s", scored, one.id, "-f", "table").stdout
    for words in ("T1105 Ingress Tool Transfer", "Who started whom", "Time line", "Log lines"):
        assert words in shown
    assert "* ←read— file" in shown
    assert "more like that, the last at" in shown
    whole = run("show", "-s", scored, one.id, "-f", "table", "--all").stdout
    assert "more like that" not in whole
    for event in one.events:
        assert f"line {event.evidence.line}: " in whole
        assert f"line {event.evidence.line}: " in shown or not event.telling or len(one.events) > 20
    assert "payment.key" in shown  # the oddest of those alike are shown, not the first
    plain = run("show", "-s", scored, one.id, "-f", "table", "--no-tags").stdout
    assert "T1105" not in plain


def test_names_of_incidents(scored: Path) -> None:
    store = open_store(scored, create=False)
    one = store.incidents()[0]
    assert store.incident(one.id[:-2]).id == one.id
    assert store.incident(one.findings[-1]).id == one.id
    with pytest.raises(UnknownName, match="incident"):
        store.incident("incident-")
    failed = run("show", "-s", scored, "incident-nowhere", code=1)
    assert failed.stderr.startswith("graphad: No incident is called")


def test_tags_of_your_own(scored: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('version = 1\n[[tag]]\ntechnique = "T9999"\nname = "Ours"\ndst = "x$"\n')
    [row] = run("incidents", "-s", scored, "--top", 1, "--tags", own).stdout.splitlines()
    assert {tag["technique"] for tag in json.loads(row)["tags"]} == {"T9999"}
    own.write_text("version = 3")
    assert "no file of tags" in run("incidents", "-s", scored, "--tags", own, code=1).stderr
    run("incidents", "-s", scored, "--tags", own, "--no-tags", code=2)


def test_hunt_and_findings_tell_the_incident(scored: Path) -> None:
    shown = run("findings", "-s", scored, "-f", "table", "--top", 1).stdout
    said = open_store(scored, create=False).incidents()[0].description
    assert said in " ".join(shown.split())
    paths = run("paths", "-s", scored, "-f", "table", "--top", 1).stdout
    assert "The rarest link" not in paths


def test_ids_stay_as_more_is_scored(fitted: Path, tmp_path: Path) -> None:
    store = Workspace(shutil.copytree(fitted, tmp_path / "store"))
    store.score(start="2026-03-06", end=HALF)
    morning = {one.id: one for one in store.incidents()}
    store.score(start="2026-03-06")
    day = {name: one for one in store.incidents() for name in (one.id, *one.merged)}
    assert set(morning) <= set(day)
    for one in morning.values():
        assert set(one.findings) <= set(day[one.id].findings)
        assert day[one.id].since <= one.since
    assert len(store.incidents()) > len(morning)
    number, shown = store.manifest.number, [f.incident for f in store.findings()]
    store.score(start="2026-03-06")
    store.refresh()
    assert (store.manifest.number, [f.incident for f in store.findings()]) == (number, shown)
    assert not list(store.check())


def test_a_damaged_file_of_incidents_is_named(scored: Path, tmp_path: Path) -> None:
    store = Workspace(shutil.copytree(scored, tmp_path / "store"))
    [file] = store.manifest.files["incidents"]
    path = store.path / file.name
    path.write_bytes(path.read_bytes().replace(b"since", b"sinze", 1))
    with pytest.raises(SchemaError, match=path.name):
        store.incidents()
    assert any(path.name in problem for problem in store.check())


def test_incidents_of_an_older_store_keep_their_ids(tmp_path: Path) -> None:
    import tarfile

    with tarfile.open(ROOT / "tests" / "store" / "old" / "version-1.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    store = Workspace(tmp_path / "version-1")
    before = {f.id: f.incident for f in store.findings()}
    assert {one.id for one in store.incidents()} == set(before.values())
    assert all(one.description for one in store.incidents())
    store.hunt()
    names = {name for one in store.incidents() for name in (one.id, *one.merged)}
    assert set(before.values()) <= names
    assert all(one.since == 0 for one in store.incidents() if one.id in set(before.values()))


def test_nothing_a_log_contains_reaches_the_terminal_raw(tmp_path: Path) -> None:
    own, log = hostile(tmp_path)
    store = tmp_path / "store"
    shown = run("hunt", "-s", store, "--parsers", own, log, "-f", "table", "--top", 200).stdout
    shown += run("incidents", "-s", store, "-f", "table", "--top", 200).stdout
    for row in run("incidents", "-s", store, "--top", 500).stdout.splitlines():
        shown += run("show", "-s", store, json.loads(row)["id"], "-f", "table").stdout
    assert not [c for c in shown if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160)]
    assert not set(shown) & set("\u202e\u2066\u200b\u2028\ufeff")
    sheet = run("incidents", "-s", store, "-f", "csv", "--top", 500).stdout
    for cells in csv.reader(io.StringIO(sheet)):
        assert not [cell for cell in cells if cell[:1] in ("=", "+", "@", "\t", "\r")]
