"""Flows that Azure's Network Security Groups saw, as Log Analytics exports them (CSV).

Source: Microsoft's reference of the table AzureNetworkAnalytics.
"""

from graphad.decoders.cloud_mapping import IGNORE, MAPPING, REJECT
from graphad.decoders.cloud_sniff import columns
from graphad.parse import Decoder, Options, Parser


def sniff(head: bytes) -> float:
    """Return how sure it is that this is a table of flows."""
    names = {name.removesuffix(b"_s").removesuffix(b"_d") for name in columns(head)}
    return 0.95 if {b"FlowDirection", b"L4Protocol", b"DestPort"} <= names else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder; it is only loaded here."""
    from graphad.decoders.cloud_sentinel import flows

    return flows(options)


parser = Parser(
    name="nsg_flows",
    about="Flows seen by Azure Network Security Groups (AzureNetworkAnalytics as CSV)",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
    yields="address, socket: connect",
)
