"""What an entity had to do with: who started it, what it touched, with whom it spoke."""

from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa

from graphad import query, query_run
from graphad.annotated import Annotated
from graphad.errors import GraphadError, UnknownName
from graphad.files import folder
from graphad.findings import Finding
from graphad.judge import rfc3339
from graphad.query import Value
from graphad.rawlines import State, state
from graphad.schema import id_text
from graphad.store.store import Moment, microseconds
from graphad.workspace_queries import Queried

KIN = 200  # processes it started that are told


class Neighbour(msgspec.Struct):
    """An entity next to another one. direction: `to` if it was acted upon, else `from`."""

    direction: str
    action: str
    type: str | None
    name: str | None
    host: str | None
    command: str | None
    id: int
    events: int
    failed: int
    first_seen: datetime
    last_seen: datetime
    path: str | None  # of the first event's record
    line: int | None


class Relative(msgspec.Struct):
    """A process that led to another (generation below 0), itself (0), or one that came of it."""

    generation: int
    ts: datetime | None  # when it was made
    host: str | None
    process: str | None
    command: str | None
    id: int
    path: str | None
    line: int | None


class Neighbourhood(msgspec.Struct):
    """An entity and what is next to it. more: neighbours that `neighbours` leaves out."""

    id: int
    type: str
    name: str
    host: str | None
    key: str | None
    command: str | None
    events: int
    failed: int
    first_seen: datetime | None
    last_seen: datetime | None
    relatives: list[Relative]
    neighbours: list[Neighbour]
    more: int
    findings: list[str]


_SELF = """
SELECT any_value(n.type) AS type, any_value(coalesce(nullif(n.label, ''), n.key)) AS name,
       any_value(n.host) AS host, any_value(n.key) AS key, any_value(n.detail) AS command,
       count(e.ts) AS events, count(*) FILTER (e.outcome = 'failure') AS failed,
       min(e.ts) AS first_seen, max(e.ts) AS last_seen,
       count(DISTINCT (e.src, e.dst, e.action)) FILTER (e.ts IS NOT NULL) AS links
FROM entities n LEFT JOIN (SELECT * FROM edges WHERE src = $id OR dst = $id) e ON true
WHERE n.id = $id
"""


class Desk(Queried, Annotated):
    """A store that shows what is around an entity or a finding."""

    def neighbourhood(self, name: str, *, limit: int = 500) -> Neighbourhood:
        """Return what is next to an entity, at most `limit` neighbours, those of most events first.

        name: as `entity_id` takes it. Entities are those of single logs: what the rules of
        docs/identity.md unite is told apart. Raises: UnknownName, QueryError.
        """
        id_ = self.entity_id(name)
        connection = self.asking()

        def rows(name: str, **given: Value) -> list[dict[str, Any]]:
            asked = query.load(name, [folder("queries")])
            found: list[dict[str, Any]] = asked.run(connection, given).to_pylist()
            return found

        def ask() -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
            own = connection.sql(_SELF, params={"id": id_}).to_arrow_table().to_pylist()[0]
            near = rows("neighbours", entity=str(id_), limit=limit)
            process = own["type"] == "process"
            return own, near, rows("ancestry", process=str(id_), limit=KIN) if process else []

        try:
            own, near, kin = query_run.bounded(connection, self.path, ask)
        finally:
            connection.close()
        links = own.pop("links")
        told = id_text(id_)
        findings = [f.id for f in self.findings() if any(e.id == told for e in f.entities)]
        return Neighbourhood(
            id=id_, **own, relatives=[Relative(**row) for row in kin],
            neighbours=[Neighbour(**row) for row in near], more=max(0, links - len(near)),
            findings=findings,
        )  # fmt: skip

    def originals(self, finding: Finding) -> dict[str, State]:
        """Return of each log behind a finding whether it is still there; the store has the lines.

        A log that was pruned from the store is `gone`.
        """
        sources = {source.source: source for source in self.sources}
        told: dict[str, State] = {}
        for proof in finding.evidence:
            if proof.source not in told:
                source = sources.get(proof.number)
                told[proof.source] = state(source) if source is not None else "gone"
        return told

    def host(self, name: str | None) -> str:
        """Return a host as logs name it; the only one if none is given.

        Raises: UnknownName: there is none such. GraphadError: there are several, and none is given.
        """
        known = self.sql("SELECT DISTINCT host FROM counts WHERE host IS NOT NULL")
        names = sorted(known["host"].to_pylist())
        if name is None and len(names) == 1:
            return str(names[0])
        if name is None:
            some = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
            raise GraphadError(f"There are {len(names)} hosts.", hint=f"Give --host: {some}.")
        same = [one for one in names if one.lower() == name.lower()]
        if name not in names and len(same) != 1:
            raise UnknownName.among("host", name, names)
        return name if name in names else same[0]

    def timeline(
        self, *, host: str | None = None, since: Moment = None, until: Moment = None,
        around: str | None = None, within_s: float = 60.0, limit: int = 1000,
    ) -> pa.Table:  # fmt: skip
        """Return events in the order of time, at most `limit`; see queries/timeline.sql.

        around: a finding, or an incident, gives its host and its time with `within_s` seconds
        before and after; else it is an entity, and only its events are told. Raises: UnknownName,
        QueryError, GraphadError: a time is none.
        """
        given: dict[str, Value] = {"host": None if host is None else self.host(host)}
        entity = None
        start, end = microseconds(since), microseconds(until)
        if around is not None:
            chosen = [f for f in self.findings() if around in (f.id, f.incident)]
            if chosen:
                us = round(within_s * 1e6)
                first = min(microseconds(f.start) or 0 for f in chosen) - us
                last = max(microseconds(f.end) or 0 for f in chosen) + us + 1
                start = first if start is None else max(start, first)
                end = last if end is None else min(end, last)
                hosts = {f.host for f in chosen}
                if host is None and len(hosts) == 1:
                    given["host"] = hosts.pop()
            else:
                entity = str(self.entity_id(around))
        for key, moment in (("since", start), ("until", end)):
            given[key] = None if moment is None else rfc3339(moment)
        given |= {"entity": entity, "limit": limit}
        return self.answer("timeline", given)
