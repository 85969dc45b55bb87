"""The command that adds scores to events as they pass."""

import contextlib
import gc
import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from graphad.errors import GraphadError, UnknownName
from graphad.sanitize import log_line

if TYPE_CHECKING:
    from graphad.enrich.pipe import Answer, Flush, OnError, Pipe

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--model", help="Folder of an event or relation model, or its id in the store.")
@click.option(
    "-s", "--store", envvar="GRAPHAD_STORE", type=_FOLDER,
    help="Store whose models in use score, unless --model names one, and whose path findings say "
    "which entities are at risk. [default: graphad-store, without --model]",
)  # fmt: skip
@click.option("--no-risk", is_flag=True, help="Don't look for entities at risk.")
@click.option("--kind", help="Score events of one kind alone; see docs/event.md.")
@click.option("--fields", type=_FILE, help="Mapping of field names of your own (TOML).")
@click.option("--show-fields", is_flag=True, help="Print our mapping, to begin yours with.")
@click.option("--key", default="graphad", show_default=True, help="Name of the key to add.")
@click.option(
    "--on-error", type=click.Choice(["pass", "drop", "fail"]), default="pass", show_default=True,
    help="What becomes of lines that are no JSON object or too long.",
)  # fmt: skip
@click.option(
    "--max-reply", type=click.IntRange(0), default=65_536, show_default=True, metavar="BYTES",
    help="An answer is shorter, or its line passes as it came; 0: 16 MiB.",
)  # fmt: skip
@click.option(
    "--flush", type=click.Choice(["idle", "line"]), default="idle", show_default=True,
    help="Write when no more input waits, or after each line.",
)  # fmt: skip
@click.option(
    "--reply", type=click.Choice(["line", "rsyslog"]), default="line", show_default=True,
    help="Give back the line, or what rsyslog's mmexternal wants: a property to set.",
)  # fmt: skip
@click.option(
    "--log-file", type=click.Path(dir_okay=False, path_type=Path),
    help="File to append words to: what was loaded, counts.",
)  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="The same words to standard error.")
def enrich(
    model: str | None, store: Path | None, no_risk: bool, kind: str | None, fields: Path | None,
    show_fields: bool, key: str, on_error: "OnError", max_reply: int, flush: "Flush",
    reply: "Answer", log_file: Path | None, verbose: bool,
) -> int:  # fmt: skip
    """Add a score to each event: NDJSON from standard input, the same lines to standard output.

    One line out for each line in, in order, with one more key; all other bytes stay. Nothing goes
    to standard error unless asked for. SIGHUP loads the models anew; if that fails the old ones
    stay.

    \b
    graphad enrich --model models/event/event-93f2c1 < events.ndjson
    tail -F events.ndjson | graphad enrich -s graphad-store --on-error drop
    """
    from graphad.enrich import Enricher
    from graphad.enrich.fields import OWN
    from graphad.enrich.pipe import Pipe

    if show_fields:
        click.echo(OWN.read_text(encoding="utf-8"), nl=False)
        return 0

    _check_streams()
    where = store or Path("graphad-store")

    def load() -> Enricher:
        if model is not None:
            risk = None if no_risk else store
            return Enricher.load(_folder(model, where), kind, fields=fields, risk=risk)
        return Enricher.of_store(where, kind=kind, fields=fields, risk=not no_risk)

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it came before there is anything to load anew

    with _words(log_file, verbose) as tell:
        enricher = load()
        gc.freeze()  # a model is a million objects, and no answer shall wait for a look at them
        tell(f"loaded {', '.join(one.name for one in enricher.models)}")
        pipe = Pipe(
            enricher,
            load,
            on_error=on_error,
            reply=max_reply,
            key=key,
            flush=flush,
            answer=reply,
            tell=tell,
        )
        return _run(pipe)


def _check_streams() -> None:
    """Refuse streams that are closed: the next file to be opened would take their place."""
    for number, name in enumerate(("input", "output")):
        try:
            os.fstat(number)
        except OSError as error:
            raise GraphadError(f"Standard {name} is closed.") from error
    try:
        os.fstat(2)
    except OSError:
        os.open(os.devnull, os.O_WRONLY)


def _folder(model: str, store: Path) -> Path:
    """Return the folder of a model that is named by it, or by its id in a store."""
    if Path(model).is_dir():
        return Path(model)
    found = {path.name: path for path in store.glob("models/*/*-*") if path.is_dir()}
    if model not in found:
        raise UnknownName.among("model", model, found)
    return found[model]


def _run(pipe: "Pipe") -> int:
    """Enrich standard input; signals only set flags, so that no line is ever cut by one."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    stopped: list[int] = []

    def stop(number: int, frame: object) -> None:
        if stopped:  # who reads doesn't; there is nothing left to wait for
            os._exit(128 + number)
        stopped.append(number)
        pipe.stop()

    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, lambda *_: pipe.reload())
    try:
        pipe.run(0, 1, read)
    except BrokenPipeError:
        raise  # of every command alike: see Commands
    except OSError as error:
        raise GraphadError(f"The events can't be passed on: {error.strerror}.") from error
    return 128 + stopped[0] if stopped else 0


@contextlib.contextmanager
def _words(path: Path | None, verbose: bool) -> Iterator[Callable[[str], None]]:
    """Give what takes words for the log: a file of our own, standard error, or nothing."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        file = None if path is None else os.open(path, flags, 0o600)
    except OSError as error:
        raise GraphadError(f"{path} can't be written: {error.strerror}.") from error
    places = [*([file] if file is not None else []), *([2] if verbose else [])]

    def tell(words: str) -> None:
        stamp = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        line = f"{stamp} graphad enrich: {log_line(words)}\n".encode("utf-8", "backslashreplace")
        for place in places:
            with contextlib.suppress(OSError):  # a full disk shall not stop the events
                os.write(place, line)

    try:
        yield tell
    finally:
        if file is not None:
            os.close(file)
