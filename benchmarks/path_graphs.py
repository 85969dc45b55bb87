"""Made-up provenance graphs for the path benchmarks: heavy-tailed, fewer names than instances."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]


class Events(NamedTuple):
    """E events by time: src, dst instances and ts in microseconds [E]; name of an instance [N].

    how [E]: ACTIONS; the first `processes` instances, and `programs` names, are processes.
    """

    src: Ints
    dst: Ints
    ts: Ints
    name: Ints
    names: int
    how: Ints
    processes: int
    programs: int


ACTIONS = ("launch", "write", "read")


def made(events: int, seed: int, instances: int | None = None) -> Events:
    """Return `events` events over `instances` instances (a tenth as many) of a twentieth names.

    A fifth of the instances are processes, each with a program, a parent, a life and, heavy-tailed,
    more or fewer events; the others are files and sockets, of Zipf popularity. Nine events of ten
    are of the program's own routine, the tenth goes anywhere. A third of the events write, the
    others read; a process is told of first by its parent's launch. Stamps have milliseconds.
    """
    g = np.random.default_rng([seed, events])
    instances = instances or max(events // 10, 50)
    processes = max(instances // 5, 10)
    objects = instances - processes
    programs = max(processes // 100, 5)
    object_names = max(objects // 16, 20)
    program = _zipf(g, programs, processes, 1.1)
    object_name = np.concatenate([
        np.arange(object_names), _zipf(g, object_names, objects - object_names, 0.8)
    ])  # fmt: skip
    day = 86_400_000
    born = np.sort(g.integers(0, day, processes))
    life = np.minimum((g.pareto(0.7, processes) + 0.01) * 60_000, day - born)
    # How often each acts: a Pareto tail, so that some processes have a hundred thousand events.
    weight = np.minimum(g.pareto(1.1, processes) + 0.2, 0.01 * processes)
    acts = events - processes
    actor = np.searchsorted(np.cumsum(weight) / weight.sum(), g.random(acts)).clip(0, processes - 1)
    at = born[actor] + (g.random(acts) * life[actor]).astype(np.int64)
    # A program's routine: 40 objects of its own, the first ones more often.
    routine = _zipf(g, objects, programs * 40, 0.9).reshape(programs, 40)
    usual = routine[program[actor], (40 * g.random(acts) ** 2).astype(np.int64)]
    target = np.where(g.random(acts) < 0.9, usual, _zipf(g, objects, acts, 0.6)) + processes
    writes = g.random(acts) < 1 / 3
    parent = (np.arange(processes) * g.random(processes) ** 0.5).astype(np.int64)
    src = np.concatenate([np.where(writes, actor, target), parent])
    dst = np.concatenate([np.where(writes, target, actor), np.arange(processes)])
    ts = np.concatenate([at, born]) * 1000
    order = np.argsort(ts, kind="stable")
    name = np.concatenate([program, object_name + programs]).astype(np.int64)
    how = np.concatenate([np.where(writes, 1, 2), np.zeros(processes, np.int64)])
    return Events(
        src[order], dst[order], ts[order], name, programs + object_names, how[order], processes,
        programs,
    )  # fmt: skip


def graph_of(events: Events) -> Any:
    """Return the events as a provenance graph of one host: processes and files."""
    from graphad.graph import Graph

    size, count = len(events.name), len(events.src)
    texts = np.array([f"name{i}" for i in range(events.names)], object)
    types = np.array(["process", "file"], object)[(np.arange(size) >= events.processes).astype(int)]
    names = texts[events.name]
    return Graph(
        ids=np.arange(size), types=types, names=names, labels=names,
        details=np.full(size, None), shapes=np.full(size, None), src=events.src, dst=events.dst,
        ts=events.ts, action=np.array(ACTIONS, object)[events.how],
        host=np.full(count, "host", object), source=np.ones(count, np.int64),
        record=np.arange(count), ordinal=np.zeros(count, np.int64),
    )  # fmt: skip


def counted(events: Events) -> pa.Table:
    """Return the counts that a store would keep of the events, of one day."""
    src, dst = events.name[events.src], events.name[events.dst]
    key = (src * events.names + dst) * len(ACTIONS) + events.how
    held, group, n = np.unique(key, return_inverse=True, return_counts=True)
    hours = np.zeros(len(held), np.int64)
    np.bitwise_or.at(hours, group.ravel(), np.int64(1) << (events.ts // 3_600_000_000 % 24))
    pair, how = np.divmod(held, len(ACTIONS))
    ends = dict(zip(("src", "dst"), np.divmod(pair, events.names), strict=True))
    texts = pa.array([f"name{i}" for i in range(events.names)])
    columns: dict[str, Any] = {
        "day": pa.array(np.zeros(len(held), np.int64), pa.timestamp("us")),
        "host": _coded(np.zeros(len(held)), pa.array(["host"])),
        "action": _coded(how, pa.array(ACTIONS)),
        "shape": _coded(np.zeros(len(held)), pa.array([""])),
        "n": n, "hours": hours,
    }  # fmt: skip
    for end, names in ends.items():
        columns[f"{end}_name"] = _coded(names, texts)
        columns[f"{end}_type"] = _coded(names >= events.programs, pa.array(["process", "file"]))
    return pa.table(columns)


def _coded(codes: Any, texts: pa.Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), texts)


def _zipf(g: np.random.Generator, kinds: int, size: int, power: float) -> Ints:
    """Return draws [size] of 0 to kinds - 1 with chances as 1 / (rank + 1)^power."""
    chance = np.cumsum(np.arange(1.0, kinds + 1) ** -power)
    drawn: Ints = np.searchsorted(chance, g.random(size) * chance[-1]).clip(0, kinds - 1)
    return drawn
