"""Runs of fields whose JSON is copied: read as the plain parser reads them, whatever is around."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.parsers.auditd_rows import differences

BEFORE = ["", "item=0 ", "gid=7 ", "cap_fi=1 ", "word ", "old ", "new ", "cap_frootid_long=1 ",
          "uid=1 ", "msg='op=x ", "rdev=1 ", "(", ", ", "a0=1 a1=2 a2=3 a3=4 "]  # fmt: skip
RUNS = [
    "gid=1 euid=1 suid=1 fsuid=1 egid=1 sgid=1 fsgid=1 tty=pts0", "gid=1 euid=1 suid=1",
    "ouid=0 ogid=0 rdev=00:00", "ouid=0 ogid=0 rdev=00:00 obj=a:b", "ouid=0", "ouid=0 ogid=0,",
    "cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0", "cap_fp=0 cap_fi=0 cap_fi=0",
    "cap_fp=0 cap_fi=0 cap_frootid_long=2 cap_frootid=0 cap_frootid_long=3",
    'gid=1 key="ABCD" comm="x y"', 'gid=1 key="(null)"comm=2', 'gid=1 key="a', "gid=1 key={a",
    "gid=1 key=a\\b", "gid=1 x=" + 70 * "y", "gid=" + " gid=".join("1234567890123456789"),
    "gid=1 ouid=0 cap_fp=0", "ouid=é ogid=0", "gid=1 euid=1 word suid=1", "gid=1 = euid=1",
]  # fmt: skip
AFTER = ["", " ", " nametype=NORMAL", " euid=1", ' ses=1 exe="/x"', "'", "'\x1dUID=\"a\"", " }",
         '"', " gid=1", " ogid=0", "\x1dOUID=\"root\"", " word", "\r", ")"]  # fmt: skip
LINE = st.tuples(
    st.sampled_from(["SYSCALL", "PATH", "USER_AUTH", "CWD", "OBJ_PID"]),
    st.sampled_from(BEFORE),
    st.sampled_from(RUNS),
    st.sampled_from(AFTER),
    st.sampled_from(["", *(" " + run for run in RUNS)]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(LINE, min_size=2, max_size=40))
def test_runs_are_read_as_the_plain_parser_reads_them(lines: list[tuple[str, ...]]) -> None:
    text = "".join(
        f"type={kind} msg=audit(1767225600.123:{i // 2}): {''.join(parts)}\n"
        for i, (kind, *parts) in enumerate(lines)
    )
    assert differences(text.encode()) == []


def test_every_run_twice() -> None:
    """Copied once kept, at a line's end and within it, with and without a key of it before."""
    lines = [
        f"type=PATH msg=audit(1.000:{number}): {before}{run}{after}\n"
        for number, (before, after) in enumerate((b, a) for b in BEFORE for a in AFTER)
        for run in (*RUNS, *RUNS)
    ]
    assert differences("".join(lines).encode()) == []
