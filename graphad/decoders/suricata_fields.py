"""Which fields of Suricata's EVE JSON fill which columns.

Source: Suricata's documentation of EVE JSON, 4 to 8.
"""

# column: fields that fill it, the one that goes first first
_TABLE = """
ts              timestamp
created_time    flow.start
channel         event_type
host            host
src_ip          src_ip
src_port        src_port
dst_ip          dest_ip
dst_port        dest_port
protocol        proto
service         app_proto krb5.sname
code            alert.signature_id
description     alert.signature
action          http.http_method dns.type smb.command ftp.command krb5.msg_type alert.action
result          http.status flow.state
error           dns.rcode krb5.error_code
domain          dns.rrname tls.sni
args            dns.queries dns.query
answer          dns.answers dhcp.assigned_ip
dst_host        http.hostname
src_host        dhcp.hostname smtp.helo
file_path       fileinfo.filename http.url smb.filename ftp.command_data
share           smb.share
hashes          fileinfo.sha256 fileinfo.sha1 fileinfo.md5
user            krb5.cname smtp.mail_from
user_domain     krb5.realm
target_user     smtp.rcpt_to
object_type     http.http_content_type fileinfo.magic
"""
FIELDS = [
    (name, column)
    for column, *names in (line.split() for line in _TABLE.strip().splitlines())
    for name in names
]
