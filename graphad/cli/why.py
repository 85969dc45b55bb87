"""The command that says why a known attack was not found, or only so low."""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from graphad.cli.options import format_option, store_option
from graphad.sanitize import shorten, terminal


@click.command()
@store_option
@click.option("--event", metavar="SOURCE[:RECORD]", help="Record of a log, as explain shows it.")
@click.option("--line", type=click.IntRange(1), help="Line of SOURCE, in place of a record.")
@click.option("--process", metavar="KEY|PID|NAME", help="All that such processes did.")
@click.option("--host", help="Host of the process.")
@click.option("--model", help="Model to judge with; the latest if not given.")
@click.option("--since", help="Begin of the window, RFC 3339.")
@click.option("--until", help="Its end, not counted in.")
@click.option("--source", multiple=True, help="Only these sources are scored; all if not given.")
@click.option("--top", type=click.IntRange(1), default=100, show_default=True,
              help="Paths of each length to rank among.")  # fmt: skip
@click.option("--limit", type=click.IntRange(1), default=5, show_default=True, help="Links shown.")
@format_option("table", "json", "ndjson")
def why(
    store: Path, event: str | None, line: int | None, process: str | None, host: str | None,
    model: str | None, since: str | None, until: str | None, source: tuple[str, ...], top: int,
    limit: int, form: str | None,
) -> None:  # fmt: skip
    """Say why a known attack was not found, or only so low.

    \b
    graphad why --event audit.log:1234
    graphad why --event audit.log --line 1240
    graphad why --process curl --host web1
    """
    if (event is None) == (process is None):
        raise click.UsageError("Give either --event or --process.")
    if line is not None and event is None:
        raise click.UsageError("--line is a line of --event SOURCE.")

    from graphad import why as reasons
    from graphad.why_seen import record_at
    from graphad.workspace import open_store

    opened = open_store(store, create=False)
    number = record = 0
    if event is not None:
        name, colon, last = event.rpartition(":")
        if line is not None:
            number = reasons.source_number(opened, event)
            record = record_at(opened, number, line)
        elif colon and last.isdecimal():
            number, record = reasons.source_number(opened, name), int(last)
        else:
            raise click.UsageError("--event is SOURCE:RECORD, or SOURCE with --line N.")
    chosen = [reasons.source_number(opened, one) for one in source] or None
    scored = reasons.window(
        opened, model=model, start=since, end=until, sources=chosen, top=top
    )  # fmt: skip
    if process is not None:
        answer = reasons.why_process(scored, process, host, limit=limit)
    else:
        answer = reasons.why_record(scored, number, record, limit=limit)
    _print(answer, form)


def _print(answer: Any, form: str | None) -> None:
    form = form or ("table" if sys.stdout.isatty() else "ndjson")
    if form != "table":
        data = msgspec.json.encode(answer)
        if form == "json":
            data = msgspec.json.format(data, indent=1)
        click.echo(data.decode("utf-8", "backslashreplace"))
        return
    click.echo(terminal(f"{answer.asked}: {answer.fate} (model {answer.model})"))
    for number, event in enumerate(answer.events, 1):
        click.echo()
        click.echo(terminal(f"{number}. {event.ts}  {shorten(event.link, 160)}"))
        for text in _event(event):
            click.echo("   " + terminal(text))
    if answer.more:
        click.echo(f"\n{answer.more} more links: --limit {len(answer.events) + answer.more}")


def _event(event: Any) -> list[str]:
    terms = " ".join(f"{bits:+.2f} {name}" for name, bits in event.terms.items()) or "none"
    known = event.history
    times = "time" if known.seen == 1 else "times"
    told = f"seen {known.seen:,} {times} in the fit, on {known.host_days:,} days of hosts"
    if known.same_command != known.seen:
        told += f", {known.same_command:,} with such a command line"
    ends = {"its source": known.src, "its destination": known.dst}
    new = [end for end, is_known in ends.items() if not is_known]
    if new:
        told += "; new: " + " and ".join(new)
    found = [
        f"{event.bits:.2f} bits ({terms}); {told}",
        f"link {event.rank:,} of {event.links:,} distinct ones"
        + (f"; lowest term: {event.low}" if event.low else ""),
    ]
    if event.marks:
        found.append("taken to 0 bits by " + ", ".join(event.marks))
    if event.usable:
        found.append(f"no path can use it: {event.usable}")
    for path in event.paths:
        place = f"rank {path.rank:,}" if path.rank else f"not among the best {path.searched:,}"
        words = f"length {path.length}: best path {path.score:.1f} bits, z {path.z:.2f}, {place}"
        if path.last is not None:
            words += f"; last one found {path.last:.1f} bits"
        if path.missing_z is None:
            words += "; not calibrated"
        elif path.missing_z == 0:
            words += f"; past the threshold z {path.threshold:.2f}"
        else:
            more = path.missing_bits
            bits = "no score reaches it" if more is None else f"{more:.1f} bits"
            words += f"; threshold z {path.threshold:.2f}: {path.missing_z:.2f} missing, {bits}"
        found.append(words)
    if event.paths:
        found.append("longest: " + " ⇒ ".join(shorten(step, 60) for step in event.paths[-1].path))
    return found
