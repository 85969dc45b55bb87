"""Parquet as a table: it can only be read whole, since what it holds is said at its end."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from graphad.decoders.tabular_raw import as_text, named, raw, rejects
from graphad.parse import PLACE, Decoded

MAX_TABLE = 4 * 1024 * 1024 * 1024  # bytes in memory; a few kB of Parquet can hold far more
BATCH = 65_536  # rows read at once


class Parquet:
    """Decodes a Parquet file; its rows have a number, but no bytes and lines of their own."""

    parallel: ClassVar[bool] = False
    whole: ClassVar[bool] = True

    def __init__(self, needed: Sequence[str] = ()) -> None:
        self.needed = needed

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return all of `data` once it is the whole file."""
        return len(data) if last else 0

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return the file's rows; what can't be read is one reject after those that can."""
        batches: list[list[pa.Array]] = []
        rows = size = 0
        why = ""
        names: list[str] = []
        if data:
            try:
                file = pq.ParquetFile(pa.BufferReader(data))
                names = named(file.schema_arrow.names, frozenset())
                for batch in file.iter_batches(BATCH, use_threads=False):
                    columns = [as_text(column) for column in batch.columns]
                    size += sum(column.nbytes for column in columns)
                    if size > MAX_TABLE:
                        why = f"the table takes more than {MAX_TABLE >> 30} GiB from row {rows} on"
                        break
                    batches.append(columns)
                    rows += batch.num_rows
            except (pa.ArrowException, OSError, ValueError, KeyError) as error:
                cause = str(error).split("\n", 1)[0]
                why = f"the Parquet file is damaged from row {rows} on: {cause}"
        fields = {
            name: pa.chunked_array([batch[i] for batch in batches], pa.string())
            for i, name in enumerate(names)
        }
        zeros, numbers = np.zeros(rows, np.int64), np.arange(rows)
        place = dict(zip(PLACE.names, (numbers, zeros, zeros, numbers), strict=True))
        lost = [(rows, 0, len(data), rows, why)] if why else []
        return Decoded(rows + len(lost), raw(place, fields, self.needed), rejects(lost))
