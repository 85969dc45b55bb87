"""The command of the night, and the summary that it prints on stderr."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from graphad.cli import leaving
from graphad.cli.leaving import FORMS, leaving_options
from graphad.cli.options import (
    Number,
    budget_option,
    exit_code,
    fail_on_option,
    format_option,
    ingest_options,
    input_options,
    max_reject_rate_option,
    store_option,
)
from graphad.sanitize import log_line
from graphad.schema import SEVERITIES

_SHOWN = 20  # warnings of one night that are told


@click.command()
@store_option
@click.argument("logs", nargs=-1)
@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), required=True, help="UTC day that is judged."
)
@click.option(
    "--detector",
    "detectors",
    type=click.Choice(["path", "event"]),
    multiple=True,
    default=["path"],
    show_default=True,
    help="May be repeated; the budget is divided.",
)
@budget_option
@click.option(
    "--learn-days",
    type=click.IntRange(1),
    default=14,
    show_default=True,
    help="Days that a model is of.",
)
@click.option(
    "--keep-days",
    type=click.IntRange(1),
    metavar="DAYS",
    help="Days of records that stay; all if not given.",
)
@click.option(
    "--keep-findings",
    type=click.IntRange(1),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="Days for which findings stay of incidents without an alert or a mark.",
)
@click.option("--learn-alerted", is_flag=True, help="Learn also what is inside alerts.")
@click.option(
    "--span",
    type=Number(0.0, min_open=True),
    default=3600.0,
    show_default=True,
    metavar="SECONDS",
    help="Longest time a path may take.",
)
@input_options
@click.option("--top", type=click.IntRange(1), default=100, show_default=True, help="Most rows.")
@click.option(
    "--all-paths", is_flag=True, help="Print every finding, not just the best of each incident."
)
@click.option("--alerts", is_flag=True, help="Print only findings that are alerts.")
@format_option("table", *FORMS)
@leaving_options
@fail_on_option
@max_reject_rate_option
@click.option("-q", "--quiet", is_flag=True, help="No summary, no progress.")
@click.pass_context
def nightly(
    ctx: click.Context, /, store: Path, logs: tuple[str, ...], day: datetime,
    detectors: tuple[str, ...], budget: float, learn_days: int, keep_days: int | None,
    keep_findings: int, learn_alerted: bool, span: float, top: int, all_paths: bool, alerts: bool,
    form: str | None, fail_on: str | None, max_reject_rate: float, quiet: bool, **given: Any,
) -> int:  # fmt: skip
    """Ingest the LOGS of a day, judge the day by the days before it, and only then learn it.

    Repeat it after a failure, or with logs that came late: what was done is not done again.

    \b
    graphad nightly --day 2026-11-22 /dump/2026-11-22 > findings.ndjson
    graphad nightly --day 2026-11-22 /dump/2026-11-22 --keep-days 90 --fail-on high
    """
    from graphad.cli.progress import Progress
    from graphad.nightly.night import Plan, run
    from graphad.workspace import open_store

    given["columns"] = given.get("columns")
    plan = Plan(
        day.date(), logs or tuple(ctx.lookup_default("logs") or ()),
        {name: {"span_s": span} if name == "path" else {} for name in detectors},
        budget, learn_days, keep_days, learn_alerted, ingest_options(given), keep_findings,
    )  # fmt: skip
    with Progress(quiet) as progress:
        opened = open_store(store)
        done = run(opened, plan, stage=progress.stage, watch=progress.read)
    found = [one for one in done.findings if one.alert or not alerts]
    leaving.findings(opened, found, top, form, all_paths, given)
    if not quiet:
        for line in summary(done, plan.day.isoformat(), store):
            click.echo(line, err=True)
    told = done.night.stages["ingest"].told
    rejected = told["rejected"] > max_reject_rate * told["read"]
    return exit_code(done.findings, fail_on, rejected)


def summary(done: Any, day: str, store: Path) -> list[str]:
    """Return the lines that tell of a night, see docs/nightly.md."""
    stages = done.night.stages
    lines = [f"night of {day} in {store}", f"logs: {_logs(stages['ingest'].told)}"]
    for name, stage in stages.items():
        kind, _, detector = name.partition(" ")
        if kind == "judge" and detector in done.night.findings:
            lines.append(f"judged: {_judged(detector, stage.told)}")
    lines.append(f"findings: {_findings(done.findings)}")
    for name, stage in stages.items():
        kind, _, detector = name.partition(" ")
        if kind == "drift":
            lines.append(f"drift: {_drift(detector, stage.told)}")
    for name, stage in stages.items():
        kind, _, detector = name.partition(" ")
        if kind == "learn":
            lines.append(f"learned: {_learned(detector, stage.told)}")
    told = stages["prune"].told
    if any(told.values()):
        lines.append(
            f"pruned: {told['records']:,} records, {told['edges']:,} edges, "
            f"{told['findings']:,} findings, {told['models']} models"
        )
    seconds = (
        f"{name} {'done before' if name in done.repeated else f'{stage.seconds:.1f}'}"
        for name, stage in stages.items()
    )
    lines.append(f"seconds: {', '.join(seconds)}")
    shown = done.warnings[:_SHOWN]
    lines += [f"warning: {text}" for text in shown]
    if len(done.warnings) > len(shown):
        lines.append(f"warning: {len(done.warnings) - len(shown)} more")
    return [f"graphad: {log_line(line)}" for line in lines]


def _logs(told: dict[str, Any]) -> str:
    text = (
        f"{told['files']} files, {told['sources']} sources: {told['read']:,} records read = "
        f"{told['used']:,} used + {told['ignored']:,} ignored + {told['rejected']:,} rejected; "
        f"{told['events']:,} events"
    )
    other = told["other_days"]
    if other:
        days = list(other.items())
        words = [f"{n:,} of {day}" for day, n in days[:5]] + ["…"] * (len(days) > 5)
        text += f", of other days {sum(other.values()):,} ({', '.join(words)})"
    return text


def _judged(detector: str, told: dict[str, Any]) -> str:
    text = f"{told['events']:,} events by {detector}"
    if told.get("late"):
        text = f"{told['events']:,} events, {told['late']:,} of them late, by {detector}"
    if "model" not in told:
        return f"{text}: not at all, no model knows the days before; the day is only learned"
    text += f", {told['model']} of days until {told['until'][:10]}"
    if not told["calibrated"]:
        return f"{text}; ranked, not calibrated: nothing quiet was held out"
    limit = "any z" if told["threshold"] is None else f"z {told['threshold']:.2f}"
    text += f"; alert at {limit}, from {told['quiet_days']:.2g} quiet days"
    notes = [*told["notes"], *(["the search was cut short"] if not told["exact"] else [])]
    return "; ".join([text, *notes])


def _findings(found: Sequence[Any]) -> str:
    counts = {level: sum(one.severity == level for one in found) for level in SEVERITIES[::-1]}
    words = [f"{n} {level}" for level, n in counts.items() if n]
    ranked = sum(one.severity is None for one in found)
    words += [f"{ranked} without severity"] if ranked else []
    incidents = len({one.incident for one in found})
    alerts = [one for one in found if one.alert]
    return (
        f"{', '.join(words) or 'none'}; {incidents} incidents, "
        f"{len({one.incident for one in alerts})} with an alert"
    )


def _drift(detector: str, told: dict[str, Any]) -> str:
    scores, words = told.get("scores"), []
    if scores:
        words.append(
            f"scores lie {scores['wasserstein']:.2f} apart, distance {scores['distance']:.2f} "
            f"(chance {scores['chance']:.2g}), stability index {scores['stability']:.2f}"
        )
        if "sample" in told:
            hours, of = told["sample"]["hours"], told["sample"]["of"]
            words[0] += f" ({hours:,} of {of:,} hours of hosts, error up to {hours**-0.5 / 2:.3f})"
    else:
        words.append("too few hours with a score to compare")
    words += [
        f"{what} {told[what]['stability']:.2f}"
        for what in ("entities", "hosts")
        if told.get(what)
    ]  # fmt: skip
    text = f"{detector}: {'; stability index of '.join(words)}"
    counts = told.get("volumes")
    if counts:
        text += f"; {counts['told']} of {counts['tested']} counts of events changed"
    return text


def _learned(detector: str, told: dict[str, Any]) -> str:
    if not told["model"]:
        return f"nothing by {detector}: {told['why']}"
    text = f"{told['model']} of {told['days']} days"
    if told["of_findings"]:
        text += (
            f", without {told['left_out']:,} records inside {told['of_findings']} alerted findings"
        )
    return text if told["calibrated"] else f"{text}; nothing could be held out to calibrate it"
