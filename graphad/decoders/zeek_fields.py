"""Which fields of Zeek's logs fill which columns, and which log a record is of.

The same for JSON and TSV. A key is written with dots or, by some shippers, with underscores.

Source: Zeek's documentation of its logs, 2.6 to 7.
"""

from collections.abc import Iterable

# column: fields that fill it, the one that goes first first
_TABLE = """
ts              ts
received_time   _write_ts
channel         _path @stream
host            @system _system_name
src_ip          id.orig_h
src_port        id.orig_p
dst_ip          id.resp_h
dst_port        id.resp_p
protocol        proto source
service         service endpoint
action          action method command operation request_type func fc_request tunnel_type
result          conn_state status_code reply_code result
error           rcode_name error_msg
outcome         success auth_success established auth
domain          query server_name request.host request.name
answer          answers assigned_addr assigned_ip
file_path       filename uri arg name
original_name   prev_name
share           path
pipe            named_pipe
object_type     mime_type share_type
hashes          sha256 sha1 md5
args            tx_hosts auth_attempts
context         rx_hosts
direction       is_orig
user            username user client cookie mailfrom
user_domain     domainname
target_user     rcptto
src_host        hostname host_name client_name helo
dst_host        host server_nb_computer_name
logon_type      security_protocol authentication_method
description     subject
"""


def _fields() -> list[tuple[str, str]]:
    found = []
    for line in _TABLE.strip().splitlines():
        column, *names = line.split()
        for name in names:
            found.append((name.replace(".", r"\."), column))
            if "." in name:
                found += [(name.replace(".", "_"), column), (name, column)]
    return found


FIELDS = _fields()

# log: sets of fields, any of which only its records have
_SIGNS = """
conn            conn_state
dns             query | rcode_name | qclass_name | qtype_name
http            method | uri | status_code | trans_depth+user_agent
ssl             established | server_name | cipher+resumed
ssh             auth_success | auth_attempts | host_key_alg
kerberos        request_type | client+service
ntlm            domainname | username+hostname | server_nb_computer_name
smb_files       action+name+path | action+name+id_resp_h | prev_name
smb_mapping     share_type
dce_rpc         endpoint | operation
files           tx_hosts | fuid+mime_type | seen_bytes
rdp             security_protocol | cookie+result
rfb             authentication_method
ftp             reply_code+command | command+arg
smtp            mailfrom | rcptto | helo
dhcp            assigned_addr | assigned_ip | host_name+mac | msg_types
tunnel          tunnel_type
x509            certificate_version | certificate_serial
weird           name+notice+peer | name+notice
capture_loss    gaps+percent_lost
stats           pkts_proc
ntp             stratum
packet_filter   filter+init+success
notice          note+suppress_for
loaded_scripts  name
"""
SIGNS = [
    (log, [frozenset(one.strip().split("+")) for one in rest.split("|")])
    for log, _, rest in (line.partition(" ") for line in _SIGNS.strip().splitlines())
]


def log_of(names: Iterable[str]) -> str | None:
    """Return the log that a record with such fields is of, None if that is not to be told.

    >>> log_of(["ts", "uid", "id.orig_h", "query"]), log_of(["ts", "uid"])
    ('dns', None)
    """
    found = {name.replace(".", "_") for name in names}
    for log, signs in SIGNS:
        if log == "loaded_scripts":
            if found == {"name"}:
                return log
        elif any(sign <= found for sign in signs):
            return log
    return None
