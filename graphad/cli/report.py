"""The command that writes a report."""

from pathlib import Path
from typing import Any

import click

from graphad.cli import leaving
from graphad.cli.incidents import chosen_tags, tag_options
from graphad.cli.options import store_option


@click.command()
@store_option
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="File to write."
)
@click.option("--clobber", is_flag=True, help="Replace the file of -o if it is there.")
@click.option(
    "--top", type=click.IntRange(1), default=5000, show_default=True, help="Findings at most."
)
@click.option(
    "--incidents", type=click.IntRange(0), default=200, show_default=True,
    help="Incidents that are told and drawn at most.",
)  # fmt: skip
@tag_options
@leaving.privacy_options
def report(
    store: Path, output: Path, clobber: bool, top: int, incidents: int, no_tags: bool,
    tags: Path | None, **given: Any,
) -> None:  # fmt: skip
    """Write the kept findings and their incidents as one HTML page that needs nothing else.

    It works offline, holds the log lines behind each finding, and runs no script but its own.

    \b
    graphad report -o report.html
    graphad report -s case7 -o case7.html --clobber --redact 'password=[^ ]+'
    """
    from graphad.report import report as write
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    facts = write(
        opened, output, top=top, drawn=incidents, tags=chosen_tags(no_tags, tags),
        privacy=leaving.privacy(given, opened), clobber=clobber,
    )  # fmt: skip
    said(output, facts)


def said(output: Path, facts: Any) -> None:
    """Say on stderr what was written."""
    count, drawn = len(facts.findings), len(facts.incidents)
    click.echo(
        f"{output}: {count:,} of {facts.kept:,} findings, {drawn:,} of {facts.all_incidents:,} "
        "incidents",
        err=True,
    )
