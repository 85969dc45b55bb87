"""Options that several commands share, and what they stand for."""

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from graphad.errors import GraphadError
from graphad.schema import DETECTORS, ENTITY_TYPES, SEVERITIES

Command = TypeVar("Command", bound=Callable[..., Any])

store_option = click.option(
    "-s", "--store", envvar="GRAPHAD_STORE", type=click.Path(path_type=Path),
    default=Path("graphad-store"),
    show_default=True, help="Folder of the store.",
)  # fmt: skip
columns_option = click.option(
    "--columns", metavar="COLUMN,...", help="Columns of a table by which its rows are events."
)
_PATH: dict[str, Any] = {"max_length": 5, "strict": False, "robust": False, "span": None}
_MODES = {
    "path": ("default", "paper", "nodoze", "provdetector"),
    "event": ("default", "paper"),
    "window": ("default", "paper"),
    "relation": ("default", "paper"),
}
_MODELS = {
    "window": ("auto", "wl", "rayleigh"),
    "relation": ("auto", "surprisal", "counts", "unseen", "network", "rank", "nearest"),
}
_WINDOW: dict[str, Any] = {"unit": "host", "length": 3600, "labels": None}
logs_argument = click.argument("logs", nargs=-1, required=True)


def input_options(command: Command) -> Command:
    """Add the options that say how logs are read."""
    for option in (
        click.option(
            "--parsers",
            multiple=True,
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="Folder with parsers of your own.",
        ),
        click.option("--host", help="Host of records that don't name one."),
        click.option("--assume-year", type=int, help="Year of time stamps without one."),
        click.option(
            "--assume-timezone",
            default="UTC",
            show_default=True,
            help="Zone of time stamps without one.",
        ),
        click.option(
            "--mapping",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="SELECT that maps a table (CSV, NDJSON, Parquet) to events.",
        ),
        click.option("--time", metavar="COLUMN", help="With --columns: when a row happened."),
        click.option("--input-format", help="Name of the parser; sniffed if not given."),
    ):
        command = option(command)
    return command


class Number(click.FloatRange):
    """A finite number in a range; click's own lets NaN pass any range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number. Raises: click.BadParameter."""
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is no finite number.", param, ctx)
        return found


budget_option = click.option(
    "--budget", type=Number(0.0, min_open=True), default=10.0, show_default=True,
    help="False alarms a day, for the whole installation.",
)  # fmt: skip
fail_on_option = click.option(
    "--fail-on", type=click.Choice(SEVERITIES[1:]),
    help="Exit 4 if a finding is at least so severe.",
)  # fmt: skip
max_reject_rate_option = click.option(
    "--max-reject-rate", type=Number(0.0, 1.0), default=0.5, show_default=True,
    help="Exit 3 if a larger share is rejected.",
)  # fmt: skip
detector_option = click.option(
    "--detector", type=click.Choice(DETECTORS), default="path",
    show_default=True,
    help="path: chains of events; event: single ones, by what their records say; "
    "window: hosts' hours, process trees or sessions as a whole; relation: messages of text logs "
    "with users, hosts, addresses they don't occur with.",
)  # fmt: skip


def detector_options(command: Command) -> Command:
    """Add the choice of a detector and the options of each."""
    for option in (
        click.option(
            "--numbers", metavar="COLUMN,...", help="Of --columns: numbers, to be cut into ranges."
        ),
        columns_option,
        click.option(
            "--unit",
            type=click.Choice(["host", "tree", "session"]),
            default=_WINDOW["unit"],
            show_default=True,
            help="Of windows: a host's stretch of time, a process tree, or a session.",
        ),
        click.option(
            "--model",
            type=click.Choice(sorted({name for known in _MODELS.values() for name in known})),
            default="auto",
            show_default=True,
            help="Of windows: counts of labels of entities and neighbours (wl), or spectra; "
            "of relations: surprisal (auto), others by counts, a network, the rank average "
            "of both, or whole sessions by their nearest counts.",
        ),
        click.option(
            "--session",
            metavar="TYPE",
            default="",
            help="Of --model nearest: the type of value, or the column, that names a line's "
            "session; five minutes of a host if not given.",
        ),
        click.option(
            "--labels",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="CSV",
            help="Known attacks among what windows are learned from, as for evaluate.",
        ),
        click.option(
            "--length",
            type=click.IntRange(60, 86_400),
            default=_WINDOW["length"],
            show_default=True,
            metavar="SECONDS",
            help="Of a host's stretch of time.",
        ),
        click.option(
            "--span",
            type=Number(0.0, min_open=True),
            metavar="SECONDS",
            help="Longest time a path may take; with it, windows of any size can be scored.",
        ),
        click.option(
            "--max-length",
            type=click.IntRange(1, 8),
            default=_PATH["max_length"],
            show_default=True,
            help="Most events on a path.",
        ),
        click.option(
            "--mode",
            type=click.Choice(["default", "paper", "nodoze", "provdetector"]),
            default="default",
            show_default=True,
            help="paper: the published method, literally; the others: terms of those papers.",
        ),
        click.option("--strict", is_flag=True, help="Times on a path rise, not just never fall."),
        click.option("--robust", is_flag=True, help="z by median and MAD, not mean and deviation."),
        detector_option,
    ):
        command = option(command)
    return command


def format_option(*kinds: str) -> Callable[[Command], Command]:
    """Add -f/--format: a table on a terminal, NDJSON in a pipe, if not given."""
    return click.option(
        "-f",
        "--format",
        "form",
        type=click.Choice(kinds),
        help="Table on a terminal, NDJSON in a pipe, if not given.",
    )


def ingest_options(given: dict[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments of Store.ingest that command-line options stand for."""
    from zoneinfo import ZoneInfo

    from graphad.parse import Options

    try:
        ZoneInfo(given["assume_timezone"])
    except (KeyError, ValueError, OSError) as error:
        raise click.BadParameter(
            f"{given['assume_timezone']!r} is no time zone.", param_hint="--assume-timezone"
        ) from error
    parser: Any = given["input_format"]
    columns = names(given["columns"])
    if bool(columns) != bool(given["time"]):
        raise click.UsageError("--columns and --time go together.")
    if columns:
        from graphad.decoders.tabular_columns import columns_parser

        if given["mapping"] is not None or parser is not None:
            raise click.UsageError("--columns reads a table without --mapping or --input-format.")
        parser = columns_parser(columns, given["time"], given["host"])
    elif given["mapping"] is not None:
        from graphad.decoders.tabular import table_parser

        try:
            sql = given["mapping"].read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise GraphadError(f"{given['mapping']} cannot be read: {error}.") from error
        parser = table_parser(sql)
    options = Options(given["assume_timezone"], given["assume_year"], given["host"])
    return {"parser": parser, "options": options, "parsers": list(given["parsers"])}


def detector_settings(given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the detector that options name, and its fields. Raises: UsageError: they clash."""
    detector, columns, numbers = given["detector"], names(given["columns"]), names(given["numbers"])
    if detector not in ("event", "relation") and (columns or numbers):
        raise click.UsageError("--columns and --numbers go with --detector event.")
    if detector == "relation" and numbers:
        raise click.UsageError("--numbers goes with --detector event.")
    if given["model"] not in _MODELS.get(detector, ("auto",)):
        others = [name for name, known in _MODELS.items() if given["model"] in known]
        raise click.UsageError(f"--model {given['model']} goes with --detector {others[0]}.")
    if given["session"] and (detector, given["model"]) != ("relation", "nearest"):
        raise click.UsageError("--session goes with --detector relation --model nearest.")
    for other, options in (("path", _PATH), ("window", _WINDOW)):
        told = [name for name, usual in options.items() if given[name] != usual]
        if detector != other and told:
            raise click.UsageError(f"--{told[0].replace('_', '-')} goes with --detector {other}.")
    if given["mode"] not in _MODES[detector]:
        raise click.UsageError(f"--mode {given['mode']} goes with --detector path.")
    if detector == "path":
        named = {name: given[name] for name in ("mode", "max_length", "strict", "robust")}
        return detector, named | {"span_s": given["span"]}
    if detector == "window":
        found = {name: given[name] for name in ("model", "mode")}
        return detector, found | {"of": given["unit"], "length_s": given["length"]}
    if detector == "relation":
        if given["model"] == "nearest":
            if given["mode"] == "paper":
                raise click.UsageError("--mode paper goes with --model network or rank.")
            found = {"model": "nearest", "session": given["session"]}
            return detector, {"columns": columns} | found
        simple = {} if given["model"] == "auto" else {"model": given["model"]}
        if given["mode"] == "paper":
            simple = {"model": "network", "mode": "paper"} | simple
        return detector, {"columns": columns} | simple
    odd = [name for name in numbers if name not in columns]
    if odd:
        raise click.UsageError(f"--numbers names {odd[0]}, which --columns does not.")
    time = {"time": given["time"]} if columns and given.get("time") else {}
    return detector, {"mode": given["mode"], "columns": columns, "numbers": numbers} | time


def names(text: str | None) -> tuple[str, ...]:
    """Return the names in a list with commas, in order, each once.

    >>> names("user, port,user")
    ('user', 'port')
    """
    parts = (part.strip() for part in (text or "").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def exit_code(found: Iterable[Any], fail_on: str | None, rejected: bool) -> int:
    """Return 4 if a finding is at least as severe as `fail_on`, 3 if too much was rejected, or 0.

    >>> exit_code([], "low", rejected=True)
    3
    """
    severe = SEVERITIES[SEVERITIES.index(fail_on) :] if fail_on else ()
    if any(finding.severity in severe for finding in found):
        return 4
    return 3 if rejected else 0


def filter_options(command: Command) -> Command:
    """Add what restricts the search to some events."""
    for option in (
        click.option(
            "--on-host", multiple=True, metavar="HOST", help="Events of this host only; repeatable."
        ),
        click.option(
            "--type",
            "types",
            multiple=True,
            type=click.Choice(ENTITY_TYPES),
            help="Only events between entities of these types; repeatable.",
        ),
    ):
        command = option(command)
    return command


def filters(given: dict[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments of Workspace.score that the filters stand for."""
    return {"hosts": given["on_host"] or None, "types": given["types"] or None}
