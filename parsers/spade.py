"""SPADE's provenance graphs as JSON: an object a vertex or edge, in an array.

Source: SPADE's JSON storage.
"""

import re

from graphad.decoders.spade import SpadeJson
from graphad.decoders.told import IGNORE, MAPPING, REJECT
from graphad.decoders.told_decode import StoryDecoder
from graphad.parse import Decoder, Options, Parser

_TYPE = re.compile(
    rb'"type"\s*:\s*"(?:Process|Artifact|Agent|Activity|Entity|Used|WasGeneratedBy|WasTriggeredBy'
    rb'|WasDerivedFrom|WasControlledBy|WasInformedBy|WasAssociatedWith)"'
)


def sniff(head: bytes) -> float:
    """Return how sure it is that these are SPADE's vertices and edges."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n[,")[:1] != b"{":
        return 0.0
    return 0.96 if b'"annotations"' in head and _TYPE.search(head) else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder."""
    return StoryDecoder(SpadeJson(), options)


parser = Parser(
    name="spade",
    about="SPADE's provenance graphs as JSON",
    yields="process, file, socket, pipe: fork, exec, load, read, write, create, delete, "
    "rename, link, chmod, connect, accept, send, receive, bind, inject, signal",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
)
