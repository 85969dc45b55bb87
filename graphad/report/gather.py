"""What a report says, taken from a store: findings, incidents, and what these rest on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from graphad import attack_tags
from graphad.export.privacy import Privacy
from graphad.findings import Finding, incidents
from graphad.incident_graph import Incident
from graphad.incident_text import tell
from graphad.incidents import microseconds
from graphad.marks import Standing
from graphad.models.calibration import Calibration
from graphad.report.axis import FEW, HOUR, Axis, axis
from graphad.schema import SEVERITIES
from graphad.store import kept
from graphad.store.manifest import Source
from graphad.store.store import Moment
from graphad.workspace import Workspace
from graphad.workspace_models import Version

TOP = 5000  # findings in a report
DRAWN = 200  # incidents that are told and drawn
_MINUTE = 60_000_000

# Only of stretches around the findings: a store may hold years before them.
_RECORDS = """
SELECT host, epoch_us(ts) // $step AS step, count(*) AS records FROM records
WHERE ts >= make_timestamp($start::BIGINT) AND ts < make_timestamp($end::BIGINT)
GROUP BY ALL ORDER BY ALL
"""
_REJECTS = """
SELECT source, reason, count(*) AS records, arg_min(line, record) AS line FROM rejects
GROUP BY ALL ORDER BY records DESC, source, reason
"""


@dataclass(frozen=True)
class Judge:
    """A model that findings are of, its calibration if it has one, and how many they are."""

    version: Version
    calibration: Calibration | None
    findings: int


@dataclass(frozen=True)
class Reject:
    """Why records of a source could not be used, how many, and the line of the first."""

    path: str
    reason: str
    records: int
    line: int


class Rule(msgspec.Struct):
    """A mark or allow rule, in words."""

    id: str
    verdict: str
    scope: str
    state: str
    reason: str
    covers: list[str]


@dataclass(frozen=True)
class Facts:
    """All that a report tells; findings and incidents best first, of `kept` and `all_incidents`.

    records: of each host in each stretch of the axis, by (host, column). commit: of the store.
    """

    findings: list[Finding]
    kept: int
    incidents: list[Incident]
    all_incidents: int
    judges: list[Judge]
    sources: list[Source]
    rejects: list[Reject]
    marks: list[Rule]
    axis: Axis
    records: dict[tuple[str, int], int]
    commit: int

    @property
    def calibrated(self) -> bool:
        """Return whether any finding has a severity."""
        return any(finding.severity for finding in self.findings)


def order(finding: Finding) -> tuple[bool, int, float, float, str]:
    """Return the place of a finding in a report: alerts, then by severity, then by standing."""
    level = SEVERITIES.index(finding.severity) if finding.severity else -1
    return (not finding.alert, -level, -finding.standing, -finding.score, finding.id)


def gather(
    store: Workspace, *, top: int = TOP, drawn: int = DRAWN, tags: Path | bool = True,
    privacy: Privacy | None = None, now: Moment = None,
) -> Facts:  # fmt: skip
    """Return what a report of a store says.

    top, drawn: at most so many findings, and so many incidents that are told; all count. tags: as
    for Workspace.incidents; privacy: what is taken out of all of it. now: as of when marks count.
    """
    rule = privacy or Privacy()
    store.refresh()
    every = sorted(store.findings(), key=order)
    groups = sorted(incidents(every), key=lambda group: order(group[0]))
    patterns = attack_tags.load(attack_tags.OWN if tags is True else tags) if tags else ()
    known = {one.id: one for one in kept.load_incidents(store.path, store.manifest)}
    # First of all, so that names which a later finding tells are known in the earlier ones too.
    shown = fair(rule.findings(every), top)
    told = [
        rule.incident(tell(group, known.get(group[0].incident), patterns), group)
        for group in groups[:drawn]
    ]
    span, records = _records(store, shown, rule)
    return Facts(
        findings=shown,
        kept=len(every),
        incidents=told,
        all_incidents=len(groups),
        judges=_judges(store, shown),
        sources=[_source(source, rule) for source in store.sources],
        rejects=_rejects(store, rule),
        marks=[_told(mark, rule) for mark in store.marks(now)],
        axis=span,
        records=records,
        commit=store.manifest.number,
    )


def fair(every: Sequence[Finding], most: int) -> list[Finding]:
    """Return so many of findings, in their order: the best of each detector in turn.

    Scores of different detectors don't compare, so none may crowd out another's.
    """
    places: dict[str, int] = {}
    ranked = []
    for at, finding in enumerate(every):
        places[finding.detector] = place = places.get(finding.detector, 0) + 1
        ranked.append((place, at))
    return [every[at] for at in sorted(at for _, at in sorted(ranked)[:most])]


def _judges(store: Workspace, found: Sequence[Finding]) -> list[Judge]:
    """Return the models that findings are of, those of one detector together."""
    counts: dict[str, int] = {}
    for finding in found:
        counts[finding.model] = counts.get(finding.model, 0) + 1
    versions = {one.model: one for one in store.models()}
    judges = []
    for version in versions.values():
        if version.model in counts:
            calibration = store.calibration(version.model)
            judges.append(Judge(version, calibration, counts[version.model]))
    for name in sorted(set(counts) - set(versions)):  # its folder was removed
        gone = Version(name, name.partition("-")[0], "", "", None, {})
        judges.append(Judge(gone, None, counts[name]))
    return judges


def _records(
    store: Workspace, found: Sequence[Finding], rule: Privacy
) -> tuple[Axis, dict[tuple[str, int], int]]:
    """Return the time axis of findings, and how many records hosts have in each stretch of it."""
    moments = [microseconds(finding.start) for finding in found]
    if not moments:
        return axis(()), {}
    first, last = min(moments) // HOUR, max(moments) // HOUR + 1
    step = HOUR if last - first > FEW else _MINUTE
    rows: list[dict[str, Any]] = store.sql(
        _RECORDS, {"step": step, "start": first * HOUR, "end": last * HOUR}
    ).to_pylist()
    span = axis([*moments, *(row["step"] * step for row in rows)])
    hosts = list(dict.fromkeys(row["host"] or "" for row in rows))
    leaving = rule.tree([{"host": host} for host in hosts])
    named = {host: one["host"] for host, one in zip(hosts, leaving, strict=True)}
    records: dict[tuple[str, int], int] = {}
    for row in rows:
        column = span.column(row["step"] * step)
        assert column is not None
        key = (named[row["host"] or ""], column)
        records[key] = records.get(key, 0) + row["records"]
    return span, records


def _source(source: Source, rule: Privacy) -> Source:
    return msgspec.structs.replace(source, **rule.tree({"path": source.path}))


def _told(mark: Standing, rule: Privacy) -> Rule:
    text = {"scope": mark.scope, "reason": mark.entry.reason, "covers": mark.covers}
    return Rule(id=mark.id, verdict=mark.verdict, state=mark.state, **rule.tree(text))


def _rejects(store: Workspace, rule: Privacy) -> list[Reject]:
    paths = {source.source: source.path for source in store.sources}
    rows = store.sql(_REJECTS).to_pylist()
    told = rule.tree([{"path": paths.get(r["source"], ""), "reason": r["reason"]} for r in rows])
    return [
        Reject(**text, records=row["records"], line=row["line"])
        for text, row in zip(told, rows, strict=True)
    ]
