"""Windows event logs as Windows keeps them: EVTX, with what damage has left of them.

Sources: Windows XML Event Log (EVTX), the format as the libevtx project describes it; for what
events mean, those of the parser `windows`.
"""

from graphad.decoders.windows_relations import IGNORE, REJECT, RELATIONS
from graphad.parse import Decoder, Options, Parser


def sniff(head: bytes) -> float:
    """Return how sure it is that this is an EVTX log; a chunk alone is one too."""
    return 1.0 if head.startswith((b"ElfFile\0", b"ElfChnk\0")) else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder. Raises: ParseError if the package evtx is not installed."""
    from graphad.decoders.evtx_decode import EvtxDecoder

    return EvtxDecoder(options)


parser = Parser(
    name="evtx",
    about="Windows event logs (EVTX)",
    sniff=sniff,
    decoder=decoder,
    mapping=RELATIONS,
    ignore=IGNORE,
    reject=REJECT,
    binary=True,
)
