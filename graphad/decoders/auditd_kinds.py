"""Kinds of audit records: their names, their order in an event, and what each is to the scanner.

Source: linux/audit.h; audit-userspace's lib/msg_typetab.h, for those of programs.
"""

import re
from collections.abc import Sequence

import numpy as np

from graphad.scan import auditd_keys as k
from graphad.scan.auditd_block import PADDING, Kinds
from graphad.scan.words import Ints

_RUNS = {
    1100: "USER_AUTH USER_ACCT USER_MGMT CRED_ACQ CRED_DISP USER_START USER_END USER_AVC "
    "USER_CHAUTHTOK USER_ERR CRED_REFR USYS_CONFIG USER_LOGIN USER_LOGOUT ADD_USER DEL_USER "
    "ADD_GROUP DEL_GROUP DAC_CHECK CHGRP_ID TEST TRUSTED_APP USER_SELINUX_ERR USER_CMD USER_TTY "
    "CHUSER_ID GRP_AUTH SYSTEM_BOOT SYSTEM_SHUTDOWN SYSTEM_RUNLEVEL SERVICE_START SERVICE_STOP "
    "GRP_MGMT GRP_CHAUTHTOK MAC_CHECK ACCT_LOCK ACCT_UNLOCK USER_DEVICE SOFTWARE_UPDATE",
    1200: "DAEMON_START DAEMON_END DAEMON_ABORT DAEMON_CONFIG DAEMON_RECONFIG DAEMON_ROTATE "
    "DAEMON_RESUME DAEMON_ACCEPT DAEMON_CLOSE DAEMON_ERR",
    1300: "SYSCALL",
    1302: "PATH IPC SOCKETCALL CONFIG_CHANGE SOCKADDR CWD",
    1309: "EXECVE",
    1311: "IPC_SET_PERM MQ_OPEN MQ_SENDRECV MQ_NOTIFY MQ_GETSETATTR KERNEL_OTHER FD_PAIR OBJ_PID "
    "TTY EOE BPRM_FCAPS CAPSET MMAP NETFILTER_PKT NETFILTER_CFG SECCOMP PROCTITLE FEATURE_CHANGE "
    "REPLACE KERN_MODULE FANOTIFY TIME_INJOFFSET TIME_ADJNTPVAL BPF EVENT_LISTENER URINGOP OPENAT2 "
    "DM_CTRL DM_EVENT",
    1400: "AVC SELINUX_ERR AVC_PATH MAC_POLICY_LOAD MAC_STATUS MAC_CONFIG_CHANGE MAC_UNLBL_ALLOW "
    "MAC_CIPSOV4_ADD MAC_CIPSOV4_DEL MAC_MAP_ADD MAC_MAP_DEL MAC_IPSEC_ADDSA MAC_IPSEC_DELSA "
    "MAC_IPSEC_ADDSPD MAC_IPSEC_DELSPD MAC_IPSEC_EVENT MAC_UNLBL_STCADD MAC_UNLBL_STCDEL "
    "MAC_CALIPSO_ADD MAC_CALIPSO_DEL IPE_ACCESS IPE_CONFIG_CHANGE IPE_POLICY_LOAD LANDLOCK_ACCESS "
    "LANDLOCK_DOMAIN",
    1700: "ANOM_PROMISCUOUS ANOM_ABEND ANOM_LINK ANOM_CREAT",
    1800: "INTEGRITY_DATA INTEGRITY_METADATA INTEGRITY_STATUS INTEGRITY_HASH INTEGRITY_PCR "
    "INTEGRITY_RULE INTEGRITY_EVM_XATTR INTEGRITY_POLICY_RULE",
    2100: "ANOM_LOGIN_FAILURES ANOM_LOGIN_TIME ANOM_LOGIN_SESSIONS ANOM_LOGIN_ACCT "
    "ANOM_LOGIN_LOCATION ANOM_MAX_DAC ANOM_MAX_MAC ANOM_AMTU_FAIL ANOM_RBAC_FAIL "
    "ANOM_RBAC_INTEGRITY_FAIL ANOM_CRYPTO_FAIL ANOM_ACCESS_FS ANOM_EXEC ANOM_MK_EXEC ANOM_ADD_ACCT "
    "ANOM_DEL_ACCT ANOM_MOD_ACCT ANOM_ROOT_TRANS ANOM_LOGIN_SERVICE ANOM_LOGIN_ROOT "
    "ANOM_ORIGIN_FAILURES ANOM_SESSION",
    2300: "USER_ROLE_CHANGE ROLE_ASSIGN ROLE_REMOVE LABEL_OVERRIDE LABEL_LEVEL_CHANGE "
    "USER_LABELED_EXPORT USER_UNLABELED_EXPORT DEV_ALLOC DEV_DEALLOC FS_RELABEL "
    "USER_MAC_POLICY_LOAD ROLE_MODIFY USER_MAC_CONFIG_CHANGE USER_MAC_STATUS",
    2400: "CRYPTO_TEST_USER CRYPTO_PARAM_CHANGE_USER CRYPTO_LOGIN CRYPTO_LOGOUT CRYPTO_KEY_USER "
    "CRYPTO_FAILURE_USER CRYPTO_REPLAY_USER CRYPTO_SESSION CRYPTO_IKE_SA CRYPTO_IPSEC_SA",
    2500: "VIRT_CONTROL VIRT_RESOURCE VIRT_MACHINE_ID VIRT_INTEGRITY_CHECK VIRT_CREATE "
    "VIRT_DESTROY VIRT_MIGRATE_IN VIRT_MIGRATE_OUT",
}  # fmt: skip
NAMES = {
    start + i: name for start, names in _RUNS.items() for i, name in enumerate(names.split())
} | {1006: "LOGIN"}
_UNKNOWN = re.compile(r"UNKNOWN\[(\d{1,6})\]|(\d{1,6})")
# What goes with a system call, in this order behind what it is about.
_WITH_CALL = [
    "SYSCALL", "SOCKETCALL", "EXECVE", "BPRM_FCAPS", "CAPSET", "OBJ_PID", "IPC", "IPC_SET_PERM",
    "FD_PAIR", "MMAP", "MQ_OPEN", "MQ_SENDRECV", "MQ_NOTIFY", "MQ_GETSETATTR", "OPENAT2",
    "KERN_MODULE", "SOCKADDR", "CWD", "PATH", "PROCTITLE", "EOE",
]  # fmt: skip


def name_of(text: str) -> str:
    """Return the name of a kind, which may be written as a number.

    >>> name_of("UNKNOWN[1337]"), name_of("1300"), name_of("9999")
    ('OPENAT2', 'SYSCALL', '9999')
    """
    found = _UNKNOWN.fullmatch(text)
    if found is None:
        return text
    return NAMES.get(int(found[1] or found[2]), text)


def order_of(name: str) -> tuple[int, str]:
    """Return what kinds are sorted by: first what the event is about, then the call, then more."""
    return (1 + _WITH_CALL.index(name) if name in _WITH_CALL else 0, name)


def kinds_of(texts: Sequence[str]) -> tuple[Kinds, Ints]:
    """Return the kinds that some texts name, and the kind of each text."""
    names = sorted({name_of(text) for text in texts}, key=order_of)
    place = {name: i for i, name in enumerate(names)}
    encoded = [name.encode() for name in names]
    table = np.zeros((2, len(names) + 1), np.int64)
    table[0, :-1] = [k.CLASSES.get(name, k.OTHER) for name in names]
    table[1, 1:] = np.cumsum([len(name) for name in encoded])
    places = np.array([place[name_of(text)] for text in texts], np.int64)
    return Kinds(table, np.frombuffer(b"".join(encoded) + bytes(PADDING), np.uint8)), places
