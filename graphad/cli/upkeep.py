"""Commands that look after a store: compact, prune, doctor."""

from pathlib import Path

import click

from graphad import __version__
from graphad.cli.options import store_option
from graphad.sanitize import log_line


@click.command()
@store_option
def compact(store: Path) -> int:
    """Make few large files of many small ones; what is in them stays the same.

    \b
    graphad compact -s graphad-store
    """
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    fewer = opened.compact()
    click.echo(f"{store}: {fewer} segments fewer, {len(opened.manifest.files['records'])} left")
    return 0


@click.command()
@store_option
@click.option("--before", required=True, metavar="DAY", help="The first UTC day that stays.")
def prune(store: Path, before: str) -> int:
    """Remove records and edges of days before DAY; findings keep their raw lines.

    \b
    graphad prune --before 2026-08-01
    """
    from graphad.workspace import open_store

    records, edges = open_store(store, create=False).prune(before)
    click.echo(f"{store}: {records:,} records and {edges:,} edges removed")
    return 0


@click.command()
@store_option
def doctor(store: Path) -> int:
    """Check the store: every file and model against its digest; and say what is installed."""
    import importlib.metadata
    import platform

    from graphad.workspace import open_store

    click.echo(f"graphad {__version__}, Python {platform.python_version()}")
    for package in ("duckdb", "pyarrow", "numba", "numpy", "scipy"):
        click.echo(f"{package} {importlib.metadata.version(package)}")
    if not (store / "CURRENT").exists():
        click.echo(f"{store}: no store here")
        return 0
    opened = open_store(store, create=False)
    problems = [*opened.check(), *opened.damaged()]
    for problem in problems:
        click.echo(f"graphad: {log_line(problem)}", err=True)
    sources = opened.sources
    entries, bad = opened.journal()
    torn = f", {bad} line{'s' * (bad != 1)} of the journal cut off or damaged" if bad else ""
    total = sum(opened.parquet_bytes().values())
    click.echo(
        f"{store}: commit {opened.manifest.number}, {len(sources)} sources, "
        f"{sum(s.read for s in sources):,} records, {sum(s.edges for s in sources):,} edges, "
        f"{total:,} bytes, {opened.manifest.collisions} id collisions, {len(problems)} problems, "
        f"{entries} entries in the journal{torn}"
    )
    return 1 if problems else 0
