"""AWS CloudTrail: as it is delivered, as the command line and EventBridge give it, gzipped or not.

An object with Records, an array, an event a line; also the answers of `aws cloudtrail
lookup-events`, which hold each event as text.

Source: AWS's CloudTrail user guide.
"""

import re

from graphad.decoders.cloud_mapping import IGNORE, MAPPING, REJECT, YIELDS
from graphad.parse import Decoder, Options, Parser

_NAMES = re.compile(
    rb'\\?"(eventName|eventSource|eventVersion|awsRegion|userIdentity|sourceIPAddress|eventID'
    rb'|CloudTrailEvent|recipientAccountId)\\?"\s*:'
)


def sniff(head: bytes) -> float:
    """Return how sure it is that this is JSON with the names of CloudTrail's events."""
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"{", b"["):
        return 0.0
    names = set(_NAMES.findall(head))
    if not {b"eventName", b"eventSource"} <= names:
        return 0.0
    return 0.96 if len(names) > 4 else 0.6 if len(names) > 3 else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanner is only loaded here, for it is compiled."""
    from graphad.decoders.cloud_aws import decoder as aws_decoder

    return aws_decoder(options)


parser = Parser(
    name="cloudtrail",
    about="AWS CloudTrail: who did what to which resource, from which address",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
    yields=YIELDS,
)
