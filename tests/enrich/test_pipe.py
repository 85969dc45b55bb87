"""The pipe: a line out for each line in, in order, whatever comes, in real processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.enrich import Enricher
from graphad.enrich.lines import Unreadable, with_key
from graphad.enrich.pipe import Counts, Pipe
from graphad.errors import GraphadError
from tests.enrich.conftest import Made
from tests.enrich.events import events, lines, odd

ROOT = Path(__file__).parent.parent.parent
GOOD, BAD = b'{"a":1}', b'{"a":'


def through(
    enricher: Enricher, parts: list[bytes], **options: Any
) -> tuple[bytes, Counts | GraphadError]:
    """Return what a pipe makes of parts that are read one by one, and its counts or error."""
    read, write = os.pipe()
    back, sink = os.pipe()
    found: list[bytes] = []
    pipe = Pipe(enricher, **options)
    result: list[Counts | GraphadError] = []

    def run() -> None:
        try:
            result.append(pipe.run(read, sink))
        except GraphadError as error:
            result.append(error)
        os.close(sink)

    def collect() -> None:
        while data := os.read(back, 1 << 16):
            found.append(data)

    threads = [threading.Thread(target=run), threading.Thread(target=collect)]
    for thread in threads:
        thread.start()
    for part in parts:
        if result:
            break
        os.write(write, part)
    os.close(write)
    for thread in threads:
        thread.join()
    os.close(read)
    os.close(back)
    return b"".join(found), result[0]


def slow(enricher: Enricher, data: bytes, reply: int = 65_536) -> bytes:
    """Return what a pipe should make of all lines."""
    found = []
    for line in data.split(b"\n"):
        try:
            answer = with_key(enricher, line)
        except Unreadable:
            answer = line
        found.append(answer if len(answer) + 1 < reply else line)
    return b"\n".join(found)


SOME = [GOOD, BAD, b"", b"\r", b"[]", GOOD + b"\r", b'{"graphad":0}', b"\xff\0", b"x" * 90]
LINES = st.sampled_from([*SOME, *lines([odd(), *events(3)])])


@settings(max_examples=60, deadline=None)
@given(st.lists(LINES, max_size=8), st.booleans(), st.data())
def test_cut_anywhere_a_line_comes_out_for_each_in_order(
    enricher: Enricher, some: list[bytes], ended: bool, data: st.DataObject
) -> None:
    whole = b"\n".join(some) + b"\n" * ended
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    parts = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    reply = data.draw(st.sampled_from([64, 300, 65_536]))
    told, counts = through(enricher, [part for part in parts if part], reply=reply)
    assert told == slow(enricher, whole, reply)
    assert told.count(b"\n") == whole.count(b"\n")
    assert isinstance(counts, Counts)
    assert counts.lines == len(whole.split(b"\n")) - (not whole or whole[-1:] == b"\n")


def test_what_is_no_object_passes_is_dropped_or_fails(enricher: Enricher) -> None:
    data = [b"\n".join([GOOD, BAD, b"", GOOD]) + b"\n"]
    good = with_key(enricher, GOOD)
    told, counts = through(enricher, data)
    assert told == b"\n".join([good, BAD, b"", good]) + b"\n"
    assert counts == Counts(lines=4, enriched=2, unreadable=1)
    told, counts = through(enricher, data, on_error="drop")
    assert told == b"\n".join([good, b"", good]) + b"\n"
    assert counts == Counts(lines=4, enriched=2, unreadable=1, dropped=1)
    told, counts = through(enricher, data, on_error="fail")
    assert told == good + b"\n"
    assert isinstance(counts, GraphadError)
    assert str(counts).startswith("Line 2 is no JSON")


@pytest.mark.parametrize("on_error", ["pass", "drop"])
def test_rsyslog_gets_an_object_for_each_line(enricher: Enricher, on_error: Any) -> None:
    line = next(lines([odd()]))
    parts = [line + b"\n" + BAD + b'\n\n{"a":"', *[b"x" * 50_000] * 4, b'"}\n{"graphad":1}']
    told, counts = through(enricher, parts, answer="rsyslog", on_error=on_error)
    first, *others = told.split(b"\n")
    ours = json.loads(with_key(enricher, line))["graphad"]
    assert json.loads(first) == {"$!": {"graphad": ours}}
    assert others == [b"{}", b"{}", b"{}", b'{"$!":{"graphad":{"score":null}}}']
    assert isinstance(counts, Counts)
    assert (counts.lines, counts.enriched, counts.unreadable, counts.long) == (5, 2, 1, 1)


@pytest.mark.parametrize("on_error", ["pass", "drop"])
def test_a_giant_line_goes_by_in_parts(enricher: Enricher, on_error: Any) -> None:
    parts = [GOOD + b'\n{"a":"' + b"x" * 50_000, *[b"y" * 50_000] * 40, b'"}\n' + GOOD + b"\n"]
    whole = b"".join(parts)
    told, counts = through(enricher, parts, on_error=on_error)
    wanted = slow(enricher, whole)
    if on_error == "drop":
        wanted = b"\n".join(line for line in wanted.split(b"\n") if len(line) < 1000)
    assert told == wanted
    assert isinstance(counts, Counts)
    assert (counts.lines, counts.enriched, counts.long) == (3, 2, 1)
    told, counts = through(enricher, parts, reply=0)
    assert told == slow(enricher, whole, 10**9)
    assert isinstance(counts, Counts)
    assert counts.enriched == 3


def test_an_answer_stays_below_64_kib(enricher: Enricher) -> None:
    for size in (65_000, 65_480, 65_500, 65_520, 65_534, 65_535, 65_536, 70_000):
        line = b'{"a":"' + b"x" * (size - 8) + b'"}'
        assert len(line) == size
        told, counts = through(enricher, [line[:60_000], line[60_000:] + b"\n"])
        assert isinstance(counts, Counts)
        assert told == line + b"\n" if counts.long else len(told) < 65_536
        assert counts.enriched + counts.long == counts.lines == 1


def test_a_failed_load_keeps_the_old_models(made: Made, enricher: Enricher) -> None:
    words: list[str] = []
    only = Enricher.load(made.model, "launch")

    def broken() -> Enricher:
        raise RuntimeError("a bug")

    pipe = Pipe(enricher, broken, tell=words.append)
    pipe.reload()
    wait(lambda: pipe.counts.failed == 1)
    assert pipe.enricher is enricher
    assert words == ["the models stay as they were: a bug"]
    pipe = Pipe(enricher, lambda: only, tell=words.append)
    pipe.reload()
    wait(lambda: pipe.counts.reloads == 1)
    assert pipe.enricher is only


def wait(what: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


class Child:
    """A real `graphad enrich`."""

    def __init__(self, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "graphad", "enrich", *map(str, arguments)], cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin: IO[bytes] = self.process.stdin
        self.stdout: IO[bytes] = self.process.stdout

    def ask(self, line: bytes) -> bytes:
        """Return the answer to a line, which must come before the next line does."""
        self.stdin.write(line + b"\n")
        self.stdin.flush()
        return self.stdout.readline()

    def end(self) -> tuple[bytes, bytes, int]:
        """Return the rest of the output, what was said, and the exit status."""
        out, said = self.process.communicate(timeout=30)
        return out, said, self.process.returncode


@pytest.fixture
def model(made: Made, tmp_path: Path) -> Iterator[Path]:
    """Return a place whose model may change: a link."""
    link = tmp_path / "model"
    link.symlink_to(made.model)
    yield link
    link.unlink(missing_ok=True)


def test_a_process_answers_each_line_and_says_nothing(model: Path, enricher: Enricher) -> None:
    child = Child("--model", model)
    for line in lines([odd(), *events(20)]):
        answer = child.ask(line)
        ours = json.loads(answer)["graphad"]
        assert ours["score"] == json.loads(with_key(enricher, line))["graphad"]["score"]
    assert child.ask(b"rubbish") == b"rubbish\n"
    child.stdin.write(GOOD)  # a last line without its end
    out, said, code = child.end()
    assert (out, said, code) == (with_key(enricher, GOOD), b"", 0)


def test_hang_up_loads_the_models_anew_and_loses_nothing(
    made: Made, model: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    child = Child("--model", model, "--log-file", log)
    line = next(lines([odd()]))
    before = json.loads(child.ask(line))["graphad"]
    assert before["model"] == "model"
    assert "evil" in str(before["reason"])
    (tmp_path / "broken").mkdir()
    model.unlink()
    model.symlink_to(tmp_path / "broken")
    child.process.send_signal(signal.SIGHUP)
    wait(lambda: "the models stay as they were" in log.read_text())
    assert json.loads(child.ask(line))["graphad"] == before
    model.unlink()
    model.symlink_to(made.model)
    child.process.send_signal(signal.SIGHUP)
    wait(lambda: "loaded the models anew" in log.read_text())
    assert json.loads(child.ask(line))["graphad"] == before
    out, said, code = child.end()
    assert (out, said, code) == (b"", b"", 0)
    told = log.read_text().splitlines()
    assert "lines 3, enriched 3, unreadable 0, long 0, dropped 0, reloads 1, failed 1" in told[-1]
    assert all(one[:2] == "20" and "Z graphad enrich: " in one for one in told)
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_process_gives_what_it_took(model: Path, number: int) -> None:
    child = Child("--model", model)
    child.ask(GOOD)
    child.stdin.write(GOOD[:3])
    child.stdin.flush()
    time.sleep(0.1)  # until it has read that
    child.process.send_signal(number)
    out, said, code = child.end()
    assert (out, said, code) == (GOOD[:3], b"", 128 + number)


def test_a_reader_that_goes_away_ends_it_quietly(model: Path) -> None:
    child = Child("--model", model)
    child.ask(GOOD)
    child.stdout.close()
    child.stdin.write(GOOD + b"\n")
    child.stdin.flush()
    assert child.process.wait(timeout=30) == 141
    assert child.process.stderr is not None
    assert child.process.stderr.read() == b""
    child.stdin.close()
    child.process.stderr.close()


def test_the_command_line(made: Made, tmp_path: Path, enricher: Enricher) -> None:
    def run(*arguments: object, data: bytes = GOOD + b"\n") -> tuple[bytes, bytes, int]:
        child = Child(*arguments)
        out, said = child.process.communicate(data, timeout=60)
        return out, said, child.process.returncode

    out, said, code = run("--model", made.model, "--key", "x", "-v", "--flush", "line")
    assert (out, code) == (b'{"a":1,"x":{"score":null}}\n', 0)
    assert b"loaded event-" in said
    assert b"lines 1, enriched 1" in said
    out, said, code = run("-s", made.store, "--no-risk", data=next(lines([odd()])) + b"\n")
    assert json.loads(out)["graphad"]["model"] == made.model.name
    assert (said, code) == (b"", 0)
    out, said, code = run("--model", made.model, "--on-error", "fail", data=GOOD + b"\nx\n")
    assert out == with_key(enricher, GOOD) + b"\n"
    assert (said[:26], code) == (b"graphad: Line 2 is no JSON", 1)
    out, said, code = run("--model", made.model.name, "-s", made.store, "--no-risk")
    assert (out, said, code) == (with_key(enricher, GOOD) + b"\n", b"", 0)
    out, said, code = run("--model", "event-0", "-s", made.store)
    assert (out, code) == (b"", 1)
    assert b"No model is called 'event-0'" in said
    out, said, code = run("--model", tmp_path)
    assert (out, code) == (b"", 1)
    assert b"is no model" in said
    out, said, code = run("--show-fields")
    assert (out, said, code) == (
        (ROOT / "graphad" / "enrich" / "fields.toml").read_bytes(), b"", 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shell", "code", "said"),
    [
        ("<&-", 1, b"graphad: Standard input is closed.\n"),
        (">&-", 1, b"graphad: Standard output is closed.\n"),
        ("2>&-", 0, b""),
        ("> /dev/full", 1, b"graphad: The events can't be passed on: No space left on device.\n"),
    ],
)
def test_streams_that_are_no_use_are_errors(made: Made, shell: str, code: int, said: bytes) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -m graphad enrich --model "$1" {shell}', sys.executable,
         str(made.model)],
        input=GOOD + b"\n", capture_output=True, cwd=ROOT, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (code, said)
