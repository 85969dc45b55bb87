"""Carbon Black's events: processes, connections, files, registry, modules of hosts.

As the event forwarder and the cloud's data forwarder write them (JSON), and as tables (CSV).

Sources: Carbon Black's documentation of both forwarders.
"""

from graphad.decoders.cloud_mapping import IGNORE, MAPPING, REJECT
from graphad.decoders.cloud_sniff import columns, keys
from graphad.parse import Decoder, Options, Parser

_OTHERS = {
    b"process_cmdline",
    b"childproc_guid",
    b"netconn_inbound",
    b"device_timestamp",
    b"cb_server",
}


def sniff(head: bytes) -> float:
    """Return how sure it is that these are Carbon Black's events."""
    if b'"ingress.event.' in head or b'"endpoint.event.' in head:
        return 0.96
    names = columns(head) or keys(head)
    return 0.9 if {b"process_guid", b"parent_guid"} <= names and names & _OTHERS else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanners are only loaded here, for they are compiled."""
    from graphad.decoders.cloud_carbon_black import decoder as carbon_black_decoder

    return carbon_black_decoder(options)


parser = Parser(
    name="carbon_black",
    about="Carbon Black events: processes, connections, files, registry, modules",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
    yields="process, file, socket, address, module, registry, domain: launch, exec, load, write, "
    "create, delete, connect, accept, resolve, access, inject",
)
