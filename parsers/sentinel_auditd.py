"""Linux's audit events as a table: what msticpy makes of Log Analytics' AuditLog_CL, as CSV.

A row is an event: its number (mssg_id) and its records (AuditdMessage). What they mean, the parser
`auditd` says.

Source: msticpy's documentation of its auditd module.
"""

from graphad.decoders.auditd_relations import IGNORE, RELATIONS
from graphad.decoders.cloud_sniff import columns
from graphad.parse import Decoder, Options, Parser


def sniff(head: bytes) -> float:
    """Return how sure it is that this is a table of audit events."""
    return 0.95 if {b"AuditdMessage", b"mssg_id"} <= columns(head) else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanners are only loaded here, for they are compiled."""
    from graphad.decoders.auditd_table import AuditdRows

    return AuditdRows(options)


parser = Parser(
    name="sentinel_auditd",
    about="Linux's audit events as a table (Sentinel's AuditLog_CL by msticpy, as CSV)",
    sniff=sniff,
    decoder=decoder,
    mapping=RELATIONS,
    ignore=IGNORE,
)
