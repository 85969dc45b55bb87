"""What an incident is in plain English, from its events and their terms alone.

Names are those of the log: a sink escapes the text like any other.
"""

import re
from collections.abc import Sequence

from graphad.attack_tags import Pattern, tagged
from graphad.findings import Finding, fullest, oddity, short, told_row
from graphad.incident_graph import ENTERS, Event, Incident, build, event_key
from graphad.incidents import BIRTHS, Known, microseconds, rank

# What an action is called between its two ends; first by the type it flows from.
VERBS: dict[str, str] = {
    "launch": "started", "fork": "forked", "exec": "became", "file exec": "was run as",
    "load": "was loaded by", "read": "was read by", "write": "wrote", "create": "created",
    "delete": "deleted", "rename": "renamed a file to", "file rename": "was renamed to",
    "link": "linked a file to", "file link": "was linked to", "chmod": "changed the metadata of",
    "connect": "connected to", "accept": "was accepted by", "send": "sent to",
    "receive": "gave data to", "domain receive": "answered", "bind": "listened on",
    "resolve": "resolved", "access": "opened", "user access": "was given access to",
    "inject": "injected code into", "signal": "signalled", "logon": "logged on to",
    "socket logon": "carried the logon of", "logoff": "logged off from", "start": "started",
    "session start": "is the logon of", "install": "installed", "file install": "was installed as",
    "change": "changed",
}  # fmt: skip
# Why an event is rare, by its largest terms: {src}, {action} and {dst} are put in.
WORDS: dict[str, str] = {
    "sender": "{src} seldom has an effect on anything",
    "transition": "it is seldom seen between {src} and {dst}",
    "receiver": "{dst} is seldom acted on by anything",
    "command": "the command line is unusual for {dst}",
    "kind": "events of its kind are seldom so odd",
    "event": "such a message is seldom written",
}
CROSSINGS = frozenset({"connect", "accept", "logon", "start"})
EARLIER = 8  # events told before those of the path
SHARE = 0.2  # of an event's bits, from which on a term is told
BRIEF = 30  # characters of a name that is said again
NAME = 60  # characters of a name; the whole one is in the events
_PLAIN = re.compile(r"[\w.:/\\@$%*\[\]{}+~#-]+")


def describe(incident: Incident, findings: Sequence[Finding]) -> str:
    """Return a paragraph on what happened, which link was rare and why, and where it got to."""
    kinds = {finding.unit for finding in findings}
    said = Words(incident, kinds.pop() if len(kinds) == 1 else "finding")
    sentences = [
        f"{_span(incident)} on {_listed([said.host(h) for h in incident.hosts])}.",
        f"{said.story(findings)}.",
        f"{said.rare(findings)}.",
    ]
    rows = all(
        finding.kind.partition(":")[0] == "table" or finding.detector == "relation"
        for finding in findings
    )
    ways = () if rows else (said.entry(), said.reach())  # a row of a table leads nowhere
    sentences += [f"{one}." for one in (*ways, said.rest()) if one]
    return " ".join(sentences)


def _span(incident: Incident) -> str:
    start, end = microseconds(incident.start), microseconds(incident.end)
    return f"From {incident.start[:19].replace('T', ' ')} UTC, within {duration(end - start)},"


def duration(us: int) -> str:
    """Return a time span in words, rounded down.

    >>> duration(0), duration(59_000_000), duration(3_660_000_000), duration(90_000_000_000)
    ('a second', '59 s', '61 min', '25 h')
    """
    seconds = us // 1_000_000
    if seconds < 1:
        return "a second"
    for size, unit in ((172_800, "days"), (7_200, "h"), (120, "min")):
        if seconds >= size:
            return f"{seconds // {'days': 86_400, 'h': 3_600, 'min': 60}[unit]} {unit}"
    return f"{seconds} s"


def _listed(words: Sequence[str], most: int = 4) -> str:
    """Return words as a list in a sentence.

    >>> _listed(["a"]), _listed(["a", "b"]), _listed(list("abcdef"))
    ('a', 'a and b', 'a, b, c, d and 2 more')
    """
    shown = [*words[:most], *([f"{len(words) - most} more"] if len(words) > most else [])]
    return ", ".join(shown[:-1]) + f" and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def named(text: str) -> str:
    r"""Return a name for a sentence: cut, and in quotes if it could be read as part of it.

    >>> print(named("cmd.exe"), named("x, which was harmless"), named('sh -c "id"'))
    cmd.exe "x, which was harmless" 'sh -c "id"'
    """
    if len(text) > NAME:
        text = f"{text[: NAME // 4]}…{text[-NAME // 4 * 3 + 1 :]}"  # the end says more
    if _PLAIN.fullmatch(text.replace("…", "")):
        return text
    if '"' not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "\\'") + "'"


class Words:
    """Says things of one incident."""

    def __init__(self, incident: Incident, what: str = "path") -> None:
        self.incident, self.what = incident, what
        self.said: list[Event] = []
        every = dict.fromkeys(event.host for event in incident.events)
        first = [host.partition(".")[0] for host in every]
        plain = len(set(first)) == len(every) and not any(part.isdecimal() for part in first)
        self.hosts = dict(zip(every, first if plain else every, strict=True))

    def host(self, host: str) -> str:
        """Return the name of a host, without its domain where that is clear."""
        return named(self.hosts.get(host, host))

    def at(self, place: int, host: str | None = None) -> str:
        """Return the name of an entity; with its host if that is another one than `host`."""
        node = self.incident.entities[place]
        text = named(short(node))
        if node.type in ("session", "user", "service", "task", "domain", "pipe"):
            text = f"{node.type} {text}"
        if host is not None and node.host and node.host != host:
            text += f" on {self.host(node.host)}"
        return text

    def brief(self, place: int) -> str:
        """Return what an entity is called where it was named just before."""
        name = self.at(place)
        return name if len(name) <= BRIEF else f"this {self.incident.entities[place].type}"

    def command(self, event: Event) -> str:
        """Return the command line that a telling event ran, in brackets."""
        node = self.incident.entities[event.dst]
        if not (event.telling and event.action in BIRTHS and node.detail):
            return ""
        return "" if node.detail in (node.key, short(node)) else f" ({named(node.detail)})"

    def verb(self, event: Event) -> str:
        """Return what is said between an event's ends."""
        kind = self.incident.entities[event.src].type
        found = VERBS.get(f"{kind} {event.action}") or VERBS.get(event.action)
        return found or f"did {named(event.action)} to"

    def story(self, findings: Sequence[Finding]) -> str:
        """Return who did what, along the path of most bits, from who started its first process."""
        best = fullest(sorted(findings, key=rank))
        if best.detector == "relation" and best.edges[0].action != "write":  # as lines of text are
            return f"A row said {named(best.title)}"
        if best.unit == "window":
            return self.listed(best)
        if best.kind.partition(":")[0] == "table":
            return f"A row said {told_row(best)}"
        chain = self.chain(findings)
        many = len(self.incident.hosts) > 1
        host = chain[0].host if many else None
        text = self.at(chain[0].src, "" if many else None)
        for i, event in enumerate(chain):
            joint = " " if i == 0 else ", which "
            self.said.append(event)
            text += f"{joint}{self.verb(event)} {self.at(event.dst, host)}{self.command(event)}"
            home = self.incident.entities[event.dst].host
            host = home if many and home else host
        return text

    def listed(self, finding: Finding) -> str:
        """Return the events of a finding that is no path, one after another."""
        said = []
        for event in self.events_of(finding):
            self.said.append(event)
            said.append(f"{self.at(event.src)} {self.verb(event)} {self.at(event.dst)}")
        return "; ".join(said)

    def events_of(self, finding: Finding) -> list[Event]:
        """Return the incident's events that a finding has."""
        ids = [entity.id for entity in finding.entities]
        events, entities = self.incident.events, self.incident.entities
        by_key = {
            event_key(e.evidence, entities[e.src].id, entities[e.dst].id, e.action): e
            for e in events
        }
        return [
            by_key[event_key(proof, ids[edge.src], ids[edge.dst], edge.action)]
            for edge, proof in zip(finding.edges, finding.evidence, strict=True)
        ]

    def chain(self, findings: Sequence[Finding]) -> list[Event]:
        """Return the events of the path of most bits, and before them how it came to that.

        That is who started its first process, else the connection or session that led there.
        """
        chain = self.events_of(fullest(sorted(findings, key=rank)))
        events, entities = self.incident.events, self.incident.entities
        seen = {chain[0].src, *(event.dst for event in chain)}
        for _ in range(EARLIER):
            head = chain[0]
            before = [
                event
                for event in events
                if event.dst == head.src and event.src not in seen
                and event.action in BIRTHS | CROSSINGS
                and microseconds(event.ts) <= microseconds(head.ts)
            ]  # fmt: skip
            if not before:
                break
            # The latest of several; a program's file started nothing.
            chain.insert(0, max(
                enumerate(before),
                key=lambda one: (
                    one[1].action in BIRTHS and entities[one[1].src].type == "process",
                    one[1].action in CROSSINGS, one[1].telling, one[0],
                ),
            )[1])  # fmt: skip
            seen.add(chain[0].src)
        return chain

    def rare(self, findings: Sequence[Finding]) -> str:
        """Return which event is the rarest, and why by its terms, or by what would be likely."""
        event = self.incident.events[self.incident.rarest]
        mine = [f for f in findings if f.doubts and f.edges[0].terms == event.terms]
        odd = [oddity(f, named) for f in mine]
        odd_kind = mine[0].kind.partition(":")[0] if mine else ""
        src, dst = self.at(event.src), self.at(event.dst)
        brief = {"src": self.brief(event.src), "dst": self.brief(event.dst)}
        terms = sorted(event.terms.items(), key=lambda term: -term[1])
        told = [(name, bits) for name, bits in terms if bits > 0 and bits >= SHARE * event.bits]
        why = [
            WORDS.get(name, "its term is high").format(**brief) + f" ({name} {bits:.1f} bits)"
            for name, bits in told
        ]
        command = self.command(event) if event not in self.said else ""
        link = f"{src} {self.verb(event)} {dst}{command}"
        if odd and odd_kind == "table":
            return f"It is odd by {event.bits:.1f} bits: {odd[0]}"
        if "others" in event.terms:  # of a window: it isn't rare by itself
            return f"What makes it odd most is that {link}"
        text = f"The rarest link, of {event.bits:.1f} bits, is that {link}"
        why = odd[:1] or why
        return text + (f": {_listed(why)}" if why else "")

    def entry(self) -> str:
        """Return where it came in, if that is over the network or by a logon."""
        incident = self.incident
        first = next((e for e in incident.events if e.src == incident.entry), None)
        if first is None or first.action not in ENTERS:
            return ""
        return f"It came in by {self.at(first.src)}, which {self.verb(first)} {self.at(first.dst)}"

    def reach(self) -> str:
        """Return where it got to, beyond what was said."""
        incident = self.incident
        places = [self.at(place, incident.hosts[0]) for place in incident.reach]
        return f"It reached {_listed(places)}" if places else ""

    def rest(self) -> str:
        """Return how much more there is."""
        incident = self.incident
        telling = sum(event.telling for event in incident.events)
        if incident.paths == 1:
            return ""
        paths, what = incident.paths - 1, self.what
        return (
            f"{paths:,} more {what}{'s' * (paths != 1)} belong{'s' * (paths == 1)} to it, "
            f"with {telling:,} telling event{'s' * (telling != 1)} in all"
        )


def tell(
    findings: Sequence[Finding], known: Known | None = None, patterns: Sequence[Pattern] = ()
) -> Incident:
    """Return the incident of findings that share one, with its description and tags."""
    incident = build(findings, known)
    incident.description = describe(incident, findings)
    incident.tags = tagged(incident.entities, incident.events, patterns)
    return incident
