"""auditd: processes over fork, exec and exit, and what becomes of each kind of record."""

import importlib.util
from pathlib import Path

import pytest

from graphad.parse import Parser
from graphad.store import Store

ROOT = Path(__file__).parents[2]
PLAIN = "auid=1001 uid=1001 gid=1001 euid=1001 tty=pts0 ses=7"


def load() -> Parser:
    spec = importlib.util.spec_from_file_location("auditd_parser", ROOT / "parsers/auditd.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    parser: Parser = module.parser
    return parser


class Log:
    """Writes events, one a millisecond, and asks what edges they give."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.number = 0

    def event(self, *lines: tuple[str, str]) -> "Log":
        self.number += 1
        stamp = f"1772446000.{self.number:03d}:{self.number}"
        self.lines += [f"type={kind} msg=audit({stamp}): {rest}" for kind, rest in lines]
        return self

    def call(
        self, number: int, pid: int, exe: str, *more: tuple[str, str], exit_: int = 0,
        args: str = "a0=1 a1=0 a2=0 a3=0", ppid: int = 1, ids: str = PLAIN, arch: str = "c000003e",
    ) -> "Log":  # fmt: skip
        done = "yes" if exit_ >= 0 else "no"
        rest = (f"arch={arch} syscall={number} success={done} exit={exit_} {args} items=0 "
                f'ppid={ppid} pid={pid} {ids} comm="x" exe="{exe}" key=(null)')  # fmt: skip
        return self.event(("SYSCALL", rest), *more)

    def edges(self, folder: Path) -> list[str]:
        """Return the edges in order, and the rules of what gave none."""
        (folder / "a.log").write_text("\n".join(self.lines) + "\n")
        store = Store(folder / "s")
        store.ingest(folder / "a.log", parser="auditd")
        [source] = store.sources
        assert source.read == source.used + sum(source.ignored.values()) + source.rejected
        rows = store.sql("""
            SELECT DISTINCT e.record, e.ordinal, s.type AS st, s.key AS sk, e.action,
                   d.type AS dt, d.key AS dk, e.outcome
            FROM edges e JOIN entities s ON s.id = e.src JOIN entities d ON d.id = e.dst
            ORDER BY e.record, e.ordinal""").to_pylist()
        found = [
            f"{r['record']} {r['st']} {r['sk']} {r['action']} {r['dt']} {r['dk']}"
            + (" failed" if r["outcome"] == "failure" else "")
            for r in rows
        ]
        return [text.replace("1772446000", "") for text in found] + sorted(source.ignored)


def path(item: int, name: str, kind: str) -> tuple[str, str]:
    return "PATH", f'item={item} name="{name}" inode=1 dev=fd:00 mode=0100644 nametype={kind}'


CWD = ("CWD", 'cwd="/home/ada"')


def test_fork_exec_and_exit(tmp_path: Path) -> None:
    log = Log().call(57, 10, "/bin/sh", exit_=20)
    log.call(59, 20, "/bin/ls", CWD, path(0, "/bin/ls", "NORMAL"), ppid=10)
    log.call(257, 20, "/bin/ls", CWD, path(0, "a", "NORMAL"), ppid=10, exit_=3,
             args="a0=ffffff9c a1=1 a2=0 a3=0")  # fmt: skip
    log.call(231, 20, "/bin/ls", ppid=10)
    log.call(57, 10, "/bin/sh", exit_=20).call(59, 20, "/bin/cat", ppid=10)
    assert log.edges(tmp_path) == [
        "1 process 10:001000 fork process 20:001000",
        "2 file /bin/ls exec process 20:001000:1",
        "2 process 10:001000 launch process 20:001000:1",
        "3 file /home/ada/a read process 20:001000:1",
        "5 process 10:001000 fork process 20:005000",
        "6 process 10:001000 launch process 20:005000:1",
        "end of a process",
    ]


def test_programs_alone_show_who_launched_whom(tmp_path: Path) -> None:
    """With only execve in the rules: parents are told by ppid, and pids come again."""
    log = Log().call(59, 20, "/bin/bash", ppid=10).call(59, 30, "/bin/ls", ppid=20)
    log.call(59, 20, "/bin/zsh", ppid=10)  # became another program
    log.call(59, 30, "/bin/cat", ppid=40)  # another process with that pid
    assert log.edges(tmp_path) == [
        "1 process 10:001000 launch process 20:001000:1",
        "2 process 20:001000:1 launch process 30:002000:1",
        "3 process 20:001000:1 exec process 20:001000:2",
        "4 process 40:004000 launch process 30:004000:1",
    ]


def test_another_session_is_another_process(tmp_path: Path) -> None:
    log = Log().call(59, 20, "/bin/bash", ppid=10)
    log.call(59, 20, "/bin/bash", ppid=10, ids=PLAIN.replace("ses=7", "ses=8"))
    assert log.edges(tmp_path)[-1] == "2 process 10:001000 launch process 20:002000:1"


def test_threads_are_no_processes(tmp_path: Path) -> None:
    log = Log().call(56, 10, "/bin/java", exit_=11, args="a0=3d0f00 a1=1 a2=2 a3=3")
    log.call(435, 10, "/bin/java", exit_=12)
    assert log.edges(tmp_path) == [
        "clone3: does not say whether it made a thread or a process",
        "thread of a process",
    ]


def test_a_child_may_act_before_its_fork_is_logged(tmp_path: Path) -> None:
    log = Log().call(57, 10, "/bin/sh", exit_=20).call(59, 20, "/bin/ls", ppid=10)
    first, second = log.lines
    log.lines = [second.replace("000.002", "000.003"), first]
    assert log.edges(tmp_path) == [
        "1 process 10:003000 launch process 20:003000:1",
        "2 process 10:003000 fork process 20:003000",
    ]


FILES = [
    ("open", 2, "a0=1 a1=0 a2=0 a3=0", [path(0, "a", "NORMAL")],
     ["file /home/ada/a read process P"]),
    ("open, written", 2, "a0=1 a1=1 a2=0 a3=0", [path(0, "/a", "NORMAL")],
     ["process P write file /a"]),
    ("open, both", 2, "a0=1 a1=2 a2=0 a3=0", [path(0, "/a", "NORMAL")],
     ["file /a read process P", "process P write file /a"]),
    ("open, created", 2, "a0=1 a1=41 a2=0 a3=0",
     [path(0, "/home/ada", "PARENT"), path(1, "../a", "CREATE")],
     ["process P create file /home/a"]),
    ("open below an unknown folder", 257, "a0=5 a1=1 a2=0 a3=0", [path(0, "x/a", "NORMAL")],
     ["file x/a read process P"]),
    ("unlink", 87, "a0=1 a1=0 a2=0 a3=0",
     [path(0, "/tmp/", "PARENT"), path(1, "/tmp/a", "DELETE")], ["process P delete file /tmp/a"]),
    ("rename", 82, "a0=1 a1=0 a2=0 a3=0",
     [path(0, "/t/", "PARENT"), path(1, "/t/", "PARENT"), path(2, "/t/a", "DELETE"),
      path(3, "/t/b", "DELETE"), path(4, "/t/b", "CREATE")],
     ["file /t/a rename file /t/b", "process P rename file /t/b"]),
    ("link", 86, "a0=1 a1=0 a2=0 a3=0",
     [path(0, "/t/a", "NORMAL"), path(1, "/t/", "PARENT"), path(2, "/t/b", "CREATE")],
     ["file /t/a link file /t/b", "process P create file /t/b"]),
    ("chmod", 90, "a0=1 a1=1ed a2=0 a3=0", [path(0, "/a", "NORMAL")],
     ["process P chmod file /a"]),
    ("mkdir", 83, "a0=1 a1=1ed a2=0 a3=0",
     [path(0, "/", "PARENT"), path(1, "/a", "CREATE")], ["process P create file /a"]),
    ("truncate", 76, "a0=1 a1=0 a2=0 a3=0", [path(0, "/a", "NORMAL")],
     ["process P write file /a"]),
]  # fmt: skip


@pytest.mark.parametrize(("number", "args", "paths", "expected"), [f[1:] for f in FILES],
                         ids=[f[0] for f in FILES])  # fmt: skip
def test_files(
    number: int, args: str, paths: list[tuple[str, str]], expected: list[str], tmp_path: Path
) -> None:
    log = Log().call(number, 10, "/bin/sh", CWD, *reversed(paths), args=args)
    assert log.edges(tmp_path) == [f"1 {text}".replace(" P", " 10:001000") for text in expected]


SOCKETS = [
    ("connect", 42, 0, "02001F90C63364170000000000000000",
     ["process P connect socket 198.51.100.23:8080"]),
    ("in progress", 42, -115, "02001F90C63364170000000000000000",
     ["process P connect socket 198.51.100.23:8080"]),
    ("refused", 42, -111, "02001F90C63364170000000000000000", ["failed call"]),
    ("loopback", 42, 0, "02001F907F0000010000000000000000",
     ["process P connect socket localhost|127.0.0.1:8080"]),
    ("IPv6", 42, 0, "0A0001BB0000000020010DB800000000000000000000000500000000",
     ["process P connect socket [2001:db8::5]:443"]),
    ("mapped", 42, 0, "0A0001BB0000000000000000000000000000FFFFC633641700000000",
     ["process P connect socket 198.51.100.23:443"]),
    ("Unix", 42, 0, "01002F72756E2F610000", ["process P connect socket localhost|unix:/run/a"]),
    ("abstract", 42, 0, "0100006162", ["process P connect socket localhost|unix:@ab"]),
    ("netlink", 42, 0, "100000000000000000000000", ["socket of the kernel or of none"]),
    ("accept", 43, 5, "0200C350C63364170000000000000000",
     ["socket 198.51.100.23:50000 accept process P"]),
    ("bind", 49, 0, "02001F90000000000000000000000000", ["process P bind socket 0.0.0.0:8080"]),
    ("sendto", 44, 9, "02000035C63364170000000000000000",
     ["process P send socket 198.51.100.23:53"]),
    ("nonsense", 42, 0, "XYZ", ["socket of the kernel or of none"]),
]  # fmt: skip


@pytest.mark.parametrize(("number", "exit_", "saddr", "expected"), [s[1:] for s in SOCKETS],
                         ids=[s[0] for s in SOCKETS])  # fmt: skip
def test_sockets(number: int, exit_: int, saddr: str, expected: list[str], tmp_path: Path) -> None:
    log = Log().call(number, 10, "/bin/sh", ("SOCKADDR", f"saddr={saddr}"), exit_=exit_)
    edges = [text.replace("10:001000", "P").removeprefix("1 ") for text in log.edges(tmp_path)]
    assert edges == expected


def user(kind: str, result: str, more: str = "", auid: str = "4294967295", ses: str = "4294967295",
         addr: str = "192.0.2.40") -> tuple[str, str]:  # fmt: skip
    return kind, (
        f'pid=30 uid=0 auid={auid} ses={ses} msg=\'op=x acct="ada" exe="/usr/sbin/sshd" '
        f"hostname=? addr={addr} terminal=ssh res={result}{more}'"
    )


USERS = [
    (user("USER_AUTH", "failed"), ["address 192.0.2.40 logon user ada failed"]),
    (user("USER_AUTH", "success", auid="1001", addr="?"), ["user 1001 logon user ada"]),
    (user("USER_LOGIN", "failed"), ["address 192.0.2.40 logon user ada failed"]),
    (user("USER_LOGIN", "success", auid="1001", ses="7"),
     ["address 192.0.2.40 logon session 7", "user ada logon session 7"]),
    (user("USER_LOGOUT", "success", auid="1001", ses="7"), ["session 7 logoff host localhost"]),
    (("LOGIN", "pid=30 uid=0 old-auid=4294967295 auid=1001 old-ses=4294967295 ses=7 res=1"),
     ["user 1001 logon session 7"]),
    (("SERVICE_START", "pid=1 uid=0 auid=4294967295 ses=4294967295 "
      "msg='unit=shopd comm=\"systemd\" exe=\"/usr/lib/systemd/systemd\" res=success'"),
     ["process 1:001000 start service shopd"]),
    (("USER_CMD", "pid=30 uid=1001 auid=1001 ses=7 msg='cwd=\"/\" cmd=6C73202D6C res=success'"),
     ["user 1001 start task ls -l"]),
    (user("DEL_USER", "success", auid="1001", ses="7"),
     ["process 30:001000 change user ada", "user 1001 change user ada"]),
    (user("ADD_GROUP", "success"), ["process 30:001000 change user group ada"]),
    (("CONFIG_CHANGE", "auid=1001 ses=7 op=remove_rule key=\"x\" list=4 res=1"),
     ["user 1001 change host localhost"]),
    (("CONFIG_CHANGE", "auid=4294967295 ses=4294967295 op=add_rule res=1"),
     ["CONFIG_CHANGE: one end unnamed"]),
    (user("CRED_DISP", "success"), ["credentials renewed or given back"]),
    (("USER_TTY", "pid=30 uid=0 auid=1001 ses=7 data=\"ls\""), ["what was typed"]),
    (("CWD", "cwd=\"/\""), ["rest of an event whose call is missing"]),
    (("UNKNOWN[1888]", "a=b"), ["UNKNOWN[1888]: no relation in this kind of record"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), USERS)
def test_users_services_and_settings(
    line: tuple[str, str], expected: list[str], tmp_path: Path
) -> None:
    edges = [text.removeprefix("1 ") for text in Log().event(line).edges(tmp_path)]
    assert edges == expected


def test_ptrace_and_signals_name_the_other_process(tmp_path: Path) -> None:
    other = ("OBJ_PID", 'opid=99 oauid=0 ouid=0 oses=1 ocomm="shopd"')
    log = Log().call(101, 10, "/bin/gdb", other, args="a0=10 a1=63 a2=0 a3=0")
    log.call(62, 10, "/bin/gdb", other, args="a0=63 a1=9 a2=0 a3=0")
    log.call(62, 10, "/bin/gdb", other, args="a0=63 a1=0 a2=0 a3=0")
    log.call(310, 10, "/bin/gdb", args="a0=63 a1=9 a2=0 a3=0")
    assert log.edges(tmp_path) == [
        "1 process 10:001000 inject process 99:001000",
        "2 process 10:001000 signal process 99:001000",
        "4 process 99:001000 access process 10:001000",
        "call without information flow",
    ]


def test_32_bit_calls(tmp_path: Path) -> None:
    log = Log().call(102, 10, "/bin/old", ("SOCKADDR", "saddr=02001F90C63364170000000000000000"),
                     args="a0=3 a1=1 a2=0 a3=0", arch="40000003")  # fmt: skip
    log.call(11, 10, "/bin/new", path(0, "/bin/new", "NORMAL"), arch="40000028")
    assert log.edges(tmp_path) == [
        "1 process 10:001000 connect socket 198.51.100.23:8080",
        "2 file /bin/new exec process 10:001000:1",
        "2 process 10:001000 exec process 10:001000:1",
    ]


@pytest.mark.parametrize(
    ("head", "sure"),
    [(b"type=CWD msg=audit(1.000:1): cwd=\"/\"\n" * 3, 1.0),
     (b"node=a type=1307 msg=audit(1.000:1): cwd=\"/\"\n", 1.0),
     (b"Mar  2 10:00:00 a kernel: audit: type=1307 audit(1.000:1): cwd=\"/\"\n", 1.0),
     (b"type=CWD msg=audit(1.000:1): cut he", 1.0),
     (b'{"type": "CWD"}\n', 0.0), (b"", 0.0), (b"hello type=x\n", 0.0)],
)  # fmt: skip
def test_sniff(head: bytes, sure: float) -> None:
    assert load().sniff(head) == sure
