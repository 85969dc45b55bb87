"""ProvMark's facts: graphs of SPADE and CamFlow, a node, an edge or a property a line.

Source: ProvMark's transformation of provenance graphs for clingo.
"""

import re

from graphad.decoders.spade_text import FactsDecoder
from graphad.decoders.told import IGNORE, MAPPING, REJECT
from graphad.parse import Decoder, Options, Parser

_FACT = re.compile(
    rb'(?m)^(?:n[\w-]*\(\w+,"[^"\n]*"|e[\w-]*\(\w+,\w+,\w+,"\w+"'
    rb'|l[\w-]*\(\w+,"[^"\n]*","[^\n]*")\)\.\r?$'
)


def sniff(head: bytes) -> float:
    """Return the share of lines that are such facts."""
    return min(1.0, len(_FACT.findall(head)) / max(1, head.count(b"\n")))


def decoder(options: Options) -> Decoder:
    """Return a decoder."""
    return FactsDecoder(options)


parser = Parser(
    name="provmark",
    about="ProvMark's facts of SPADE's and CamFlow's graphs",
    yields="process, file, socket, address, pipe: fork, exec, load, read, write, create, "
    "delete, rename, link, chmod, connect, accept, send, receive, bind, access, "
    "inject, signal",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
)
