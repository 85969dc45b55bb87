"""SPADE's provenance graphs as tables of vertices and edges, with a header.

Source: the tables of SPADE's SQL and Neo4j storages, exported.
"""

from graphad.decoders.spade_text import SpadeCsv
from graphad.decoders.told import IGNORE, MAPPING, REJECT
from graphad.decoders.told_decode import LineStoryDecoder
from graphad.parse import Decoder, Options, Parser

_TYPES = (b"Used", b"WasGeneratedBy", b"WasTriggeredBy", b"WasDerivedFrom", b"Process", b"Artifact")


def sniff(head: bytes) -> float:
    """Return how sure it is that this is such a table, by its header and a type."""
    line, _, rest = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    names = {name.strip(b'\r" ').lower() for name in line.split(b",")}
    typed = names & {b"type", b":type", b":label"}
    vertex = names & {b"id", b":id", b"hash", b"vertexhash"} and names & {
        b"subtype", b"pid", b"path", b"annotations.pid", b"annotations.subtype", b"exe",
    }  # fmt: skip
    edge = names & {b"from", b":start_id", b"childvertexhash", b"childvertexid"}
    if not typed or not (vertex or edge):
        return 0.0
    return 0.95 if any(word in rest for word in _TYPES) else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder."""
    return LineStoryDecoder(SpadeCsv(), options)


parser = Parser(
    name="spade_csv",
    about="SPADE's vertices and edges as tables",
    yields="process, file, socket, pipe: fork, exec, load, read, write, create, delete, "
    "rename, link, chmod, connect, accept, send, receive, bind, inject, signal",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
)
