"""The Kubernetes audit log, versions v1 and v1beta1: from a file, a webhook or an array.

Also as CloudWatch (EKS) and Azure Monitor (AKS) hold its events, as text.

Source: Kubernetes' reference of audit.k8s.io.
"""

import re

from graphad.decoders.cloud_mapping import IGNORE, MAPPING, REJECT, YIELDS
from graphad.parse import Decoder, Options, Parser

_NAMES = re.compile(
    rb'\\?"(auditID|requestURI|verb|stage|stageTimestamp|objectRef|sourceIPs|level|requestReceivedTimestamp'
    rb'|responseStatus)\\?"\s*:'
)


def sniff(head: bytes) -> float:
    """Return how sure it is that this is JSON with the names of audit events."""
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"{", b"["):
        return 0.0
    names = set(_NAMES.findall(head))
    if not {b"auditID", b"verb"} <= names:
        return 0.0
    return 0.96 if len(names) > 4 else 0.5


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanner is only loaded here, for it is compiled."""
    from graphad.decoders.cloud_k8s import decoder as k8s_decoder

    return k8s_decoder(options)


parser = Parser(
    name="k8s_audit",
    about="Kubernetes audit log: who did what to which object of the cluster",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
    yields=YIELDS,
)
