"""What the store itself has to say of processes and files, and of processes and sockets, as tables.

From the OTRF captures, ingested as users would. Attacks are in them, unlabelled.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import captures
from benchmarks.event_data import Table
from graphad.detectors.event_words import base, extension, folder, protocol
from graphad.graph import Graph, Texts
from graphad.models.names import canonical
from graphad.store import Store


def _texts(values: list[str]) -> Texts:
    return np.array(values, object)


def _told(store: Store) -> dict[tuple[int, int], tuple[str, str]]:
    """Return user and protocol by record, where one of them is said."""
    connection = store.connect()
    try:
        rows = connection.execute(
            "SELECT source, record, coalesce(user, ''), coalesce(protocol, '') FROM records"
            " WHERE user IS NOT NULL OR protocol IS NOT NULL"
        ).fetchall()
    finally:
        connection.close()
    names = {user: canonical("user", user) for user in {row[2] for row in rows}}
    return {(source, record): (names[user], protocol(told)) for source, record, user, told in rows}


def events(store: Store, graph: Graph, kind: str) -> Table:
    """Return the events between a process and a `kind`, "file" or "socket", whoever acted.

    Common columns: host, UTC hour, user (with or without a domain, as the log has it), program,
    action. Files: the program's folder, the file's folder and its extension. Sockets: protocol,
    address and port ("*" for a lent one). What the log doesn't say is "".
    """
    pairs = (graph.types[graph.src], graph.types[graph.dst])
    forward = (pairs[0] == "process") & (pairs[1] == kind)
    chosen = np.flatnonzero(forward | ((pairs[0] == kind) & (pairs[1] == "process")))
    chosen = chosen[np.argsort(graph.ts[chosen], kind="stable")]
    process = np.where(forward[chosen], graph.src[chosen], graph.dst[chosen])
    other = np.where(forward[chosen], graph.dst[chosen], graph.src[chosen])
    told = _told(store)
    keys = zip(graph.source[chosen].tolist(), graph.record[chosen].tolist(), strict=True)
    said = [told.get(key, ("", "")) for key in keys]
    programs, names = graph.names[process].tolist(), graph.names[other].tolist()
    columns = {
        "host": graph.host[chosen],
        "hour": (graph.ts[chosen] // 3_600_000_000 % 24).astype(str).astype(object),
        "user": _texts([user for user, _ in said]),
        "program": _texts([base(name) for name in programs]),
        "action": graph.action[chosen],
    }
    if kind == "file":
        columns["program_folder"] = _texts([folder(name) for name in programs])
        columns["folder"] = _texts([folder(name) for name in names])
        columns["extension"] = _texts([extension(name) for name in names])
    else:
        columns["protocol"] = _texts([protocol for _, protocol in said])
        columns["address"] = _texts([name.rpartition(":")[0] for name in names])
        columns["port"] = _texts([name.rpartition(":")[2] for name in names])
    return Table(
        f"OTRF process-{kind}", columns, graph.ts[chosen] // 1_000_000, True,
        clock=("hour",),
    )  # fmt: skip


def load(scratch: Path) -> Iterator[Table]:
    """Yield the events of all OTRF captures in one store below `scratch`."""
    home = captures.unpack("otrf-windows", scratch)
    if home is None:
        print("otrf-windows is absent; set GRAPHAD_DATA.", file=sys.stderr)
        return
    store = Store(scratch / "store")
    store.ingest(sorted(home.rglob("atomic/**/*.zip")))
    graph = store.graph()
    yield events(store, graph, "file")
    yield events(store, graph, "socket")
