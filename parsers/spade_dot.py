"""SPADE's provenance graphs in Graphviz's language.

Source: SPADE's Graphviz storage.
"""

import re

from graphad.decoders.spade_text import SpadeDot
from graphad.decoders.told import IGNORE, MAPPING, REJECT
from graphad.decoders.told_decode import LineStoryDecoder
from graphad.parse import Decoder, Options, Parser

_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:strict )?digraph\b[^{]*\{")
_LABEL = re.compile(rb'label="\(?[^"]*?(?:type|operation|time|pid|path|subtype):')


def sniff(head: bytes) -> float:
    """Return how sure it is that this is a graph of SPADE's."""
    if not _START.match(head):
        return 0.0
    return 0.96 if _LABEL.search(head) or b"spade2dot" in head[:200] else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder."""
    return LineStoryDecoder(SpadeDot(), options)


parser = Parser(
    name="spade_dot",
    about="SPADE's provenance graphs in Graphviz's language",
    yields="process, file, socket, pipe: fork, exec, load, read, write, create, delete, "
    "rename, link, chmod, connect, accept, send, receive, bind, inject, signal",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
)
