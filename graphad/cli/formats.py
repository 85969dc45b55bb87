"""`graphad parsers`, and what `graphad ingest --dry-run` shows."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphad.cli.options import format_option

if TYPE_CHECKING:
    from graphad.store.trial import Tried


@click.command()
@click.option(
    "--parsers",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with parsers of your own.",
)
@format_option("table", "ndjson")
def parsers(parsers: tuple[Path, ...], form: str | None) -> None:
    """List the log formats that can be read and what each yields."""
    from graphad import formats
    from graphad.cli import show

    show.rows(
        [
            {"name": p.name, "about": p.about, "yields": formats.yields(p)}
            for p in formats.load_all(parsers).values()
        ],
        form,
    )


def tried(found: Iterable["Tried"], form: str | None) -> tuple[int, int]:
    """Print what inputs would give; return how many records were read, and rejected.

    On a terminal an input's counts, then its first events and why records were left out; else one
    JSON object an input.
    """
    from graphad.cli import show
    from graphad.sanitize import log_line

    read = rejected = 0
    for one in found:
        lost = sum(one.rejected.values())
        read, rejected = read + one.read, rejected + lost
        counts = {
            "source": one.path, "format": one.format, "read": one.read, "used": one.used,
            "ignored": sum(one.ignored.values()), "rejected": lost, "edges": one.edges,
            "note": one.note,
        }  # fmt: skip
        why = [{"records": n, "ignored by rule": rule} for rule, n in one.ignored.most_common()]
        bad = [
            {"records": n, "rejected": reason, "first on line": one.where.get(reason)}
            for reason, n in one.rejected.most_common()
        ]
        if show.form_of(form) != "table":
            whole: dict[str, Any] = {"ignored_by": dict(one.ignored.most_common())}
            whole |= {"rejects": bad, "events": one.events}
            show.rows([counts | whole], form)
            continue
        for table in ([counts], one.events, why, bad):
            if table:
                show.rows(table, form)
                click.echo()
        if one.note:
            click.echo(log_line(f"{one.path} {one.note}."), err=True)
    click.echo("Dry run: nothing was written.", err=True)
    sys.stdout.flush()
    return read, rejected
