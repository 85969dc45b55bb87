"""A store that answers questions: named queries, SQL that people type, and who an id is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from graphad import query, query_run
from graphad.errors import UnknownName
from graphad.files import folders
from graphad.query import Value, quoted
from graphad.query_run import MEMORY, ROWS, TIMEOUT_S
from graphad.store import Store, views

_CANDIDATES = 10  # entities that are named where a text fits several


class Queried(Store):
    """A store with queries."""

    def asking(self, sql: str | None = None) -> duckdb.DuckDBPyConnection:
        """Return a connection like `connect`, with all that queries see; see docs/queries.md.

        sql: what will be asked; only the macros that it names are made then.
        """
        connection = self.connect()
        base = quoted(str(self.path.absolute()))
        try:
            views.define_more(connection, base, self.manifest, sql)
        except duckdb.Error as error:
            raise self._damage(error) from error
        return connection

    def query(self, name: str, /, **parameters: Value) -> pa.Table:
        """Return the answer of a named query, as `graphad query` gives it.

        Raises: UnknownName: no query or parameter is called so. QueryError: a value is wrong, or it
        took too long or too much; `answer` has the limits.
        """
        return self.answer(name, parameters)

    def answer(
        self, name: str, parameters: Mapping[str, Value], *, queries: Sequence[Path] = (),
        timeout_s: float = TIMEOUT_S, memory: str = MEMORY,
    ) -> pa.Table:  # fmt: skip
        """Return the answer of a named query, with limits.

        queries: folders with queries of your own; they are locked down as SQL that people type is.
        Raises: UnknownName, QueryError: as `query`.
        """
        asked = query.load(name, folders("queries", queries))
        asked.values(parameters)
        connection = self.asking(asked.sql)
        try:
            return query_run.bounded(
                connection, self.path, lambda: asked.run(connection, parameters),
                timeout_s=timeout_s, memory=memory,
            )  # fmt: skip
        finally:
            connection.close()

    def select(
        self, sql: str, *, timeout_s: float = TIMEOUT_S, memory: str = MEMORY, rows: int = ROWS
    ) -> pa.Table:
        """Return what one SELECT of somebody's gives, at most so many rows; see `run_sql`.

        Raises: QueryError: it is no SELECT, is wrong, reaches outside, or takes too much.
        """
        connection = self.asking()
        try:
            return query_run.run_sql(
                connection, sql, folder=self.path, timeout_s=timeout_s, memory=memory, rows=rows
            )
        finally:
            connection.close()

    def entity_id(self, text: str) -> int:
        """Return the id of an entity: as given, as findings write it, or of the one a text fits.

        An id is a whole number, or 16 hexadecimal digits as in findings; else the text is the key
        or label of one entity, or part of those of one alone. Raises: UnknownName: none or several.
        """
        numbers = {number for number in (_decimal(text), _hexadecimal(text)) if number is not None}
        connection = self.connect()
        try:
            known = connection.execute(
                "SELECT id FROM entities_said WHERE list_contains(?, id) LIMIT 1", [list(numbers)]
            ).fetchone()
            if known is not None:
                return int(known[0])
            rows = connection.execute(
                """SELECT id, type, coalesce(nullif(label, ''), key) AS label, host,
                          coalesce(key = $text OR label = $text, false) AS whole
                   FROM entities
                   WHERE contains(lower(label), lower($text)) OR contains(lower(key), lower($text))
                   ORDER BY whole DESC, type, label, host, id LIMIT $most""",
                {"text": text.encode("utf-8", "replace").decode(), "most": _CANDIDATES + 1},
            ).fetchall()
        finally:
            connection.close()
        whole = [row for row in rows if row[4]] or rows
        if len(whole) == 1:
            return int(whole[0][0])
        if not whole:
            raise UnknownName(f"No entity is {text!r}.", hint="Its id is in answers of queries.")
        told = "; ".join(f"{id_} {kind} {label}" for id_, kind, label, _, _ in whole[:_CANDIDATES])
        more = "; …" if len(whole) > _CANDIDATES else ""
        raise UnknownName(f"{text!r} fits several entities.", hint=f"Give an id: {told}{more}.")


def _decimal(text: str) -> int | None:
    """Return an id that a query shows."""
    if not text.removeprefix("-").isdecimal() or len(text) > 20:
        return None
    number = int(text)
    return number if -(1 << 63) <= number < 1 << 63 else None


def _hexadecimal(text: str) -> int | None:
    """Return an id that a finding shows: its 64 bits without a sign."""
    if len(text) != 16 or not all(letter in "0123456789abcdef" for letter in text):
        return None
    number = int(text, 16)
    return number - (1 << 64) if number >= 1 << 63 else number
