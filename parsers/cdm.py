"""DARPA Transparent Computing's Common Data Model, versions 12 to 20, as JSON.

Source: the schemas CDM12 to CDM20.
"""

import re

from graphad.decoders.cdm import Cdm
from graphad.decoders.told import IGNORE, MAPPING, REJECT
from graphad.decoders.told_decode import StoryDecoder
from graphad.parse import Decoder, Options, Parser

_RECORD = re.compile(
    rb'"datum"\s*:\s*\{\s*"(?:com\.bbn\.tc\.schema\.avro\.(?:cdm\d+\.)?)?'
    rb"(?:Event|Subject|Host|Principal|SimpleEdge|StartMarker|EndMarker|TimeMarker|UnitDependency"
    rb'|ProvenanceTagNode|[A-Z][A-Za-z]*Object)"'
)


def sniff(head: bytes) -> float:
    """Return how sure it is that the records hold a datum of CDM."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n[,")[:1] != b"{":
        return 0.0
    return 0.97 if _RECORD.search(head) else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder."""
    return StoryDecoder(Cdm(), options)


parser = Parser(
    name="cdm",
    about="DARPA Transparent Computing CDM 12 to 20 as JSON",
    yields="process, file, socket, address, registry, pipe: launch, fork, exec, load, read, "
    "write, create, delete, rename, link, chmod, connect, accept, send, receive, "
    "bind, inject, signal",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
)
