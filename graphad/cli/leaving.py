"""Options for what leaves a store, and where findings and incidents go by them."""

import contextlib
import io
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphad.cli.options import Command, names
from graphad.errors import GraphadError

if TYPE_CHECKING:
    from graphad.export.privacy import Privacy
    from graphad.findings import Finding
    from graphad.incident_graph import Incident


# Forms of findings, as graphad.export.forms has them; that takes Arrow, and --help does not.
FORMS = (
    "ndjson", "json", "csv", "parquet", "ocsf", "ecs", "es-bulk", "timesketch", "splunk-hec",
)  # fmt: skip


def privacy_options(command: Command) -> Command:
    """Add what is taken out of that which is printed or written."""
    for option in (
        click.option(
            "--key-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="With --pseudonymize: at least 16 secret bytes; the same key, the same names.",
        ),
        click.option(
            "--pseudonymize", metavar="user,host",
            help="Stable names in place of those of users or hosts.",
        ),
        click.option(
            "--redact", multiple=True, metavar="PATTERN",
            help="Take out what matches, in any letter case; RE2's syntax; repeatable.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def output_options(command: Command) -> Command:
    """Add -o and --clobber."""
    for option in (
        click.option("--clobber", is_flag=True, help="Replace the file of -o if it is there."),
        click.option(
            "-o", "--output", type=click.Path(path_type=Path),
            help="File to write, whole or not at all; - is standard output.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def leaving_options(command: Command) -> Command:
    """Add -o, --clobber and what is taken out."""
    return output_options(privacy_options(command))


def privacy(given: dict[str, Any], store: Any) -> "Privacy":
    """Return what options ask to be taken out.

    Raises: GraphadError: they clash, or a pattern or the key is none.
    """
    from graphad.export.privacy import Privacy

    kinds = names(given["pseudonymize"])
    return Privacy.of(given["redact"], kinds, given["key_file"], store)


def findings(
    store: Any, found: "Sequence[Finding]", top: int | None, form: str | None, every: bool,
    given: dict[str, Any], tags: Path | bool = True,
) -> None:  # fmt: skip
    """Print or write findings: the fullest path of each incident, or every one.

    Raises: GraphadError: as `privacy` and `send` do.
    """
    from graphad.cli import show
    from graphad.findings import fullest, incidents

    groups = [[finding] for finding in found] if every else incidents(found)
    groups = groups[:top]
    rule = privacy(given, store)
    form = show.form_of(form)
    if form == "table":
        flat = rule.findings([one for group in groups for one in group])
        send(given, lambda: show.findings(flat, len(groups), "table", every))
        return
    from graphad import attack_tags
    from graphad.export import context, forms

    if form == "parquet" and given["output"] is None and sys.stdout.isatty():
        raise GraphadError("Parquet is not for a terminal.", hint="Give -o FILE.")
    chosen = [fullest(group) for group in groups]
    patterns = attack_tags.load(attack_tags.OWN if tags is True else tags) if tags else ()
    wanted = form in ("ocsf", "ecs", "es-bulk", "splunk-hec")
    known = rule.context(context.gather(store, chosen)) if wanted else None
    send(given, forms.findings(form, rule.findings(chosen), patterns, known))


def told(store: Any, found: "Sequence[Incident]", given: dict[str, Any]) -> "list[Incident]":
    """Return incidents as they may leave. Raises: GraphadError, as `privacy` does."""
    rule = privacy(given, store)
    if not rule:
        return list(found)
    by_id = {finding.id: finding for finding in store.findings()}
    return [rule.incident(one, [by_id[name] for name in one.findings]) for one in found]


def known_as(store: Any, name: str, given: dict[str, Any]) -> str:
    """Return the id that a finding or incident has in the store; it may be one that has left."""
    if not given["pseudonymize"]:
        return name
    from graphad.export.privacy import named

    ids = dict.fromkeys(x for finding in store.findings() for x in (finding.id, finding.incident))
    return named(privacy(given, None), name, ids)


def send(given: dict[str, Any], what: Iterable[bytes] | Callable[[], None]) -> None:
    """Write pieces, or what a function prints, where options want it.

    Raises: GraphadError: the file is there already, or cannot be written; then it is as it was.
    """
    from graphad.export import output

    path = given["output"]
    if given["clobber"] and path is None:
        raise click.UsageError("--clobber goes with -o.")
    if callable(what):
        if path is None or str(path) == "-":
            what()
            return
        output.check(path, given["clobber"])
        with contextlib.redirect_stdout(io.StringIO()) as text:
            what()
        what = [text.getvalue().encode("utf-8", "backslashreplace")]
    output.write(path or Path("-"), what, clobber=given["clobber"])
