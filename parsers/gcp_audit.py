"""Google Cloud's log entries, of which those of the audit log tell something.

An entry a line, as a sink or `gcloud logging read` writes them, in an array, or in `entries`.

Source: Google's reference of LogEntry and AuditLog.
"""

import re

from graphad.decoders.cloud_mapping import IGNORE, MAPPING, REJECT, YIELDS
from graphad.parse import Decoder, Options, Parser

_NAMES = re.compile(
    rb'"(logName|insertId|protoPayload|jsonPayload|textPayload|methodName|serviceName|receiveTimestamp'
    rb'|authenticationInfo)"\s*:'
)


def sniff(head: bytes) -> float:
    """Return how sure it is that this is JSON with the names of log entries."""
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"{", b"["):
        return 0.0
    names = set(_NAMES.findall(head))
    if not {b"logName", b"protoPayload"} <= names and not {b"logName", b"insertId"} <= names:
        return 0.0
    return 0.95 if b"protoPayload" in names else 0.5


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanner is only loaded here, for it is compiled."""
    from graphad.decoders.cloud_gcp import decoder as gcp_decoder

    return gcp_decoder(options)


parser = Parser(
    name="gcp_audit",
    about="Google Cloud audit log: who called which method on what, from where",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
    yields=YIELDS,
)
