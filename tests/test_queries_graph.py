"""Queries on processes, files and the ways between them: whole answers."""

from tests.story import HOSTILE, Story, at

LOG = "/log"


def test_executed_writes_tell_the_last_writer_before_the_run() -> None:
    s = Story()
    first, curl, sh = s.process("/bin/cp"), s.process(HOSTILE), s.process("/bin/sh", "sh -c x")
    x, never = s.entity("file", "/tmp/x"), s.entity("file", "/tmp/y")
    s.event(1, first, "write", x)
    s.event(10, curl, "write", x)
    s.event(15, curl, "write", never)
    line = s.event(20, x, "exec", sh)
    s.event(25, x, "load", sh)
    s.event(30, first, "write", x)  # after the runs
    row = (at(20), "h", "/tmp/x", "write", HOSTILE, "process", curl, at(10), 10.0, "/bin/sh",
           "sh -c x", sh, 2, LOG, line)  # fmt: skip
    assert s.ask("executed_writes") == [row]
    assert s.ask("executed_writes", within=12) == [(*row[:12], 1, *row[13:])]
    assert s.ask("executed_writes", within=5) == s.ask("executed_writes", host="other") == []


def test_downloads_run_need_all_three_steps() -> None:
    s = Story()
    curl, cp, sh = s.process("/bin/curl"), s.process("/bin/cp"), s.process("/bin/sh", "./x")
    x, y = s.entity("file", "/tmp/x"), s.entity("file", "/tmp/y")
    far, later = s.entity("socket", "203.0.113.7:80"), s.entity("socket", "203.0.113.8:80")
    s.event(1, curl, "connect", far)
    s.event(2, curl, "write", x)
    s.event(3, later, "receive", curl)  # after it wrote
    s.event(4, cp, "write", y)  # never spoke to anyone
    s.event(5, y, "exec", sh)
    line = s.event(6, x, "exec", sh)
    row = (at(6), "h", "203.0.113.7:80", at(1), "/bin/curl", curl, at(2), "/tmp/x", "/bin/sh",
           "./x", sh, LOG, line)  # fmt: skip
    assert s.ask("downloads_run") == [row]
    assert s.ask("downloads_run", within=3) == []


def test_deleted_programs_ran_before() -> None:
    s = Story()
    sh, rm = s.process("/bin/sh"), s.process("/bin/rm")
    x, y, z = (s.entity("file", f"/tmp/{name}") for name in "xyz")
    for file in (x, y):
        s.event(1, file, "exec", sh)
    s.event(2, rm, "delete", z)
    s.event(3, rm, "delete", y, "failure")
    line = s.event(4, rm, "delete", x)
    assert s.ask("deleted_programs") == [
        (at(4), "h", "/tmp/x", at(1), "/bin/sh", sh, "/bin/rm", rm, LOG, line)
    ]


def test_first_parents_and_first_destinations() -> None:
    s = Story()
    sshd, bash = s.process("/sshd", name="sshd"), s.process("/bash", "-bash", name="bash")
    nc = s.process("/nc", "nc -l", name="nc")
    old, new = s.entity("socket", "192.0.2.1:1"), s.entity("domain", HOSTILE)
    s.event(0, sshd, "launch", bash)
    s.event(1, bash, "connect", old)
    a = s.event(200_000, bash, "launch", nc)
    s.event(200_001, sshd, "launch", bash)
    b = s.event(200_002, nc, "resolve", new)
    s.event(200_003, nc, "connect", old)
    pair = ("bash", "nc", at(200_000), 1, 1, "h", "nc -l", LOG, a)
    assert s.ask("first_parents") == [pair]
    assert [row[:2] for row in s.ask("first_parents", days=9)] == [("sshd", "bash"), ("bash", "nc")]
    assert s.ask("first_parents", since="2024-05-05T09:33:20+02:00") == [pair]
    assert s.ask("first_parents", since="2024-05-05T07:33:21Z") == []
    assert s.ask("first_destinations") == [
        ("domain", HOSTILE, at(200_002), 1, 1, 1, "h", "/nc", nc, LOG, b)
    ]
    everything = s.ask("first_destinations", days=9)
    assert [row[1:6] for row in everything] == [
        ("192.0.2.1:1", at(1), 1, 2, 2), (HOSTILE, at(200_002), 1, 1, 1)
    ]  # fmt: skip


def test_talked_to_and_file_history() -> None:
    s = Story()
    nc, cat = s.process("/nc", "nc x"), s.process("/cat", "cat x")
    far = s.entity("socket", "203.0.113.7:443", host=None)
    file, copy = s.entity("file", "/etc/Shadow"), s.entity("file", "/tmp/shadow.copy")
    a = s.event(1, nc, "connect", far)
    b = s.event(2, far, "receive", nc)
    s.event(3, nc, "connect", far, host="other")
    shadow = ("h", "/etc/Shadow", "read", None, "process", "/cat", "cat x", cat)
    c = s.event(4, file, "read", cat)
    d = s.event(5, file, "rename", copy)
    s.event(6, file, "read", cat)
    first = (
        "h",
        "process",
        "/nc",
        "nc x",
        nc,
        "connect",
        "203.0.113.7:443",
        1,
        at(1),
        at(1),
        LOG,
        a,
    )
    assert s.ask("talked_to", address="203.0.113.7") == [
        first,
        (*first[:5], "receive", first[6], 1, at(2), at(2), LOG, b),
        ("other", *first[1:8], at(3), at(3), LOG, 3),
    ]
    assert s.ask("talked_to", address=str(far), host="h")[0] == first
    assert s.ask("talked_to", address="%") == []  # no pattern, just text
    assert s.ask("file_history", file="SHADOW") == [
        (at(4), at(6), *shadow, 2, LOG, c),
        (at(5), at(5), "h", "/tmp/shadow.copy", "rename", None, "file", "/etc/Shadow", None, file,
         1, LOG, d),
    ]  # fmt: skip
    assert [row[3] for row in s.ask("file_history", file=str(copy))] == ["/tmp/shadow.copy"]


def test_neighbours_and_timeline() -> None:
    s = Story()
    sh, cat = s.process("/sh", "sh"), s.process(None, "cat x")
    file = s.entity("file", HOSTILE)
    a = s.event(1, sh, "launch", cat, "success")
    b = s.event(2, file, "read", cat)
    s.event(3, file, "read", cat, "failure")
    c = s.event(4, cat, "signal", cat)
    name = f"key{cat}"
    assert s.ask("neighbours", entity=str(cat)) == [
        ("from", "launch", "process", "/sh", "h", "sh", sh, 1, 0, at(1), at(1), LOG, a),
        ("from", "read", "file", HOSTILE, "h", None, file, 2, 1, at(2), at(3), LOG, b),
        ("to", "signal", "process", name, "h", "cat x", cat, 1, 0, at(4), at(4), LOG, c),
    ]
    assert s.ask("neighbours", entity="no id") == []
    launch = (at(1), "h", "process", "/sh", "launch", "process", name, "success", "cat x", sh, cat,
              LOG, a)  # fmt: skip
    assert s.ask("timeline", entity=str(sh)) == [launch]
    assert s.ask("timeline", until="2024-05-03T00:00:02Z") == [launch]
    read = (at(2), "h", "file", HOSTILE, "read", "process", name, None, None, file, cat, LOG, b)
    assert s.ask("timeline", since="2024-05-03T00:00:02Z", limit=1) == [read]
    assert s.ask("timeline", host="h")[:2] == [launch, read]
    assert s.ask("timeline", host="%") == s.ask("timeline", entity="1; DROP TABLE edges") == []


def test_ancestry_and_reach_by_name() -> None:
    s = Story()
    init, sh, cat, kid = (s.process(f"/{name}", name) for name in ("init", "sh", "cat", "kid"))
    file = s.entity("file", "/f")
    a = s.event(1, init, "launch", sh)
    b = s.event(2, sh, "launch", cat)
    c = s.event(3, cat, "fork", kid)
    s.event(4, cat, "write", file)
    up = (-1, at(1), "h", "/sh", "sh", sh, LOG, a)
    down = (1, at(3), "h", "/kid", "kid", kid, LOG, c)
    own = (0, at(2), "h", "/cat", "cat", cat, LOG, b)
    top = (-2, None, "h", "/init", "init", init, None, None)
    assert s.ask("ancestry", process=str(cat)) == [top, up, own, down]
    assert s.ask("ancestry", process=str(cat), generations=1) == [up, own, down]
    assert s.ask("reachable", entity=str(sh), hops=2) == [
        (0, None, "process", "h", "/sh", "sh", sh, None, None),
        (1, at(2), "process", "h", "/cat", "cat", cat, "/sh", sh),
        (2, at(3), "process", "h", "/kid", "kid", kid, "/cat", cat),
        (2, at(4), "file", "h", "/f", None, file, "/cat", cat),
    ]
    assert [row[4] for row in s.ask("reachable", entity=str(sh), since="2024-05-03T00:00:03")] == [
        "/sh"
    ]
    assert s.ask("traced_back", entity=str(file), hops=2) == [
        (0, None, "file", "h", "/f", None, file, None, None),
        (1, at(4), "process", "h", "/cat", "cat", cat, "/f", file),
        (2, at(2), "process", "h", "/sh", "sh", sh, "/cat", cat),
    ]


def test_bursts_count_files_of_a_minute() -> None:
    s = Story()
    bad, good = s.process("/bad", "bad --all"), s.process("/good")
    files = [s.entity("file", f"/home/{n}") for n in range(4)]
    for n, file in enumerate(files):
        s.event(60 + n, bad, ("write", "rename", "delete", "create")[n], file)
        s.event(60 + 30 * n, good, "write", file)
    s.event(65, bad, "write", files[0])
    row = (at(60), "h", "/bad", "bad --all", bad, 4, 3, 1, 1)
    assert s.ask("bursts", at_least=4) == [row]
    assert s.ask("bursts") == []


def test_misplaced_and_writable_programs() -> None:
    s = Story()
    for _ in range(5):
        s.process("C:\\Windows\\System32\\svchost.exe")
    s.process("\\device\\harddiskvolume2\\windows\\system32\\SVCHOST.EXE")
    odd = s.process("C:\\Users\\Public\\svchost.exe", "svchost -k x")
    tmp = s.process("/tmp/x", "./x")
    line = s.event(5, odd, "launch", tmp)
    s.event(9, odd, "signal", tmp)
    assert s.ask("misplaced_programs") == [
        (at(5), "h", "C:\\Users\\Public\\svchost.exe", 1, 6, "/windows/system32/", "svchost -k x",
         odd)
    ]  # fmt: skip
    assert s.ask("misplaced_programs", times=7) == []
    assert s.ask("writable_programs") == [
        (at(5), at(9), "h", "C:\\Users\\Public\\svchost.exe", "svchost -k x", odd, 2, LOG, line),
        (at(5), at(9), "h", "/tmp/x", "./x", tmp, 2, LOG, line),
    ]
