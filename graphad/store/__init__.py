"""The store: one manifest, immutable Parquet segments, published catalogs."""

from graphad.store.store import Store

__all__ = ["Store"]
