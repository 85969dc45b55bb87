"""What a store promises: everything once, all or nothing, and a clear word on damage."""

import gzip
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.errors import GraphadError, ParseError, SchemaError
from graphad.store import Store
from tests.toy import line, toy, write


def content(store: Store) -> Counter[tuple[object, ...]]:
    """Return what was said of each record, whatever its source is numbered."""
    rows = store.sql(
        "SELECT e.ts, e.action, s.key, d.key FROM edges e JOIN entities s ON s.id = e.src "
        "JOIN entities d ON d.id = e.dst"
    ).to_pylist()
    return Counter(tuple(row.values()) for row in rows)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_rows_are_what_the_log_says(store: Store, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(
        "1700000000 /bin/cat read /etc/passwd\n\nnonsense\n1700000002 /bin/cat idle -\n"
        "1700000001 /bin/tee write /tmp/x"
    )
    [done] = store.ingest(log, parser=toy)
    assert (done.read, done.used, done.ignored, done.rejected, done.edges) == (5, 2, 2, 1, 2)
    assert store.sources[0].ignored == {"blank line": 1, "idle": 1}
    assert store.sql('SELECT record, line, "offset", length, reason FROM rejects').to_pylist() == [
        {"record": 3, "line": 3, "offset": 38, "length": 8, "reason": "the line has another form"}
    ]
    records = store.sql('SELECT record, line, "offset", length, exe FROM records ORDER BY record')
    assert [tuple(row.values()) for row in records.to_pylist()] == [
        (1, 1, 0, 36, "/bin/cat"), (4, 4, 47, 26, "/bin/cat"), (5, 5, 74, 32, "/bin/tee"),
    ]  # fmt: skip
    raw = log.read_bytes()
    assert raw[74 : 74 + 32] == b"1700000001 /bin/tee write /tmp/x"
    events = store.sql("SELECT src, action, dst, path, line FROM events ORDER BY ts").to_pylist()
    assert [tuple(e.values()) for e in events] == [
        ("/etc/passwd", "read", "/bin/cat", str(log), 1),
        ("/bin/tee", "write", "/tmp/x", str(log), 5),
    ]


def test_a_second_run_adds_nothing(store: Store, tmp_path: Path) -> None:
    log = write(tmp_path / "a.log", 0, 50)
    store.ingest(log, parser=toy)
    before = content(store)
    zipped = tmp_path / "copy.gz"
    zipped.write_bytes(gzip.compress(log.read_bytes()))
    log.rename(tmp_path / "a.log.1")
    done = store.ingest([tmp_path / "a.log.1", zipped], parser=toy)
    assert [one.note for one in done] == ["already there", "already there"]
    assert content(store) == before
    assert store.manifest.number == 1


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 900), min_size=1, max_size=4), torn=st.integers(0, 9))
def test_a_growing_log_has_each_record_once(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], torn: int
) -> None:
    folder = tmp_path_factory.mktemp("grow")
    whole = b"".join(line(i).encode() + b"\n" for i in range(30))
    store, log = Store(folder / "s"), folder / "g.log"
    ends = sorted(whole.rfind(b"\n", 0, cut) + 1 for cut in cuts)
    for end in ends:
        if end:
            log.write_bytes(whole[:end])
            store.ingest(log, parser=toy)
    log.write_bytes(whole)
    store.ingest(log, parser=toy)
    once = Store(folder / "t")
    once.ingest(log, parser=toy)
    assert content(store) == content(once)
    total = sum(s.read for s in store.sources)
    assert total == sum(s.used + s.rejected + sum(s.ignored.values()) for s in store.sources) == 30
    lines = store.sql("SELECT line, record FROM records ORDER BY line").to_pylist()
    assert [row["line"] for row in lines] == [row["record"] for row in lines] == list(range(1, 31))


def test_a_line_caught_half_written_is_accounted_for(store: Store, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    text = (line(0) + "\n" + line(1) + "\n").encode()
    log.write_bytes(text[:-5])
    store.ingest(log, parser=toy)
    log.write_bytes(text + (line(3) + "\n").encode())
    [done] = store.ingest(log, parser=toy)
    assert (done.note, done.read, done.used, done.rejected) == ("resumed", 2, 2, 0)
    assert [(s.read, s.bytes) for s in store.sources] == [
        (1, len(line(0)) + 1),
        (2, log.stat().st_size),
    ]
    once = Store(tmp_path / "once")
    once.ingest(log, parser=toy)
    assert content(store) == content(once)


def test_order_of_files_does_not_matter(tmp_path: Path) -> None:
    logs = [write(tmp_path / f"{i}.log", i * 20, i * 20 + 20) for i in range(4)]
    forward, backward = Store(tmp_path / "f"), Store(tmp_path / "b")
    forward.ingest(logs, parser=toy)
    for log in reversed(logs):
        backward.ingest(log, parser=toy)
    assert content(forward) == content(backward)
    columns = "day, host, src_name, action, dst_name, n, hours"
    counts = f"SELECT {columns} FROM counts ORDER BY ALL"
    kept = [store.past().select(columns.split(", ")).to_pylist() for store in (forward, backward)]
    assert kept[0] == kept[1]
    assert sum(row["n"] for row in kept[0]) == sum(content(forward).values())
    assert forward.sql(counts).num_rows == len(kept[0])


def test_the_graph_is_in_time_order(store: Store, tmp_path: Path) -> None:
    store.ingest([write(tmp_path / "b.log", 10, 30), write(tmp_path / "a.log", 0, 10)], parser=toy)
    graph = store.graph()
    assert len(graph) == 20
    assert (graph.ts[1:] >= graph.ts[:-1]).all()
    half = store.graph(start=1_700_000_010 * 1_000_000)
    assert len(half) == int((graph.ts >= 1_700_000_010_000_000).sum())
    offsets, events = graph.csr
    for entity in range(len(graph.ids)):
        out = events[offsets[entity] : offsets[entity + 1]]
        assert (graph.src[out] == entity).all()
        assert (graph.ts[out][1:] >= graph.ts[out][:-1]).all()
    drawn = graph.to_networkx()
    assert drawn.number_of_edges() == 20


@pytest.mark.parametrize("table", ["edges", "entities", "records"])
def test_a_damaged_segment_is_named(store: Store, tmp_path: Path, table: str) -> None:
    store.ingest(write(tmp_path / "a.log", 0, 50), parser=toy)
    [file] = store.manifest.files[table]
    path = store.path / file.name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    assert list(store.check()) == [f"{path} is damaged"]
    path.write_bytes(data[:-1])
    with pytest.raises(SchemaError, match=str(path)):
        store.graph()


def test_damaged_and_newer_manifests_are_refused(store: Store, tmp_path: Path) -> None:
    store.ingest(write(tmp_path / "a.log", 0, 5), parser=toy)
    path = store.path / "manifests" / "000001.json"
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"version": 2', b'"version": 9'))
    with pytest.raises(SchemaError, match=r"000001\.json is damaged"):
        Store(store.path)
    import hashlib

    path.write_bytes(newer := data.replace(b'"version": 2', b'"version": 9'))
    (store.path / "CURRENT").write_text(f"000001.json {hashlib.sha256(newer).hexdigest()}\n")
    with pytest.raises(SchemaError, match="has version 9"):
        Store(store.path)


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(SchemaError, match="other things"):
        Store(tmp_path)


@pytest.mark.parametrize("name", ["missing.log", "empty-folder"])
def test_inputs_that_are_not_there(store: Store, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty-folder").mkdir()
    with pytest.raises(ParseError, match=name):
        store.ingest(tmp_path / name, parser=toy)
    assert store.manifest.number == 0


def test_a_reader_keeps_its_state_while_others_commit(store: Store, tmp_path: Path) -> None:
    store.ingest(write(tmp_path / "a.log", 0, 20), parser=toy)
    reader = Store(store.path)
    connection = reader.connect()
    before = connection.execute("SELECT count(*) FROM edges").fetchone()
    for i in range(1, 4):
        store.ingest(write(tmp_path / f"{i}.log", i * 100, i * 100 + 10), parser=toy)
    assert connection.execute("SELECT count(*) FROM edges").fetchone() == before
    reader.refresh()
    assert sum(content(reader).values()) > before[0]  # type: ignore[index]
    connection.close()


def test_a_moved_store_reads_the_same(store: Store, tmp_path: Path) -> None:
    store.ingest(write(tmp_path / "a.log", 0, 20), parser=toy)
    before = content(store)
    shutil.move(store.path, tmp_path / "elsewhere")
    assert content(Store(tmp_path / "elsewhere")) == before


CHILD = """
import sys
from pathlib import Path
from graphad.store import Store
from tests.toy import toy
Store(sys.argv[1]).ingest(sorted(Path(sys.argv[2]).glob("*.log")), parser=toy)
"""


def test_killed_at_any_moment_the_store_is_whole(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for i in range(6):
        write(logs / f"{i}.log", i * 1000, i * 1000 + 1000)
    whole = Store(tmp_path / "whole")
    whole.ingest(sorted(logs.glob("*.log")), parser=toy)
    path = tmp_path / "killed"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    for attempt in range(8):
        child = subprocess.Popen([sys.executable, "-c", CHILD, path, logs], env=environment)
        try:
            child.wait(0.25 + 0.12 * attempt)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
        if (path / "CURRENT").exists():
            assert list(Store(path).check()) == []
            assert sum(content(Store(path)).values()) in (0, sum(content(whole).values()))
    final = Store(path)
    final.ingest(sorted(logs.glob("*.log")), parser=toy)
    assert content(final) == content(whole)
    assert list(final.check()) == []
    assert not list(path.rglob(".*.tmp"))


def test_a_second_writer_is_told_who_writes(store: Store, tmp_path: Path) -> None:
    from graphad.store.lock import writing

    log = write(tmp_path / "a.log", 0, 5)
    code = f"import sys; sys.argv = ['', {str(store.path)!r}, {str(tmp_path)!r}]\n" + CHILD
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with writing(store.path):
        told = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert f"is being written by process {os.getpid()}" in told.stderr
    store.ingest(log, parser=toy)
    assert store.manifest.number == 1


def test_the_lock_of_a_writer_that_was_killed_is_free(store: Store, tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from graphad.store.lock import writing
with writing(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, store.path], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(GraphadError, match=f"is being written by process {child.pid} on "):
            store.ingest(write(tmp_path / "a.log", 0, 5), parser=toy)
        child.kill()
    store.ingest(tmp_path / "a.log", parser=toy)
    assert store.sources[0].read == 5


def test_logs_of_any_formats_share_a_segment(store: Store) -> None:
    samples = Path(__file__).parents[2] / "sample_logs"
    done = store.ingest([samples / "windows", samples / "strace"])
    assert {one.format for one in done} == {"windows", "strace"}
    assert len(store.manifest.files["records"]) == 1
    apart = Store(store.path.with_name("apart"))
    for name in ("strace", "windows"):
        apart.ingest(samples / name)
    assert content(store) == content(apart)


def test_a_full_disk_leaves_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write(tmp_path / "a.log", 0, 50)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GraphadError, match="No space left"):
        store.ingest(log, parser=toy)
    monkeypatch.undo()
    assert content(Store(store.path)) == Counter()
    assert not list(store.path.rglob("*.parquet"))
    store.ingest(log, parser=toy)
    assert sum(content(store).values()) == store.sources[0].edges
