"""The store: a folder that logs go into and graphs come out of."""

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from graphad import schema
from graphad.errors import GraphadError, SchemaError
from graphad.graph import ALL, HOUR, Graph
from graphad.parse import Options, Parser
from graphad.query import quoted
from graphad.store import graphs, slices, views
from graphad.store import identity as who
from graphad.store import manifest as manifests
from graphad.store.fields import with_fields
from graphad.store.lock import writing
from graphad.store.manifest import Manifest, Source

# What reads a whole large day has so much memory, and spills beyond; with 384 MB, counting 46
# million edges takes a third longer. Each thread of DuckDB's needs some, so of many cores not all
# read.
_THREADS = 4
SPILLING = {"memory_limit": "512MB", "threads": str(min(os.cpu_count() or 1, _THREADS))}
# Slices are read from a copy of the window; with more, DuckDB only holds on to what was read of it.
SLICING = SPILLING | {"memory_limit": "256MB"}
KEPT = 2 * 86_400  # seconds for which a reader may hold a state that others have replaced
Moment = str | date | datetime | int | None


def microseconds(moment: Moment) -> int | None:
    """Return a moment as UTC microseconds: RFC 3339 text (UTC if it names no zone), date or int."""
    if moment is None or isinstance(moment, int):
        return moment
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError as error:
            raise GraphadError(
                f"{moment!r} is no time.", hint="Write 2026-11-23T10:00:00Z."
            ) from error
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000_000)


class Store:
    """A store of logs, open as of its current manifest.

    A reader sees one consistent state until it calls `refresh`; writers never disturb it.
    patience_s: how long to wait for another writer before giving up.
    """

    patience_s: float = 0.0

    def __init__(self, path: str | Path, *, create: bool = True) -> None:
        self.path = Path(path)
        if not (self.path / "CURRENT").exists():
            if not create:
                raise SchemaError(
                    f"{self.path} is no graphad store.", hint="Make one: graphad ingest."
                )
            self._create()
        self.manifest = manifests.load(self.path)

    def _create(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise SchemaError(f"{self.path} is no folder.")
        if self.path.is_dir() and any(
            p.name not in ("lock", "manifests") for p in self.path.iterdir()
        ):
            raise SchemaError(
                f"{self.path} is a folder with other things in it.",
                hint="Name an empty or new one.",
            )
        try:
            (self.path / "manifests").mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SchemaError(f"{self.path} cannot be made: {error.strerror}.") from error
        self.path.chmod(0o700)
        with writing(self.path):
            if not (self.path / "CURRENT").exists():
                manifests.commit(self.path, Manifest(key=secrets.token_hex(16)))

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def refresh(self) -> None:
        """See what has been committed since."""
        self.manifest = manifests.load(self.path)

    @property
    def sources(self) -> list[Source]:
        """Return the sources in the order they were ingested."""
        return list(self.manifest.sources)

    def ingest(
        self,
        paths: str | Path | Iterable[str | Path],
        *,
        parser: Parser | str | None = None,
        options: Options | None = None,
        parsers: Sequence[Path] = (),
        watch: Callable[[str, int], None] | None = None,
        replace: bool = False,
    ) -> "list[Any]":
        """Parse logs into the store and commit them; what is already there is not added again.

        replace: what is already there is parsed anew, with today's parsers, in place of the old.
        Returns one `Ingested` an input. Raises: ParseError, UnknownName; then nothing was added.
        """
        from graphad import formats as registry
        from graphad import reading
        from graphad.errors import ParseError, UnknownName
        from graphad.store.ingest import Ingest
        from graphad.store.settle import settle

        known = registry.load_all(parsers)
        if isinstance(parser, str):
            if parser not in known:
                raise UnknownName.among("parser", parser, known)
            parser = known[parser]
        given = [paths] if isinstance(paths, str | Path) else list(paths)
        with self._changing() as change:
            run = Ingest(
                self.path, change, options or Options(), parser, known, watch, replace=replace
            )
            done = settle(self.path, run, list(run.run(reading.find(given))))
            if len(done) == 1 and done[0].source is None:
                raise ParseError(
                    f"{done[0].path} {done[0].note}.",
                    hint="Name its format: --input-format, or map it: --mapping.",
                )
        return done

    def compact(self) -> int:
        """Make few large segments of many small ones; return how many there are fewer.

        Nothing that a query or a detector sees changes. Readers of the state before keep it.
        """
        from graphad.store.compact import compact

        with self._changing() as change:
            return compact(self.path, change)

    def prune(self, before: Moment) -> tuple[int, int]:
        """Remove records and edges from before a UTC day; return how many of each.

        Raises: GraphadError if `before` is no midnight, for counts are kept by the day.
        """
        from graphad.store.prune import prune

        moment = microseconds(before)
        if moment is None or moment % 86_400_000_000:
            raise GraphadError(f"{before} is no day.", hint="Write 2026-11-24.")
        with self._changing() as change:
            return prune(self.path, change, moment)

    @contextmanager
    def _changing(self) -> Iterator[Manifest]:
        """Hold the lock and give a copy of the manifest, which is committed if it was changed.

        An error commits nothing. Raises: GraphadError if the folder cannot be written.
        """
        with writing(self.path, self.patience_s):
            self.refresh()
            self._sweep()
            change = msgspec.json.decode(msgspec.json.encode(self.manifest), type=Manifest)
            try:
                yield change
                if change != self.manifest:
                    change.number += 1
                    manifests.commit(self.path, change)
                    self.manifest = change
            except OSError as error:
                raise GraphadError(
                    f"{self.path} cannot be written: {error.strerror or error}."
                ) from error
            self._publish()

    def publish(self) -> Path:
        """Write the catalog for other DuckDB clients, if it isn't there; return its path.

        Each commit does that too. Raises: GraphadError if it cannot be written.
        """
        with self._changing():
            pass
        return self._catalog

    @property
    def _catalog(self) -> Path:
        return self.path / f"catalog-{self.manifest.number:06d}.duckdb"

    def _publish(self) -> None:
        if self._catalog.exists():
            return
        try:
            views.publish(self.path, self._catalog.name, self.manifest)
        except (OSError, duckdb.Error) as error:
            raise GraphadError(
                f"{self._catalog} cannot be written: {str(error).splitlines()[0]}.",
                hint="The store itself is whole. Free some space and repeat.",
            ) from error

    def _sweep(self) -> None:
        """Remove what no manifest names, or only old ones do; only under the lock."""
        manifests.sweep(self.path, self.manifest, KEPT)
        named = manifests.named(self.path, self.manifest)
        for table in (*schema.TABLES, "findings", "incidents", "states"):
            for path in (self.path / table).glob("*"):
                if f"{table}/{path.name}" not in named or path.name.startswith("."):
                    path.unlink(missing_ok=True)
        for path in self.path.glob(".*.tmp*"):
            path.unlink(missing_ok=True)

    def connect(self, **config: str) -> duckdb.DuckDBPyConnection:
        """Return a DuckDB connection that sees this state of the store, see schema.py."""
        self._check_files()
        try:
            return views.connect(self.path.absolute(), self.manifest, config)
        except duckdb.Error as error:
            raise self._damage(error) from error

    def _check_files(self) -> None:
        for files in self.manifest.files.values():
            for file in files:
                try:
                    size = (self.path / file.name).stat().st_size
                except OSError as error:
                    raise SchemaError(
                        f"{self.path / file.name} is missing.", hint="See graphad doctor."
                    ) from error
                if size != file.bytes:
                    raise SchemaError(
                        f"{self.path / file.name} is damaged.", hint="See graphad doctor."
                    )

    def _damage(self, error: Exception) -> SchemaError:
        """Return an error that names the damaged file, or says what else was in the way."""
        if isinstance(error, duckdb.IOException) and "No space left" in str(error):
            return SchemaError(
                f"There is no space left in {gettempdir()}, to which large windows are copied.",
                hint="Name another folder: TMPDIR. Some 60 bytes an event do.",
            )
        for problem in self.check():
            return SchemaError(f"{problem}.", hint="See graphad doctor.")
        return SchemaError(f"{self.path} cannot be read: {error}")

    def check(self) -> Iterator[str]:
        """Return what is wrong with the committed files, one sentence each, by their digests."""
        import hashlib

        for files in self.manifest.files.values():
            for file in files:
                path = self.path / file.name
                try:
                    with path.open("rb") as stream:
                        digest = hashlib.file_digest(stream, "sha256").hexdigest()
                except OSError as error:
                    yield f"{path} cannot be read: {error.strerror}"
                    continue
                if digest != file.sha256:
                    yield f"{path} is damaged"

    def sql(self, query: str, parameters: dict[str, object] | None = None) -> pa.Table:
        """Return the rows of a query over the store's views."""
        connection = self.connect()
        try:
            return connection.sql(query, params=parameters or {}).to_arrow_table()
        finally:
            connection.close()

    def window(
        self, start: Moment = None, end: Moment = None, host: str | None = None,
        sources: Iterable[int] | None = None, alias: str = "e",
    ) -> str:  # fmt: skip
        """Return the SQL condition of a window [start, end) of edges, of literals of ours."""
        terms = ["true"]
        for sign, moment in ((">=", start), ("<", end)):
            us = microseconds(moment)
            if us is not None:
                terms.append(f"{alias}.ts {sign} make_timestamp({us})")
        if host is not None:
            terms.append(f"{alias}.host = {quoted(host)}")
        if sources is not None:
            terms.append(f"{alias}.source IN ({', '.join(str(int(s)) for s in sources) or 'NULL'})")
        return " AND ".join(terms)

    def past(
        self, start: Moment = None, end: Moment = None, host: str | None = None,
        sources: Iterable[int] | None = None,
    ) -> pa.Table:  # fmt: skip
        """Return the counts (schema.COUNTS, summed) of a window of whole days, or of sources.

        Counts were taken at each commit, so this reads no edges unless `sources` are named or the
        window is no whole number of days.
        """
        from graphad.store.counted import counted, summed

        day = 86_400_000_000
        whole = sources is None and all((microseconds(m) or 0) % day == 0 for m in (start, end))
        with TemporaryDirectory(prefix="graphad-") as scratch:
            connection = self.connect(**SPILLING, temp_directory=scratch)
            try:
                if whole:
                    condition = self.window(start, end, host, alias="c").replace("c.ts", "c.day")
                    return summed(connection, condition)
                return counted(connection, self.window(start, end, host, sources))
            except duckdb.Error as error:
                raise self._damage(error) from error
            finally:
                connection.close()

    def graph(
        self, start: Moment = None, end: Moment = None, host: str | None = None,
        sources: Iterable[int] | None = None, identity: Iterable[str] | None = None,
        fields: Sequence[str] = (), hours: Sequence[tuple[str, int]] | None = None,
    ) -> Graph:  # fmt: skip
        """Return the provenance graph of a window [start, end).

        Entities that logs name differently are one, by the rules `identity` of identity.RULES,
        all if None; see docs/identity.md. fields: of records (schema.RECORDS) or of tables that
        were ingested, which the graph is to have. hours: of each a host and an hour since 1970,
        of which alone the events are. Raises: UnknownName: there is no such rule.
        """
        rules = who.chosen(identity)
        connection = self.connect()
        try:
            window = self.window(start, end, None, sources)
            if hours is not None:
                pairs = ", ".join(f"({quoted(name)}, {int(hour)})" for name, hour in hours)
                hour_of = f"epoch_us(e.ts) // {HOUR}"
                window += f" AND (coalesce(e.host, ''), {hour_of}) IN ({pairs or '(NULL, NULL)'})"
            found = graphs.united(connection, window, host, rules).finish()
            return with_fields(connection, found, fields)
        except duckdb.Error as error:
            raise self._damage(error) from error
        finally:
            connection.close()

    def moments(
        self, start: Moment = None, end: Moment = None, sources: Iterable[int] | None = None
    ) -> "tuple[Any, Any]":
        """Return (seconds since 1970 with events of a window, ascending; how many), both [S]."""
        connection = self.connect()
        try:
            who.prepare(connection, who.chosen(None))
            return slices.moments(connection, self.window(start, end, None, sources))
        except duckdb.Error as error:
            raise self._damage(error) from error
        finally:
            connection.close()

    def slices(
        self, start: Moment = None, end: Moment = None, sources: Iterable[int] | None = None,
        identity: Iterable[str] | None = None, *, size: int, unit_s: int = 1,
        fields: Sequence[str] = (),
    ) -> Iterator[Graph]:  # fmt: skip
        """Yield the window's graph, as `graph` gives it, in parts that follow each other in time.

        Each is of about `size` events (so many seconds are never cut) and has the entities of these
        alone.
        There is one part at least; in an empty window it has no event. Raises: UnknownName.
        """
        rules, window = who.chosen(identity), self.window(start, end, None, sources)
        with TemporaryDirectory(prefix="graphad-") as scratch:
            connection = self.connect(**SLICING, temp_directory=scratch)
            try:
                parts = slices.sliced(
                    connection, window, rules, size, unit_s,
                    [name for name in fields if name != ALL], Path(scratch),
                )  # fmt: skip
                every = [ALL] if ALL in fields else []
                # No variable here holds a part while the next one is made.
                yield from map(partial(with_fields, connection, fields=every), parts)
            except duckdb.Error as error:
                raise self._damage(error) from error
            finally:
                connection.close()

    def parquet_bytes(self) -> dict[str, int]:
        """Return the bytes each table takes on disk."""
        return {t: sum(f.bytes for f in files) for t, files in self.manifest.files.items()}
