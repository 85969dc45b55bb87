"""Findings, their incidents and the raw records they rest on: files of the store like all others.

All are written whole at each change, for they are few; what came before is no longer named by the
manifest and is swept by the next writer.
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec
import pyarrow as pa

from graphad import schema
from graphad.errors import SchemaError
from graphad.findings import Finding
from graphad.incidents import Known
from graphad.parse import arrow_type
from graphad.store.manifest import File, Manifest, write_atomic
from graphad.store.segment import Writer

Row = TypeVar("Row")


class Brief(msgspec.Struct):
    """What of a finding is read first, where not all of them are wanted."""

    id: str
    start: str
    end: str


def load(
    store: Path, manifest: Manifest, wanted: Callable[[Brief], bool] | None = None
) -> list[Finding]:
    """Return the findings that a manifest names, or those `wanted` of them.

    Raises: SchemaError if their file is damaged.
    """
    return _rows(store, manifest, "findings", Finding, wanted)


def load_incidents(store: Path, manifest: Manifest) -> list[Known]:
    """Return what a manifest names of incidents; a store of an older graphad has none of it.

    Raises: SchemaError if the file is damaged.
    """
    return _rows(store, manifest, "incidents", Known)


def _rows(
    store: Path, manifest: Manifest, kind: str, row: type[Row],
    wanted: Callable[[Brief], bool] | None = None,
) -> list[Row]:  # fmt: skip
    found: list[Row] = []
    for file in manifest.files.get(kind, ()):
        path = store / file.name
        try:
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() != file.sha256:
                raise SchemaError(f"{path} is damaged.", hint="See graphad doctor.")
            found += [
                msgspec.json.decode(line, type=row) for line in data.splitlines()
                if wanted is None or wanted(msgspec.json.decode(line, type=Brief))
            ]  # fmt: skip
        except (OSError, msgspec.DecodeError) as error:
            raise SchemaError(f"{path} cannot be read: {error}.") from error
    return found


def _write(store: Path, change: Manifest, kind: str, number: int, rows: Sequence[object]) -> None:
    data = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    name = f"{kind}/{number:06d}.ndjson"
    (store / kind).mkdir(exist_ok=True)
    write_atomic(store / name, data)
    digest = hashlib.sha256(data).hexdigest()
    change.files[kind] = [File(name, len(rows), len(data), digest)]


def save(
    store: Path, change: Manifest, findings: Sequence[Finding], incidents: Sequence[Known]
) -> None:
    """Write findings, incidents and evidence, and name the files in `change` in place of others."""
    number = change.next_segment
    change.next_segment += 1
    _write(store, change, "findings", number, findings)
    _write(store, change, "incidents", number, incidents)
    change.files["evidence"] = []
    rows = [
        (finding.id, proof.number, proof.record, proof.line, proof.text)
        for finding in findings
        for proof in finding.evidence
    ]
    if rows:
        with ThreadPoolExecutor(1) as pool:
            writer = Writer(store, "evidence", number, pool)
            columns = zip(schema.TABLES["evidence"], zip(*rows, strict=True), strict=True)
            writer.add(pa.table({c.name: pa.array(v, arrow_type(c.kind)) for c, v in columns}))
            file = writer.close()
        assert file is not None
        change.files["evidence"] = [file]
