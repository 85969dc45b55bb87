"""Syslog as Log Analytics (Sentinel) exports it: the table Syslog as CSV, read as the lines it was.

Source: Microsoft's reference of that table; for what lines mean, those of the parser `text`.
"""

from graphad.decoders.cloud_sniff import columns
from graphad.decoders.text_relations import IGNORE, RELATIONS
from graphad.parse import Decoder, Options, Parser


def sniff(head: bytes) -> float:
    """Return how sure it is that this is a table of syslog messages."""
    names = columns(head)
    return 0.95 if {b"SyslogMessage", b"Computer"} <= names else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanners are only loaded here, for they are compiled."""
    from graphad.decoders.cloud_sentinel import syslog

    return syslog(options)


parser = Parser(
    name="sentinel_syslog",
    about="Syslog as a table (Sentinel's Syslog as CSV): sudo, sshd, su, cron and all else",
    sniff=sniff,
    decoder=decoder,
    mapping=RELATIONS,
    ignore=IGNORE,
)
