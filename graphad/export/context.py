"""What the records behind findings say besides their edges: account, process id, kind of event."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec

from graphad.findings import Evidence, Finding
from graphad.store import Store


class Record(msgspec.Struct):
    """Some columns of a record, see schema.RECORDS; "" and None where it does not say."""

    user: str = ""
    user_domain: str = ""
    user_sid: str = ""
    pid: int | None = None
    code: str = ""
    channel: str = ""
    provider: str = ""


Context: TypeAlias = Mapping[tuple[int, int], Record]  # by source and record
NOTHING = Record()


def behind(context: Context, proof: Evidence) -> Record:
    """Return what is known of a record, or one that says nothing."""
    return context.get((proof.number, proof.record), NOTHING)


def gather(store: Store, findings: Iterable[Finding]) -> dict[tuple[int, int], Record]:
    """Return the records behind findings, those that the store still has."""
    by_source: dict[int, set[int]] = {}
    for finding in findings:
        for proof in finding.evidence:
            by_source.setdefault(proof.number, set()).add(proof.record)
    names = msgspec.structs.fields(Record)
    columns = ", ".join(
        f'"{field.name}"' if field.default is None else f"coalesce(\"{field.name}\", '')"
        for field in names
    )
    found: dict[tuple[int, int], Record] = {}
    connection = store.connect()
    try:
        for source, records in sorted(by_source.items()):
            rows = connection.execute(
                f"SELECT record, {columns} FROM records "  # noqa: S608  names of ours
                "WHERE source = ? AND record IN (SELECT unnest(?))",
                [source, sorted(records)],
            ).fetchall()
            found |= {(source, row[0]): Record(*row[1:]) for row in rows}
    finally:
        connection.close()
    return found
