"""The findings that a store keeps, and the incidents that they form."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from graphad import attack_tags, feedback, judge
from graphad.errors import ModelError, UnknownName
from graphad.feedback import Coverage
from graphad.findings import Finding, incidents
from graphad.incident_graph import Incident
from graphad.incident_text import tell
from graphad.incidents import count_programs, grouped, microseconds, rank, settle
from graphad.store import kept
from graphad.store import manifest as manifests
from graphad.workspace_models import Modelled


class Findings(Modelled):
    """A store with its models, and what they found."""

    def scored_days(self) -> float | None:
        """Return how many days the sources behind the kept findings span, None without any."""
        paths = {proof.source for finding in self.findings() for proof in finding.evidence}
        spans = [(s.start, s.end) for s in self.sources if s.path in paths]
        starts = [start for start, _ in spans if start is not None]
        ends = [end for _, end in spans if end is not None]
        return max(max(ends) - min(starts), 1) / 86_400e6 if starts else None

    def finding(self, name: str) -> Finding:
        """Return the finding of an id or of its unambiguous beginning."""
        kept = self.findings()
        near = [f for f in kept if f.id == name] or [f for f in kept if f.id.startswith(name)]
        if len(near) != 1:
            raise UnknownName.among("finding", name, [f.id for f in kept])
        return near[0]

    def incidents(self, *, tags: Path | bool = True) -> list[Incident]:
        """Return the incidents that the kept findings form, best first.

        tags: with the ATT&CK techniques that events are instances of, by the patterns of a file of
        your own or of ours. Raises: GraphadError if that file is none.
        """
        patterns = attack_tags.load(attack_tags.OWN if tags is True else tags) if tags else ()
        manifest = manifests.load(self.path)
        known = {one.id: one for one in kept.load_incidents(self.path, manifest)}
        groups = incidents(self.findings())
        found = [tell(group, known.get(group[0].incident), patterns) for group in groups]
        return sorted(found, key=rank)

    def incident(self, name: str, *, tags: Path | bool = True) -> Incident:
        """Return the incident of an id, of one it has taken in, of a finding, or of a beginning.

        Raises: UnknownName if there is no such incident, or more than one that begins so.
        """
        every = self.incidents(tags=tags)
        names = {old: one for one in every for old in (*one.findings, *one.merged, one.id)}
        near = [names[name]] if name in names else []
        near = near or [one for one in every if one.id.startswith(name)]
        if len(near) != 1:
            raise UnknownName.among("incident", name, [one.id for one in every])
        return near[0]

    def _remember(self, found: Sequence[Finding], coverage: Coverage) -> None:
        """Keep findings; one of the same id is replaced. The others are lowered as marks want it.

        Afterwards the findings tell their marks.
        """
        with self._changing() as change:
            before = kept.load(self.path, self.manifest)
            known = kept.load_incidents(self.path, self.manifest)
            was = {finding.id: finding.incident for finding in before}
            fresh = {f.id for f in found}
            others = [msgspec.structs.replace(f) for f in before if f.id not in fresh]
            merged = {f.id: f for f in (*self._lowered(others, coverage), *found)}
            groups = self._counted(list(merged.values()))
            settled = settle(groups, was, known, change.number + 1)
            after = sorted(merged.values(), key=rank)
            if after != before or settled != known:
                kept.save(self.path, change, after, settled)
        for finding in found:
            finding.marks = coverage.tell(finding)

    def forget(self, before: int) -> int:
        """Remove old findings of incidents without an alert or a mark; return how many.

        before: those incidents go of which all findings ended before it, us.
        """
        with self._changing() as change:
            coverage = self.coverage()
            every = kept.load(self.path, self.manifest)
            told = {
                f.incident for f in every
                if f.alert or microseconds(f.end) >= before or coverage.tell(f)
            }  # fmt: skip
            stay = [finding for finding in every if finding.incident in told]
            if len(stay) < len(every):
                known = kept.load_incidents(self.path, self.manifest)
                kept.save(self.path, change, stay, [one for one in known if one.id in told])
        return len(every) - len(stay)

    def _counted(self, findings: Sequence[Finding]) -> list[list[Finding]]:
        """Return findings by incident, judged by the programs that are odd together now.

        What one model found is not odder for what another did: each has its own reference.
        """
        of: dict[str, list[Finding]] = {}
        for finding in findings:
            of.setdefault(finding.model, []).append(finding)
        apart = [grouped(mine) for mine in of.values()]
        self._ruled([finding for groups in apart for finding in count_programs(groups)])
        return apart[0] if len(apart) == 1 else grouped(findings)

    def _ruled(self, findings: Iterable[Finding]) -> None:
        """Judge findings by their standing of now; one whose model is gone stays as it is."""
        calibrations: dict[str, Any] = {}
        for finding in findings:
            if finding.model not in calibrations:
                with suppress(ModelError):
                    calibrations[finding.model] = self.calibration(finding.model)
            if calibrations.get(finding.model) is not None:
                judge.rule(finding, calibrations[finding.model])

    def _lowered(self, findings: Sequence[Finding], coverage: Coverage) -> list[Finding]:
        """Return findings by the marks of now; one whose model is gone stays as it is."""
        models: dict[str, Any] = {}
        found = []
        for finding in findings:
            new = feedback.lowered(finding, coverage.lowers(finding))
            if new is not None and finding.model not in models:
                try:
                    models[finding.model] = self.model(finding.model)
                except (ModelError, UnknownName):
                    models[finding.model] = None
            if new is not None and models[finding.model] is not None:
                detector, calibration, _ = models[finding.model]
                finding = feedback.judged_again(new, detector, calibration)
            found.append(finding)
        return found
