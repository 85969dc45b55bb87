"""What a store tells, in short rows that tests can write down."""

from graphad.store import Store


def edge_rows(store: Store, where: str = "TRUE") -> list[tuple[object, ...]]:
    """Return (seconds of the hour, type, label, action, type, label, outcome) of each edge.

    In the order of sources, records and ordinals; labels folded, for one of several spellings
    stands for all.
    """
    found = store.sql(
        f"""SELECT (epoch_us(e.ts) % 3600000000) / 1e6 AS at, s.type AS st, lower(s.label) AS sl,
                   e.action, d.type AS dt, lower(d.label) AS dl, e.outcome
            FROM edges e JOIN entities s ON s.id = src JOIN entities d ON d.id = dst
            JOIN records r USING (source, record)
            WHERE {where} ORDER BY e.source, e.record, e.ordinal"""
    )
    return [tuple(row.values()) for row in found.to_pylist()]


def claim_rows(store: Store) -> list[tuple[object, ...]]:
    """Return (kind, label of the entity or its key's host, value, far) of each claim, once."""
    found = store.sql(
        """SELECT DISTINCT a.kind, lower(e.label) AS label, a.value, a.far
           FROM aliases a LEFT JOIN entities e ON e.id = a.entity ORDER BY ALL"""
    )
    return [tuple(row.values()) for row in found.to_pylist()]
