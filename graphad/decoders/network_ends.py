"""What logs of networks name alike: addresses, sockets, hosts, and who says a connection was."""

import pyarrow as pa
import pyarrow.compute as pc

from graphad.relations import Claim, End


def socket(address: str, port: str) -> str:
    """Return SQL for the key of a socket, the one that hosts' own logs give it."""
    return rf"regexp_replace({address}, '(?s)^(.*:.*)$', '[\1]') || ':' || {port}"


def _plain(address: str) -> str:
    return f"nullif(replace(lower({address}), '::ffff:', ''), '-')"


_NO_PORT = r"regexp_replace(lower(dst_host), ':\d+$', '')"
_AT = f"coalesce(nullif({_NO_PORT}, ''), dst_ip)"
_PATH = "split_part(file_path, '?', 1)"
_URL = f"CASE WHEN contains({_PATH}, '://') THEN {_PATH} ELSE 'http://' || {_AT} || {_PATH} END"
_SHARED = r"nullif(concat_ws('\', share, {}), '')"
_FTP = """CASE WHEN file_path LIKE 'ftp:%' THEN file_path
    ELSE 'ftp://' || dst_ip || '/' || ltrim(file_path, '/') END"""
MOST = 8  # recipients of a mail that give an edge
READING = "('GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'TRACE')"  # methods of HTTP


def whatever_case(kind: str, text: str) -> End:
    """Return an end that is the same in whatever case it is written."""
    return End(kind, f"lower({text})", text)


def listed(column: str, number: int = 0) -> str:
    """Return SQL for an element of a column that holds a JSON list, trimmed of <>."""
    return f"trim(try(json_extract_string({column}, '$[{number}]')), '<> ')"


RECIPIENTS = {
    f"recipient {i}": whatever_case("user", f"nullif({listed('target_user', i)}, '')")
    for i in range(MOST)
}
SOURCE = End("address", "nullif(src_ip, '-')")
RESPONDER = End("address", "nullif(dst_ip, '-')")
REMOTE = End("socket", socket("nullif(dst_ip, '-')", "dst_port"))
SERVER = End("host", "lower(dst_ip)", "dst_ip")
DOMAIN = End("domain", "nullif(lower(domain), '')", "domain")
ENDS = {
    "source": SOURCE, "responder": RESPONDER, "remote": REMOTE, "server": SERVER, "domain": DOMAIN,
    "web host": End("domain", _AT),
    "url": End("file", _URL),
    "client": whatever_case("host", "nullif(src_host, '')"),
    "shared": whatever_case("file", _SHARED.format("nullif(file_path, '')")),
    "renamed": whatever_case("file", _SHARED.format("original_name")),
    "ftp file": End("file", _FTP),
    "sender": whatever_case("user", """nullif(trim("user", '<> '), '')"""),
    **RECIPIENTS,
    "file": End("file", "coalesce(file_path, hashes)"),
}  # fmt: skip


def from_source() -> str:
    """Return SQL for the near end of a connection: the source's address and port."""
    return socket(_plain("src_ip"), "nullif(src_port, 0)")


def flow(*kinds: str) -> Claim:
    """Return the claim that records of some kinds make: a connection was seen on its way."""
    near = from_source()
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
