"""Sysmon, Security and other Windows events as JSON, in the shapes that shippers give them.

Flat (NXLog, Logstash), winlogbeat 6 and 7, XML to JSON (`Event.System`, `Event.EventData`), with a
byte order mark or not, one a line or in an array.

Sources: Sysmon's manifest, Microsoft's auditing reference, winlogbeat's exported fields.
"""

import re

from graphad.decoders.windows_relations import IGNORE, REJECT, RELATIONS
from graphad.parse import Decoder, Options, Parser

_NAMES = re.compile(
    rb'"(?:EventID|EventId|event_id|EventCode|EventRecordID|log_name|Channel|channel|ProviderGuid'
    rb'|provider_guid|SourceName|ProcessGuid|UtcTime|computer_name)"\s*:'
)


def sniff(head: bytes) -> float:
    """Return how sure it is that this is JSON with the names of Windows events."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] not in (b"{", b"["):
        return 0.0
    names = {name.split(b'"')[1].lower() for name in _NAMES.findall(head)}
    if not names & {b"eventid", b"event_id", b"eventcode"}:
        return 0.0
    return 0.95 if len(names) > 1 else 0.3


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanner is only loaded here, for it is compiled."""
    from graphad.decoders.windows_decode import windows_decoder

    return windows_decoder(options)


parser = Parser(
    name="windows",
    about="Sysmon, Security and other Windows events as JSON",
    sniff=sniff,
    decoder=decoder,
    mapping=RELATIONS,
    ignore=IGNORE,
    reject=REJECT,
)
