"""What is not learned: the events inside alerts, found again in counts and in graphs.

A finding shows one witness of each path; the same path may have run a hundred times that day. So
what is left out are links (who did what to whom, on which host) for the day of the alert, which is
just what a row of the counts is.

They are left out of the fit, so that an attack that comes back is as odd as on its first day. They
stay in the held-out part that calibrates: the threshold is then what all that happens exceeds at
the allowed rate, what comes back night after night included. Were they left out there too, it would
sink with each night, until the budget no longer holds. What people marked malicious is in neither,
what they marked benign is in both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad import database
from graphad.feedback import link_of, telling_edges
from graphad.findings import Finding
from graphad.graph import Bools, Graph
from graphad.incidents import microseconds
from graphad.models.calibration import Calibration
from graphad.nightly.state import DAY
from graphad.store import Store
from graphad.store.views import entities_of
from graphad.workspace import Workspace
from graphad.workspace_models import CALIBRATION

Ints = npt.NDArray[np.int64]
_RECORDS = 2**40  # of a source, more than it can have
_KEY = ("day", "host", "src_type", "src_name", "action", "dst_type", "dst_name", "shape")
_SAME = " AND ".join(
    f"l.{name} IS NOT DISTINCT FROM {{}}.{name}" for name in _KEY if name != "shape"
)
# The events of records, as counts name them.
_NAMED = """
    SELECT DISTINCT t.number, date_trunc('day', e.ts)::TIMESTAMP AS day, e.host, s.type AS src_type,
           s.name AS src_name, e.action, d.type AS dst_type, d.name AS dst_name,
           coalesce(d.shape, '') AS shape
    FROM told t JOIN edges e ON e.source = t.source AND e.record = t.record AND e.action = t.action
    JOIN named s ON s.id = e.src JOIN named d ON d.id = e.dst"""
Row = tuple[int, str, str, str, str, str, str, str]  # _KEY, day in us


@dataclass
class LeftOut:
    """Links that are left out, each on one day, and the records [K] that are events of them."""

    rows: list[Row]
    records: Ints

    def __bool__(self) -> bool:
        """Return whether anything is left out."""
        return bool(self.rows)

    def counts(self, past: pa.Table) -> pa.Table:
        """Return counts (schema.COUNTS) without those of the links."""
        if not self.rows:
            return past
        connection = database.connect(config=database.SHUT)
        try:
            connection.register("past", past)
            connection.register("links", _table(self.rows))
            return connection.sql(
                f"""SELECT p.* FROM past p ANTI JOIN links l ON {_SAME.format(*["p"] * 7)}
                    AND (p.action <> 'launch' OR l.shape = p.shape) ORDER BY ALL"""
            ).to_arrow_table()
        finally:
            connection.close()

    def events(self, graph: Graph) -> Bools:
        """Return which events [E] of a graph are left out."""
        found: Bools = np.isin(graph.source * _RECORDS + graph.record, self.records)
        return found


def left_out(
    store: Workspace, begin: int, end: int, *, alerted: bool = False
) -> tuple[LeftOut, LeftOut, int]:
    """Return what a fit on [begin, end) leaves out and what its calibration, of how many findings.

    alerted: learn alerts too, but not what is marked malicious. Whole UTC days, us.
    """
    chosen: list[tuple[Finding, int]] = []
    marked: list[bool] = []
    findings = 0
    for finding in _odd(store, begin, end, alerted):
        mine = [
            i for i in telling_edges(finding)
            if begin <= microseconds(finding.edges[i].ts) // DAY * DAY < end
        ]  # fmt: skip
        findings += bool(mine)
        chosen += [(finding, i) for i in mine]
        marked += [_is_marked(finding)] * len(mine)
    fit: set[Row] = set()
    held: set[Row] = set()
    for hostile, rows in zip(marked, _rows(store, chosen), strict=True):
        fit |= rows
        held |= rows if hostile else set()
    return _found(store, fit, begin, end), _found(store, held, begin, end), findings


def _odd(store: Workspace, begin: int, end: int, alerted: bool) -> Iterable[Finding]:
    """Yield the findings of some days whose links are not learned."""
    limits: dict[str, float] = {}
    for finding in store.findings(
        lambda one: microseconds(one.end) >= begin and microseconds(one.start) < end
    ):
        if finding.unit == "window" or any(m.verdict == "benign" for m in finding.marks):
            continue
        if finding.model not in limits:
            limits[finding.model] = _limit(store, finding.model)
        alert = bool(finding.alert) and finding.standing >= limits[finding.model]
        if _is_marked(finding) or (alert and not alerted):
            yield finding


def _limit(store: Workspace, model: str) -> float:
    """Return the standing from which on an alert of a model is one.

    Where so little happens that the budget allows everything, it is all that was seen when quiet.
    """
    path = store.path / "models" / model.partition("-")[0] / model / CALIBRATION
    try:
        known = Calibration.from_json(msgspec.json.decode(path.read_bytes()))
    except (OSError, msgspec.DecodeError):
        return -np.inf
    if known.threshold > -np.inf or not known.maxima:
        return known.threshold
    return float(np.nextafter(known.maxima[0], np.inf))


def _is_marked(finding: Finding) -> bool:
    return any(mark.verdict == "malicious" for mark in finding.marks)


def _rows(store: Store, chosen: Sequence[tuple[Finding, int]]) -> list[set[Row]]:
    """Return the rows of counts that each edge of a finding is in.

    By its own names, and by those that the log gave its record, should these have been found to be
    the same things under other names.
    """
    found: list[set[Row]] = []
    told = []
    for at, (finding, i) in enumerate(chosen):
        link, edge, proof = link_of(finding, i), finding.edges[i], finding.evidence[i]
        day = microseconds(edge.ts) // DAY * DAY
        found.append({
            (day, link.host or "", link.src_type, link.src, link.action, link.dst_type, link.dst,
             link.shape or "")
        })  # fmt: skip
        told.append((at, proof.number, proof.record, edge.action))
    if not told:
        return found
    connection = store.connect()
    try:
        names = ("number", "source", "record", "action")
        columns = zip(names, zip(*told, strict=True), strict=True)
        connection.register("told", pa.table({name: list(values) for name, values in columns}))
        connection.execute(
            """CREATE TEMP TABLE met AS SELECT unnest([src, dst]) AS id FROM edges e
               WHERE (e.source, e.record) IN (SELECT (source, record) FROM told)"""
        )
        said = "(SELECT * FROM entities_said WHERE id IN (SELECT id FROM met))"
        connection.execute(f"CREATE TEMP TABLE named AS {entities_of(said)}")
        for at, day, *names_ in connection.execute(
            f"SELECT number, epoch_us(day), * EXCLUDE (number, day) FROM ({_NAMED})"
        ).fetchall():
            found[at].add((day, *(name or "" for name in names_)))
    finally:
        connection.close()
    return found


def _table(rows: Iterable[Row]) -> pa.Table:
    columns = list(zip(*sorted(rows), strict=True))
    made = {n: pa.array(v, pa.string()) for n, v in zip(_KEY[1:], columns[1:], strict=True)}
    return pa.table({"day": pa.array(columns[0], pa.timestamp("us"))} | made)


def _found(store: Store, rows: set[Row], begin: int, end: int) -> LeftOut:
    """Return what is left out, with the records of a window that are events of it."""
    if not rows:
        return LeftOut([], np.empty(0, np.int64))
    connection = store.connect()
    try:
        connection.register("links", _table(rows))
        said = """(SELECT * FROM entities_said WHERE (type, name) IN
                   (SELECT (src_type, src_name) FROM links UNION
                    SELECT (dst_type, dst_name) FROM links))"""
        connection.execute(f"CREATE TEMP TABLE named AS {entities_of(said)}")
        found = connection.execute(
            f"""SELECT DISTINCT e.source * {_RECORDS} + e.record FROM (
                    SELECT e.source, e.record, date_trunc('day', e.ts)::TIMESTAMP AS day, e.host,
                           s.type AS src_type, s.name AS src_name, e.action, d.type AS dst_type,
                           d.name AS dst_name, coalesce(d.shape, '') AS shape
                    FROM edges e JOIN named s ON s.id = e.src JOIN named d ON d.id = e.dst
                    WHERE {store.window(begin, end)}) e
                JOIN links l ON {_SAME.format(*["e"] * 7)}
                    AND (e.action <> 'launch' OR l.shape = e.shape)"""
        ).fetchall()
    finally:
        connection.close()
    return LeftOut(sorted(rows), np.array(sorted(row[0] for row in found), np.int64))
