"""Access logs in W3C's extended format, as IIS and CloudFront write them.

Sources: W3C, Extended Log File Format; Microsoft's documentation of IIS.
"""

import re

from graphad.decoders.network_ends import READING, SOURCE, whatever_case
from graphad.parse import Decoder, Options, Parser
from graphad.relations import Relations

_FIELDS = re.compile(rb"(?m)^#Fields:[^\n]* (?:cs-method|cs-uri-stem|cs-uri)\b")


def sniff(head: bytes) -> float:
    """Return how sure it is that this log has fields of requests."""
    return 1.0 if head[:1] == b"#" and _FIELDS.search(head) else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanner is only loaded here, for it is compiled."""
    import pyarrow as pa

    from graphad.decoders.delimited import Delimited
    from graphad.decoders.network_ends import filled, on_host
    from graphad.decoders.w3c import W3cLayout, in_utc

    fields = [
        ("ts", "ts"), ("local_time", "local_time"), ("s-computername", "host"), ("s-ip", "dst_ip"),
        ("s-port", "dst_port"), ("c-ip", "src_ip"), ("c-port", "src_port"), ("cs-method", "action"),
        ("cs-uri-stem", "file_path"), ("cs-uri", "file_path"), ("cs-uri-query", "args"),
        ("cs-username", "user"), ("sc-status", "result"), ("cs-host", "dst_host"),
        ("cs(Host)", "dst_host"), ("s-sitename", "service"), ("cs-version", "protocol"),
    ]  # fmt: skip

    def finish(raw: pa.Table, options: Options) -> pa.Table:
        """A server that doesn't name itself is known by its address."""
        raw = in_utc(raw, options)
        if options.host is None and "dst_ip" in raw.column_names:
            raw = filled(raw, "host", raw["dst_ip"].combine_chunks().cast(pa.string()))
        return on_host(raw, options.host or "localhost")

    return Delimited(W3cLayout(), fields, options, finish)


_CODE = "try_cast(result AS INTEGER)"
parser = Parser(
    name="w3c",
    about="Access logs in W3C's extended format: IIS, CloudFront",
    sniff=sniff,
    decoder=decoder,
    mapping=Relations(
        kind=f"""CASE WHEN ts IS NULL THEN NULL WHEN action IS NULL THEN 'no method'
            WHEN upper(action) IN {READING} THEN 'read' ELSE 'write' END""",
        ends={
            "client": SOURCE,
            "page": whatever_case("file", "split_part(file_path, '?', 1)"),
            "account": whatever_case("user", "\"user\""),
        },
        edges={
            "read": [("page", "read", "client"), ("client", "logon", "account")],
            "write": [("client", "write", "page"), ("client", "logon", "account")],
        },
        outcome=f"""CASE WHEN {_CODE} >= 400 THEN 'failure'
            WHEN {_CODE} >= 100 THEN 'success' END""",
        rules={
            "read": "no client or no page is named", "write": "no client or no page is named",
            "no method": "no method is named",
        },
    ),
    reject="'no time'",
)  # fmt: skip
