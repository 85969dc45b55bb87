"""Sysinternals Process Monitor's events as XML.

Source: Process Monitor 3's help.
"""

import re

from graphad.decoders.procmon import Procmon, XmlDecoder
from graphad.decoders.told import IGNORE, MAPPING, REJECT
from graphad.parse import Decoder, Options, Parser

_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?<procmon>")


def sniff(head: bytes) -> float:
    """Return how sure it is that this is Process Monitor's document."""
    return 0.98 if _START.match(head) else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder."""
    return XmlDecoder(Procmon(options), options)


parser = Parser(
    name="procmon_xml",
    about="Process Monitor's events as XML",
    yields="process, file, socket, registry: launch, exec, load, read, write, create, "
    "delete, rename, chmod, connect, accept, send, receive",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
)
