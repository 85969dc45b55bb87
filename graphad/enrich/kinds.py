"""How one raw event becomes the words that a model of its kind knows it by."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from graphad.detectors.event_columns import CLOCK, MISSING, clock, microseconds_of
from graphad.enrich.events import Scorer, Weighed
from graphad.enrich.fields import Place, Rule, text
from graphad.enrich.memory import Words
from graphad.enrich.words import DOMAINS, KINDS, Word, account

Event = Mapping[str, Any]
Told = tuple[str, ...]


class Plan(Protocol):
    """What reads events of one kind, and weighs them."""

    kind: str

    def words(self, event: Event, data: Event) -> Told | None:
        """Return what an event is known by, None if it doesn't say enough to be of the kind."""
        ...

    def weigh(self, words: Told) -> Weighed:
        """Return what such an event is worth."""
        ...


class KindPlan:
    """Reads events of a kind of a store's model, by a rule of the mapping file."""

    def __init__(self, rule: Rule, scorer: Scorer, memory: dict[Word, Words]) -> None:
        """Plan for the columns that a scorer has; memory: of words, shared by all plans.

        Raises: KeyError: the kind has no such column.
        """
        self.kind, self.rule, self._scorer = rule.kind, rule, scorer
        needed, columns = KINDS[rule.kind]
        chosen = [columns[column.name] for column in scorer.named]
        fields = list(dict.fromkeys([*needed, *(f for sources, _ in chosen for f in sources)]))
        self._fields, self._needed = fields, len(needed)
        at = {name: i for i, name in enumerate(fields)}
        self._columns: list[tuple[int, int, Words]] = []
        for (sources, word), column in zip(chosen, scorer.named, strict=True):
            if column.name == "outcome" and column.codes.keys() <= {MISSING}:
                sources = ("",)  # its logs never say; that others do is nothing odd
            places = [at[name] for name in sources if name] or [len(fields)]
            held = memory.setdefault(word, Words(word))
            self._columns.append((places[0], places[-1], held))
        # Some models know accounts with their domains, others without, as their logs named them.
        self._accounts = [
            (i, at[sources[0]], DOMAINS[sources[0]], memory[word], scorer.named[i].codes)
            for i, (sources, word) in enumerate(chosen)
            if DOMAINS.get(sources[0]) in rule.fields
        ]
        self._clock = [CLOCK.index(column.name) for column in scorer.clocked]

    def words(self, event: Event, data: Event) -> Told | None:
        """Return the words of the model's columns, None if the event lacks an end of its edge."""
        rule, needed = self.rule, self._needed
        said: list[str] = []
        for name in self._fields:
            value = rule.field(name, event, data)
            if len(said) < needed and (not value or value == "-"):
                return None
            said.append(value)
        said.append("")  # of a column that doesn't count
        words = []
        for i, j, memory in self._columns:
            raw = said[i] or said[j]
            words.append((memory.held.get(raw) or memory.of(raw)) if raw else "")
        for i, j, domain, memory, known in self._accounts:
            whole = account(rule.field(domain, event, data), said[j])
            if whole:
                word = memory.of(whole)
                if word in known or words[i] not in known:
                    words[i] = word
        if self._clock:
            moment = clock(microseconds_of(rule.field("ts", event, data)))
            words += [moment[i] for i in self._clock]
        return tuple(words)

    def weigh(self, words: Told) -> Weighed:
        """Return what an event of such words is worth."""
        number = self._scorer.number
        return self._scorer.weigh([number(i, word) for i, word in enumerate(words)], words)


class TablePlan:
    """Reads events by the names of a table's columns, flat or with points between keys."""

    def __init__(self, kind: str, scorer: Scorer) -> None:
        self.kind, self._scorer = kind, scorer
        self._columns = [
            (Place.of("/" + c.name), c.edges is not None, c.word) for c in scorer.named
        ]
        self._time = Place.of("/" + (scorer.time or ""))
        self._clock = [CLOCK.index(column.name) for column in scorer.clocked]

    def words(self, event: Event, data: Event) -> Told | None:
        """Return the words of the columns, None if the event has none of them."""
        words, there = [], False
        for place, number, word in self._columns:
            value = event.get(place.dotted)
            if value is None:
                value = place.find(event, event)
            there = there or value is not None
            words.append(word(value) if number else text(value))
        if not there:
            return None
        if self._clock:
            moment = clock(microseconds_of(self._time.find(event, event)))
            words += [moment[i] for i in self._clock]
        return tuple(words)

    def weigh(self, words: Told) -> Weighed:
        """Return what an event of such words is worth."""
        number = self._scorer.number
        return self._scorer.weigh([number(i, word) for i, word in enumerate(words)], words)


class Oddest(NamedTuple):
    """How odd an event is, to compare what several models say of it, and the JSON members."""

    z: float
    members: bytes
