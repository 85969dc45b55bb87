"""Queries that look for what attackers do: whole answers."""

from datetime import datetime

import pytest

from tests.story import HOSTILE, Story, at

LOG = "/log"


def logon(s: Story, seconds: float, origin: int | None, account: int, session: int,
          outcome: str | None = None, host: str = "h", kind: str = "3") -> int:  # fmt: skip
    """Let an account log on: two events of one record, as Windows tells it."""
    line = s.event(seconds, account, "logon", session, outcome, host=host, logon_type=kind)
    if origin is not None:
        s.event(seconds, origin, "logon", session, outcome, host=host, same=True)
    return line


def test_logons_are_one_a_record() -> None:
    s = Story()
    bob, eve = s.entity("user", "CORP\\bob", host=None), s.entity("user", HOSTILE, host=None)
    far, session = s.entity("address", "192.0.2.9", host=None), s.entity("session", "0x1")
    logon(s, 1, far, bob, session)
    logon(s, 2, far, bob, session)
    s.event(3, far, "logon", eve, "failure")  # straight to the account, as sshd tells it
    logon(s, 4, None, bob, session, kind="5")
    view = s.connection.execute("SELECT * FROM logons ORDER BY record").fetchall()
    assert view == [
        (at(1), "h", "192.0.2.9", "CORP\\bob", session, False, 1, 1),
        (at(2), "h", "192.0.2.9", "CORP\\bob", session, False, 1, 2),
        (at(3), "h", "192.0.2.9", HOSTILE, None, True, 1, 3),
        (at(4), "h", None, "CORP\\bob", session, False, 1, 4),
    ]
    assert s.ask("logons") == [
        ("h", "192.0.2.9", "3", 2, 0, 1, "CORP\\bob", at(1), at(2)),
        ("h", "192.0.2.9", None, 0, 1, 1, HOSTILE, at(3), at(3)),
        ("h", None, "5", 1, 0, 1, "CORP\\bob", at(4), at(4)),
    ]
    assert len(s.ask("logons", account="BOB")) == 2
    assert s.ask("logons", host="%") == []


def test_guessed_logons_need_failures_of_the_same_account_and_origin() -> None:
    s = Story()
    bob, eve = s.entity("user", "bob"), s.entity("user", "eve")
    far, other = s.entity("address", "192.0.2.9"), s.entity("address", "192.0.2.8")
    session = s.entity("session", "7")
    for seconds in (0, 5000, 5001, 5002):
        s.event(seconds, far, "logon", bob, "failure")
    s.event(5003, far, "logon", eve, "failure")
    logon(s, 5004, other, bob, session)
    line = logon(s, 5005, far, bob, session)
    logon(s, 5006, far, bob, session)
    logon(s, 5007, far, eve, session)
    row = (at(5005), "h", "192.0.2.9", "bob", 3, at(5000), LOG, line)
    assert s.ask("guessed_logons") == [row]
    assert s.ask("guessed_logons", within=6000) == [(*row[:4], 4, at(0), LOG, line)]
    assert s.ask("guessed_logons", at_least=4) == []


def test_sprayed_logons_count_accounts() -> None:
    s = Story()
    far, near = s.entity("address", "192.0.2.9"), s.entity("address", "192.0.2.8")
    for n in range(6):
        user = s.entity("user", f"u{n}")
        s.event(n, far, "logon", user, "failure")
        s.event(n, far, "logon", user, "failure", host=f"h{n % 2}")
        s.event(n, near, "logon", user)
    assert s.ask("sprayed_logons") == [
        ("192.0.2.9", at(0), 6, 12, 3, ["u0", "u1", "u2", "u3", "u4"], at(0), at(5))
    ]
    assert s.ask("sprayed_logons", accounts=7) == []


def test_lateral_movement_joins_logons_with_what_started() -> None:
    s = Story()
    eve, far, here = (
        s.entity("user", "eve"),
        s.entity("address", "192.0.2.9"),
        s.entity("address", "::1"),
    )
    session, own = s.entity("session", "0x1"), s.entity("session", "0x2")
    cmd = s.process("C:\\cmd.exe", "cmd /c x")
    service, image = s.entity("service", HOSTILE), s.entity("file", "C:\\x.exe")
    logon(s, 0, far, eve, session)
    logon(s, 1, here, eve, own)
    a = s.event(10, session, "start", cmd)
    s.event(11, own, "start", cmd)
    s.event(12, session, "start", cmd, host="other")
    b = s.event(20, eve, "install", service)
    s.event(20, image, "install", service, same=True)  # the same service, told of once
    s.event(90, session, "start", cmd)
    came = (at(0), "192.0.2.9", "h", "eve")
    assert s.ask("lateral_movement") == [
        (*came, at(10), "start", "process", "C:\\cmd.exe", "cmd /c x", cmd, True, LOG, a),
        (*came, at(20), "install", "service", HOSTILE, None, service, False, LOG, b),
    ]
    assert len(s.ask("lateral_movement", within=100)) == 3
    assert s.ask("lateral_movement", within=9) == []


PLACES = [
    ("registry", "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\upd", "run key"),
    ("registry", "HKLM\\System\\CurrentControlSet\\Services\\x\\ImagePath", "service"),
    (
        "registry",
        "HKLM\\Software\\…\\Image File Execution Options\\sethc.exe\\Debugger",
        "registry",
    ),
    ("registry", "HKLM\\Software\\…\\Schedule\\TaskCache\\Tree\\x", "task"),
    ("registry", "HKLM\\Software\\Vendor\\Runner", None),
    ("file", "C:\\Users\\b\\AppData\\…\\Start Menu\\Programs\\Startup\\x.lnk", "startup"),
    ("file", "/etc/cron.d/x", "startup"),
    ("file", "/root/.ssh/authorized_keys", "startup"),
    ("file", "/home/b/.bashrc", "startup"),
    ("file", "/etc/systemd/system/x.service", "startup"),
    ("file", "/tmp/etc/cron.d/x", None),
    ("file", "/home/b/notes.profile.txt", None),
    ("service", "evil", "service"),
]


def test_persistence_knows_the_places() -> None:
    s = Story()
    sh = s.process("/bin/sh", "sh")
    expected = []
    for n, (kind, label, told) in enumerate(PLACES):
        line = s.event(n, sh, "install" if kind == "service" else "write", s.entity(kind, label))
        s.event(n, sh, "read", s.entity(kind, label))
        s.event(n, sh, "write", s.entity(kind, label), "failure")
        if told:
            action = "install" if kind == "service" else "write"
            expected.append(
                (at(n), at(n), "h", told, label, action, "/bin/sh", "sh", sh, 1, LOG, line)
            )
    assert s.ask("persistence") == expected
    assert len(s.ask("persistence", since="2024-05-03T00:00:06")) == 5
    assert s.ask("persistence", host="other") == []


def test_beacons_are_regular() -> None:
    s = Story()
    bot, browser = s.process("/bot", name="bot"), s.process("/browser", name="browser")
    home, site = s.entity("socket", "203.0.113.7:443"), s.entity("domain", "example.org")
    for n in range(10):
        s.event(60 * n + (n % 2), bot, "connect", home)
        s.event(60 * n + (n % 2) + 0.2, bot, "send", home)  # the same contact
        s.event(7 * n * n, browser, "resolve", site)
        s.event(n, bot, "resolve", site)  # too fast
    [row] = s.ask("beacons")
    assert row[:6] == ("h", "bot", "203.0.113.7:443", 20, at(0), at(541))
    gaps = [60 + (1 if n % 2 == 0 else -1) for n in range(9)]
    mean = sum(gaps) / 9
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / 9) ** 0.5
    assert row[6:] == (round(mean, 3), round(deviation / mean, 4))
    assert s.ask("beacons", at_least=11) == s.ask("beacons", jitter=0.001) == []
    assert [r[1] for r in s.ask("beacons", shortest=1, jitter=0)] == ["bot"]  # the one each second


def test_long_commands_are_told_once() -> None:
    s = Story()
    long = "x " * 200
    a, b, short = s.process("/a", long), s.process("/b", long), s.process("/c", "y")
    s.event(3, a, "launch", b, host="g")
    s.event(2, short, "launch", a)
    first = min(a, b)
    seen = {a: (at(2), "g"), b: (at(3), "g")}[first]
    assert s.ask("long_commands") == [(*seen, "/a", 400, 2, first, long)]
    assert s.ask("long_commands", at_least=401) == []


@pytest.mark.parametrize(
    ("command", "signs"),
    [
        ("powershell -nop -enc SQBFAFgAIAAoAE4AZQB3AC0A", "encoded command"),
        ("powershell \u2013e SQBFAFgAIAAoAE4AZQB3AC0A", "encoded command"),
        ("powershell [Convert]::FromBase64String($x)", "decodes"),
        ("sh -c 'base64 -d /tmp/x | sh'", "decodes"),
        ("certutil.exe -urlcache -f x y & certutil -decode y z", "decodes"),
        ("powershell (New-Object IO.Compression.GzipStream($x))", "put together"),
        ("cmd /c p^o^w^e^r^shell", "escapes"),
        ("tool " + "QUJD" * 12, "long run of digits"),
        ("/usr/" + "a" * 60, None),  # one long path is no code
        ("ls -e --color=auto /tmp", None),
        ("grep -e pattern file", None),
        ("'); DROP TABLE edges; --", None),
    ],
)
def test_encoded_commands(command: str, signs: str | None) -> None:
    s = Story()
    parent, child = s.process("/p"), s.process("/c", command)
    s.event(1, parent, "launch", child)
    expected = [(at(1), "h", "/c", signs, 1, child, command)] if signs else []
    assert s.ask("encoded_commands") == expected


def test_injections_put_the_odd_first() -> None:
    s = Story()
    av = [s.process("/av", name="av") for _ in range(3)]
    lsass, odd = s.process("/lsass", name="lsass"), s.process(HOSTILE, "odd x", name="odd")
    file = s.entity("file", "/f")
    for n, one in enumerate(av):
        s.event(n, one, "access", lsass)
    a = s.event(5, odd, "access", lsass)
    b = s.event(6, odd, "inject", lsass)
    s.event(7, odd, "access", file)
    s.event(8, odd, "signal", odd)
    rows = s.ask("injections")
    assert rows[:2] == [
        ("inject", at(6), "h", HOSTILE, "odd x", odd, "/lsass", lsass, 1, 1, LOG, b),
        ("access", at(5), "h", HOSTILE, "odd x", odd, "/lsass", lsass, 1, 1, LOG, a),
    ]
    assert [(row[3], row[9]) for row in rows[2:]] == [("/av", 3)] * 3


def test_account_changes_and_listeners() -> None:
    s = Story()
    root, group = s.entity("user", "root"), s.entity("user", "group wheel")
    nc, port, far = (
        s.process("/nc", name="nc"),
        s.entity("socket", "0.0.0.0:4444"),
        s.entity("socket", "192.0.2.9:5"),
    )
    a = s.event(1, root, "change", group, "success", action="add-group")
    s.event(2, nc, "bind", port)
    s.event(3, far, "accept", nc)
    s.event(4, far, "accept", nc)
    assert s.ask("account_changes") == [
        (
            at(1),
            "h",
            "user",
            "root",
            "change",
            "user",
            "group wheel",
            "add-group",
            "success",
            LOG,
            a,
        )
    ]
    assert s.ask("account_changes", since="2024-05-03T00:00:02") == []
    assert s.ask("listeners") == [
        ("h", "nc", "bind", "0.0.0.0:4444", 1, 1, at(2), at(2)),
        ("h", "nc", "accept", "192.0.2.9:5", 1, 2, at(3), at(4)),
    ]


def test_rare_programs_and_destinations_come_from_counts() -> None:
    s = Story()
    day = datetime(2024, 5, 3)
    for host, src, action, kind, dst, n in [
        ("h", "sh", "launch", "process", "nc", 1),
        ("h", "sh", "exec", "process", "nc", 1),
        ("h", "sh", "launch", "process", "ls", 6),
        ("h", "sh", "launch", "process", "id", 1),
        ("g", "sh", "launch", "process", "id", 1),
        ("h", "nc", "connect", "socket", HOSTILE, 2),
        ("h", "curl", "connect", "socket", HOSTILE, 1),
        ("h", "curl", "connect", "socket", "cdn:443", 9),
    ]:  # fmt: skip
        s.connection.execute(
            "INSERT INTO counts VALUES (?, ?, 'process', ?, ?, ?, ?, ?, ?, 1)",
            [day, host, src, action, kind, dst, "nc -l" if dst == "nc" else "", n],
        )
    assert s.ask("rare_programs") == [("nc", 1, 2, 1, day, day, "h", "sh", "nc -l")]
    assert [row[0] for row in s.ask("rare_programs", hosts=2, at_most=9)] == ["nc", "id", "ls"]
    assert s.ask("rare_destinations") == [("socket", HOSTILE, 1, 2, 3, 1, day, "h", "curl")]


def test_hosts_and_score_timeline() -> None:
    s = Story()
    sh, file, bob = s.process("/sh"), s.entity("file", "/f"), s.entity("user", "bob", host=None)
    s.event(1, sh, "write", file)
    s.event(2, bob, "start", sh)
    s.event(3, sh, "write", file, host="g")
    assert s.ask("hosts") == [
        ("h", 2, at(1), at(2), 1, 1, 1, 1, 0),
        ("g", 1, at(3), at(3), 1, 1, 0, 1, 0),
    ]
    for id_, seconds, host, z, score, alert in [
        ("path-1", 10, "h", 3.0, 40.0, True),
        ("path-2", 20, "h", 5.0, 30.0, False),
        ("path-3", 7200, "g", 1.0, 9.0, None),
    ]:
        s.connection.execute(
            "INSERT INTO findings VALUES "
            "(?, 'i', 'path', 'path', ?, ?, ?, ?, ?, 1, NULL, NULL, ?, 1, 1, 'm', ?)",
            [id_, host, at(seconds), at(seconds), score, z, alert, HOSTILE],
        )
    assert s.ask("score_timeline") == [
        (at(0), "h", "path", 2, 1, 5.0, 40.0, "path-2", HOSTILE),
        (at(7200), "g", "path", 1, 0, 1.0, 9.0, "path-3", HOSTILE),
    ]
    assert len(s.ask("score_timeline", host="g", detector="path")) == 1
