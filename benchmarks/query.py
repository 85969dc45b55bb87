"""What questions to a store take: time and memory of each query, macros, trees, explanations.

A store of 5 million invented records (see query_data.py), and one of the OTRF captures where they
are. Each query runs in a process of its own: its CPU seconds (median of three runs, without start
and opening) and the peak memory of the process. The process tree of 100,000 processes stands beside
plain Python that builds it of the same rows by dicts. An explanation is timed as a script gets it:
open the store, take a finding; with its log there, and gone.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks import captures, harness, query_data
from benchmarks.harness import Options, Row

MSTICPY_CPU_S = 3.8  # for a tree of 100,000 processes, measured before this project
REACH_S = 0.36  # for 4 hops in 4.5 million edges, by a prototype
ASK = """
import json, statistics, sys, time
from graphad.workspace import open_store
store = open_store(sys.argv[1], create=False)
kind, what, values = sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
wall, cpu = [], []
for _ in range(3):
    began, used = time.perf_counter(), time.process_time()
    found = store.select(what) if kind == "sql" else store.answer(what, values, timeout_s=600)
    wall.append(time.perf_counter() - began)
    cpu.append(time.process_time() - used)
print(json.dumps([statistics.median(wall), statistics.median(cpu), found.num_rows]))
"""


def asked(store: Path, kind: str, what: str, scratch: Path, **values: object) -> tuple[float, ...]:
    """Return (wall seconds, CPU seconds, rows, peak MB) of a query or an SQL text."""
    answer = scratch / "answer.json"
    with answer.open("wb") as out:
        took = harness.child(
            [sys.executable, "-c", ASK, str(store), kind, what, json.dumps(values)],
            stdout=out, cwd=harness.ROOT,
        )  # fmt: skip
    wall, cpu, rows = json.loads(answer.read_text())
    return wall, cpu, rows, took.peak_mb


def made(store: Path, log: Path, parser: str | None = "windows") -> Path:
    """Ingest a log in a process of its own."""
    code = "import sys; from graphad.store import Store; Store(sys.argv[1]).ingest(sys.argv[2]"
    code += f", parser={parser!r})"
    subprocess.run([sys.executable, "-c", code, str(store), str(log)], check=True, cwd=harness.ROOT)
    return store


def required(store: Path) -> dict[str, dict[str, object]]:
    """Return values for the parameters that queries need, of a busy process of the store."""
    from graphad.store import Store

    opened = Store(store)
    rows = opened.sql(
        "SELECT src, any_value(e.host) AS host FROM edges e JOIN entities n ON n.id = e.src "
        "WHERE type = 'process' GROUP BY src ORDER BY count(*) DESC, src LIMIT 1"
    ).to_pylist()
    busy = str(rows[0]["src"])
    return {
        "ancestry": {"process": busy}, "file_history": {"file": "item17"},
        "neighbours": {"entity": busy}, "process_tree": {"host": rows[0]["host"]},
        "reachable": {"entity": busy}, "talked_to": {"address": "198.51.1"},
        "touched_by": {"process": "app7.exe"}, "traced_back": {"entity": busy},
    }  # fmt: skip


def each_query(store: Path, what: str, scratch: Path) -> Iterable[Row]:
    """Run each query once over a store."""
    from graphad import query
    from graphad.files import folder

    needed = required(store)
    for name in query.names([folder("queries")]):
        _, cpu, rows, peak = asked(store, "query", name, scratch, **needed.get(name, {}))
        yield Row(f"{name}, {what}: {rows:,} rows, CPU", cpu, "s")
        yield Row(f"{name}, {what}: peak memory", peak, "MB")


def reaching(store: Path, edges: int, scratch: Path) -> Iterable[Row]:
    """Take 4 hops from a process of the middle, forward and back."""
    busy = required(store)["neighbours"]["entity"]
    for macro in ("reach", "origins"):
        sql = f"SELECT count(*) FROM {macro}({busy}, 4)"
        wall, cpu, _, peak = asked(store, "sql", sql, scratch)
        name = f"{macro} of 4 hops in {edges:,} edges"
        target = REACH_S * edges / 4.5e6
        yield Row(name, wall, "s", target=target, met=wall <= target)
        yield Row(f"{name}, CPU", cpu, "s")
        yield Row(f"{name}, peak memory", peak, "MB")


PLAIN = """
import sys, time, json
from graphad.store import Store
connection = Store(sys.argv[1]).connect()
used = time.process_time()
rows = connection.execute(
    "SELECT src_id, src, src_detail, dst_id, dst, dst_detail, ts, path, line FROM events "
    "WHERE host = ? AND action IN ('launch', 'fork', 'exec') AND src_type = 'process' "
    "AND dst_type = 'process' ORDER BY ts, source, record, ordinal", [sys.argv[2]]
).fetchall()
told, born, parent, children = {}, {}, {}, {}
for src, label, detail, dst, name, command, ts, path, line in rows:
    told.setdefault(src, (label, detail))
    told[dst] = (name, command)
    born.setdefault(src, ts)
    if dst not in parent and dst != src:
        parent[dst] = src
        born[dst] = ts
        children.setdefault(src, []).append((ts, dst, path, line))
out = []
stack = [(0, born[p], p, None, None) for p in sorted(told, key=born.get, reverse=True)
         if p not in parent]
while stack:
    depth, ts, process, path, line = stack.pop()
    label, detail = told[process]
    out.append((ts, "  " * depth + label, detail, depth, process, path, line))
    for ts, child, path, line in reversed(children.get(process, ())):
        stack.append((depth + 1, ts, child, path, line))
print(json.dumps([time.process_time() - used, len(out)]))
"""


def trees(scratch: Path, count: int, seed: int) -> Iterable[Row]:
    """Build the tree of one host, all of it."""
    log = scratch / "processes.json"
    query_data.processes(log, count, seed)
    store = made(scratch / "tree", log)
    everything = {"host": query_data.TREE_HOST, "limit": 10 * count, "depth": 1000}
    plain = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", PLAIN, str(store), query_data.TREE_HOST], check=True,
            capture_output=True, text=True, cwd=harness.ROOT,
        )  # fmt: skip
        cpu, size = json.loads(done.stdout)
        plain.append(cpu)
    _, cpu, rows, peak = asked(store, "query", "process_tree", scratch, **everything)
    assert rows == size, (rows, size)
    baseline = statistics.median(plain)
    name = f"process tree of {count:,} processes, CPU"
    yield Row(name, cpu, "s", baseline, baseline / cpu, seed=seed)
    target = MSTICPY_CPU_S / 10 * count / 100_000
    yield Row(f"{name}, a tenth of msticpy's", cpu, "s", target=target, met=cpu <= target)
    yield Row(f"process tree of {count:,} processes, peak memory", peak, "MB")
    _, cpu, rows, _ = asked(store, "query", "process_tree", scratch, host=query_data.TREE_HOST)
    yield Row(f"the same, the first {rows:,} rows, CPU", cpu, "s", seed=seed)


EXPLAIN = """
import json, sys, time
from graphad.workspace import open_store
began = time.perf_counter()
found = open_store(sys.argv[1], create=False).finding(sys.argv[2])
took = time.perf_counter() - began
print(json.dumps([took * 1000, [proof.text for proof in found.evidence]]))
"""


def explaining(scratch: Path) -> Iterable[Row]:
    """Take a finding of the demo by its id in a new process, with its log there and gone."""
    from graphad.workspace import open_store

    log = scratch / "attack.strace.gz"
    shutil.copy(harness.ROOT / "sample_logs" / "demo" / "attack.strace.gz", log)
    store = scratch / "hunted"
    name = open_store(store).hunt([log], top=20).findings[0].id

    def explained() -> tuple[float, list[str]]:
        times, texts = [], []
        for _ in range(5):
            done = subprocess.run(
                [sys.executable, "-c", EXPLAIN, str(store), name], check=True, text=True,
                capture_output=True, cwd=harness.ROOT,
            )  # fmt: skip
            took, texts = json.loads(done.stdout)
            times.append(took)
        return statistics.median(times), texts

    took, there = explained()
    log.unlink()
    later, gone = explained()
    assert there == gone
    assert all(gone)
    yield Row(
        "explain a finding: open a store and take it", took, "ms", target=50.0, met=took <= 50
    )
    yield Row("the same, its log is gone", later, "ms", target=50.0, met=later <= 50)


def measure(options: Options) -> Iterable[Row]:
    """Measure all parts in turn."""
    count = 50_000 if options.quick else 5_000_000
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        yield from explaining(scratch)
        for seed in range(1 if options.quick else options.seeds):
            (scratch / str(seed)).mkdir()
            yield from trees(scratch / str(seed), 5_000 if options.quick else 100_000, seed)
        log = scratch / "events.json"
        query_data.events(log, count, 0)
        store = made(scratch / "store", log)
        log.unlink()
        yield from reaching(store, count, scratch)
        if options.quick:  # a process each would take minutes
            yield from quickly(store)
            return
        yield from each_query(store, f"{count:,} invented records", scratch)
        otrf = captures.unpack("otrf-windows", scratch)
        if otrf is not None:
            yield from each_query(made(scratch / "otrf", otrf, None), "OTRF", scratch)


def quickly(store: Path) -> Iterable[Row]:
    """Run each query in this process, once."""
    from graphad import query
    from graphad.files import folder
    from graphad.workspace import open_store

    opened, needed = open_store(store, create=False), required(store)
    for name in query.names([folder("queries")]):
        values = {key: str(value) for key, value in needed.get(name, {}).items()}
        began = time.process_time()
        found = opened.answer(name, values)
        took = time.process_time() - began
        yield Row(f"{name}: {found.num_rows:,} rows, CPU", took, "s")


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
