"""Windows Security events as Log Analytics (Sentinel) exports them: the table SecurityEvent as CSV.

Source: Microsoft's reference of that table; for what events mean, those of the parser `windows`.
"""

from graphad.decoders.cloud_sniff import columns
from graphad.decoders.windows_relations import IGNORE, REJECT, RELATIONS
from graphad.parse import Decoder, Options, Parser


def sniff(head: bytes) -> float:
    """Return how sure it is that this is a table of Security events."""
    names = columns(head)
    return 0.95 if {b"EventID", b"Computer", b"TimeGenerated"} <= names else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanners are only loaded here, for they are compiled."""
    from graphad.decoders.cloud_sentinel import security_event

    return security_event(options)


parser = Parser(
    name="security_event",
    about="Windows Security events as a table (Sentinel's SecurityEvent as CSV)",
    sniff=sniff,
    decoder=decoder,
    mapping=RELATIONS,
    ignore=IGNORE,
    reject=REJECT,
)
