"""A store that answers: named queries, SQL of others, ids, neighbourhoods, time lines, tables."""

import gzip
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner

from graphad.cli import main
from graphad.errors import GraphadError, QueryError, UnknownName
from graphad.findings_table import Findings
from graphad.workspace import Workspace, open_store
from tests import toy
from tests.sample_findings import finding

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "sample_logs" / "demo"


@pytest.fixture(scope="module")
def hunted(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a store of the demo's attack, hunted without a baseline."""
    store = open_store(tmp_path_factory.mktemp("desk") / "sto're")
    store.hunt([DEMO / "attack.strace.gz"], top=5)
    return store


def test_a_named_query_is_an_arrow_table(hunted: Workspace) -> None:
    found = hunted.query("touched_by", process="curl", limit=3)
    assert isinstance(found, pa.Table)
    assert found.num_rows == 3
    assert set(found["process"].to_pylist()) == {"/usr/bin/curl"}
    for name, values, error in [
        ("no_such", {}, UnknownName),
        ("touched_by", {}, QueryError),
        ("touched_by", {"process": "x", "limit": "many"}, QueryError),
        ("touched_by", {"proces": "x"}, UnknownName),
    ]:
        with pytest.raises(error):
            hunted.query(name, **values)


def test_own_queries_are_locked_down_and_stopped(hunted: Workspace, tmp_path: Path) -> None:
    (tmp_path / "mine.sql").write_text("-- Mine.\n--   n = 1   rows\nSELECT id FROM reach($n)")
    (tmp_path / "out.sql").write_text("-- Out.\nSELECT * FROM read_text('/etc/passwd')")
    (tmp_path / "slow.sql").write_text(
        "-- Slow.\nSELECT sum(hash(a.range + b.range)) FROM range(1000000) a, range(1000000) b"
    )
    (tmp_path / "big.sql").write_text(
        "-- Big.\nSELECT string_agg(range::VARCHAR) FROM range(20000000)"
    )
    assert hunted.answer("mine", {"n": "7"}, queries=[tmp_path])["id"].to_pylist() == [7]

    def refused(name: str, words: str, timeout_s: float = 60.0, memory: str = "1GB") -> None:
        with pytest.raises(QueryError, match=words):
            hunted.answer(name, {}, queries=[tmp_path], timeout_s=timeout_s, memory=memory)

    refused("out", "file system operations are disabled")
    refused("slow", r"stopped after 0\.3 s", timeout_s=0.3)
    refused("big", "Out of Memory", memory="64MB")


def test_sql_sees_the_macros_and_the_findings(hunted: Workspace) -> None:
    kept = hunted.findings()
    rows = hunted.select("SELECT id, z, start, title FROM findings ORDER BY z DESC, id").to_pylist()
    assert [(row["id"], row["z"], row["title"]) for row in rows] == [
        (f.id, f.z, f.title) for f in sorted(kept, key=lambda f: (-f.z, f.id))
    ]
    start = datetime.fromisoformat(kept[0].start).astimezone(UTC).replace(tzinfo=None)
    assert next(row["start"] for row in rows if row["id"] == kept[0].id) == start
    births = hunted.select("SELECT child, parent FROM births WHERE parent IS NOT NULL LIMIT 1")
    child, parent = births["child"][0].as_py(), births["parent"][0].as_py()
    up = hunted.select(f"SELECT id FROM ancestors({child}) ORDER BY generation LIMIT 2")
    assert up["id"].to_pylist() == [child, parent]
    assert hunted.select("SELECT utc('2024-05-03') AS t")["t"].to_pylist() == [datetime(2024, 5, 3)]
    with pytest.raises(QueryError, match="one SELECT"):
        hunted.select("DROP VIEW edges")


def test_a_published_catalog_has_them_too(hunted: Workspace, tmp_path: Path) -> None:
    import duckdb

    moved = tmp_path / "moved"
    shutil.copytree(hunted.path, moved)
    [catalog] = moved.glob("catalog-*.duckdb")
    process = hunted.sql("SELECT src FROM edges WHERE action = 'launch' LIMIT 1")["src"][0].as_py()
    with duckdb.connect(str(catalog), read_only=True) as connection:
        [(reached,)] = connection.execute("SELECT count(*) FROM reach(?)", [process]).fetchall()
        [(kin,)] = connection.execute("SELECT count(*) FROM descendants(?)", [process]).fetchall()
        found = connection.execute("SELECT count(*) FROM findings").fetchall()
    assert reached > 1
    assert kin > 1
    assert found == [(len(hunted.findings()),)]


def test_ids_are_taken_as_queries_and_findings_write_them(hunted: Workspace) -> None:
    row = hunted.sql("SELECT id, key FROM entities WHERE label = '/tmp/x' AND type = 'file'")
    id_ = row["id"][0].as_py()
    assert hunted.entity_id(str(id_)) == id_
    assert hunted.entity_id(f"{id_ & (2**64 - 1):016x}") == id_
    socket = hunted.sql("SELECT id FROM entities WHERE label = '127.0.0.1:4444'")["id"][0].as_py()
    assert hunted.entity_id("127.0.0.1:4444") == socket
    assert hunted.entity_id("0.0.1:4444") == socket
    for text in (
        "no such thing",
        "123456789",
        "0123456789abcdef",
        "9" * 30,
        "%",
        "\udc80",
        "'; --",
    ):
        with pytest.raises(UnknownName, match="No entity"):
            hunted.entity_id(text)
    with pytest.raises(UnknownName, match="several entities"):
        hunted.entity_id("/usr")


def test_a_neighbourhood_is_what_the_edges_say(hunted: Workspace) -> None:
    process = hunted.sql(
        "SELECT id FROM entities WHERE label = '/tmp/x' AND type = 'process' ORDER BY id LIMIT 1"
    )
    id_ = process.column(0)[0].as_py()
    found = hunted.neighbourhood(str(id_))
    edges = hunted.sql(f"SELECT * FROM edges WHERE src = {id_} OR dst = {id_}").to_pylist()
    assert (found.id, found.type, found.name) == (id_, "process", "/tmp/x")
    assert found.events == len(edges)
    assert found.first_seen == min(edge["ts"] for edge in edges)
    assert sum(near.events for near in found.neighbours) == len(edges)
    assert {(n.direction, n.action, n.id) for n in found.neighbours} == {
        ("to", e["action"], e["dst"]) if e["src"] == id_ else ("from", e["action"], e["src"])
        for e in edges
    }
    assert found.more == 0
    assert [one.id for one in found.relatives if one.generation == 0] == [id_]
    up = [one for one in found.relatives if one.generation < 0]
    assert up, "somebody launched it"
    told = f"{id_ & (2**64 - 1):016x}"
    naming = [f.id for f in hunted.findings() if told in [e.id for e in f.entities]]
    assert found.findings == naming
    few = hunted.neighbourhood(str(id_), limit=1)
    assert len(few.neighbours) == 1
    assert few.more == len(found.neighbours) - 1


def test_timelines(hunted: Workspace) -> None:
    everything = hunted.sql("SELECT ts FROM edges ORDER BY ts")["ts"].to_pylist()
    first, last = everything[0], everything[-1]
    assert hunted.timeline(limit=10**9)["ts"].to_pylist() == everything
    middle = everything[len(everything) // 2]
    later = hunted.timeline(since=middle.isoformat() + "Z", limit=10**9)
    assert later["ts"].to_pylist() == [ts for ts in everything if ts >= middle]
    assert hunted.timeline(until=first.isoformat()).num_rows == 0
    assert hunted.timeline(since=last.isoformat(), limit=5).num_rows > 0
    kept = hunted.findings()[0]
    near = hunted.timeline(around=kept.id, within_s=0)["ts"].to_pylist()
    start, end = (
        datetime.fromisoformat(t).astimezone(UTC).replace(tzinfo=None)
        for t in (kept.start, kept.end)
    )
    assert near == [ts for ts in everything if start <= ts <= end]
    socket = hunted.timeline(around="127.0.0.1:4444").to_pylist()
    assert socket
    assert all("127.0.0.1:4444" in (row["src"], row["dst"]) for row in socket)
    with pytest.raises(UnknownName, match="No host"):
        hunted.timeline(host="nowhere")
    with pytest.raises(GraphadError, match="no time"):
        hunted.timeline(since="yesterday")


def test_explanations_say_what_became_of_their_log(tmp_path: Path) -> None:
    log = tmp_path / "attack.strace"
    log.write_bytes(gzip.decompress((DEMO / "attack.strace.gz").read_bytes()))
    store = open_store(tmp_path / "store")
    found = store.hunt([log], top=1).findings[0]
    texts = [proof.text for proof in found.evidence]
    text = log.read_bytes()

    def told() -> str:
        done = CliRunner().invoke(main, ["explain", "-s", str(store.path), found.id, "-f", "table"])
        assert done.exit_code == 0, done.output
        assert all(line in done.stdout for line in map(str, texts))
        return done.stdout

    assert store.originals(found) == {str(log): "there"}
    assert "; the lines above" not in told()
    log.write_bytes(text + b"more\n")  # a log that grows is the same
    assert store.originals(found) == {str(log): "there"}
    log.write_bytes(b"other" + text)
    assert store.originals(found) == {str(log): "changed"}
    assert "attack.strace has changed since" in told()
    log.unlink()
    assert store.originals(found) == {str(log): "gone"}
    assert "attack.strace is gone;" in told()
    assert [proof.text for proof in store.finding(found.id).evidence] == texts
    assert all(texts)


def test_hosts_are_found_whatever_their_case(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    with pytest.raises(GraphadError, match="There are 0 hosts"):
        store.host(None)
    store.ingest(toy.write(tmp_path / "a.log", 0, 30), parser=toy.toy)
    assert store.host(None) == store.host("H") == "h"


def test_findings_are_a_data_frame(hunted: Workspace) -> None:
    kept = hunted.findings()
    frame = kept.to_pandas()
    assert list(frame["id"]) == [f.id for f in kept]
    assert list(frame["score"]) == [f.score for f in kept]
    assert frame["start"].dt.tz is not None
    assert frame["alert"].isna().all()  # ranked, not calibrated
    assert list(frame["entities"]) == [[e.key for e in f.entities] for f in kept]
    hostile = "\x1b]0;x\x07=cmd()"
    made = Findings([finding("a", (hostile, "launch", "file y", 1.0, 0))]).to_pandas()
    assert made["actions"][0] == ["launch"]
    assert made["start"][0] == pd.Timestamp("2026-03-02 10:00:00", tz="UTC")
    empty = Findings().to_pandas()
    assert list(empty.columns) == list(frame.columns)
    assert list(empty.dtypes) == list(frame.dtypes)
