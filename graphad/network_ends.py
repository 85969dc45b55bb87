"""What logs of networks name alike: addresses, sockets, hosts, and who says a connection was."""

import pyarrow as pa
import pyarrow.compute as pc

from graphad.relations import Claim, End


def socket(address: str, port: str) -> str:
    """Return SQL for the key of a socket, the one that hosts' own logs give it."""
    return rf"regexp_replace({address}, '(?s)^(.*:.*)$', '[\1]') || ':' || {port}"


def _plain(address: str) -> str:
    return f"nullif(replace(lower({address}), '::ffff:', ''), '-')"


SOURCE = End("address", "nullif(src_ip, '-')")
RESPONDER = End("address", "nullif(dst_ip, '-')")
REMOTE = End("socket", socket("nullif(dst_ip, '-')", "dst_port"))
SERVER = End("host", "lower(dst_ip)", "dst_ip")
DOMAIN = End("domain", "nullif(lower(domain), '')", "domain")


def flow(*kinds: str) -> Claim:
    """Return the claim that records of some kinds make: a connection was seen on its way."""
    near = socket(_plain("src_ip"), "nullif(src_port, 0)")
    far = socket(_plain("dst_ip"), "nullif(dst_port, 0)")
    return Claim("flow", REMOTE, near, kinds, far=far, each=True)


def on_host(raw: pa.Table, host: str) -> pa.Table:
    """Return rows in which those that name no host are of this one."""
    at = raw.schema.get_field_index("host")
    if at < 0:
        zeros = pa.array([0], pa.int32()).take(pa.array([0] * len(raw), pa.int32()))
        return raw.append_column("host", pa.DictionaryArray.from_arrays(zeros, [host]))
    found = raw["host"].combine_chunks()
    if not found.null_count:
        return raw
    texts = pa.concat_arrays([found.dictionary, pa.array([host], found.dictionary.type)])
    indices = found.indices.fill_null(len(texts) - 1)
    return raw.set_column(at, "host", pa.DictionaryArray.from_arrays(indices, texts))


def filled(raw: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """Return rows in which a text column has other values [N] where it has none."""
    at = raw.schema.get_field_index(name)
    if at < 0:
        return raw.append_column(name, values.dictionary_encode())
    there = raw[name].combine_chunks().cast(pa.string())
    return raw.set_column(at, name, pc.coalesce(there, values).dictionary_encode())
