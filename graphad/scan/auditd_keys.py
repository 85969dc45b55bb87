"""What the auditd scanner knows by name: fields, kinds of records, and families of system calls."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from graphad.scan.lean import inlined
from graphad.scan.words import U64, Bytes, Ints, load64

# Classes of records; of OTHER ones any field may say who acted and how it ended.
(OTHER, SYSCALL, EXECVE, CWD, PATH, SOCKADDR, PROCTITLE, END, OBJECT, OPENAT2, MODULE,
 TYPED) = range(12)  # fmt: skip
CLASSES = {
    "SYSCALL": SYSCALL, "EXECVE": EXECVE, "CWD": CWD, "PATH": PATH, "SOCKADDR": SOCKADDR,
    "PROCTITLE": PROCTITLE, "EOE": END, "OBJ_PID": OBJECT, "OPENAT2": OPENAT2,
    "KERN_MODULE": MODULE, "TTY": TYPED, "USER_TTY": TYPED,
}  # fmt: skip

# Texts of an event, in the order of TEXTS' columns, and those that only serve others.
(EXE, UID, LOGIN, SESSION, ACCOUNT, HOSTNAME, ADDRESS, OPERATION, OUTCOME, EXIT, UNIT, COMMAND,
 TARGET_ID, USER, FOLDER, ARGS, LOGIN_ID, SADDR, MODULE_NAME) = range(19)  # fmt: skip
SLOTS = 19
# Numbers of an event
PID, PARENT, TARGET, CALL, ARCH, RETURNED, A0, A1, A2, FLAGS, FAMILY = range(11)
NUMBERS = 11

# Fields. Those up to SLOTS fill the slot of that number.
_NUMBER = 32
_FIELDS = {
    "exe": EXE, "uid": UID, "auid": LOGIN_ID, "ses": SESSION, "acct": ACCOUNT,
    "hostname": HOSTNAME, "addr": ADDRESS, "op": OPERATION, "res": OUTCOME, "success": OUTCOME,
    "exit": EXIT, "unit": UNIT, "cmd": COMMAND, "id": TARGET_ID, "UID": USER, "AUID": LOGIN,
    "ID": ACCOUNT,    "cwd": FOLDER, "a0": ARGS, "saddr": SADDR,
    "pid": _NUMBER + PID, "ppid": _NUMBER + PARENT, "opid": _NUMBER + TARGET,
    "syscall": _NUMBER + CALL, "arch": _NUMBER + ARCH, "oflag": _NUMBER + FLAGS,
    "data": 68, "name": 64, "nametype": 65, "objtype": 65, "item": 66, "msg": 67,
}  # fmt: skip
NUMBER, NAME, NAME_TYPE, ITEM, MSG, DATA = _NUMBER, 64, 65, 66, 67, 68

# Name types of PATH records
NONE, NORMAL, PARENT_TYPE, CREATE, DELETE, UNKNOWN = range(6)
_TYPES = {"NORMAL": NORMAL, "PARENT": PARENT_TYPE, "CREATE": CREATE, "DELETE": DELETE}


def _word(text: str) -> int:
    return int.from_bytes(text.encode(), "little")


def _hashed(words: dict[str, int], size: int) -> tuple[npt.NDArray[np.uint64], Ints]:
    keys, values = np.zeros(size, np.uint64), np.full(size, -1, np.int64)
    for text, value in words.items():
        word = _word(text)
        slot = (word * 0x9E3779B97F4A7C15 & (2**64 - 1)) >> 40 & (size - 1)
        while keys[slot]:
            slot = (slot + 1) & (size - 1)
        keys[slot], values[slot] = word, value
    return keys, values


_KEYS, _VALUES = _hashed(_FIELDS, 256)
_TYPE_KEYS, _TYPE_VALUES = _hashed(_TYPES, 16)
_MULTIPLIER = U64(0x9E3779B97F4A7C15)


@inlined
def word8(data: Bytes, a: int, b: int) -> U64:
    """Return at most 8 bytes as a word, 0 if there are more; 8 bytes past `a` can be read."""
    if b - a > 8 or b <= a:
        return U64(0)
    return load64(data, a) & (~U64(0) >> U64(64 - 8 * (b - a)))


@inlined
def field_of(word: U64) -> int:
    """Return the number of a field, -1 if it has none."""
    slot = np.int64((word * _MULTIPLIER) >> U64(40)) & 255
    while _KEYS[slot] != U64(0):
        if _KEYS[slot] == word:
            return np.int64(_VALUES[slot])
        slot = (slot + 1) & 255
    return -1


@inlined
def name_type_of(word: U64) -> int:
    """Return the number of a name type."""
    slot = np.int64((word * _MULTIPLIER) >> U64(40)) & 15
    while _TYPE_KEYS[slot] != U64(0):
        if _TYPE_KEYS[slot] == word:
            return np.int64(_TYPE_VALUES[slot])
        slot = (slot + 1) & 15
    return UNKNOWN


# Families of calls. DIR and DIR2 say which argument, counted from 1, is the descriptor of the
# folder that the first or second path is relative to.
(NO_FAMILY, OPEN, OPEN2, CREAT, EXEC, FORK, FORK3, EXIT_GROUP, UNLINK, RENAME, LINK, SYMLINK, META,
 MAKE, TRUNCATE, CONNECT, ACCEPT, BIND, SEND, RECEIVE, PTRACE, INJECT, KILL, LOAD, SOCKETCALL,
 INSPECT, CLONE) = range(27)  # fmt: skip
DIR, DIR2, FLAG_AT, FAMILY_BITS = 8, 12, 16, 0xFF
_CALLS: dict[str, int] = {
    "open": OPEN | 2 << FLAG_AT, "openat": OPEN | 1 << DIR | 3 << FLAG_AT,
    "openat2": OPEN2 | 1 << DIR, "creat": CREAT, "execve": EXEC, "execveat": EXEC | 1 << DIR,
    "fork": FORK, "vfork": FORK, "clone": CLONE, "clone3": FORK3, "exit_group": EXIT_GROUP,
    "unlink": UNLINK, "unlinkat": UNLINK | 1 << DIR, "rmdir": UNLINK, "rename": RENAME,
    "renameat": RENAME | 1 << DIR | 3 << DIR2, "renameat2": RENAME | 1 << DIR | 3 << DIR2,
    "link": LINK, "linkat": LINK | 1 << DIR | 3 << DIR2, "symlink": SYMLINK,
    "symlinkat": SYMLINK | 2 << DIR2, "mkdir": MAKE, "mkdirat": MAKE | 1 << DIR, "mknod": MAKE,
    "mknodat": MAKE | 1 << DIR, "truncate": TRUNCATE, "truncate64": TRUNCATE,
    "connect": CONNECT, "accept": ACCEPT, "accept4": ACCEPT, "bind": BIND, "sendto": SEND,
    "sendmsg": SEND, "sendmmsg": SEND, "recvfrom": RECEIVE, "recvmsg": RECEIVE,
    "recvmmsg": RECEIVE, "ptrace": PTRACE, "process_vm_writev": INJECT,
    "process_vm_readv": INSPECT, "kill": KILL | 2 << FLAG_AT, "tkill": KILL | 2 << FLAG_AT,
    "tgkill": KILL | 3 << FLAG_AT, "init_module": LOAD, "finit_module": LOAD,
    "socketcall": SOCKETCALL,
    **dict.fromkeys(
        ("chmod", "chown", "lchown", "chown32", "lchown32", "utime", "utimes", "setxattr",
         "lsetxattr", "removexattr", "lremovexattr", "fchmod", "fchown", "fchown32", "fsetxattr",
         "fremovexattr", "mount", "umount", "umount2"), META),
    **dict.fromkeys(
        ("fchmodat", "fchmodat2", "fchownat", "utimensat", "utimensat_time64", "futimesat",
         "setxattrat", "removexattrat"), META | 1 << DIR),
}  # fmt: skip
CALLS = 512  # numbers a machine may have
# What socketcall's first argument asks for. Source: linux/net.h.
SOCKETCALLS = {2: BIND, 3: CONNECT, 5: ACCEPT, 9: SEND, 11: SEND, 16: SEND, 18: ACCEPT, 20: SEND,
               10: RECEIVE, 12: RECEIVE, 17: RECEIVE, 19: RECEIVE}  # fmt: skip
_SOCKET = np.zeros(32, np.int64)
_SOCKET[list(SOCKETCALLS)] = list(SOCKETCALLS.values())


@inlined
def socket_family(number: int) -> int:
    """Return the family of what socketcall is asked for."""
    return np.int64(_SOCKET[number]) if 0 <= number < 32 else NO_FAMILY


def machines(arches: Iterable[tuple[int, dict[int, str]]]) -> Ints:
    """Return the families of some machines' calls [M, CALLS + 1], -1 where there is no such call.

    In the last column stands what the machine is called.
    """
    rows = [
        [*(_CALLS.get(names[i], 0) if i in names else -1 for i in range(CALLS)), arch]
        for arch, names in arches
    ]
    return np.array(rows, np.int64)
