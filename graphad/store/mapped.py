"""What the mapping of a block gives, and the ids of its entities: 64-bit keyed hashes."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad import schema

Rows = npt.NDArray[np.int64]
CODED = pa.dictionary(pa.int32(), pa.string())
ENTITY = pa.schema(
    [("id", pa.int64()), ("type", CODED), ("host", CODED)]
    + [(name, pa.string()) for name in ("key", "label", "detail")]
)


class Mapped(NamedTuple):
    """Edges and entities of blocks, what becomes of the rows that gave none, and claims."""

    edges: pa.Table
    entities: pa.Table
    used: list[int]  # rows of each block
    ignored: list[dict[str, int]]  # rows of each block, by rule
    lost: Rows  # rows of `raw`
    reasons: pa.Array
    claims: pa.Table | None = None  # schema.ALIASES without `source`
    said_in: Rows | None = None  # block of each entity; None: there is only one


def is_local(types: list[str]) -> npt.NDArray[np.bool_]:
    """Say for each type whether its keys only mean something on their host."""
    return np.array([t in schema.LOCAL_TYPES for t in types], bool)


def entity_ids(types: Any, hosts: Any, keys: Any, secret: bytes) -> npt.NDArray[np.int64]:
    """Return the ids of entities given by text columns [N] without nulls; the first two are CODED.

    Lengths keep a crafted host name from running over into the key.
    """
    from graphad.scan.siphash import siphash

    local = is_local(types.dictionary.to_pylist())[types.indices.to_numpy()]
    size = pc.utf8_length(hosts.dictionary).cast(pa.string())
    places = pc.binary_join_element_wise(size, hosts.dictionary, ":")
    nowhere = pa.array([""], places.type)
    which = np.where(local, hosts.indices.to_numpy(), len(places))
    place = pa.concat_arrays([places, nowhere]).take(pa.array(which))
    kinds = types.dictionary.take(types.indices)
    return siphash(pc.binary_join_element_wise(kinds, place, keys, ":"), secret)
