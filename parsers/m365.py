"""Microsoft 365's unified audit log, as its interface gives it and as a search of it does.

A record a line, in an array or in `value`; a search holds each record as text in AuditData,
the portal's CSV too; also the table OfficeActivity as CSV.

Source: Microsoft's Office 365 Management Activity API schema.
"""

import re

from graphad.decoders.cloud_mapping import IGNORE, MAPPING, REJECT, YIELDS
from graphad.decoders.cloud_sniff import columns, keys
from graphad.parse import Decoder, Options, Parser

_NAMES = re.compile(
    rb'\\?"(CreationTime|Operation|OrganizationId|RecordType|UserKey|UserType|Workload|UserId'
    rb'|AuditData|ResultStatus)\\?"\s*:'
)


def sniff(head: bytes) -> float:
    """Return how sure it is that these are records of the audit log by their names."""
    if not keys(head):
        names = columns(head)
        tables = {b"AuditData", b"CreationDate"}, {b"OfficeWorkload", b"Operation", b"UserId"}
        return 0.95 if any(table <= names for table in tables) else 0.0
    names = set(_NAMES.findall(head))
    if not {b"CreationTime", b"Operation", b"Workload"} <= names:
        return 0.0
    return 0.95 if len(names) > 4 else 0.5


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanner is only loaded here, for it is compiled."""
    from graphad.decoders.cloud_m365 import decoder as m365_decoder

    return m365_decoder(options)


parser = Parser(
    name="m365",
    about="Microsoft 365 audit log: who did what to which file, mailbox or account",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
    yields=YIELDS,
)
