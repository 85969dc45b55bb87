"""The commands. Heavy modules are imported by the command that needs them."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from graphad import __version__
from graphad.cli import config as config_file
from graphad.cli import leaving
from graphad.cli.desk import query, timeline, tree
from graphad.cli.enrich import enrich
from graphad.cli.evaluate import evaluate
from graphad.cli.export import export
from graphad.cli.feedback import allow, mark, marks, unmark
from graphad.cli.formats import parsers
from graphad.cli.incidents import incidents, show
from graphad.cli.interrupt import Interrupts
from graphad.cli.leaving import FORMS, leaving_options
from graphad.cli.memory import give_back
from graphad.cli.models import fit, models, update, use
from graphad.cli.nightly import nightly
from graphad.cli.options import (
    budget_option,
    columns_option,
    detector_option,
    detector_options,
    detector_settings,
    exit_code,
    fail_on_option,
    filter_options,
    filters,
    format_option,
    ingest_options,
    input_options,
    logs_argument,
    max_reject_rate_option,
    store_option,
)
from graphad.cli.report import report, said
from graphad.cli.upkeep import compact, doctor, prune
from graphad.cli.why import why
from graphad.errors import GraphadError
from graphad.sanitize import log_line


class _ReaderGoneError(Exception):
    """Whoever read our output went away; click would make a BrokenPipeError an exit of 1."""


class Commands(click.Group):
    """Turns our errors into one line and the exit codes that scripts rely on."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run; exit 0 done, 1 error, 2 usage, 130 interrupted, quiet if the reader went away."""
        kwargs["standalone_mode"] = False
        interrupts = Interrupts()
        interrupts.hear()
        try:
            try:
                code = super().main(*args, **kwargs)
            except Exception as error:
                if interrupts.asked:  # else it fails for want of what the interruption broke off
                    raise KeyboardInterrupt from error
                raise
            finally:
                interrupts.done()
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            click.echo("graphad: interrupted.", err=True)
            sys.exit(130)
        except _ReaderGoneError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(141)
        except GraphadError as error:
            click.echo(f"graphad: {log_line(str(error))}", err=True)
            sys.exit(1)
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command to its last byte."""
        try:
            found = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise _ReaderGoneError from error
        return found


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "GRAPHAD"},
)
@click.version_option(__version__, prog_name="graphad")
@click.option(
    "--config",
    "settings",
    envvar="GRAPHAD_CONFIG",
    type=click.Path(path_type=Path),
    help="File with settings; ./graphad.toml if not given.",
)
@click.pass_context
def main(ctx: click.Context, /, settings: Path | None) -> None:
    """Find attacks in logs: suspicious paths, explained, offline.

    \b
    graphad hunt LOG...                    the most suspicious paths in some logs
    graphad hunt LOG... --baseline QUIET   the same, judged by what is usual
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    give_back()
    ctx.default_map = config_file.read(main, ctx, settings)


@main.command()
@store_option
@logs_argument
@click.option(
    "--baseline",
    multiple=True,
    metavar="LOG",
    help="Quiet log to learn from and calibrate on; may be repeated.",
)
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Rows to show.")
@budget_option
@click.option(
    "--all-paths", is_flag=True, help="Show every path, not just the best of each incident."
)
@detector_options
@filter_options
@input_options
@format_option("table", *FORMS)
@leaving_options
@fail_on_option
@max_reject_rate_option
@click.option(
    "--report", "page", type=click.Path(path_type=Path), metavar="FILE",
    help="Write a report of all kept findings too, see graphad report.",
)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No words, no progress.")
def hunt(store: Path, logs: tuple[str, ...], baseline: tuple[str, ...], top: int, budget: float,
         all_paths: bool, form: str | None, fail_on: str | None, max_reject_rate: float,
         page: Path | None, quiet: bool, **given: Any) -> int:  # fmt: skip
    """Find the most suspicious paths in LOGS: ingest, fit, score, and print them.

    Without --baseline the logs are compared with themselves and findings are only ranked.

    \b
    graphad hunt /var/log/audit
    graphad hunt today.json --baseline last-week/ --top 10 -f ndjson
    """
    from graphad.cli import show
    from graphad.cli.progress import Progress
    from graphad.export import output
    from graphad.workspace import open_store

    detector, settings = detector_settings(given)
    ingest = ingest_options(given)
    clobber = given["clobber"]
    if page is not None:
        output.check(page, clobber)
        given["clobber"] = clobber and given["output"] is not None
    with Progress(quiet) as progress:
        opened = open_store(store)
        found = opened.hunt(
            logs, baseline, top=top, settings=settings, budget=budget, detector=detector,
            stage=progress.stage, watch=progress.read, done=progress.ingested,
            truth=given["labels"], **filters(given), **ingest,
        )  # fmt: skip
    leaving.findings(opened, found.findings, top, form, all_paths, given)
    if not quiet:
        show.afterword(found, store)
    if page is not None:
        from graphad.report import report as write

        privacy = leaving.privacy(given, opened)
        facts = write(opened, page, clobber=clobber, privacy=privacy)
        if not quiet:
            said(page, facts)
    return _exit_code(
        found.findings, fail_on, progress.reject_rate(), max_reject_rate, found.calibrated
    )


def _exit_code(
    found: Any, fail_on: str | None, rejected: float, limit: float, calibrated: bool
) -> int:
    if fail_on and not calibrated:
        raise GraphadError(
            "--fail-on needs severities, and there is no calibrated model.",
            hint="Give --baseline, or fit on a longer window.",
        )
    return exit_code(found, fail_on, rejected > limit)


@main.command()
@store_option
@logs_argument
@input_options
@columns_option
@format_option("table", "ndjson")
@max_reject_rate_option
@click.option("--replace", is_flag=True, help="Parse anew what is already there.")
@click.option(
    "--dry-run", is_flag=True, help="Show format, first events and reject reasons; write nothing."
)
@click.option("-q", "--quiet", is_flag=True, help="No words, no progress.")
def ingest(
    store: Path,
    logs: tuple[str, ...],
    replace: bool,
    dry_run: bool,
    form: str | None,
    max_reject_rate: float,
    quiet: bool,
    **given: Any,
) -> int:
    """Parse LOGS (files, folders, globs, archives, - for standard input) into the store.

    \b
    graphad ingest /var/log/sysmon.json
    zcat dump.gz | graphad ingest - --input-format windows
    graphad ingest --dry-run new.log
    """
    from graphad.cli import formats, show
    from graphad.cli.progress import Progress
    from graphad.workspace import open_store

    options = ingest_options(given)
    if dry_run:
        from graphad.store.trial import dry_run as attempt

        read, rejected = formats.tried(attempt(logs, **options), form)
        return 3 if rejected > max_reject_rate * read else 0
    with Progress(quiet) as progress:
        done = open_store(store).ingest(logs, watch=progress.read, replace=replace, **options)
        progress.ingested(done, summary=False)
    show.ingested(done, form)
    return 3 if progress.reject_rate() > max_reject_rate else 0


@main.command()
@store_option
@click.option("--model", help="Model to judge with; the detector's that is in use if not given.")
@detector_option
@click.option("--since", help="Begin of the window to score, RFC 3339.")
@click.option("--until", help="Its end, not counted in.")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Rows to show.")
@click.option(
    "--all-paths", is_flag=True, help="Show every path, not just the best of each incident."
)
@fail_on_option
@filter_options
@format_option("table", *FORMS)
@leaving_options
def score(
    store: Path,
    model: str | None,
    detector: str,
    since: str | None,
    until: str | None,
    top: int,
    all_paths: bool,
    fail_on: str | None,
    form: str | None,
    **given: Any,
) -> int:
    """Score a window of the store with a fitted model and keep the findings.

    A window too large for memory is scored in slices, with the same findings, if the model was
    fitted with --span.
    """
    from graphad.cli import show
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    found = opened.score(
        model=model, start=since, end=until, top=top, detector=detector, **filters(given)
    )
    leaving.findings(opened, found.findings, top, form, all_paths, given)
    show.afterword(found, store)
    return _exit_code(found.findings, fail_on, 0.0, 1.0, found.calibrated)


@main.command()
@store_option
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Rows to show.")
@format_option("table", *FORMS)
@leaving_options
def findings(store: Path, top: int, form: str | None, **given: Any) -> None:
    """List the kept findings, the best path of each incident."""
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    leaving.findings(opened, opened.findings(), top, form, False, given)


@main.command()
@store_option
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Rows to show.")
@format_option("table", *FORMS)
@leaving_options
def paths(store: Path, top: int, form: str | None, **given: Any) -> None:
    """List all kept paths, those of one incident among them."""
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    leaving.findings(opened, opened.findings(), top, form, True, given)


@main.command()
@store_option
@click.argument("finding")
@format_option("table", "json", "ndjson")
@leaving_options
def explain(store: Path, finding: str, form: str | None, **given: Any) -> None:
    """Show every edge of FINDING with its terms, which add up to its score, and its log lines."""
    from graphad.cli import show
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    found = opened.finding(leaving.known_as(opened, finding, given))
    [told] = leaving.privacy(given, opened).findings([found])
    # Logs by the names that are told of them.
    became, pairs = opened.originals(found), zip(found.evidence, told.evidence, strict=True)
    logs = {there.source: became[here.source] for here, there in pairs}
    leaving.send(given, lambda: show.explanation(told, form, logs))


for command in (query, tree, timeline, export):
    main.add_command(command)
for command in (fit, update, models, use, mark, unmark, marks, allow, why, incidents, show):
    main.add_command(command)
main.add_command(parsers)
main.add_command(report)
main.add_command(compact)
main.add_command(prune)
main.add_command(doctor)
main.add_command(enrich)
main.add_command(evaluate)
main.add_command(nightly)
main.add_command(config_file.config)
