"""A store whose findings people can mark, and the links that they allow."""

from collections.abc import Callable

import msgspec

from graphad import feedback, marks, schema
from graphad.errors import GraphadError, UnknownName
from graphad.feedback import Coverage
from graphad.findings import Finding
from graphad.findings_table import Findings
from graphad.marks import Allow, Link, Mark, Scope, Standing, Undo, Verdict
from graphad.store import Store, journal, kept
from graphad.store import manifest as manifests
from graphad.store.lock import writing
from graphad.store.store import Moment, microseconds


class Annotated(Store):
    """A store with kept findings and what people say of them."""

    def findings(self, wanted: Callable[[kept.Brief], bool] | None = None) -> Findings:
        """Return all kept findings, or those wanted, as of now, best first."""
        found = Findings(kept.load(self.path, manifests.load(self.path), wanted))
        coverage = self.coverage()
        for finding in found:
            finding.marks = coverage.tell(finding)
        return found

    def marks(self, now: Moment = None) -> list[Standing]:
        """Return every mark and allow rule with what has become of it by now, oldest first."""
        entries, _ = marks.read(journal.lines(self.path))
        moment = microseconds(now)
        return marks.standing(entries, marks.clock() if moment is None else moment)

    def coverage(self, now: Moment = None) -> Coverage:
        """Return which links the marks and rules that count now cover."""
        return Coverage(self.marks(now))

    def marked_malicious(self, now: Moment = None) -> list[Link]:
        """Return the links that count as malicious now; they should not be learned from."""
        return list(self.coverage(now).links["malicious"])

    def mark(
        self, name: str, verdict: Verdict, reason: str, *, scope: Scope = "host",
        until: Moment = None, now: Moment = None,
    ) -> Mark:  # fmt: skip
        """Say of a finding or an incident that it is benign or malicious; scores follow later.

        name: an id or its unambiguous beginning. The telling links are covered, on their host or
        (scope fleet) everywhere, until a time if one is given.
        Raises: UnknownName; GraphadError: no reason, a time that has passed, or no telling link.
        """
        target, chosen = self._marked(name)
        links = feedback.telling_links(chosen, fleet=scope == "fleet")
        at, end = self._times(now, until)
        text = marks.clean(reason)
        made = Mark(
            marks.new_id("mark", at, verdict, target, scope, text, links), at, verdict, target,
            scope, text, links, marks.user(), end,
        )  # fmt: skip
        self._note(made)
        return made

    def allow(
        self, src: str, action: str, dst: str, reason: str, *, host: str | None = None,
        until: Moment = None, now: Moment = None,
    ) -> Allow:  # fmt: skip
        """Call all links benign that match, on one host or (None) everywhere.

        src and dst: "TYPE NAME", in names `*` stands for any text; type and action may be `*`.
        Raises: GraphadError: no such type or action, a rule for everything, or as `mark`.
        """
        source, destination = marks.end_of_rule(src), marks.end_of_rule(dst)
        if action != "*" and action not in schema.ACTIONS:
            raise UnknownName.among("action", action, schema.ACTIONS)
        if not (source[1] + destination[1]).strip("*"):
            raise GraphadError("This rule would allow everything.", hint="Name one end at least.")
        at, end = self._times(now, until)
        text = marks.clean(reason)
        made = Allow(
            marks.new_id("allow", at, source, action, destination, host, text), at, *source,
            action, *destination, text, host, marks.user(), end,
        )  # fmt: skip
        self._note(made)
        return made

    def allowed(self, rule: Allow, most: int = 5) -> tuple[int, list[Link]]:
        """Return how many links of the store's counts a rule covers, commands aside, and some."""
        seen = self.sql(
            """SELECT DISTINCT src_type, src_name, action, dst_type, dst_name, host
               FROM counts ORDER BY ALL"""
        )
        rows = zip(*(seen[name].to_pylist() for name in seen.column_names), strict=True)
        links = (Link(s, u, action, d, v, host=host) for s, u, action, d, v, host in rows)
        found = [link for link in links if rule.covers(link)]
        return len(found), found[:most]

    def unmark(self, name: str, *, now: Moment = None) -> Undo:
        """Take a mark or allow rule back, by its id or the id's unambiguous beginning.

        A mark can also be named by the finding or incident that it is on, if it is the only one.
        Raises: UnknownName; GraphadError: that was done before.
        """
        every = self.marks(now)
        near = [s for s in every if s.id == name] or [s for s in every if s.id.startswith(name)]
        near = near or [
            s for s in every
            if isinstance(s.entry, Mark) and s.entry.target == name and s.undone is None
        ]  # fmt: skip
        if len(near) != 1:
            raise UnknownName.among("mark", name, [s.id for s in every])
        if near[0].undone is not None:
            raise GraphadError(f"{near[0].id} is undone already.")
        made = Undo(near[0].id, self._times(now, None)[0], marks.user())
        self._note(made)
        return made

    def journal(self) -> tuple[int, int]:
        """Return how many entries the journal has, and how many lines that are none."""
        entries, bad = marks.read(journal.lines(self.path))
        return len(entries), bad

    def _marked(self, name: str) -> tuple[str, list[Finding]]:
        """Return the id of a finding or incident, and its findings."""
        every = self.findings()
        groups: dict[str, list[Finding]] = {finding.id: [finding] for finding in every}
        for finding in every:
            groups.setdefault(finding.incident, []).append(finding)
        near = [name] if name in groups else [one for one in groups if one.startswith(name)]
        if len(near) > 1:
            raise UnknownName(
                f"{name!r} is the beginning of {len(near)} ids.", hint="Write more of one."
            )
        if not near:
            raise UnknownName.among("finding or incident", name, list(groups))
        return near[0], groups[near[0]]

    def _times(self, now: Moment, until: Moment) -> tuple[int, int | None]:
        given, end = microseconds(now), microseconds(until)
        at = marks.clock() if given is None else given
        if end is not None and end <= at:
            raise GraphadError(f"{until} has passed; such a mark would say nothing.")
        return at, end

    def _note(self, entry: Mark | Allow | Undo) -> None:
        with writing(self.path):
            journal.append(self.path, msgspec.json.encode(entry))
