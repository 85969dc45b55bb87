"""What decoders remember at the end of a source, so that a grown log is read on from there.

One file a run of ingest: zstd-compressed JSON, sources' numbers to what their decoders told.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
import zstandard

from graphad.errors import SchemaError
from graphad.store.manifest import File, Manifest, Source, write_atomic

LIMIT = 1 << 30  # bytes of one file, decompressed


def save(store: Path, change: Manifest, states: Mapping[int, object]) -> None:
    """Write the states of sources and name the file in `change`; let go of those not needed."""
    sources = {s.source: s for s in change.sources}
    if states:
        data = msgspec.json.encode({str(number): states[number] for number in sorted(states)})
        packed = zstandard.compress(data, 3)
        number = change.next_segment
        change.next_segment += 1
        name = f"states/{number:06d}.json.zst"
        (store / "states").mkdir(exist_ok=True)
        write_atomic(store / name, packed)
        file = File(name, len(states), len(packed), hashlib.sha256(packed).hexdigest())
        change.files.setdefault("states", []).append(file)
        for source in states:
            settled = sources[source].settled if source in sources else None
            if settled is not None:
                settled.state = name
    tidy(change)


def tidy(change: Manifest) -> None:
    """Name only states of sources that nothing continues yet."""
    continued = {s.continues for s in change.sources}
    needed = set()
    for source in change.sources:
        if source.settled is not None and source.settled.state:
            if source.source in continued:
                source.settled.state = GONE
            else:
                needed.add(source.settled.state)
    kept = [file for file in change.files.get("states", ()) if file.name in needed]
    if kept or "states" in change.files:
        change.files["states"] = kept


GONE = "gone"  # in place of a file's name: there was a state, but another source went on from it


def load(store: Path, manifest: Manifest, source: Source) -> object:
    """Return the state of a source's decoder. Raises: ValueError if it isn't kept any more."""
    assert source.settled is not None
    name = source.settled.state
    file = next((f for f in manifest.files.get("states", ()) if f.name == name), None)
    if file is None:
        raise ValueError(f"no state is kept of source {source.source}")
    try:
        data = (store / name).read_bytes()
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise SchemaError(f"{store / name} is damaged.", hint="See graphad doctor.")
        held = zstandard.ZstdDecompressor().decompress(data, max_output_size=LIMIT)
        found: object = msgspec.json.decode(held, type=dict[str, object])[str(source.source)]
    except (OSError, zstandard.ZstdError, msgspec.DecodeError, KeyError) as error:
        raise SchemaError(f"{store / name} cannot be read.", hint="See graphad doctor.") from error
    return found
