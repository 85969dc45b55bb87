"""Commands by which people say what findings are: mark, unmark, marks, allow."""

from pathlib import Path
from typing import Any

import click

from graphad.cli.options import format_option, store_option
from graphad.sanitize import terminal

_LATER = "Scores follow with the next graphad score or hunt."

reason_option = click.option("--reason", required=True, help="Why; kept and shown.")
until_option = click.option(
    "--until", metavar="DATE", help="First moment at which it no longer counts, RFC 3339 or a day."
)


def _say(words: str) -> None:
    click.echo(terminal(words), err=True)


@click.command()
@store_option
@click.argument("finding")
@click.argument("verdict", type=click.Choice(["benign", "malicious"]))
@reason_option
@click.option(
    "--scope",
    type=click.Choice(["host", "fleet"]),
    default="host",
    show_default=True,
    help="Whether it is so on this host, or anywhere.",
)
@until_option
def mark(
    store: Path, finding: str, verdict: Any, reason: str, scope: Any, until: str | None
) -> None:
    """Say that FINDING, a finding or incident, is benign or malicious; prints the mark's id.

    Benign takes the links that made it surprising down to 0 bits, malicious only says so.

    \b
    graphad mark path-0a1b2c benign --reason "nightly backup, ticket 4711"
    graphad mark incident-9f8e7d malicious --reason "red team" --scope fleet
    """
    from graphad.workspace import open_store

    made = open_store(store, create=False).mark(finding, verdict, reason, scope=scope, until=until)
    click.echo(made.id)
    count = len(made.links)
    _say(f"{made.target} is {verdict}: {count} link{'s' * (count != 1)}")
    for link in made.links:
        _say(f"  {link}")
    _say(_LATER if verdict == "benign" else "No score changes. The mark is shown with findings.")


@click.command()
@store_option
@click.argument("mark")
def unmark(store: Path, mark: str) -> None:
    """Take MARK, a mark or allow rule, back; old scores return."""
    from graphad.workspace import open_store

    made = open_store(store, create=False).unmark(mark)
    _say(f"{made.mark} is undone. {_LATER}")


@click.command()
@store_option
@format_option("table", "json", "ndjson", "csv")
def marks(store: Path, form: str | None) -> None:
    """List the marks and allow rules, those that are undone or expired too."""
    from graphad.cli import show
    from graphad.judge import rfc3339
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    rows = [
        {
            "id": one.id, "verdict": one.verdict, "state": one.state, "scope": one.scope,
            "reason": one.entry.reason, "covers": "; ".join(one.covers),
            "target": getattr(one.entry, "target", None), "who": one.entry.who,
            "time": rfc3339(one.entry.at),
            "until": None if one.entry.until is None else rfc3339(one.entry.until),
            "undone": None if one.undone is None else rfc3339(one.undone),
        }
        for one in opened.marks()
    ]  # fmt: skip
    show.rows(rows, form)
    bad = opened.journal()[1]
    if bad:
        _say(f"graphad: {bad} line{'s' * (bad != 1)} of the journal cannot be read.")


@click.command()
@store_option
@click.option("--src", required=True, metavar="'TYPE NAME'", help="Where information flows from.")
@click.option("--action", required=True, help="How, or *.")
@click.option("--dst", required=True, metavar="'TYPE NAME'", help="Where it flows to.")
@click.option("--host", help="Host the rule is for; all if not given.")
@until_option
@reason_option
def allow(
    store: Path,
    src: str,
    action: str,
    dst: str,
    host: str | None,
    until: str | None,
    reason: str,
) -> None:
    """Call all links benign that match; prints the rule's id.

    A * in a name stands for any text, also none and with slashes; nothing else is special, and
    case counts. Names are the canonical ones that findings show.

    \b
    graphad allow --src "process /usr/bin/rsync" --action read --dst "process *" --reason backup
    """
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    made = opened.allow(src, action, dst, reason, host=host, until=until)
    click.echo(made.id)
    count, examples = opened.allowed(made)
    _say(f"It matches {count:,} distinct link{'s' * (count != 1)} that the store has seen.")
    for link in examples:
        _say(f"  {link}")
    _say(_LATER)
