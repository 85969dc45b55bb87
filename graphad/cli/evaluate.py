"""The command that compares findings with the truth."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphad.cli.options import Number, format_option, store_option

if TYPE_CHECKING:
    from graphad.evaluate import Report

_MOST = 20  # attacks in a table


@click.command()
@store_option
@click.argument("truth", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--step", type=Number(1e-3, 1e8), default=60.0, show_default=True,
    metavar="SECONDS", help="Step of time for PATE.",
)  # fmt: skip
@click.option(
    "--buffer", type=Number(0.0, 1e8), default=3600.0, show_default=True,
    metavar="SECONDS",
    help="How long before and after an attack a finding may count for something in PATE.",
)  # fmt: skip
@format_option("table", "json", "ndjson")
def evaluate(store: Path, truth: Path, step: float, buffer: float, form: str | None) -> None:
    """Compare the kept findings with TRUTH, a CSV file of what was an attack.

    Its header is `source,line,label`, `source,record,label`, `entity,label` or `host,start,end`.
    A table also shows what findings of each severity hold and how soon each attack was found; so
    does JSON, whole. NDJSON has the figures alone.
    """
    from graphad import evaluate as judge
    from graphad.cli import show
    from graphad.evaluate_moments import of_store
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    known = judge.read_truth(truth)
    report = judge.evaluate(
        show.judged(opened.findings()), known, days=opened.scored_days(),
        moments=of_store(opened, known), step_s=step, buffer_s=buffer,
    )  # fmt: skip
    form = show.form_of(form)
    if form == "json":
        whole = report.to_dict() | {"detections": _detections(report)}
        click.echo(json.dumps(whole, indent=1))
        return
    show.rows(report.rows(), form)
    if form == "table":
        _tables(report)


def _detections(report: "Report") -> list[dict[str, Any]]:
    from graphad.judge import rfc3339

    return [
        {"attack": one.attack, "begin": None if one.begin is None else rfc3339(one.begin),
         "seconds": one.seconds, "finding": one.finding, "reason": one.reason}
        for one in report.detections
    ]  # fmt: skip


def _tables(report: "Report") -> None:
    """Print what each severity holds, and how soon the first attacks were found."""
    from dataclasses import asdict

    from graphad.cli import show

    if report.severities:
        click.echo()
        show.rows([asdict(one) for one in report.severities], "table")
    if report.detections:
        click.echo()
        show.rows(_detections(report)[:_MOST], "table")
        more = len(report.detections) - _MOST
        if more > 0:
            click.echo(f"and {more} more attacks: -f json")
