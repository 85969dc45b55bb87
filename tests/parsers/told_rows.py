"""What a sample gives, as rows that a test compares with literals."""

from pathlib import Path

from graphad.store import Store

SAMPLES = Path(__file__).parents[2] / "sample_logs"
Row = tuple[str, str, str, str, str, str]


def ingested(log: Path, folder: Path, parser: str | None = None) -> Store:
    """Return a store with one log, all of whose records are accounted for."""
    store = Store(folder)
    store.ingest(log, parser=parser)
    [source] = store.sources
    assert source.read == source.used + sum(source.ignored.values()) + source.rejected
    return store


def edges(store: Store) -> list[Row]:
    """Return (seconds within the hour, source, action, target, keys of both) in order."""
    rows = store.sql(
        """SELECT strftime(e.ts, '%M:%S.%f') AS at, s.type || ' ' || s.label AS src, action,
                  d.type || ' ' || d.label AS dst, s.key AS src_key, d.key AS dst_key
           FROM edges e JOIN entities s ON s.id = src JOIN entities d ON d.id = dst
           ORDER BY record, ordinal"""
    ).to_pylist()
    return [tuple(row.values()) for row in rows]


def plain(store: Store) -> list[str]:
    """Return the edges as texts `source action target`, in order."""
    return [f"{src} {action} {dst}" for _, src, action, dst, _, _ in edges(store)]


def ignored(store: Store) -> dict[str, int]:
    """Return how many records each rule left out."""
    [source] = store.sources
    return dict(source.ignored)
