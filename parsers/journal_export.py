"""journald's export format, as `journalctl -o export` and systemd-journal-remote write it.

Its JSON (`journalctl -o json`) is read by the parser `text`, which says what both mean.

Source: systemd's Journal Export Format.
"""

import re

from graphad.decoders.text_relations import IGNORE, RELATIONS
from graphad.parse import Decoder, Options, Parser

_TIME = re.compile(rb"(?m)^__REALTIME_TIMESTAMP=\d{15,17}\r?$")
_FIELD = re.compile(rb"[A-Z_][A-Z0-9_]*[=\n]")


def sniff(head: bytes) -> float:
    """Return how sure it is that these are entries of a journal."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return 0.97 if _FIELD.match(start) and _TIME.search(head) else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanner is only loaded here, for it is compiled."""
    from graphad.decoders.text_journal import Decoder as JournalDecoder

    return JournalDecoder(options)


parser = Parser(
    name="journal_export",
    about="journald's export format: logins, sudo, su, cron and any other entry",
    sniff=sniff,
    decoder=decoder,
    mapping=RELATIONS,
    ignore=IGNORE,
)
