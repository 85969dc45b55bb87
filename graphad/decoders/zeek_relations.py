r"""Which edges a record of Zeek's gives. It is seen by a sensor, so its ends are addresses.

Source: Zeek's documentation of its logs.
"""

from graphad.decoders.network_ends import ENDS as NETWORK
from graphad.decoders.network_ends import READING, RECIPIENTS, flow, listed, whatever_case
from graphad.relations import Claim, End, Relations

_LOG = "regexp_replace(channel, '_red$', '')"  # Corelight's reduced logs are called conn_red
# No answer from the other side, or a refusal: nothing flowed there.
_TRIED = "('S0', 'REJ', 'RSTOS0', 'RSTRH', 'SH', 'SHR')"
_KIND = rf"""CASE WHEN ts IS NULL THEN NULL ELSE {_LOG} || CASE {_LOG}
    WHEN 'conn' THEN CASE WHEN protocol = 'icmp' THEN ' icmp'
        WHEN protocol = 'tcp' AND result IN {_TRIED} THEN ' tried' ELSE '' END
    WHEN 'http' THEN CASE WHEN action IS NULL THEN ' without its request'
        WHEN action = 'CONNECT' THEN ' tunnel'
        WHEN upper(action) IN {READING} THEN ' read' ELSE ' write' END
    WHEN 'smb_files' THEN CASE regexp_extract(action, '[A-Z]+_([A-Z]+)$', 1)
        WHEN 'OPEN' THEN ' read' WHEN 'READ' THEN ' read' WHEN 'WRITE' THEN ' write'
        WHEN 'DELETE' THEN ' delete' WHEN 'RENAME' THEN ' rename' ELSE ' other' END
    WHEN 'smb_mapping' THEN CASE WHEN object_type = 'PIPE' THEN ' pipe' ELSE '' END
    WHEN 'ftp' THEN CASE WHEN upper(action) IN ('RETR', 'SIZE', 'MDTM') THEN ' read'
        WHEN upper(action) IN ('STOR', 'APPE', 'STOU') THEN ' write'
        WHEN upper(action) = 'DELE' THEN ' delete' ELSE ' other' END
    WHEN 'files' THEN CASE WHEN regexp_matches(object_type, 'x509|ocsp|pkix|pkcs7')
        THEN ' certificate' ELSE '' END
    WHEN 'kerberos' THEN CASE WHEN action = 'TGS' THEN ' TGS' ELSE '' END
    ELSE '' END END"""
_CALL = "nullif(concat_ws('.', service, action), '')"
_ACCOUNT = r"""coalesce(nullif(user_domain, '') || '\', '') || nullif("user", '')"""
# user/REALM; a service's name has slashes of its own.
_PRINCIPAL = r"""regexp_extract_all("user", '^(.+)/[^/]+$', 1)[1] || '@'
    || regexp_extract("user", '([^/]+)$', 1)"""
ENDS = {
    **NETWORK,
    "rdp user": whatever_case("user", """nullif("user", '')"""),
    "principal": whatever_case("user", _PRINCIPAL),
    "ticket": whatever_case("service", "nullif(service, '')"),
    "account": whatever_case("user", _ACCOUNT),
    "share": whatever_case("file", "share"),
    "share's pipe": whatever_case("pipe", "share"),
    "call": End("service", f"dst_ip || ' ' || {_CALL}", _CALL),
    "sending": End("address", f"coalesce({listed('args')}, CASE direction "
                   "WHEN 'true' THEN src_ip WHEN 'false' THEN dst_ip END)"),
    "receiving": End("address", f"coalesce({listed('context')}, CASE direction "
                     "WHEN 'true' THEN dst_ip WHEN 'false' THEN src_ip END)"),
}  # fmt: skip
_CALLS = [("source", "access", "call")]
EDGES = {
    "conn": [("source", "connect", "remote"), ("remote", "accept", "responder")],
    "conn tried": [("source", "connect", "remote")],
    "conn icmp": [("source", "connect", "responder")],
    "tunnel": [("source", "connect", "responder")],
    "socks": [("source", "connect", "domain")],
    "dns": [("source", "resolve", "domain")],
    "ssl": [("source", "connect", "domain")],
    "http read": [("source", "connect", "web host"), ("url", "read", "source")],
    "http write": [("source", "connect", "web host"), ("source", "write", "url")],
    "http tunnel": [("source", "connect", "web host")],
    "ssh": [("source", "logon", "server")],
    "rfb": [("source", "logon", "server")],
    "rdp": [("source", "logon", "server"), ("rdp user", "logon", "server")],
    "radius": [("source", "logon", "account")],
    "kerberos": [("source", "logon", "principal")],
    "kerberos TGS": [("source", "logon", "principal"), ("principal", "access", "ticket")],
    "ntlm": [("source", "logon", "account"), ("client", "logon", "account")],
    "smb_files read": [("shared", "read", "source")],
    "smb_files write": [("source", "write", "shared")],
    "smb_files delete": [("source", "delete", "shared")],
    "smb_files rename": [("renamed", "rename", "shared"), ("source", "rename", "shared")],
    "smb_mapping": [("share", "read", "source")],
    "smb_mapping pipe": [("source", "connect", "share's pipe")],
    "dce_rpc": _CALLS, "modbus": _CALLS, "dnp3": _CALLS,
    "ftp read": [("ftp file", "read", "source")],
    "ftp write": [("source", "write", "ftp file")],
    "ftp delete": [("source", "delete", "ftp file")],
    "smtp": [("sender", "send", name) for name in RECIPIENTS],
    "files": [("sending", "write", "file"), ("file", "read", "receiving")],
}  # fmt: skip
_RULES = {
    "ssl": "ssl: no server is named",
    "smtp": "smtp: no sender or no recipient",
    "http without its request": "http: the request was not seen",
    "smb_files other": "smb_files: closed, or what no flow follows from",
    "ftp other": "ftp: a command without a file",
    "files certificate": "files: a certificate of a connection",
    "dhcp": "dhcp: says who has which address, see aliases",
    "weird": "weird: an oddity of the traffic",
    "x509": "x509: a certificate, of no connection",
}
_CODE = """CASE WHEN try_cast(result AS INTEGER) >= 400 THEN 'failure'
    WHEN try_cast(result AS INTEGER) >= 100 THEN 'success' END"""
_OUTCOME = f"""CASE {_LOG}
    WHEN 'conn' THEN CASE WHEN protocol = 'tcp' AND result IN {_TRIED} THEN 'failure' END
    WHEN 'dns' THEN CASE WHEN error = 'NOERROR' THEN 'success' WHEN error <> '' THEN 'failure' END
    WHEN 'http' THEN {_CODE}
    WHEN 'ftp' THEN {_CODE}
    WHEN 'radius' THEN CASE lower(result) WHEN 'success' THEN 'success'
        WHEN 'failed' THEN 'failure' END
    ELSE CASE outcome WHEN 'true' THEN 'success' WHEN 'false' THEN 'failure' END END"""
RELATIONS = Relations(
    kind=_KIND,
    ends=ENDS,
    edges=EDGES,
    outcome=_OUTCOME,
    rules={kind: f"{kind.split()[0]}: an end of its edge is not named" for kind in EDGES} | _RULES,
    claims=[
        flow("conn", "conn tried"),
        Claim("address", ENDS["client"], "answer", ("dhcp",)),
        Claim("address", whatever_case("host", "nullif(dst_host, '')"), "dst_ip", ("ntlm",)),
    ],
)
IGNORE = """CASE WHEN channel = 'loaded_scripts' OR ts IS NOT NULL
    THEN coalesce(channel || ': no relation in this log', 'no relation in this kind of record')
    END"""
