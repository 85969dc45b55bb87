"""What a detector of relations reads of text logs: lines with template, component and typed fields.

See docs/text.md for the interface.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.models.templates import Templates
from graphad.query import quoted
from graphad.store.mapped import CODED
from graphad.store.slices import cuts
from graphad.store.store import Moment, Store
from graphad.store.typed_fields import ATTRIBUTES, FIELD, FIELD_COLUMNS, typed_fields

Ints = npt.NDArray[np.int64]

LINES = pa.schema(
    [
        ("ts", pa.timestamp("us")), ("host", CODED), ("component", CODED), ("code", CODED),
        ("template", CODED), ("message", CODED), ("fields", pa.list_(FIELD)),
        ("source", pa.int64()), ("record", pa.int64()), ("line", pa.int64()),
    ]
)  # fmt: skip


def text_lines(
    store: Store, start: Moment = None, end: Moment = None, *, host: str | None = None,
    sources: Iterable[int] | None = None, templates: Templates | None = None,
    size: int = 100_000,
) -> Iterator[pa.RecordBatch]:  # fmt: skip
    """Yield the text lines of a window [start, end) as batches of LINES, in time order.

    A batch has about `size` lines; those of one second are always in the same. `template` is the
    id by `templates`; without them it is `code`, the id of the masked line itself.
    """
    window = store.window(start, end, host, sources, alias="r")
    connection = store.connect()
    try:
        found = connection.execute(
            f"""SELECT epoch_us(date_trunc('second', r.ts)) // 1000000 AS second, count(*) AS n
                FROM records r WHERE {_texts(store)} AND r.ts IS NOT NULL AND {window}
                GROUP BY second ORDER BY second"""
        ).fetchnumpy()
        second = found["second"].astype(np.int64)
        if not len(second):
            return
        begins = cuts(second, found["n"].astype(np.int64), size)
        edges = [int(second[0]), *begins, int(second[-1]) + 1]
        for first, last in pairwise(edges):
            yield _batch(connection, store, window, first, last, templates)
    except duckdb.Error as error:
        raise store._damage(error) from error
    finally:
        connection.close()


def learn_templates(
    store: Store, start: Moment = None, end: Moment = None, *,
    sources: Iterable[int] | None = None, known: Templates | None = None,
) -> Templates:  # fmt: skip
    """Return the templates of a window's text lines, learned on what is known if it is given.

    `known` changes. Only distinct masked lines are read; their order, and that of the files they
    came in, changes nothing.
    """
    window = store.window(start, end, None, sources, alias="r")
    connection = store.connect()
    try:
        found = connection.sql(
            f"SELECT DISTINCT message FROM records r WHERE {_texts(store)} AND {window}"
        ).to_arrow_table()
    except duckdb.Error as error:
        raise store._damage(error) from error
    finally:
        connection.close()
    lines = [line for line in found["message"].to_pylist() if line is not None]
    return (Templates() if known is None else known).learn(lines)


def _texts(store: Store) -> str:
    numbers = [str(s.source) for s in store.sources if s.format == "text"]
    return f"r.source IN ({', '.join(numbers) or 'NULL'}) AND r.code IS NOT NULL"


def _batch(
    connection: duckdb.DuckDBPyConnection, store: Store, window: str, first: int, last: int,
    templates: Templates | None,
) -> pa.RecordBatch:  # fmt: skip
    digests = ", ".join(f"({s.source}, {quoted(s.digest)})" for s in store.sources)
    found = connection.sql(
        f"""SELECT r.ts, r.host, r.provider, r.code, r.message, r.source, r.record, r.line,
                   {ATTRIBUTES} AS attrs,
                   {", ".join(f'r."{name}" AS "{name}"' for name in FIELD_COLUMNS)}
            FROM records r JOIN (VALUES {digests}) s(source, digest) USING (source)
            WHERE {_texts(store)} AND {window}
              AND r.ts >= make_timestamp({first * 1_000_000})
              AND r.ts < make_timestamp({last * 1_000_000})
            ORDER BY r.ts, s.digest, r.record"""
    ).to_arrow_table()
    message, code = (_coded(found[name]) for name in ("message", "code"))
    template = code
    if templates is not None:
        ids = templates.ids_of(message.dictionary.to_pylist())
        words, at = np.unique(ids, return_inverse=True)
        where = pa.array(at.astype(np.int32)).take(message.indices)
        template = pa.DictionaryArray.from_arrays(where, pa.array(words.tolist(), pa.string()))
    columns = [
        found["ts"].combine_chunks(), _coded(found["host"]), _coded(found["provider"]), code,
        template, message, typed_fields(found),
        *(found[name].combine_chunks() for name in ("source", "record", "line")),
    ]  # fmt: skip
    flat = [c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in columns]
    return pa.RecordBatch.from_arrays(
        [column.cast(field.type) for column, field in zip(flat, LINES, strict=True)], schema=LINES
    )


def _coded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    found = column.cast(pa.string()).combine_chunks()
    if isinstance(found, pa.ChunkedArray):
        found = pa.concat_arrays(found.chunks) if found.num_chunks else pa.array([], pa.string())
    return found.dictionary_encode()
