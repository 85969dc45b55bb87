"""Commands on incidents: list them, show one."""

import re
from pathlib import Path
from typing import Any

import click

from graphad.cli import leaving
from graphad.cli.leaving import leaving_options
from graphad.cli.options import Command, format_option, store_option
from graphad.schema import DETECTORS


def tag_options(command: Command) -> Command:
    """Add the options on ATT&CK tags."""
    for option in (
        click.option("--no-tags", is_flag=True, help="No ATT&CK techniques."),
        click.option(
            "--tags", type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Patterns of your own for techniques, see docs/incidents.md.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def chosen_tags(no_tags: bool, tags: Path | None) -> Path | bool:
    """Return the tags that options ask for. Raises: UsageError: they clash."""
    if no_tags and tags:
        raise click.UsageError("Give --tags or --no-tags, not both.")
    return tags or not no_tags


@click.command()
@store_option
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Rows to show.")
@tag_options
@format_option("table", "json", "ndjson", "csv", "ocsf", "splunk-hec")
@leaving_options
def incidents(
    store: Path, top: int, no_tags: bool, tags: Path | None, form: str | None, **given: Any
) -> None:
    """List the incidents that the kept findings form, best first.

    \b
    graphad incidents --top 5
    graphad incidents -f ndjson | jq .description
    """
    from graphad.cli import show_incident
    from graphad.cli.show import form_of
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    found = leaving.told(opened, opened.incidents(tags=chosen_tags(no_tags, tags))[:top], given)
    if form_of(form) == "table":
        leaving.send(given, lambda: show_incident.listed(found))
    else:
        from graphad.export import forms

        leaving.send(given, forms.incidents(form_of(form), found))


@click.command(context_settings={"ignore_unknown_options": True})  # ids may begin with a minus
@store_option
@click.argument("name", metavar="ID")
@tag_options
@click.option("--all", "every", is_flag=True, help="Every event and every line, uncut.")
@format_option("table", "json", "ndjson")
@leaving_options
def show(
    store: Path, name: str, no_tags: bool, tags: Path | None, every: bool, form: str | None,
    **given: Any,
) -> None:  # fmt: skip
    """Show an incident, or what is around an entity.

    ID is an incident's or a finding's: what happened, who started whom, the time line, and the log
    lines. Or it is an entity's, or text that fits one entity alone: who started it, what it touched
    and with whom it spoke.

    \b
    graphad show incident-5f5a8c4fe0
    graphad show 203.0.113.7:443
    """
    from graphad.cli import show_desk, show_incident
    from graphad.errors import UnknownName
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    chosen = chosen_tags(no_tags, tags)
    most = 100_000 if every else 500

    def around() -> None:
        near = opened.neighbourhood(name, limit=most)
        seen = leaving.privacy(given, opened).struct(near)
        leaving.send(given, lambda: show_desk.neighbourhood(seen, form, every))

    if re.fullmatch(r"-?\d+|[0-9a-f]{16}", name):  # no incident or finding is called so
        around()
        return
    try:
        found = opened.incident(leaving.known_as(opened, name, given), tags=chosen)
    except UnknownName as unknown:
        # An id of a finding is mistyped rather than part of a name in a log.
        if name.partition("-")[0] in ("incident", *DETECTORS):
            raise
        try:
            around()
        except UnknownName as error:
            raise error from unknown
        return
    [told] = leaving.told(opened, [found], given)
    leaving.send(given, lambda: show_incident.one(told, form, every))
