"""CamFlow's provenance of the Linux kernel as PROV-JSON, a document a record.

Source: CamFlow's vocabulary and the W3C's PROV-JSON.
"""

import re

from graphad.decoders.camflow import CamFlow
from graphad.decoders.told import IGNORE, MAPPING, REJECT
from graphad.decoders.told_decode import StoryDecoder
from graphad.parse import Decoder, Options, Parser

_DOCUMENT = re.compile(
    rb'"(?:prefix|activity|entity|agent|used|wasGeneratedBy|wasInformedBy|wasDerivedFrom)"\s*:\s*\{'
)


def sniff(head: bytes) -> float:
    """Return how sure it is that these are CamFlow's documents."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n[,")[:1] != b"{":
        return 0.0
    return 0.97 if b'"cf:' in head and _DOCUMENT.search(head) else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder."""
    return StoryDecoder(CamFlow(), options)


parser = Parser(
    name="camflow",
    about="CamFlow's provenance of the Linux kernel as PROV-JSON",
    yields="process, file, socket, address, pipe: fork, exec, load, read, write, create, "
    "delete, rename, link, chmod, connect, accept, send, receive, bind, access, "
    "inject",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
)
