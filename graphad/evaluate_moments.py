"""When attacks were: of windows the truth says it, of the rest the records in the store do."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from graphad.models.metrics import Ints
from graphad.truth import Truth

if TYPE_CHECKING:
    import duckdb

    from graphad.store import Store


class Moments(NamedTuple):
    """Stretches [M] of time in which attack units were, several of one unit maybe.

    unit, start, end (counted in, UTC microseconds) and host, None for all hosts. `single` if each
    is one event, of which an attack is made of many.
    """

    unit: Ints
    start: Ints
    end: Ints
    host: list[str | None]
    single: bool


def of_truth(truth: Truth) -> Moments | None:
    """Return when the windows of a truth were; None if it has no times."""
    if truth.kind != "window":
        return None
    windows = truth.windows
    return Moments(
        np.arange(len(windows)),
        np.array([start for _, start, _ in windows], np.int64),
        np.array([after - 1 for _, _, after in windows], np.int64),
        [host or None for host, _, _ in windows],
        single=False,
    )


def of_store(store: "Store", truth: Truth) -> Moments:
    """Return when the attack units of any truth were; what no record with a time shows is left out.

    Lines and records are at the times of their edges, or of themselves if they have none; entities
    at the times of all edges that they are an end of. Clocks and names of hosts are those of
    graphs, and so of findings.
    """
    told = of_truth(truth)
    if told is not None:
        return told
    from graphad.store import identity, identity_names

    connection = store.connect()
    try:
        names = identity_names.renamed(identity.prepare(connection, identity.chosen(None)))
        rows = (_entities if truth.kind == "entity" else _records)(store, connection, truth)
        found = sorted({(unit, stamp, names.get(host, host)) for unit, stamp, host in rows})
    finally:
        connection.close()
    unit, stamp = (np.array([row[i] for row in found], np.int64) for i in (0, 1))
    return Moments(unit, stamp, stamp, [row[2] for row in found], single=True)


def _records(
    store: "Store", connection: "duckdb.DuckDBPyConnection", truth: Truth
) -> Iterator[tuple[int, int, str]]:
    number = "line" if truth.kind == "line" else "record"
    for source in store.sources:
        known = truth.numbers(source.path)
        if not known:
            continue
        rows = connection.execute(
            f"SELECT DISTINCT r.{number}, epoch_us(coalesce(e.ts, r.ts)), "  # noqa: S608
            "coalesce(e.host, r.host, '') FROM records r LEFT JOIN timed e "
            "ON e.source = r.source AND e.record = r.record WHERE r.source = $source "
            f"AND r.{number} IN (SELECT unnest($numbers)) AND coalesce(e.ts, r.ts) IS NOT NULL",
            {"source": source.source, "numbers": known},
        )
        for at, stamp, host in rows.fetchall():
            unit = truth.unit(source.path, at)
            if unit is not None:
                yield unit, stamp, host


def _entities(
    store: "Store", connection: "duckdb.DuckDBPyConnection", truth: Truth
) -> Iterator[tuple[int, int, str]]:
    if not truth.entities:
        return
    rows = connection.execute(
        "WITH named AS (SELECT DISTINCT id, label FROM entities "
        "WHERE label IN (SELECT unnest($labels))) "
        "SELECT label, epoch_us(ts), coalesce(host, '') FROM timed JOIN named ON src = id "
        "WHERE ts IS NOT NULL UNION "
        "SELECT label, epoch_us(ts), coalesce(host, '') FROM timed JOIN named ON dst = id "
        "WHERE ts IS NOT NULL",
        {"labels": sorted(truth.entities)},
    )
    for label, stamp, host in rows.fetchall():
        unit = truth.entity(label)
        if unit is not None:
            yield unit, stamp, host
