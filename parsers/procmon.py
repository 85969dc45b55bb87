"""Sysinternals Process Monitor's events as a table with a header, whichever columns it has.

Source: Process Monitor 3's help.
"""

from graphad.decoders.procmon import Procmon
from graphad.decoders.told import IGNORE, MAPPING, REJECT
from graphad.decoders.told_decode import LineStoryDecoder
from graphad.parse import Decoder, Options, Parser


def sniff(head: bytes) -> float:
    """Return how sure it is that the first line names Process Monitor's columns."""
    names = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].strip(b'\r"').split(b'","')
    wanted = {b"Process Name", b"PID", b"Operation", b"Path", b"Result"}
    return 0.98 if wanted <= set(names) else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder."""
    return LineStoryDecoder(Procmon(options), options)


parser = Parser(
    name="procmon",
    about="Process Monitor's events as a table",
    yields="process, file, socket, registry: launch, exec, load, read, write, create, "
    "delete, rename, chmod, connect, accept, send, receive",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
)
