"""Prints rows, findings and explanations; nothing a log contains leaves here unescaped."""

import csv
import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from graphad.findings import (
    NONE,
    Finding,
    amount,
    fullest,
    incidents,
    oddity,
    percent,
    short,
    weight,
)
from graphad.incident_text import tell
from graphad.sanitize import cells, csv_cell, json_line, shorten, terminal

_SINGLE = ("event", "relation")  # units that are one kind of event
_NAME = 160  # characters of a name on one line
NOT_CALIBRATED = "ranked, not calibrated"


def form_of(form: str | None) -> str:
    """Return the form to print in: as asked for, else a table on a terminal, NDJSON in a pipe."""
    return form or ("table" if sys.stdout.isatty() else "ndjson")


def _out(text: str = "") -> None:
    sys.stdout.write(text + "\n")


def plain(value: object) -> str:
    """Return what JSON has no form for as text: a time of a store, which is UTC, as RFC 3339.

    >>> plain(datetime(2026, 3, 6, 14, 20))
    '2026-03-06T14:20:00Z'
    """
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.isoformat() + "Z"
    return str(value)


def rows(found: Sequence[dict[str, Any]], form: str | None) -> None:
    """Print dicts of the same keys as a table, JSON, NDJSON or CSV."""
    form = form_of(form)
    if form == "ndjson":
        for row in found:
            _out(json.dumps(row, default=plain))
    elif form == "json":
        _out(json.dumps(list(found), default=plain, indent=1))
    elif form == "csv":
        writer = csv.writer(sys.stdout, quoting=csv.QUOTE_ALL, lineterminator="\n")
        if found:
            writer.writerow([csv_cell(name) for name in found[0]])
        for row in found:
            writer.writerow([csv_cell(value) for value in row.values()])
    else:
        _table(found)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return terminal(str(value))


def _table(found: Sequence[dict[str, Any]]) -> None:
    if not found:
        return
    names = list(found[0])
    lines = [names, *([_cell(row.get(name)) for name in names] for row in found)]
    width = shutil.get_terminal_size((120, 40)).columns
    widest = [max(cells(line[i]) for line in lines) for i in range(len(names))]
    while sum(widest) + 2 * len(widest) > max(width, 12 * len(widest)):
        i = max(range(len(widest)), key=lambda j: widest[j])
        widest[i] -= 1
    for line in lines:
        texts = [shorten(text, w) for text, w in zip(line, widest, strict=True)]
        _out(
            "  ".join(t + " " * (w - cells(t)) for t, w in zip(texts, widest, strict=True)).rstrip()
        )


def table(found: Any, form: str | None) -> None:
    """Print an Arrow table."""
    rows(found.to_pylist(), form)


def totals(done: Iterable[Any]) -> str:
    """Return one line on what became of the records of some inputs."""
    done = list(done)
    new = [one for one in done if one.source is not None and one.note != "already there"]
    there = sum(one.note == "already there" for one in done)
    parts = [
        f"{len(new)} source{'s' * (len(new) != 1)}: {sum(o.read for o in new):,} records read = "
        f"{sum(o.used for o in new):,} used + {sum(o.ignored for o in new):,} ignored + "
        f"{sum(o.rejected for o in new):,} rejected; {sum(o.edges for o in new):,} edges"
    ]
    if there:
        parts.append(f"{there} already in the store")
    return "; ".join(parts)


def ingested(done: Sequence[Any], form: str | None) -> None:
    """Print one row an input."""
    columns = ("source", "format", "read", "used", "ignored", "rejected", "edges", "note")
    found = [
        {name: one.path if name == "source" else getattr(one, name) for name in columns}
        for one in done
    ]  # fmt: skip
    rows(found, form)
    if form_of(form) == "table":
        print(totals(done), file=sys.stderr)


def findings(found: Sequence[Finding], top: int, form: str | None, every: bool) -> None:
    """Print findings as cards, or as JSON: the best path of each incident, or every path."""
    groups = [[finding] for finding in found] if every else incidents(found)
    groups = groups[:top]
    if form_of(form) == "table":
        for place, group in enumerate(groups, 1):
            _card(place, group, every)
        return
    told = [msgspec.to_builtins(fullest(group)) for group in groups]
    for text in map(json_line, told) if form_of(form) == "ndjson" else [json_line(told, indent=1)]:
        _out(text)


def paragraph(text: str, indent: str) -> None:
    """Print a text in lines of a width that can be read."""
    width = min(shutil.get_terminal_size((110, 40)).columns, 110)
    for line in textwrap.wrap(terminal(text), max(width, 40), break_on_hyphens=False,
                              initial_indent=indent, subsequent_indent=indent):  # fmt: skip
        _out(line)


def _card(place: int, group: Sequence[Finding], alone: bool = False) -> None:
    """Print an incident by its fullest path in a few lines: what, the path, why.

    alone: it is one path that is shown by itself, so nothing is told of its incident.
    """
    best, finding = group[0], fullest(group)
    level = best.severity or NOT_CALIBRATED
    when = (finding.edges[0].ts if finding.unit in _SINGLE else finding.start)[:19].replace(
        "T", " "
    )
    times = f"  {finding.count:,} times" if finding.unit in _SINGLE and finding.count > 1 else ""
    _out(
        terminal(
            f"{place:>3}. {level}  {when}Z  {finding.host}  "
            f"{amount(finding)}  {weight(best)}  {finding.id}{times}"
        )
    )
    _out("     " + terminal(finding.title))
    edge = finding.edges[finding.rarest]
    src, dst = (
        shorten(terminal(short(finding.entities[end])), _NAME) for end in (edge.src, edge.dst)
    )
    ends = f"{src} {edge.action} {dst}"
    detail = finding.entities[edge.dst].detail if edge.action in ("launch", "exec") else None
    terms = _sum(edge.terms, 1)
    why = f"rarest link: {ends} ({terms} bits)"
    if finding.unit == "window":
        why = f"odd by its {_sum(finding.terms, 2)}"
    if finding.doubts:
        why = f"{oddity(finding)} ({terms} bits)"
    if detail and detail != short(finding.entities[edge.dst]):
        why += f": {shorten(detail, 90)}"
    _out("     " + terminal(why))
    for mark in {mark.id: mark for one in group for mark in one.marks}.values():
        _out("     " + terminal(f"{mark.verdict}, {mark.id}: {shorten(terminal(mark.reason), 90)}"))
    if not alone:
        paragraph(tell(group).description, "     ")
    more = len(group) - 1
    if more:
        kinds = {one.unit for one in group}
        what = (kinds.pop() if len(kinds) == 1 else "finding") + "s" * (more != 1)
        _out(f"     and {more} more {what} of {terminal(finding.incident)}")
    _out()


def afterword(found: Any, store: Any) -> None:
    """Say on stderr what the list rests on and what to do next."""
    groups = incidents(found.findings)
    what = found.model.partition("-")[0] + "s" * (len(found.findings) != 1)
    words = [f"{len(found.findings)} {what} in {len(groups)} incident{'s' * (len(groups) != 1)}"]
    if not found.calibrated:
        words.append(f"{NOT_CALIBRATED}: give --baseline with quiet logs for severities")
    if not found.exact:
        words.append("the search was cut short, see graphad paths")
    words += found.notes
    words.append(f"more: graphad explain or show ID -s {store}")
    print("; ".join(words), file=sys.stderr)


def calibration(fitted: Any) -> None:
    """Say on stderr what the threshold is and how sure it is."""
    if fitted is None:
        words = f"no event is held out: {NOT_CALIBRATED}"
    else:
        low, high = (("-" if x is None else f"{x:.2f}") for x in fitted.interval)
        words = (
            f"alert at z {fitted.threshold:.2f} (90 % interval {low} to {high}) for "
            f"{fitted.budget_per_day:g} incidents a day, from {fitted.days:.2g} quiet days; "
            f"rarer than {fitted.smallest_rate:.2g} a day they cannot tell"
        )
        if not fitted.supported:
            words += ", so more false alarms than the budget are to be expected"
    print(words, file=sys.stderr)


def _sum(terms: dict[str, float], digits: int) -> str:
    """Return terms as a sum that people can check; those that are zero are left out."""
    told = ""
    for name, bits in terms.items():
        if round(abs(bits), digits):
            sign = " - " if bits < 0 else " + " if told else ""
            told += f"{sign}{name} {abs(bits):.{digits}f}"
    return told.strip() or "0"


def explanation(finding: Finding, form: str | None, logs: Mapping[str, str]) -> None:
    """Print a finding edge by edge with terms and raw lines. logs: what became of each since."""
    if form_of(form) != "table":
        findings([finding], 1, form, True)
        return
    _card(finding.rank, [finding], alone=True)
    for number, (edge, proof) in enumerate(zip(finding.edges, finding.evidence, strict=True), 1):
        src, dst = finding.entities[edge.src], finding.entities[edge.dst]
        total = sum(edge.terms.values())
        _out(
            terminal(
                f"{number}. {edge.ts}  {src.type} {src.key} —{edge.action}→ {dst.type} {dst.key}"
            )
        )
        if dst.detail:
            _out("   command: " + terminal(dst.detail))
        parts = _sum(edge.terms, 4)
        _out(f"   {parts} = {total:.4f}" + (" bits" if finding.unit != "window" else ""))
        place = (
            f"{proof.source}:{proof.line}"
            if proof.line
            else f"{proof.source} record {proof.record}"
        )
        text = proof.text if proof.text is not None else "(the log is no longer there)"
        _out(terminal(f"   {place}: {text}"))
        _out()
    for path, state in logs.items():
        if state != "there":
            has = "is gone" if state == "gone" else "has changed since"
            _out(terminal(f"   {path} {has}; the lines above are the store's copies"))
    for doubt in finding.doubts if len(finding.doubts) > 1 else ():
        likely = ", ".join(f"{word or NONE} {percent(share)}" for word, share in doubt.likely)
        told = f"{doubt.column} {doubt.value or NONE}: {doubt.odds}"
        _out(terminal(f"   {told}; likeliest: {likely}"))
    parts = _sum(finding.terms, 4)
    _out(f"score: {parts} = {amount(finding, 4)}; z {finding.z:.3f}")
    if finding.programs > 1:
        _out(
            f"{finding.programs} programs are odd together within the hour: it stands at z + ln "
            f"{finding.programs} = {finding.standing:.3f}"
        )
    if finding.p_value is None:
        _out(f"severity: none; {NOT_CALIBRATED}")
    else:
        _out(f"severity: {finding.severity}; p-value {finding.p_value:.4g}")


def judged(found: Sequence[Finding]) -> list[Any]:
    """Return findings as evaluate.py takes them."""
    from graphad.evaluate import Judged

    def us(moment: str) -> int:
        return round(datetime.fromisoformat(moment).timestamp() * 1e6)

    return [
        Judged(
            id=f.id, score=f.standing, alert=f.alert, host=f.host, start=us(f.start), end=us(f.end),
            edges=[(e.source, e.line, e.record) for e in f.evidence],
            entities=[entity.key for entity in f.entities], severity=f.severity,
            incident=f.incident,
            times=() if f.unit == "window" else [us(edge.ts) for edge in f.edges],
        )
        for f in found
    ]  # fmt: skip
