"""Which processes that two Windows logs tell of are united, how many wrongly, and what it costs.

Truth, per OTRF archive: a Security 4688 and a Sysmon 1 are one launch if host, program, and process
id (or command line, where Sysmon's process id was not kept) agree and their times lie within a
second, whole quarters of an hour apart, as some of these logs are stamped by a clock without zone.
A process is united wrongly if it got a GUID whose Sysmon record names another program, command line
or parent, and GUIDs are if two of them became one entity.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import captures, harness, identity_pairs
from benchmarks.harness import Options, Row
from graphad.graph import Graph
from graphad.store import Store, graphs, identity
from graphad.store.claims import QUARTER

# Sysmon writes each percent sign twice.
_LAUNCHES = r"""
SELECT r.source, r.record, epoch_us(r.ts) AS ts, lower(r.host) AS host, code = '1' AS sysmon,
       CASE code WHEN '1' THEN lower(trim(process_guid, '{}')) END AS guid,
       CASE code WHEN '1' THEN pid ELSE target_pid END AS pid,
       lower(CASE code WHEN '1' THEN exe ELSE target_exe END) AS program,
       replace(command_line, '%%', '%') AS command_line,
       lower(parent_exe) AS parent
FROM records r WHERE code = '1' AND channel = 'Microsoft-Windows-Sysmon/Operational'
   OR code = '4688' AND lower(channel) = 'security'
ORDER BY r.source, r.record
"""


_BOTH_ENDS = """
SELECT count(DISTINCT (a.source, a.record)) AS n
FROM aliases a JOIN aliases c ON c.kind = 'connect' AND c.value = a.value AND c.far = a.far
    AND c.host <> a.host AND abs(epoch(a.ts) - epoch(c.ts)) <= 30
WHERE a.kind = 'accept'
"""


def judged(store: Store) -> dict[str, Counter[str]]:
    """Return for each log how many processes were told of twice, united, missed, united wrongly."""
    launches = store.sql(_LAUNCHES).to_pylist()
    connection = store.connect()
    try:
        work = graphs.united(connection, "true", None, identity.chosen(None))
        keys = connection.execute("SELECT id, key FROM entities WHERE type = 'process'").fetchall()
    finally:
        connection.close()
    guid_of = {id_: key for id_, key in keys if not key.startswith("pid:")}
    graph, size = work.graph, len(work.graph)
    final = work.ids[work.settled()]
    created = {
        (int(graph.source[e]), int(graph.record[e])): guid_of.get(int(final[size + e]))
        for e in np.flatnonzero(np.isin(graph.action, ["launch", "exec"])).tolist()
    }
    paths = {s.source: Path(s.path).name for s in store.sources}
    sysmon = {(r["source"], r["guid"]): r for r in launches if r["sysmon"]}
    told: dict[tuple[object, ...], list[dict[str, Any]]] = {}
    for one in sysmon.values():
        told.setdefault((one["source"], one["host"], one["program"]), []).append(one)
    found: dict[str, Counter[str]] = {}
    for one in launches:
        if one["sysmon"]:
            continue
        tally = found.setdefault(paths[one["source"]], Counter())
        twin = [r for r in told.get((one["source"], one["host"], one["program"]), ())
                if _one_launch(r, one)]  # fmt: skip
        guid = created.get((one["source"], one["record"]))
        tally["4688"] += 1
        tally["told by both"] += len(twin) > 0
        tally["missed"] += len(twin) > 0 and guid is None
        tally["united"] += guid is not None
        if guid is not None:
            other = sysmon.get((one["source"], guid))
            tally["unproven"] += other is None
            tally["wrong"] += other is not None and not _agree(other, one)
    total: Counter[str] = Counter()
    for tally in found.values():
        total.update(tally)  # a sum would leave out what is zero
    found["all"] = total
    found["all"]["GUIDs melted"] = _melted(guid_of, graph, final)
    return found


def _melted(guid_of: dict[int, str], graph: Graph, final: Any) -> int:
    """Return how many GUIDs stand at an entity that another GUID stands at too."""
    at: dict[int, set[str]] = {}
    told = graph.ids[np.concatenate([graph.src, graph.dst])]
    for before, after in np.unique(np.stack([told, final]), axis=1).T.tolist():
        if before in guid_of:
            at.setdefault(after, set()).add(guid_of[before])
    return sum(len(guids) for guids in at.values() if len(guids) > 1)


def _one_launch(sysmon: dict[str, Any], security: dict[str, Any]) -> bool:
    apart = (security["ts"] - sysmon["ts"] + QUARTER // 2) % QUARTER - QUARTER // 2
    if sysmon["pid"] is None:
        same = sysmon["command_line"] == security["command_line"]
    else:
        same = sysmon["pid"] == security["pid"]
    return bool(same) and abs(apart) <= 1_000_000


def _agree(sysmon: dict[str, Any], security: dict[str, Any]) -> bool:
    return all(
        sysmon[name] == security[name] or None in (sysmon[name], security[name])
        for name in ("host", "program", "command_line", "parent", "pid")
    )


def crossing(store: Store) -> dict[str, int]:
    """Return how many connections were told of where they were taken, and lead there."""
    [told] = store.sql(_BOTH_ENDS).to_pylist()
    graph = store.graph()
    opened: dict[int, set[str]] = {}
    for e in np.flatnonzero(graph.action == "connect").tolist():
        opened.setdefault(int(graph.dst[e]), set()).add(graph.host[e])
    found = {"accepted, and opened on another host": int(told["n"])}
    for action in ("accept", "logon"):
        found[f"{action} reached from another host"] = sum(
            graph.host[e] not in opened.get(int(graph.src[e]), {graph.host[e]})
            for e in np.flatnonzero(graph.action == action).tolist()
        )
    return found


def ingested(scratch: Path, quick: bool) -> Store | None:
    """Return a store of the OTRF archives, None where they are absent."""
    home = captures.unpack("otrf-windows", scratch)
    if home is None:
        return None
    logs = sorted(p for p in home.glob("**/*.zip") if "_metadata" not in p.parts)
    store = Store(scratch / "store")
    store.ingest(logs[:8] if quick else logs)
    return store


def costs(name: str, store: Store, repeat: int) -> Iterable[Row]:
    """Time graphs of a store with identity and without."""
    edges = len(store.graph(identity=()))
    store.graph()  # compiles
    plain = harness.timed(lambda: store.graph(identity=()), repeat).cpu / edges * 1e6
    full = harness.timed(lambda: store.graph(), repeat).cpu / edges * 1e6
    yield Row(f"graph of {name}, as logged", plain, "CPU s a million edges")
    yield Row(f"graph of {name}, resolved", full, "CPU s a million edges", plain, full / plain)


def measure(options: Options) -> Iterable[Row]:
    """Judge the OTRF archives, then time graphs with and without identity."""
    with tempfile.TemporaryDirectory() as folder:
        store = ingested(Path(folder), options.quick)
        if store is None:
            print("otrf-windows is absent; set GRAPHAD_DATA.", file=sys.stderr)
            return
        found = judged(store)
        for log, tally in found.items():
            for name, count in tally.items():
                if log == "all" or (name in ("told by both", "missed", "wrong") and count):
                    wanted = log == "all" and name in ("wrong", "GUIDs melted")
                    yield Row(f"{log}: {name}", count, "processes", target=0.0 if wanted else None,
                              met=count == 0 if wanted else None)  # fmt: skip
        for name, count in crossing(store).items():
            yield Row(name, count, "events")
        yield from identity_pairs.rows(store)
        repeat = 1 if options.quick else 5
        yield from costs("both logs", store, repeat)
        lines = Path(folder) / "sysmon.json"
        captures.json_lines(Path(folder) / "otrf-windows", lines)
        alone = Store(Path(folder) / "sysmon.store")
        alone.ingest(lines)
        yield from costs("Sysmon's alone", alone, repeat)
        size = store.parquet_bytes().get("aliases", 0) / sum(s.read for s in store.sources)
        yield Row("aliases", size, "bytes a record")


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
