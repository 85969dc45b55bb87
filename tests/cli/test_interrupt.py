"""Ctrl-C ends a command whatever it is at: once asked, it stops."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from graphad.cli.interrupt import leaving
from graphad.cli.main import main

Stand = Callable[..., object]


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Have SIGINT heard: a shell's background jobs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Stand], Result]:
    """Return what runs a command that is about to do what it is given."""

    def run(stand: Stand) -> Result:
        monkeypatch.setattr("graphad.workspace.open_store", stand)
        return CliRunner().invoke(main, ["findings"])

    return run


def interrupted(result: Result) -> bool:
    return (result.exit_code, result.stderr.strip()) == (130, "graphad: interrupted.")


def test_an_interruption_that_was_swallowed_comes_again(
    command: Callable[[Stand], Result],
) -> None:
    def swallows(*_: object, **__: object) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        time.sleep(60)

    began = time.monotonic()
    assert interrupted(command(swallows))
    assert time.monotonic() - began < 30


def test_cleaning_up_is_not_interrupted(command: Callable[[Stand], Result]) -> None:
    cleaned = []

    def cleans(*_: object, **__: object) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            time.sleep(0.4)
            try:
                raise KeyError
            except KeyError:
                time.sleep(0.4)
            cleaned.append(True)

    assert interrupted(command(cleans))
    assert cleaned == [True]


def test_what_fails_for_want_of_what_was_broken_off(
    command: Callable[[Stand], Result],
) -> None:
    def fails(*_: object, **__: object) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise AttributeError("partially imported")

    def statement(*_: object, **__: object) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise RuntimeError("Query interrupted") from None  # as DuckDB does

    assert interrupted(command(fails))
    assert interrupted(command(statement))


def test_without_an_interruption_errors_stay_what_they_are(
    command: Callable[[Stand], Result],
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise AttributeError("a fault")

    assert isinstance(command(fails).exception, AttributeError)


def test_whoever_ignores_sigint_goes_on_doing_so(command: Callable[[Stand], Result]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def goes_on(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)
        raise LookupError("reached")

    try:
        assert isinstance(command(goes_on).exception, LookupError)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_leaving_looks_for_causes() -> None:
    assert not leaving(None)
    assert not leaving(RuntimeError("other"))
    assert leaving(RuntimeError("Query interrupted"))
    broken = RuntimeError("what broke off")
    broken.__context__ = KeyboardInterrupt()
    assert leaving(broken)
