"""Microsoft Defender's tables of devices: processes, network, files, registry, images, logons.

As advanced hunting exports them (CSV, or JSON in `Results`), as they are streamed to storage, and
the sensor's table of created processes.

Source: Microsoft's reference of advanced hunting's schema.
"""

from graphad.decoders.cloud_mapping import IGNORE, MAPPING, REJECT
from graphad.decoders.cloud_sniff import columns, keys
from graphad.parse import Decoder, Options, Parser


def sniff(head: bytes) -> float:
    """Return how sure it is that these are rows with the names of Defender's tables."""
    names = columns(head) or keys(head)
    if {b"CreatedProcessId", b"InitiatingProcessId"} <= names:
        return 0.95
    device = {b"DeviceName", b"DeviceId"} & names
    told = b"ActionType" in names or {b"MacAddress", b"IPAddresses"} <= names
    return 0.95 if told and device else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanners are only loaded here, for they are compiled."""
    from graphad.decoders.cloud_defender import decoder as defender_decoder

    return defender_decoder(options)


parser = Parser(
    name="defender",
    about="Microsoft Defender tables: processes, network, files, registry, logons of devices",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
    yields="process, file, socket, address, module, registry, pipe, domain, user, host, service, "
    "task: "
    "launch, exec, load, write, create, delete, rename, connect, accept, bind, resolve, access, "
    "inject, logon, install, change",
)
