"""Commands on incidents: list them, show one."""

from pathlib import Path
from typing import Any

import click

from graphad.cli import leaving
from graphad.cli.leaving import leaving_options
from graphad.cli.options import Command, format_option, store_option


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


@click.command()
@store_option
@click.argument("incident")
@tag_options
@click.option("--all", "every", is_flag=True, help="Every event and every line, uncut.")
@format_option("table", "json", "ndjson")
@leaving_options
def show(
    store: Path, incident: str, no_tags: bool, tags: Path | None, every: bool, form: str | None,
    **given: Any,
) -> None:  # fmt: skip
    """Show INCIDENT: what happened, who started whom, the time line, and the log lines.

    \b
    graphad show incident-5f5a8c4fe0
    """
    from graphad.cli import show_incident
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    name = leaving.known_as(opened, incident, given)
    [found] = leaving.told(opened, [opened.incident(name, tags=chosen_tags(no_tags, tags))], given)
    leaving.send(given, lambda: show_incident.one(found, form, every))
