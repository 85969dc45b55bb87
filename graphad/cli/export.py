"""`graphad export`: findings and graphs for other tools."""

from pathlib import Path
from typing import Any

import click

from graphad.cli import leaving
from graphad.cli.incidents import chosen_tags, tag_options
from graphad.cli.leaving import FORMS, leaving_options
from graphad.cli.options import store_option

# As graphad.export.graph_forms has them.
GRAPHS = ("graphml", "cytoscape", "jgf", "dot", "prov", "stix")


@click.group()
def export() -> None:
    """Write findings or graphs for other tools, see docs/exports.md."""


@export.command("findings")
@store_option
@click.option("--top", type=click.IntRange(1), help="Only so many; all if not given.")
@tag_options
@click.option(
    "-f", "--format", "form", type=click.Choice(FORMS), default="ocsf", show_default=True,
    help="Form to write.",
)  # fmt: skip
@leaving_options
def findings(
    store: Path, top: int | None, no_tags: bool, tags: Path | None, form: str, **given: Any
) -> None:
    """Write every kept finding, best first.

    \b
    graphad export findings -f ocsf -o findings.ndjson
    graphad export findings -f parquet -o findings.parquet
    """
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    found = opened.findings()
    leaving.findings(opened, found, top, form, True, given, chosen_tags(no_tags, tags))


@export.command("graph")
@store_option
@click.option("--incident", metavar="ID", help="The attack graph of an incident.")
@click.option("--finding", metavar="ID", help="The events of a finding.")
@click.option("--around", metavar="ENTITY", help="All within --hops of an entity: id or name.")
@click.option("--host", metavar="HOST", help="All events of a host.")
@click.option(
    "--hops", type=click.IntRange(1, 8), default=2, show_default=True, help="Of --around."
)
@click.option("--since", help="Begin of the window of --around or --host, RFC 3339.")
@click.option("--until", help="Its end, not counted in.")
@click.option(
    "--limit", type=click.IntRange(1), default=50_000, show_default=True,
    help="Most events; it is said if there are more.",
)  # fmt: skip
@click.option("-f", "--format", "form", type=click.Choice(GRAPHS), required=True, help="Format.")
@leaving_options
def graph(
    store: Path, incident: str | None, finding: str | None, around: str | None, host: str | None,
    hops: int, since: str | None, until: str | None, limit: int, form: str, **given: Any,
) -> None:  # fmt: skip
    """Write a graph of entities and events.

    \b
    graphad export graph --incident incident-5f5a8c4fe0 -f graphml -o incident.graphml
    graphad export graph --around /tmp/x --hops 2 -f dot | dot -Tsvg > x.svg
    graphad export graph --host web1 --since 2026-03-06T14:00:00Z -f jgf -o web1.json
    """
    from graphad.export import graph_forms, subgraph
    from graphad.workspace import open_store

    asked = [one for one in (incident, finding, around) if one is not None]
    window = any(one is not None for one in (host, since, until))
    if len(asked) > 1 or not (asked or window):
        raise click.UsageError("Give one of --incident, --finding, --around, or --host or a time.")
    if around is None and asked and window:
        raise click.UsageError("--host, --since and --until go with --around or alone.")
    if around is not None and host is not None:
        raise click.UsageError("--around looks at all hosts; leave --host out.")
    opened = open_store(store, create=False)
    rule = leaving.privacy(given, opened)
    if incident is not None:
        one = opened.incident(leaving.known_as(opened, incident, given))
        [told] = leaving.told(opened, [one], given)
        found = subgraph.of_incident(told, limit)
    elif finding is not None:
        mine = opened.finding(leaving.known_as(opened, finding, given))
        [known] = rule.findings([mine])
        found = subgraph.of_finding(known, limit)
    elif around is not None:
        found = subgraph.around(opened, around, hops, since, until, limit).private(rule)
    else:
        found = subgraph.of_window(opened, since, until, host, limit).private(rule)
    leaving.send(given, [graph_forms.GRAPHS[form](found).encode()])
    click.echo(subgraph.tally(found), err=True)
