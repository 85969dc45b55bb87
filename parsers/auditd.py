"""Linux's audit log, as auditd writes it: raw or enriched, one host's or several, or from syslog.

Sources: audit-userspace's specification of events and fields; Linux's kernel/audit*.c; the manual
pages of the calls.
"""

import re

from graphad.decoders.auditd_relations import IGNORE, RELATIONS
from graphad.parse import Decoder, Options, Parser

_LINE = re.compile(
    rb"(?m)^(?:[^\n]{0,512} )?type=[A-Z][A-Z0-9_]+ msg=audit\(\d{1,12}\.\d{1,3}:\d{1,18}\)"
    rb"|^(?:[^\n]{0,512} )?type=(?:UNKNOWN\[)?\d{4}\]? (?:msg=)?audit\(\d{1,12}\.\d{1,3}:\d{1,18}\)"
)


def sniff(head: bytes) -> float:
    """Return the share of lines that begin as an audit record does."""
    lines = head.splitlines()
    if len(head) >= 1 << 16 and len(lines) > 1:
        lines.pop()  # it may be cut
    lines = [line for line in lines if line.strip()]
    return sum(_LINE.match(line[:1024]) is not None for line in lines) / max(1, len(lines))


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanner is only loaded here, for it is compiled."""
    from graphad.decoders.auditd_decode import Decoder as AuditdDecoder

    return AuditdDecoder(options)


parser = Parser(
    name="auditd",
    about="Linux's audit log, as auditd writes it",
    sniff=sniff,
    decoder=decoder,
    mapping=RELATIONS,
    ignore=IGNORE,
)
