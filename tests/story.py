"""A store small enough to predict whole answers of queries, told event by event."""

from datetime import datetime, timedelta

import duckdb

from graphad.files import folder
from graphad.query import Value, load
from tests.test_queries import DAY, empty

HOSTILE = "\x1b]0;x\x07'; DROP TABLE edges; --\n\u202egpj"  # a name, as an attacker would choose it


def at(seconds: float) -> datetime:
    """Return a time in seconds after DAY."""
    return DAY + timedelta(seconds=seconds)


class Story:
    """A store on the host `h` of one source, /log; each event is a record and line of its own."""

    def __init__(self) -> None:
        self.connection: duckdb.DuckDBPyConnection = empty()
        self.connection.execute(
            "INSERT INTO sources VALUES (1, '/log', 'x', 'd', 1, 1, 1, 0, 0, 1, NULL, NULL)"
        )
        self.lines = self.entities = 0

    def entity(
        self, kind: str, label: str | None, detail: str | None = None, *, name: str | None = None,
        host: str | None = "h",
    ) -> int:  # fmt: skip
        """Add an entity; return its id. Every second id is negative, as hashes are."""
        self.entities += 1
        id_ = self.entities if self.entities % 2 == 0 else -self.entities
        key = f"key{id_}" if label is None else label
        self.connection.execute(
            "INSERT INTO entities (id, type, host, key, label, name, detail) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [id_, kind, host, key, label, name or key, detail],
        )
        return id_

    def process(self, label: str | None, detail: str | None = None, **more: str) -> int:
        """Add a process."""
        return self.entity("process", label, detail, **more)

    def event(
        self, seconds: float, src: int, action: str, dst: int, outcome: str | None = None, /, *,
        host: str = "h", same: bool = False, **fields: str,
    ) -> int:  # fmt: skip
        """Add an event; return its line. same: it is told by the record before."""
        if not same:
            self.lines += 1
            columns = "".join(f", {name}" for name in fields)
            self.connection.execute(
                f"INSERT INTO records (source, record, line, ts, host{columns}) "
                f"VALUES (1, ?, ?, ?, ?{', ?' * len(fields)})",
                [self.lines, self.lines, at(seconds), host, *fields.values()],
            )
        self.connection.execute(
            "INSERT INTO edges VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
            [self.lines, int(same), at(seconds), host, src, dst, action, outcome],
        )
        return self.lines

    def ask(self, name: str, **values: Value) -> list[tuple[object, ...]]:
        """Return the rows that a query of ours gives."""
        answer = load(name, [folder("queries")]).run(self.connection, values)
        return [tuple(row.values()) for row in answer.to_pylist()]
