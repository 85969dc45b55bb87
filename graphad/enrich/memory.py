"""What an Enricher remembers for speed, in bounded memory.

Only dictionaries, whose single steps are whole in every thread: two that miss at once work out the
same twice, and nothing else happens. What is full is emptied: the busy values are soon there again,
and somebody who sends ever new ones only makes it slower.
"""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")
_ENTRY = 200  # bytes that an entry takes besides its texts


class Words:
    """Words by the raw texts that they come from.

    >>> lower = Words(str.lower)
    >>> lower.of("Bob"), lower.held
    ('bob', {'Bob': 'bob'})
    """

    def __init__(self, word: Callable[[str], str], room: int = 4_000_000) -> None:
        """Remember at most `room` characters, those of long texts not at all."""
        self.word, self.room, self.used = word, room, 0
        self.held: dict[str, str] = {}

    def of(self, raw: str) -> str:
        """Return the word of a text."""
        found = self.held.get(raw)
        if found is not None:
            return found
        found = self.word(raw)
        size = len(raw) + len(found) + _ENTRY
        if size * 100 <= self.room:
            self.used += size
            if self.used > self.room:
                self.held, self.used = {}, size
            self.held[raw] = found
        return found


class Results(Generic[Value]):
    """Results by what they were worked out from."""

    def __init__(self, room: int = 16_000_000) -> None:
        """Remember at most about `room` bytes."""
        self.room, self.used = room, 0
        self.held: dict[Hashable, Value] = {}

    def keep(self, key: Hashable, value: Value, size: int) -> None:
        """Remember a value of so many bytes."""
        size += _ENTRY
        if size * 100 <= self.room:
            self.used += size
            if self.used > self.room:
                self.held, self.used = {}, size
            self.held[key] = value
