"""How well the rules unite connections that two logs tell of, and the processes at their ends.

Truth, of the OTRF captures: a connection is all records of Sysmon (3) and of the Security log
(5156) with one near and one far end, each within 30 seconds of the one before, by corrected clocks.
The process at an end is united wrongly if the two logs name two programs.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmarks.harness import Row
from graphad.store import Store, graphs, identity

_CONNECTIONS = """
SELECT source, record, code, lower(host) AS host, lower(exe) AS exe,
       direction IN ('false', '%%14592', 'Inbound') AS taken,
       (replace(lower(src_ip), '::ffff:', ''), src_port, replace(lower(dst_ip), '::ffff:', ''),
        dst_port)::VARCHAR AS ends
FROM records
WHERE src_port > 0 AND dst_port > 0
  AND (code = '3' AND channel = 'Microsoft-Windows-Sysmon/Operational'
       OR code = '5156' AND lower(channel) = 'security')
"""
_GAP = 30_000_000  # us


def connections(store: Store) -> Counter[str]:
    """Return how many connections are told twice, how many of them unite, and what is wrong."""
    told = {(r["source"], r["record"]): r for r in store.sql(_CONNECTIONS).to_pylist()}
    connection = store.connect()
    try:
        work = graphs.united(connection, "true", None, identity.chosen(None))
        plain = {i for (i,) in connection.execute("SELECT id FROM entities").fetchall()}
    finally:
        connection.close()
    graph, size, final = work.graph, len(work.graph), work.ids[work.settled()]
    runs: dict[str, list[tuple[int, int, int, dict[str, Any]]]] = defaultdict(list)
    for e in np.flatnonzero(np.isin(graph.action, ["connect", "accept"])).tolist():
        row = told.get((int(graph.source[e]), int(graph.record[e])))
        if row is None:
            continue
        socket, process = (e, e + size) if graph.action[e] == "accept" else (e + size, e)
        ends = int(final[socket]), int(final[process])
        runs[row["ends"]].append((int(graph.ts[e]), *ends, row))
    tally: Counter[str] = Counter()
    stands: dict[int, set[int]] = defaultdict(set)  # runs of which records stand at a connection
    for number, run in enumerate(_cut(runs.values())):
        for _, socket, _, _ in run:
            stands[socket].add(number)
        _judge(run, tally)
    tally["connections as one that are several"] = sum(
        len(some) > 1 for socket, some in stands.items() if socket not in plain
    )
    return tally


def _cut(
    runs: Iterable[list[tuple[int, int, int, dict[str, Any]]]],
) -> Iterable[list[tuple[int, int, int, dict[str, Any]]]]:
    """Yield the records of one connection each."""
    for run in runs:
        run.sort(key=lambda one: one[0])
        begin = 0
        for i in range(1, len(run) + 1):
            if i == len(run) or run[i][0] - run[i - 1][0] > _GAP:
                yield run[begin:i]
                begin = i


def _judge(run: list[tuple[int, int, int, dict[str, Any]]], tally: Counter[str]) -> None:
    """Count what became of one connection."""
    opened = [one for one in run if not one[3]["taken"]]
    taken = [one for one in run if one[3]["taken"]]
    by, at = ({one[3]["host"] for one in some} for some in (opened, taken))
    if len(by) == 1 and len(at - by) == 1:
        tally["told at both ends"] += 1
        tally["united"] += len({socket for _, socket, _, _ in run}) == 1
    for side in (opened, taken):
        for host in {one[3]["host"] for one in side}:
            mine = [one for one in side if one[3]["host"] == host]
            if len({one[3]["code"] for one in mine}) == 2:
                _judge_process(mine, tally)


def _judge_process(mine: list[tuple[int, int, int, dict[str, Any]]], tally: Counter[str]) -> None:
    """Count what became of the process that two logs of one host name at one end."""
    # The Security log names volumes otherwise than Sysmon: the last part must agree. Of a process
    # that is gone already Sysmon says <unknown process>, in some exports as HTML.
    programs = {str(one[3]["exe"]).rpartition("\\")[2] for one in mine}
    programs = {one for one in programs if "unknown process" not in one}
    together = len({process for _, _, process, _ in mine}) == 1
    tally["ends told by both logs"] += 1
    tally["of one process"] += len(programs) == 1 and together
    tally["of one process, wrongly"] += len(programs) > 1 and together


def rows(store: Store) -> Iterable[Row]:
    """Judge a store of the OTRF archives."""
    for name, count in connections(store).items():
        bad = name.endswith(("several", "wrongly"))
        yield Row(f"connections: {name}", count, "connections", target=0.0 if bad else None,
                  met=count == 0 if bad else None)  # fmt: skip
