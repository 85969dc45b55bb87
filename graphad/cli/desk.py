"""The analyst's commands: questions to a store, process trees, time lines."""

from pathlib import Path
from typing import Any

import click

from graphad.cli import leaving
from graphad.cli.leaving import leaving_options
from graphad.cli.options import Number, format_option, store_option

limit_option = click.option(
    "--limit", type=click.IntRange(1), default=1000, show_default=True, help="Rows to show."
)


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@store_option
@click.argument("name", required=False)
@click.argument("parameters", nargs=-1, type=click.UNPROCESSED)
@click.option("--list", "listing", is_flag=True, help="List the queries.")
@click.option("--sql", help="A SELECT of your own over the store's tables.")
@click.option(
    "--queries",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with queries of your own.",
)
@click.option(
    "--timeout",
    type=Number(0.0, 86_400.0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Longest time a query may take.",
)
@click.option(
    "--memory", default="1GB", show_default=True, metavar="SIZE", help="Most memory it may take."
)
@format_option("table", "json", "ndjson", "csv")
@leaving_options
@click.option("-h", "--help", "wanted", is_flag=True, help="Help, of NAME if one is given.")
@click.pass_context
def query(
    context: click.Context,
    /,
    store: Path,
    name: str | None,
    parameters: tuple[str, ...],
    listing: bool,
    sql: str | None,
    queries: tuple[Path, ...],
    timeout: float,
    memory: str,
    form: str | None,
    wanted: bool,
    **given: Any,
) -> None:
    """Answer a question from the store: NAME, then its parameters as --name value.

    \b
    graphad query --list
    graphad query process_tree --host web1
    graphad query --sql "SELECT action, count(*) FROM events GROUP BY action"
    """
    if wanted and name is None:
        click.echo(context.get_help())
        return
    from graphad.cli import show
    from graphad.cli.queries import answer, described, listed

    if wanted and name is not None:
        click.echo(described(name, queries))
        return
    if listing or (name is None and sql is None):
        show.rows(listed(queries), form)
        return
    found = answer(store, name, parameters, sql, queries, timeout, memory)
    told = leaving.table(store, found, given)
    leaving.send(given, lambda: show.table(told, form))


@click.command()
@store_option
@click.option("--host", help="Host of the processes; needed if there are several.")
@click.option("--root", help="Only below this process: an entity id, or part of its name.")
@click.option("--depth", type=click.IntRange(1, 1000), default=12, show_default=True,
              help="Generations to show.")  # fmt: skip
@limit_option
@format_option("table", "json", "ndjson", "csv")
@leaving_options
def tree(
    store: Path, host: str | None, root: str | None, depth: int, limit: int, form: str | None,
    **given: Any,
) -> None:  # fmt: skip
    """Show the processes of a host as a tree: who started whom, in the order of time.

    \b
    graphad tree --host web1
    graphad tree --host web1 --root sshd --depth 4
    """
    from graphad.cli.show_desk import processes
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    found = opened.query(
        "process_tree", host=opened.host(host), root=root, depth=depth, limit=limit
    )
    told = leaving.table(store, found, given)
    leaving.send(given, lambda: processes(told, form, limit))


@click.command()
@store_option
@click.option("--host", help="Only of this host.")
@click.option("--since", help="Begin, RFC 3339; UTC if it names no zone.")
@click.option("--until", help="End, not counted in.")
@click.option("--around", metavar="ID", help="Only events of this entity, or around this finding.")
@click.option("--within", type=Number(0.0), default=60.0, show_default=True,
              metavar="SECONDS", help="Of a finding: time before and after it.")  # fmt: skip
@limit_option
@format_option("table", "json", "ndjson", "csv")
@leaving_options
def timeline(
    store: Path, host: str | None, since: str | None, until: str | None, around: str | None,
    within: float, limit: int, form: str | None, **given: Any,
) -> None:  # fmt: skip
    """Show events in the order of time.

    \b
    graphad timeline --host web1 --since 2026-03-02T10:00:00Z --until 2026-03-02T10:05:00Z
    graphad timeline --around path-0123456789
    """
    from graphad.cli.show_desk import events
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    start = None if around is None else leaving.known_as(opened, around, given)
    found = opened.timeline(
        host=host, since=since, until=until, around=start, within_s=within, limit=limit
    )
    told = leaving.table(store, found, given)
    leaving.send(given, lambda: events(told, form, limit))
