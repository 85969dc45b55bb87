"""What the mapping of a block gives, and the ids of its entities: 64-bit keyed hashes."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad import schema

Rows = npt.NDArray[np.int64]
ENTITY = pa.schema(
    [("id", pa.int64())]
    + [(name, pa.string()) for name in ("type", "host", "key", "label", "detail")]
)


class Mapped(NamedTuple):
    """Edges and entities of a block, and what becomes of the rows that gave none."""

    edges: pa.Table
    entities: pa.Table
    used: int
    ignored: dict[str, int]
    lost: Rows  # rows of `raw`
    reasons: pa.Array


def is_local(types: list[str]) -> npt.NDArray[np.bool_]:
    """Say for each type whether its keys only mean something on their host."""
    return np.array([t in schema.LOCAL_TYPES for t in types], bool)


def entity_ids(types: Any, hosts: Any, keys: Any, secret: bytes) -> npt.NDArray[np.int64]:
    """Return the ids of entities given by three text columns [N] without nulls.

    Lengths keep a crafted host name from running over into the key.
    """
    from graphad.scan.siphash import siphash

    coded = types if pa.types.is_dictionary(types.type) else types.dictionary_encode()
    local = is_local(coded.dictionary.to_pylist())[coded.indices.to_numpy()]
    size = pc.utf8_length(hosts).cast(pa.string())
    place = pc.binary_join_element_wise(size, hosts, ":")
    place = pc.if_else(pa.array(local), place, pa.scalar(""))
    names = coded.dictionary.take(coded.indices)
    return siphash(pc.binary_join_element_wise(names, place, keys, ":"), secret)
