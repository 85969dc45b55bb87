"""How fast, and in how much memory, the path detector finds the most surprising paths, exactly.

A made-up graph (path_graphs) and its counts, as a store would keep them. `detector` is what users
run: PathDetector.fit on the counts and the graph, then score. Its steps are timed too, each alone:
fit (names, and every event's terms), Box-Cox sample and fit, search; in a process that has compiled
everything before. Sizes go from 1e5 to 1e7 events. The plain ways, on the same graph cut down, list
every time-respecting simple path: networkx and a recursive query of DuckDB.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import harness
from benchmarks.harness import Options, Row
from benchmarks.path_graphs import Events, counted, graph_of, made

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

LENGTH, TOP = 5, 100
BATCH = 1_000_000
COLUMNS = {"src": np.int64, "dst": np.int64, "ts": np.int64, "cost": np.float64, "label": np.int64}
SPAN = 600_000_000  # ten minutes
STEPS = ("fit", "boxcox", "search")


def fitted(graph: Any, past: Any) -> tuple[Floats, Ints]:
    """Return each event's cost in bits and its label, as the path detector has them."""
    from graphad.detectors.path import PathDetector

    terms, label, _ = PathDetector(max_length=LENGTH, top=TOP).fit(past).edges(graph, inside=True)
    return terms.sum(axis=1), label


def detected(graph: Any, past: Any) -> Any:
    """Fit and score, as `graphad hunt` does."""
    from graphad.detectors.path import PathDetector

    detector = PathDetector(max_length=LENGTH, top=TOP).fit(past, [graph])
    return detector.score(graph, inside=True)


def scaled(events: Events, cost: Floats, label: Ints) -> dict[int, Any]:
    """Return the Box-Cox transform of each length, of a sample of 20,000 paths."""
    from graphad.models.boxcox import fit_lengths
    from graphad.models.path_sample import sample_lengths

    drawn = sample_lengths(
        events.src, events.dst, events.ts, cost, label, lengths=range(1, LENGTH + 1)
    )
    return fit_lengths({r: sample.score for r, sample in drawn.items()})


def searched(events: Events, cost: Floats, label: Ints, span: int | None = None) -> Any:
    """Return the best paths of each length."""
    from graphad.models.path_search import top_paths

    return top_paths(
        events.src, events.dst, events.ts, cost, label, max_length=LENGTH, k=TOP, span=span
    )


def run(size: int, seed: int) -> dict[str, float]:
    """Return wall and CPU seconds of each step, after a small run that compiles all."""
    for small in (40, 6_000):
        first = made(small, seed)
        cost, label = fitted(graph_of(first), counted(first))
        detected(graph_of(first), counted(first))
        scaled(first, cost, label)
        searched(first, cost, label)
        searched(first, cost, label, SPAN)
    events = made(size, seed)
    found: dict[str, float] = {}

    def step(name: str, function: Callable[[], Any]) -> Any:
        began, used = time.perf_counter(), time.process_time()
        result = function()
        found[name] = time.perf_counter() - began
        found[name + " cpu"] = time.process_time() - used
        return result

    given = graph_of(events), counted(events)
    whole = step("detector", lambda: detected(*given))
    cost, label = step("fit", lambda: fitted(*given))
    step("boxcox", lambda: scaled(events, cost, label))
    best = step("search", lambda: searched(events, cost, label))
    within = step("search within ten minutes", lambda: searched(events, cost, label, SPAN))
    found["exact"] = float(best.exact and within.exact and whole.exact)
    return found


def written(size: int, seed: int, folder: Path) -> None:
    """Write the columns that a search takes to files, to be read again batch by batch."""
    events = made(size, seed)
    cost, label = fitted(graph_of(events), counted(events))
    for name, column in zip(COLUMNS, (events.src, events.dst, events.ts, cost, label), strict=True):
        column.tofile(folder / name)


def sharded(size: int, folder: Path) -> dict[str, float]:
    """Return wall seconds of a search within ten minutes, of files read in batches."""
    from graphad.models.path_search import Search
    from graphad.models.path_shards import Shard, overlapping, search_shards

    def batches(upto: int) -> Iterator[Shard]:
        for low in range(0, upto, BATCH):
            at: dict[str, Any] = {
                name: np.fromfile(folder / name, kind, min(BATCH, upto - low), offset=8 * low)
                for name, kind in COLUMNS.items()
            }
            yield Shard(**at, index=low + np.arange(len(at["src"])))

    search = Search(max_length=LENGTH, k=TOP, span=SPAN)
    search_shards(overlapping(batches(6_000), SPAN), search)
    began = time.perf_counter()
    found = search_shards(overlapping(batches(size), SPAN), search)
    return {"wall": time.perf_counter() - began, "exact": float(found.exact)}


def in_a_process(words: list[str]) -> tuple[dict[str, float], float]:
    """Return what a process of its own tells, and its peak memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "times.json"
        command = [sys.executable, "-m", "benchmarks.path_search", *words]
        peak = harness.child([*command, str(told)], cwd=harness.ROOT).peak_mb
        return json.loads(told.read_text(encoding="utf-8")), peak


def networkx_paths(events: Events, cost: Floats, label: Ints) -> dict[tuple[int, ...], float]:
    """Return the score of each label sequence of up to LENGTH events, by depth-first search."""
    import networkx

    graph = networkx.MultiDiGraph()
    for e, (u, v) in enumerate(zip(events.src.tolist(), events.dst.tolist(), strict=True)):
        if u != v:
            graph.add_edge(u, v, at=int(events.ts[e]), cost=float(cost[e]), label=int(label[e]))
    best: dict[tuple[int, ...], float] = {}

    def extend(v: int, at: int, seen: tuple[int, ...], names: tuple[int, ...], sum_: float) -> None:
        for _, to, data in graph.out_edges(v, data=True):
            if data["at"] < at or to in seen:
                continue
            path, total = (*names, data["label"]), sum_ + data["cost"]
            if total > best.get(path, -1.0):
                best[path] = total
            if len(path) < LENGTH:
                extend(to, data["at"], (*seen, to), path, total)

    for v in list(graph):
        extend(v, -1, (v,), (), 0.0)
    return best


def duckdb_paths(events: Events, cost: Floats, label: Ints) -> dict[tuple[int, ...], float]:
    """Return the same from one recursive query."""
    import duckdb
    import pyarrow as pa

    con = duckdb.connect(config={"autoinstall_known_extensions": False,
                                 "autoload_known_extensions": False})  # fmt: skip
    con.execute("CREATE TABLE e (src BIGINT, dst BIGINT, ts BIGINT, cost DOUBLE, label BIGINT)")
    table = pa.table({"src": events.src, "dst": events.dst, "ts": events.ts, "cost": cost,
                      "label": label})  # fmt: skip
    con.register("given", table)
    con.execute("INSERT INTO e SELECT * FROM given WHERE src <> dst")
    rows = con.execute(f"""
        WITH RECURSIVE p AS (
            SELECT dst, ts, [src, dst] AS seen, [label] AS names, cost AS total FROM e
            UNION ALL
            SELECT e.dst, e.ts, list_append(seen, e.dst), list_append(names, e.label),
                   total + e.cost
            FROM p JOIN e ON e.src = p.dst AND e.ts >= p.ts
            WHERE len(names) < {LENGTH} AND NOT list_contains(seen, e.dst))
        SELECT names, max(total) FROM p GROUP BY names""").fetchall()
    con.close()
    return {tuple(names): total for names, total in rows}


def plain(size: int, seed: int) -> Iterable[Row]:
    """Time the plain ways and ours on a graph small enough for them; check that all agree."""
    events = made(size, seed)
    cost, label = fitted(graph_of(events), counted(events))
    searched(events, cost, label)
    ours = harness.timed(lambda: searched(events, cost, label), 5)
    found = searched(events, cost, label)
    for name, way in (
        ("networkx, depth first", networkx_paths),
        ("DuckDB, recursive", duckdb_paths),
    ):
        began = time.process_time()
        told = way(events, cost, label)
        taken = time.process_time() - began
        for r in range(1, LENGTH + 1):
            best = sorted((s for names, s in told.items() if len(names) == r), reverse=True)[:TOP]
            if not np.allclose(best, found.score[found.length == r], rtol=1e-9):
                raise AssertionError(f"{name} found other paths of length {r}")
        yield harness.compare(
            f"search of {size:,} events against {name}", size / ours.cpu, "events/CPU s",
            size / taken, 100.0, seed=seed,
        )  # fmt: skip


def measure(options: Options) -> Iterable[Row]:
    """Measure the whole, each step, and the plain ways."""
    for seed in range(1 if options.quick else options.seeds):
        yield from plain(1_000, seed)
    sizes = [100_000, 300_000] if options.quick else [100_000, 1_000_000, 10_000_000]
    for size in sizes:
        last = size == sizes[-1]
        for seed in range(options.seeds if last and not options.quick else 1):
            times, peak = in_a_process(["run", str(size), str(seed)])
            rate, wanted = size / times["detector"], 500_000.0 if last else None
            yield Row(
                f"detector: fit, Box-Cox, search, {size:,} events", rate, "events/s",
                target=wanted, met=None if wanted is None else rate >= wanted, seed=seed,
            )  # fmt: skip
            for name in (*STEPS, "search within ten minutes"):
                rate = size / times[name]
                wanted = 1_500_000.0 if last and name == "search" else None
                yield Row(f"{name}, {size:,} events", rate, "events/s", None, None, wanted,
                          None if wanted is None else rate >= wanted, seed)  # fmt: skip
                yield Row(f"{name}, {size:,} events", size / times[name + " cpu"],
                          "events/CPU s", seed=seed)  # fmt: skip
            limit = 4_000.0 if last else None
            yield Row(f"peak memory, {size:,} events", peak, "MB", None, None, limit,
                      None if limit is None else peak <= limit, seed)  # fmt: skip
            yield Row(f"exact, {size:,} events", times["exact"], "1 is yes", None, None, 1.0,
                      times["exact"] == 1.0, seed)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        size = sizes[-1]
        written(size, 0, Path(folder))
        times, peak = in_a_process(["shards", str(size), folder])
    yield Row(f"the same in shards, {size:,} events", size / times["wall"], "events/s", seed=0)
    yield Row(f"peak memory, {size:,} events in shards", peak, "MB", seed=0)


if __name__ == "__main__":
    if sys.argv[1:2] in (["run"], ["shards"]):
        size = int(sys.argv[2])
        if sys.argv[1] == "run":
            times = run(size, int(sys.argv[3]))
        else:
            times = sharded(size, Path(sys.argv[3]))
        Path(sys.argv[4]).write_text(json.dumps(times), encoding="utf-8")
        sys.exit(0)
    sys.exit(harness.main(__doc__, measure))
