"""What each event of Windows' logs says: its edges, or the rule that says why it gives none.

Sources: Sysmon's manifest, Microsoft's auditing reference, the manifests of the providers.
"""

from collections.abc import Mapping, Sequence

# Event id, variant (see windows_relations.py); from where, how, to where: names of windows_ends.
Row = tuple[int, int, str, str, str]

SYSMON: Sequence[Row] = [
    (1, 0, "parent", "launch", "process"), (1, 0, "image", "exec", "process"),
    (1, 0, "own session", "start", "process"),
    (2, 0, "acting", "chmod", "file"), (3, 0, "acting", "connect", "remote"),
    (3, 1, "caller", "accept", "acting"), (6, 0, "file", "load", "kernel"),
    (7, 0, "file", "load", "acting"), (8, 0, "acting", "inject", "target"),
    (9, 0, "file", "read", "acting"), (10, 0, "acting", "access", "target"),
    (11, 0, "acting", "create", "file"), (15, 0, "acting", "create", "file"),
    (29, 0, "acting", "create", "file"), (12, 0, "acting", "create", "key"),
    (12, 1, "acting", "delete", "key"), (13, 0, "acting", "write", "key"),
    (14, 0, "acting", "rename", "key"), (17, 0, "acting", "create", "pipe"),
    (18, 0, "acting", "connect", "pipe"), (19, 0, "account", "install", "consumer"),
    (20, 0, "account", "install", "consumer"), (21, 0, "account", "install", "consumer"),
    (22, 0, "acting", "resolve", "domain"), (23, 0, "acting", "delete", "file"),
    (25, 0, "acting", "inject", "acting"), (26, 0, "acting", "delete", "file"),
    (27, 0, "acting", "create", "file"), (28, 0, "acting", "delete", "file"),
]  # fmt: skip
SECURITY: Sequence[Row] = [
    *((code, 0, "package", "load", "logger") for code in (4610, 4614, 4622)),
    (4616, 0, "acting", "change", "host"), (4624, 0, "address", "logon", "session"),
    (4624, 0, "other", "logon", "session"), (4625, 0, "address", "logon", "other"),
    (4634, 0, "session", "logoff", "host"), (4647, 0, "session", "logoff", "host"),
    (4648, 0, "address", "logon", "other"), (4648, 0, "account", "logon", "other"),
    (4657, 0, "acting", "write", "object"), (4662, 1, "account", "access", "host"),
    (4662, 2, "account", "change", "host"), (4663, 0, "file", "read", "acting"),
    (4663, 1, "acting", "write", "file"), (4663, 2, "acting", "delete", "file"),
    (4663, 10, "object", "read", "acting"), (4663, 11, "acting", "write", "object"),
    (4663, 12, "acting", "delete", "object"), (4664, 0, "file", "link", "new path"),
    *((code, 0, "acting", "chmod", "file") for code in (4670, 4907)),
    *((code, 10, "acting", "write", "object") for code in (4670, 4907)),
    (4688, 0, "creator", "launch", "created"), (4688, 0, "new image", "exec", "created"),
    (4688, 0, "its session", "start", "created"),
    (4696, 0, "acting", "access", "target"), (4697, 0, "account", "install", "service"),
    (4697, 0, "file", "install", "service"), (4698, 0, "account", "install", "task"),
    *((code, 0, "account", "change", "task") for code in range(4699, 4703)),
    *((code, 0, "account", "change", "by sid") for code in (4704, 4705, 4717, 4718)),
    *((code, 0, "account", "change", "host")
      for code in (4706, 4707, 4713, 4714, 4715, 4716, 4719, 4739, 4794, 4865, 4866, 4867,
                   4906, 4912, 1102)),
    *((code, 0, "account", "change", "other") for code in range(4720, 4768)),
    *((code, 0, "account", "change", "member")
      for first in (4728, 4732, 4746, 4751, 4756, 4761) for code in (first, first + 1)),
    *((code, 0, "address", "logon", "other") for code in (4768, 4769, 4771, 4772)),
    (4769, 0, "other", "access", "service"), (4776, 0, "client", "logon", "other"),
    (4777, 0, "client", "logon", "other"), (4778, 0, "address", "logon", "resumed session"),
    (4778, 0, "account", "logon", "resumed session"),
    (4779, 0, "resumed session", "logoff", "host"),
    (4780, 0, "account", "change", "other"), (4781, 0, "account", "change", "renamed"),
    (4782, 0, "account", "access", "other"), (4798, 0, "acting", "access", "other"),
    (4799, 0, "acting", "access", "other"),
    *((code, 0, "account", "change", "entry") for code in (5136, 5137, 5138, 5139, 5141)),
    *((code, 1, "account", "change", "host") for code in (5136, 5137, 5138, 5139, 5141)),
    *((code, 0, "shared", "read", "address") for code in (5140, 5145)),
    *((code, 1, "address", "write", "shared") for code in (5140, 5145)),
    *((code, 2, "address", "delete", "shared") for code in (5140, 5145)),
    *((code, 0, "account", "change", "share") for code in (5142, 5143, 5144)),
    *((code, 0, "acting", "connect", "remote") for code in (5152, 5153, 5156, 5157)),
    *((code, 1, "caller", "accept", "acting") for code in (5152, 5153, 5156, 5157)),
    *((code, 0, "acting", "bind", "caller") for code in (5154, 5155, 5158, 5159)),
    *((code, 0, "acting", "access", "account") for code in (5379, 5381, 5382)),
]  # fmt: skip
SYSTEM: Sequence[Row] = [
    (104, 0, "account", "change", "host"), (1074, 0, "stopper", "change", "host"),
    (1074, 0, "user 7", "change", "host"), (7000, 0, "logger", "start", "service 1"),
    (7009, 0, "logger", "start", "service 2"), (7036, 0, "logger", "change", "service 1"),
    (7040, 0, "sid", "change", "service 4"), (7045, 0, "file", "install", "service"),
    (7045, 0, "sid", "install", "service"),
]  # fmt: skip
TASKS: Sequence[Row] = [
    (100, 0, "account", "start", "task"), (106, 0, "account", "install", "task"),
    (110, 0, "account", "start", "task"), (129, 0, "task", "launch", "started"),
    (129, 0, "file", "exec", "started"), (140, 0, "account", "change", "task"),
    (141, 0, "account", "change", "task"), (142, 0, "account", "change", "task"),
    (200, 0, "file", "exec", "task"),
]  # fmt: skip
POWERSHELL: Sequence[Row] = [
    (4103, 0, "command script", "exec", "host process"),
    (4104, 0, "script", "exec", "host process"),
]  # fmt: skip
CLASSIC: Sequence[Row] = [
    (400, 0, "engine image", "exec", "engine"), (800, 0, "engine script", "exec", "engine"),
]  # fmt: skip
TERMINAL: Sequence[Row] = [
    *((code, 0, "terminal", "logon", "terminal session") for code in (21, 25)),
    *((code, 0, "account", "logon", "terminal session") for code in (21, 25)),
    (23, 0, "terminal session", "logoff", "host"), (24, 0, "terminal session", "logoff", "host"),
]  # fmt: skip
RDP: Sequence[Row] = [
    (1149, 0, "rdp address", "logon", "rdp account"), (1149, 0, "rdp account", "logon", "host"),
]  # fmt: skip
RDP_CLIENT: Sequence[Row] = [
    (1024, 0, "logger", "connect", "rdp server"), (1102, 0, "logger", "connect", "rdp server"),
]  # fmt: skip
WMI: Sequence[Row] = [
    (5857, 0, "file", "load", "acting"), (5858, 1, "acting", "change", "host"),
    (5860, 0, "acting", "install", "query"), (5861, 0, "logger", "install", "task"),
]  # fmt: skip
WINRM: Sequence[Row] = [
    (6, 0, "logger", "connect", "peer"), (91, 0, "sid", "logon", "host"),
    (168, 0, "account", "logon", "host"), (169, 0, "account", "logon", "host"),
]  # fmt: skip
DEFENDER: Sequence[Row] = [
    *((code, 0, "threat", "read", reader)
      for code in (1006, 1007, 1008, 1015, 1116, 1117, 1118, 1119)
      for reader in ("named", "logger")),
    *((code, 0, "logger", "change", "host") for code in (5001, 5010, 5012)),
    *((code, 0, "logger", "write", "setting") for code in (5004, 5007, 5013)),
]  # fmt: skip
BITS: Sequence[Row] = [
    (3, 0, "acting", "install", "job"), (16403, 0, "acting", "install", "job"),
    (16403, 0, "job", "connect", "url"), (16403, 0, "acting", "create", "fetched"),
    (59, 0, "job", "connect", "url"), (60, 0, "url", "receive", "job"),
    (61, 0, "job", "connect", "url"),
]  # fmt: skip
KERNEL: Sequence[Row] = [(1, 0, "acting", "change", "host")]

EDGES = {
    "sysmon": SYSMON, "security": SECURITY, "system": SYSTEM, "kernel": KERNEL, "tasks": TASKS,
    "powershell": POWERSHELL, "classic": CLASSIC, "terminal": TERMINAL, "rdp": RDP,
    "rdp client": RDP_CLIENT, "wmi": WMI, "winrm": WINRM, "defender": DEFENDER, "bits": BITS,
}  # fmt: skip

# What happened where it failed or was not allowed to.
FAILED = {
    "sysmon": (27, 28), "system": (7000, 7009), "wmi": (5858,), "defender": (5013,), "bits": (61,),
    "security": (4625, 4771, 4772, 4777, 5152, 5153, 5155, 5157, 5159),
}  # fmt: skip
# Where a status other than 0 says so.
JUDGED = {"security": (4768, 4769, 4776)}

# The name of the rule that leaves an event out, where it gives no edge.
RULES: Mapping[str, Mapping[str, Sequence[int]]] = {
    "sysmon": {
        "Sysmon's own state": (4, 16, 255),
        "process ended": (5,),
        "clipboard: no entity of its own": (24,),
    },
    "security": {
        "host started or shut down": (4608, 4609),
        "logon process or audit source registered": (4611, 4904, 4905),
        "groups and rights of a logon; 4624 tells of it": (4626, 4627, 4672, 4964),
        "handle asked for or closed; 4663 says what was done":
            (4656, 4658, 4659, 4661, 4690),
        "object deleted; 4663 names it": (4660,),
        "directory object read": (4662,),
        "object of another kind than file and key": (4663, 4670, 4907),
        "privilege used": (4673, 4674),
        "privileges of a process's token": (4703,),
        "process ended": (4689,),
        "ticket renewed": (4770,),
        "workstation locked or unlocked": (4800, 4801, 4802, 4803),
        "account policy asked for": (4793, 4797),
        "audit policy table made": (4902,),
        "firewall's own state": (5024, 5025, 5027, 5028, 5029, 5030, 5032, 5033, 5034, 5035, 5037),
        "cryptographic operation": (5056, 5057, 5058, 5059, 5060, 5061),
        "event log's own state": (1100, 1101, 1104, 1105, 1108),
    },
    "system": {
        "host started or shut down": (6005, 6006, 6008, 6009, 6013),
        "service ended or failed by itself": (7022, 7023, 7024, 7026, 7030, 7031, 7034),
    },
    "kernel": {
        "host started or shut down": (12, 13),
        "clock set by no named process": (1,),
    },
    "tasks": {
        "task's progress; 100, 129 and 200 say what ran":
            (101, 102, 103, 107, 108, 111, 114, 117, 118, 119, 201, 202, 203, 322, 325, 332),
    },
    "powershell": {
        "PowerShell command or script block of no file": (4103, 4104),
        "PowerShell's own state": (4105, 4106, 8193, 8194, 8195, 8196, 8197,
                                   40961, 40962, 53504, 53506),
    },
    "classic": {
        "PowerShell command of no script": (800,),
        "PowerShell engine or provider changed its state": (300, 403, 500, 501, 600),
    },
    "terminal": {
        "terminal session's progress; 21 and 25 say who logged on":
            (17, 22, 32, 34, 36, 37, 39, 40, 41, 42, 54, 59),
    },
    "rdp": {"connection before anyone logged on": (258, 259, 261, 1155)},
    "wmi": {"WMI query that failed": (5858,), "WMI's own state": (5859,)},
    "winrm": {
        "WinRM session's progress": (8, 10, 11, 12, 13, 15, 16, 29, 30, 31, 33, 132, 142, 145, 254),
    },
    "defender": {
        "Defender's own state": (1000, 1001, 1002, 1013, 1150, 1151, 2000, 2001, 2002, 2010,
                                 5000, 5009, 5011),
    },
    "bits": {"BITS job's progress; 3 and 59 say who fetched what": (4, 5, 60, 61, 306, 310)},
}  # fmt: skip
