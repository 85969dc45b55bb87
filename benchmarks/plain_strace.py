"""The plain parser of strace's output: regular expressions, one line at a time.

It gives the same columns as graphad/scan/strace.py, which is measured against it, and is the
definition that the scanner is tested with.
"""

import re
from typing import NamedTuple

from graphad.scan import strace

NAME = rb"(?P<name>[A-Za-z0-9_]+)"
DECORATION = rb"(?<=[A-Za-z0-9_])<(?>/(?:[^<>]|<[^<>]*+>)*+|(?!/)(?:->|[^<>]|<[^<>]*+>)*+)>"
ARGS = rb'(?P<args>(?>[^"<)]++|"(?>[^"\\]++|\\.)*+"|' + DECORATION + rb"|<|\)(?! {0,255}= ))*+)"
PREFIX = re.compile(
    rb"(?:(?P<bracket>\[pid)(?P<b_spaces> {1,255})(?P<b_pid>0|[1-9]\d{0,9})\] "
    rb"|(?P<pid>0|[1-9]\d{0,9})(?P<spaces> {1,255}))?"
    rb"(?P<seconds>[1-9]\d{8,9})\.(?P<us>\d{6}) "
)
BODY = re.compile(
    rb"--- (?P<signal>[^ ]+)(?: (?P<info>.*))? ---"
    rb"|\+\+\+ (?P<end>.+) \+\+\+"
    rb"|(?:<\.\.\. (?:" + NAME + rb" )?resumed>|(?P<call>[A-Za-z0-9_]+)\()"
    + ARGS + rb"\)(?P<padding> {0,255})= (?P<rest>.*)",
    re.DOTALL,
)  # fmt: skip
OPEN = re.compile(
    NAME + rb"\((?P<args>.*?)(?P<space> ?)<(?P<how>unfinished|detached) \.\.\.>", re.DOTALL
)
DURATION = re.compile(rb"(.*) <(0|[1-9]\d{0,8})\.(\d{6})>", re.DOTALL)
FAILED = re.compile(rb"(-0{0,17}1|\?) (E[A-Z0-9_]*) \((.*)\)", re.DOTALL)
VALUE = re.compile(rb"-?(\d+)")
RETURNED = re.compile(rb"\d{1,18}(" + DECORATION + rb")")
FIRST = re.compile(rb"(?:(?P<fd>\d{1,10})(?!\d)|AT_FDCWD)(?P<name>" + DECORATION + rb")?")
CLOCK = re.compile(rb"(?:\[pid {1,255}\d{1,10}\] |\d{1,10} {1,255})?\d\d?:")
BAD_PID = re.compile(rb"\[pid (?! *\d{1,10}\] )")


class Plain(NamedTuple):
    """One line; a text it doesn't have is None."""

    kind: int
    form: int = 0
    pid: int = -1
    stamp: int = 0
    duration: int = -1
    fd: int = strace.NO_NUMBER
    value: int = strace.NO_NUMBER
    name: bytes | None = None
    args: bytes | None = None
    result: bytes | None = None
    error: bytes | None = None
    message: bytes | None = None
    fd_name: bytes | None = None
    result_name: bytes | None = None


def plain_scan(data: bytes) -> list[Plain]:
    """Return what each line of a block says."""
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return [plain_line(line) for line in lines]


def plain_line(line: bytes) -> Plain:
    """Return what one line says."""
    form = 0
    if line.endswith(b"\r"):
        line, form = line[:-1], strace.CR
    if len(line) > strace.MAX_LINE:
        return Plain(strace.TOO_LONG)
    if not line.strip(b" \t\n\v\f\r"):
        return Plain(strace.BLANK)
    if line.startswith(b"strace: "):
        return Plain(strace.NOTE, form, message=line)
    prefix = PREFIX.match(line)
    if prefix is None:
        if BAD_PID.match(line):
            return Plain(strace.OTHER_FORM)
        return Plain(strace.TIME_OF_DAY if CLOCK.match(line) else strace.NO_STAMP)
    pid = -1
    digits = prefix["pid"] or prefix["b_pid"]
    if digits:
        pid = int(digits)
        form |= strace.PID | len(prefix["spaces"] or prefix["b_spaces"])
        form |= strace.BRACKET if prefix["bracket"] else 0
    stamp = int(prefix["seconds"]) * 1_000_000 + int(prefix["us"])
    body = line[prefix.end() :]
    if body.endswith((b"<unfinished ...>", b"<detached ...>")):
        found = OPEN.fullmatch(body)
        if found:
            kind = strace.UNFINISHED if found["how"] == b"unfinished" else strace.DETACHED
            form |= strace.TAIL_SPACE if found["space"] else 0
            fd, fd_name = first(found["args"])
            return Plain(
                kind, form, pid, stamp, fd=fd, name=found["name"], args=found["args"],
                fd_name=fd_name,
            )  # fmt: skip
    found = BODY.fullmatch(body)
    if found is None:
        return Plain(strace.OTHER_FORM)
    if found["signal"]:
        form |= strace.NAMED if found["info"] is not None else 0
        return Plain(strace.SIGNAL, form, pid, stamp, name=found["signal"], args=found["info"])
    if found["end"]:
        return Plain(strace.END, form, pid, stamp, result=found["end"])
    form |= len(found["padding"]) << strace.PADDING
    rest, duration, error, message = found["rest"], -1, None, None
    took = DURATION.fullmatch(rest)
    if took:
        rest = took[1]
        duration = int(took[2]) * 1_000_000 + int(took[3])
        form |= strace.DURATION
    number = VALUE.match(rest)
    value = strace.NO_NUMBER
    if number and len(number[1]) <= 18:
        value = int(number[0])
    failed = FAILED.fullmatch(rest)
    if failed:
        rest, error, message = failed.groups()
        form |= strace.ERROR_TEXT
    returned = RETURNED.match(rest)
    result_name = returned[1][1:-1] if returned else None
    if found["call"] is None:
        form |= strace.NAMED if found["name"] else 0
        return Plain(
            strace.RESUMED, form, pid, stamp, duration, strace.NO_NUMBER, value, found["name"],
            found["args"], rest, error, message, None, result_name,
        )  # fmt: skip
    fd, fd_name = first(found["args"])
    return Plain(
        strace.CALL, form, pid, stamp, duration, fd, value, found["call"], found["args"], rest,
        error, message, fd_name, result_name,
    )  # fmt: skip


def first(args: bytes) -> tuple[int, bytes | None]:
    """Return the number that is the first argument, and the name strace gave it."""
    found = FIRST.match(args)
    if found is None:
        return strace.NO_NUMBER, None
    number = int(found["fd"]) if found["fd"] else strace.NO_NUMBER
    return number, found["name"][1:-1] if found["name"] else None
