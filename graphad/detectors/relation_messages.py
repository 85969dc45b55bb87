"""What a detector of messages needs: a table's columns, or the templates of text logs' lines."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphad.detectors.relation_rows import TEXT_FIELDS, masked_lines
from graphad.errors import GraphadError
from graphad.graph import Graph

if TYPE_CHECKING:
    from graphad.models.templates import Templates

_OFTEN = 10  # lines of a template before its words are values
_FEW = 0.2  # distinct words of those lines, at most


@dataclass
class OfMessages:
    """Knows which event each line or row is of."""

    columns: tuple[str, ...] = ()
    templates_: dict[str, Any] | None = field(default=None, repr=False)
    slots_: dict[str, list[int]] = field(default_factory=dict, repr=False)
    _ids: Callable[[Sequence[str]], Sequence[str]] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the fields of records that graphs must have."""
        return self.columns or TEXT_FIELDS

    @property
    def regime(self) -> str:
        """Return nothing: there is no choice."""
        return ""

    @property
    def agreement(self) -> dict[str, float]:
        """Return nothing: scores are exact."""
        return {}

    def forget_templates(self) -> None:
        """Forget them, for a fit from the start."""
        self.templates_, self._ids, self.slots_ = None, None, {}

    def learn_templates(self, again: Callable[[], Iterable[Graph]]) -> None:
        """Learn the templates of further text logs; those that are known stay."""
        if self.columns:
            return
        lines: Counter[str] = Counter()
        for graph in again():
            lines += masked_lines(graph)
        templates = self._templates()
        templates.learn(sorted(lines))
        self.templates_, self._ids = templates.dump(), None
        # A template that widened has other places; those it had are told by their words still.
        self.slots_ |= slots_of(templates, lines)

    def ids_of(self, lines: Sequence[str]) -> Sequence[str]:
        """Return the templates' ids of masked lines."""
        if self._ids is None:
            self._ids = self._templates().ids_of
        return self._ids(lines)

    def words_of(self, event: str) -> str:
        """Return what an event of the model says: its template's text, or itself of a table."""
        rows = () if self.templates_ is None else self.templates_["templates"]
        return next((shown for known, _, shown in rows if known == event), event)

    def dumped(self) -> dict[str, list[str]]:
        """Return templates as texts of a model."""
        if self.templates_ is None:
            return {}
        slots = json.dumps(self.slots_, sort_keys=True)
        return {"templates": [json.dumps(self.templates_)], "slots": [slots]}

    def restore_templates(self, texts: Mapping[str, list[str]]) -> None:
        """Take what `dumped` gave. Raises: KeyError, IndexError, TypeError, ValueError."""
        if not self.columns:
            self.templates_ = json.loads(texts["templates"][0])
            self._templates()
            slots = json.loads(texts["slots"][0]) if "slots" in texts else {}
            self.slots_ = {str(name): [int(n) for n in some] for name, some in slots.items()}

    def _templates(self) -> "Templates":
        try:
            import drain3.drain  # noqa: F401
        except ImportError as error:
            raise GraphadError(
                "Templates are found by drain3, which is not installed.",
                hint="pip install 'graphad[logs]'",
            ) from error
        from graphad.models.templates import Templates

        return Templates() if self.templates_ is None else Templates.restore(self.templates_)


def slots_of(templates: "Templates", lines: Mapping[str, int]) -> dict[str, list[int]]:
    """Return which words of lines with a template are values, by its id: places, rising.

    lines: masked ones, and how often each was. Words that differ within a template are values if
    they are one of few each time, such as a method or a state; else they are as good as new.
    """
    from graphad.models.templates import ANY

    texts = list(lines)
    seen: dict[tuple[int, int], Counter[str]] = {}
    for line, number in zip(texts, templates.of(texts), strict=True):
        if number < 0:
            continue
        words = line.split()
        for place, word in enumerate(templates.texts[number].split()):
            if word == ANY and place < len(words):
                seen.setdefault((number, place), Counter())[words[place]] += lines[line]
    found: dict[str, list[int]] = {}
    for (number, place), words_ in sorted(seen.items()):
        if words_.total() >= _OFTEN and len(words_) <= _FEW * words_.total():
            found.setdefault(templates.ids[number], []).append(place)
    return found
