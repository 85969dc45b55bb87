"""What Windows events say of entities besides their edges: see docs/identity.md."""

from graphad.decoders.windows_ends import ENDS, SESSION, at, guid
from graphad.relations import Claim, End


def _born(column: str) -> str:
    """Return the second at which a process began: the middle of a Sysmon GUID, low half first."""
    form = "^[0-9a-f]{8}-([0-9a-f]{4})-([0-9a-f]{4})-[0-9a-f]{4}-[0-9a-f]{12}$"
    half = [f"regexp_extract({column}, '{form}', {group})" for group in (2, 1)]
    return f"try_cast('0x' || {' || '.join(half)} AS BIGINT)"


_ADDRESS = "nullif(replace(lower({}), '::ffff:', ''), '-')"
_FROM = at(_ADDRESS.format("src_ip"), "nullif(src_port, 0)")
_TO = at(_ADDRESS.format("dst_ip"), "nullif(dst_port, 0)")
_OUT, _IN = ("sysmon 3 0", "security 5156 0"), ("sysmon 3 1", "security 5156 1")
_IDENTIFIED = [
    ("process_guid", "pid", "exe"), ("parent_guid", "parent_pid", "parent_exe"),
    ("target_guid", "target_pid", "target_exe"),
]  # fmt: skip
CLAIMS = [
    *(
        Claim("process", End("process", guid(column), exe), pid, born=_born(guid(column)))
        for column, pid, exe in _IDENTIFIED
    ),
    Claim("birth", End("process", guid("process_guid"), "exe", "command_line"), "pid",
          ("sysmon 1 0",), each=True),
    Claim("death", End("process", guid("process_guid"), "exe"), "pid", ("sysmon 5 0",), each=True),
    Claim("pid birth", ENDS["created"], "target_pid", ("security 4688 0",), each=True),
    Claim("pid death", ENDS["acting"], "pid", ("security 4689 0",), each=True),
    Claim("logon", ENDS["session"], SESSION, ("security 4624 0",), each=True),
    Claim("logoff", ENDS["session"], SESSION, ("security 4634 0", "security 4647 0"), each=True),
    Claim("boot", ENDS["host"], "code", ("security 4608 0", "system 6005 0", "system 6009 0"),
          each=True),
    Claim("sid", ENDS["account"], "user_sid"),
    Claim("sid", ENDS["other"], "target_sid"),
    # Whoever opens a connection names itself and its address as the source.
    Claim("name", ENDS["host"], "nullif(lower(src_host), '-')", ("sysmon 3 0",)),
    Claim("address", ENDS["host"], _ADDRESS.format("src_ip"), _OUT),
    Claim("connect", ENDS["remote"], _FROM, _OUT, far=_TO, each=True),
    Claim("accept", ENDS["caller"], _FROM, _IN, far=_TO, each=True),
    Claim("caller", ENDS["address"], _FROM,
          ("security 4624 0", "security 4625 0", "security 5140 0", "security 5145 0"), each=True),
]  # fmt: skip
