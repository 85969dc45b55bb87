"""Which edges an audit event gives, from whatever shape of log it comes.

Sources: audit-userspace's specification of events and fields; Linux's kernel/audit*.c; the manual
pages of the calls.
"""

from graphad.decoders.network_ends import from_source
from graphad.relations import Claim, End, Relations

_UNSET = "('4294967295', '-1', 'unset')"
_REMOTE = "nullif(split_part(src_ip, '%', 1), '0.0.0.0')"


def _known(exe: str) -> str:
    return rf"coalesce(regexp_replace({exe}, ' \(deleted\)$', ''), '(unknown)')"


def _socket(ip: str, port: str) -> tuple[str, str]:
    """Return SQL for a socket's key and label; loopback and Unix ones are this host's own."""
    at = f"CASE WHEN contains({ip}, ':') THEN '[' || {ip} || ']' ELSE {ip} END || ':' || {port}"
    label = f"CASE object_type WHEN 'unix' THEN 'unix:' || file_path WHEN 'inet' THEN {at} END"
    local = f"(object_type = 'unix' OR {ip} LIKE '127.%' OR {ip} = '::1')"
    return f"CASE WHEN {local} THEN host || '|' ELSE '' END || {label}", label


_TASK = "script"
_GROUP = "split_part(code, ' ', 1) IN ('ADD_GROUP', 'DEL_GROUP', 'GRP_MGMT', 'GRP_CHAUTHTOK')"
_OTHER = "coalesce(nullif(target_user, '?'), target_sid)"
_ENDS = {
    "process": End("process", "process_guid", _known("exe"), "command_line"),
    "parent": End("process", "parent_guid", _known("parent_exe")),
    "before": End("process", "target_guid", _known("target_exe")),
    "target": End("process", "target_guid", _known("target_exe")),
    "file": End("file", "CASE WHEN object_type IS NULL THEN file_path END"),
    "new": End("file", "new_path"),
    "remote": End("socket", *_socket("dst_ip", "dst_port")),
    "caller": End("socket", *_socket("src_ip", "src_port")),
    "module": End("module", "file_path"),
    "address": End("address", f"CASE WHEN {_REMOTE} <> '' THEN {_REMOTE} END"),
    "login": End("user", f"CASE WHEN login_user NOT IN {_UNSET} THEN login_user END"),
    "account": End("user", f"CASE WHEN {_GROUP} THEN 'group ' || {_OTHER} ELSE {_OTHER} END"),
    "session": End("session", f"CASE WHEN logon_id NOT IN {_UNSET} THEN logon_id END"),
    "service": End("service", "service"),
    "task": End("task", _TASK),
    "host": End("host", "host"),
}  # fmt: skip

_EDGES: dict[str, list[tuple[str, str, str]]] = {
    "exec": [
        ("file", "exec", "process"), ("parent", "launch", "process"), ("before", "exec", "process"),
    ],
    "fork": [("process", "fork", "target")],
    "read": [("file", "read", "process")],
    "write": [("process", "write", "file")],
    "read write": [("file", "read", "process"), ("process", "write", "file")],
    "create": [("process", "create", "file")],
    "delete": [("process", "delete", "file")],
    "rename": [("file", "rename", "new"), ("process", "rename", "new")],
    "link": [("file", "link", "new"), ("process", "create", "new")],
    "meta": [("process", "chmod", "file")],
    "connect": [("process", "connect", "remote")],
    "accept": [("caller", "accept", "process")],
    "bind": [("process", "bind", "caller")],
    "send": [("process", "send", "remote")],
    "receive": [("caller", "receive", "process")],
    "inject": [("process", "inject", "target")],
    "inspect": [("target", "access", "process")],
    "signal": [("process", "signal", "target")],
    "module": [("module", "load", "process")],
    "authenticate": [("address", "logon", "account"), ("login", "logon", "account")],
    "login": [("address", "logon", "session"), ("account", "logon", "session")],
    "session": [("login", "logon", "session")],
    "refused": [("address", "logon", "account")],
    "leave": [("session", "logoff", "host")],
    "command": [("login", "start", "task")],
    "service": [("process", "start", "service")],
    "stop": [("process", "change", "service")],
    "manage": [("process", "change", "account"), ("login", "change", "account")],
    "settings": [("process", "change", "host"), ("login", "change", "host")],
}  # fmt: skip

# The numbers of sessions begin anew with each start; a peer's address and port are those of the
# connection that it opened, of which our own end isn't told.
_CLAIMS = [
    Claim("birth", _ENDS["process"], "pid", ("exec",), each=True),
    Claim("logon", _ENDS["session"], "logon_id", ("session",), each=True),
    Claim("boot", _ENDS["host"], "code", ("boot",), each=True),
    Claim("caller", _ENDS["caller"], from_source(), ("accept",), each=True),
]
_CALLS = {
    "exec": "execve execveat", "fork": "fork vfork clone",
    "delete": "unlink unlinkat rmdir", "rename": "rename renameat renameat2",
    "link": "link linkat symlink symlinkat", "create": "mkdir mkdirat mknod mknodat",
    "meta": "chmod fchmod fchmodat fchmodat2 chown lchown fchown fchownat chown32 lchown32 "
    "fchown32 utime utimes utimensat utimensat_time64 futimesat setxattr lsetxattr fsetxattr "
    "setxattrat removexattr lremovexattr fremovexattr removexattrat mount umount umount2",
    "write": "truncate truncate64", "connect": "connect", "accept": "accept accept4",
    "bind": "bind", "send": "sendto sendmsg sendmmsg", "receive": "recvfrom recvmsg recvmmsg",
    "inject": "process_vm_writev", "inspect": "process_vm_readv",
    "module": "init_module finit_module",
}  # fmt: skip
_KINDS = {
    "authenticate": "USER_AUTH USER_ACCT CRED_ACQ GRP_AUTH", "login": "USER_LOGIN USER_START",
    "session": "LOGIN", "leave": "USER_LOGOUT USER_END", "command": "USER_CMD",
    "service": "SERVICE_START", "stop": "SERVICE_STOP",
    "manage": "ADD_USER DEL_USER ADD_GROUP DEL_GROUP USER_MGMT GRP_MGMT USER_CHAUTHTOK "
    "GRP_CHAUTHTOK ACCT_LOCK ACCT_UNLOCK CHUSER_ID CHGRP_ID ROLE_ASSIGN ROLE_REMOVE",
    "settings": "CONFIG_CHANGE MAC_STATUS MAC_POLICY_LOAD MAC_CONFIG_CHANGE FEATURE_CHANGE "
    "DAEMON_END DAEMON_ABORT DAEMON_CONFIG DAEMON_RECONFIG USYS_CONFIG TIME_INJOFFSET "
    "TIME_ADJNTPVAL ANOM_PROMISCUOUS NETFILTER_CFG",
}  # fmt: skip


def _whens(column: str, names: dict[str, str]) -> str:
    def listed(words: str) -> str:
        return ", ".join(f"'{word}'" for word in words.split())

    return " ".join(
        f"WHEN {column} IN ({listed(words)}) THEN '{kind}'" for kind, words in names.items()
    )


_FAILED = "outcome IN ('no', 'failed', 'failure', 'fail', '0')"
_ABOUT = "split_part(code, ' ', 1)"
_IN_PROGRESS = "coalesce(syscall = 'connect' AND error = 'EINPROGRESS', FALSE)"
_KIND = f"""CASE
    WHEN {_ABOUT} = 'USER_LOGIN' AND {_FAILED} THEN 'refused'
    WHEN {_ABOUT} = 'SYSTEM_BOOT' THEN 'boot'
    {_whens(_ABOUT, _KINDS)}
    WHEN NOT contains(code, 'SYSCALL') OR ({_FAILED} AND NOT {_IN_PROGRESS}) THEN NULL
    WHEN access IS NOT NULL THEN access
    {_whens("syscall", _CALLS)} END"""

_RULES = {
    "state of the system": "SYSTEM_SHUTDOWN SYSTEM_RUNLEVEL DAEMON_START DAEMON_ROTATE "
    "DAEMON_RESUME DAEMON_ACCEPT DAEMON_CLOSE DAEMON_ERR BPF EVENT_LISTENER REPLACE",
    "credentials renewed or given back": "CRED_REFR CRED_DISP",
    "what was typed": "TTY USER_TTY",
    "decision of a security module": "AVC USER_AVC SELINUX_ERR USER_SELINUX_ERR SECCOMP AVC_PATH "
    "LANDLOCK_ACCESS LANDLOCK_DOMAIN IPE_ACCESS",
    "keys of a connection": "CRYPTO_KEY_USER CRYPTO_SESSION CRYPTO_LOGIN CRYPTO_LOGOUT "
    "CRYPTO_IKE_SA CRYPTO_IPSEC_SA",
}  # fmt: skip
IGNORE = f"""CASE
    {_whens(_ABOUT, _RULES)}
    WHEN {_KIND} IS NOT NULL AND contains(code, 'SYSCALL') AND {_ABOUT} = 'SYSCALL' THEN
        CASE WHEN object_type IN ('netlink', 'other socket') THEN 'socket of the kernel or of none'
             WHEN access = 'nothing' THEN 'call without information flow'
             WHEN syscall IN ('clone', 'fork', 'vfork') THEN 'thread of a process'
             ELSE 'call on a descriptor, or on what is not named' END
    WHEN contains(code, 'SYSCALL') AND {_FAILED} THEN 'failed call'
    WHEN contains(code, 'SYSCALL') AND syscall = 'clone3'
        THEN 'clone3: does not say whether it made a thread or a process'
    WHEN contains(code, 'SYSCALL') AND syscall IN ('exit', 'exit_group') THEN 'end of a process'
    WHEN {_ABOUT} = 'SYSCALL' THEN 'call without information flow'
    WHEN {_ABOUT} IN ('CWD', 'PATH', 'EXECVE', 'SOCKADDR', 'PROCTITLE', 'EOE', 'OBJ_PID',
        'BPRM_FCAPS', 'FD_PAIR', 'MMAP', 'IPC', 'CAPSET', 'OPENAT2', 'KERN_MODULE')
        THEN 'rest of an event whose call is missing'
    WHEN {_KIND} IS NOT NULL THEN {_ABOUT} || ': one end unnamed'
    ELSE {_ABOUT} || ': no relation in this kind of record' END"""

RELATIONS = Relations(
    kind=_KIND,
    ends=_ENDS,
    edges=_EDGES,
    outcome=f"CASE WHEN {_FAILED} AND NOT {_IN_PROGRESS} THEN 'failure' "
    "WHEN outcome IS NOT NULL THEN 'success' END",
    rules={"boot": "state of the system"},
    claims=_CLAIMS,
)
