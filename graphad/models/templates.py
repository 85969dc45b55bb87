"""Templates: which masked lines of text say the same with other words.

drain3's miner joins lines of as many words that mostly agree. It is given each distinct masked line
once, in the order of their texts, so what it finds depends on the set of lines alone: not on their
order, nor on how they were cut into files, nor on how often each occurs. Masks are all alike to it.

Source: He, Zhu, Zheng, Lyu, Drain: an online log parsing approach with fixed depth tree, ICWS 2017.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import ne
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from graphad.models.template_search import Search
    from graphad.scan.text_split import Numbers

ANY = "<*>"  # a word that differs between the lines of a template
_MARK = "<v>"  # what every mask is to the miner
_MASK = re.compile(r"<<|<[a-z0-9]+>")
_NAMED = re.compile(r"<[a-z0-9]+>")
_BLANKS = b"\t\v\f\r\x1c\x1d\x1e\x1f"  # that str.split takes for one, besides the plain ones
_DEPTH = 4  # levels of drain3's tree, the library's default
_REMEMBERED = 200_000  # lines whose template is remembered
_MANY = 64  # lines from which on compiled search is faster
VERSION = 1
LONGEST = 400  # words of a line that count


def line_id(text: str) -> str:
    """Return the id of a masked line, or of a template by its text: 24 hexadecimal digits.

    >>> line_id("session opened for user <user>")
    '2f7d53466274ffd8a6677d80'
    """
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def mined(line: str) -> str:
    """Return a masked line as the miner sees it: every mask alike, one blank between words.

    >>> mined("Failed  password for <user> from <ip> <<none>")
    'Failed password for <v> from <v> <<none>'
    """
    if "<<" in line:
        line = _MASK.sub(lambda m: m[0] if m[0] == "<<" else _MARK, line)
    elif "<" in line:
        line = _NAMED.sub(_MARK, line)
    return " ".join(line.split()[:LONGEST])


def mined_all(lines: Sequence[str]) -> list[str]:
    """Return `mined` of each line, in one go: most of the time is else lost in calls."""
    text = "\n".join(lines)
    plain = text.isascii() and len(text) == len(text.encode().translate(None, _BLANKS))
    if not plain or "<<" in text or text.count("\n") != len(lines) - 1:
        return [mined(line) for line in lines]
    text = f"\n{_NAMED.sub(_MARK, text)}\n"
    found = text[1:-1].split("\n")
    if "  " in text or " \n" in text or "\n " in text or max(map(len, found)) > LONGEST:
        return [" ".join(line.split()[:LONGEST]) for line in found]
    return found


@dataclass
class Templates:
    """Templates that were learned, M of them, in the order of their texts.

    `similarity`: the share of words, masks among them, in which a line must agree with a template
    to join it. `most`: templates at most; lines that would make another one have none.

    `ids` [M] name them for ever: each is `line_id` of the text it had when it was first learned.
    `texts` [M] are what they say now; `shown` [M] the same with masks named where all agree.
    """

    similarity: float = 0.7
    most: int = 100_000
    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    left_out: int = 0  # distinct lines that had no place among so many
    _known: dict[str, int] = field(default_factory=dict, repr=False, compare=False)
    _places: dict[tuple[int, str], list[int]] | None = field(
        default=None, repr=False, compare=False
    )
    _words: list[tuple[str, ...]] = field(default_factory=list, repr=False, compare=False)

    def __len__(self) -> int:
        """Return the number of templates."""
        return len(self.ids)

    def learn(self, lines: Iterable[str]) -> "Templates":
        """Learn masked lines; what was learned before widens at most, its ids stay."""
        from graphad.models.template_search import Search

        distinct = list(set(lines))
        texts = mined_all(distinct)
        ordered = sorted(set(texts))
        miner, clusters = self._fresh()
        ids = dict(zip((c.cluster_id for c in clusters), self.ids, strict=True))
        search = Search([*self.texts, *ordered])
        for row, cluster in enumerate(clusters):
            search.put(search.words_of(row), _of_any(miner, cluster))
        row = before = len(clusters)
        while True:
            row, number = search.changing(row, self.similarity)
            if row == before + len(ordered):
                break
            words = ordered[row - before].split()
            if number >= 0:
                cluster = clusters[number]
                wide = miner.create_template(words, cluster.log_template_tokens)
                cluster.log_template_tokens = tuple(wide)
                search.widen(number, row)
            elif len(clusters) >= self.most:
                self.left_out += 1
            else:
                clusters.append(_put(miner, words))
                search.put(search.words_of(row), _of_any(miner, clusters[-1]))
            row += 1
        told = {c.cluster_id: c.get_template() for c in clusters}
        words_of = {text: search.template(n).copy() for n, text in enumerate(told.values())}
        self._settle(told, ids)
        found = self._covering(search, [words_of[text] for text in self.texts], before)
        place = dict(zip(ordered, found, strict=True))
        self._show(distinct, [place[text] for text in texts])
        return self

    def of(self, lines: Iterable[str]) -> list[int]:
        """Return which template each masked line has, -1 for none: it was not learned."""
        known = self._known
        lines = list(lines)
        new = list(dict.fromkeys(line for line in lines if line not in known))
        if len(new) < _MANY:
            of_new = dict(zip(new, map(self._match, map(mined, new)), strict=True))
        else:
            of_new = dict(zip(new, self._match_all(mined_all(new)), strict=True))
        self._remember(of_new)
        return [known[line] if line in known else of_new[line] for line in lines]

    def ids_of(self, lines: Sequence[str]) -> list[str]:
        """Return the template's id of each masked line; of one without, the id it would get alone.

        So a line that was not learned has the same id each time, and each other such line another.
        """
        numbers = self.of(lines)
        return [
            self.ids[n] if n >= 0 else line_id(mined(line))
            for n, line in zip(numbers, lines, strict=True)
        ]

    def dump(self) -> dict[str, Any]:
        """Return all that was learned as JSON's types."""
        return {
            "version": VERSION, "similarity": self.similarity, "most": self.most,
            "left_out": self.left_out,
            "templates": [list(one) for one in zip(self.ids, self.texts, self.shown, strict=True)],
        }  # fmt: skip

    @classmethod
    def restore(cls, state: object) -> "Templates":
        """Return templates that `dump` told of. Raises: ValueError: it is no such state."""
        if not isinstance(state, Mapping) or state.get("version") != VERSION:
            raise ValueError("no templates, or of another version")
        rows = state.get("templates")
        if not isinstance(rows, list) or not all(
            isinstance(row, list) and len(row) == 3 and all(isinstance(x, str) for x in row)
            for row in rows
        ):
            raise ValueError("the list of templates is damaged")
        try:
            made = cls(float(state["similarity"]), int(state["most"]))
            made.left_out = int(state["left_out"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("the settings of templates are damaged") from error
        rows = sorted(rows, key=lambda row: row[1])
        made.ids, made.texts, made.shown = ([row[i] for row in rows] for i in range(3))
        if len(set(made.ids)) < len(rows) or len(set(made.texts)) < len(rows):
            raise ValueError("two templates are the same")
        return made

    @classmethod
    def merged(cls, parts: Sequence["Templates"]) -> tuple["Templates", dict[str, str]]:
        """Return the templates of several, whatever their order, and new ids by old ones.

        Templates that agree as lines must do become one. It keeps the smallest id of those whose
        text it has. This is not quite what all their lines together would give: see docs/text.md.
        """
        first = parts[0] if parts else cls()
        made = cls(first.similarity, first.most)
        told = sorted(
            (text, one, shown)
            for part in parts
            for text, one, shown in zip(part.texts, part.ids, part.shown, strict=True)
        )
        made.learn(shown for _, _, shown in told)
        made.left_out += sum(part.left_out for part in parts)
        by_text: dict[str, str] = {}
        for text, one, _ in told:
            by_text.setdefault(text, one)
        taken: set[str] = set()
        for i, text in enumerate(made.texts):
            one = by_text.get(text, made.ids[i])
            made.ids[i] = one if one not in taken else made.ids[i]
            taken.add(made.ids[i])
        places = made.of(shown for _, _, shown in told)
        moved = {
            one: made.ids[n] for (_, one, _), n in zip(told, places, strict=True)
            if n >= 0 and made.ids[n] != one
        }  # fmt: skip
        return made, moved

    def _fresh(self) -> tuple[Any, list[Any]]:
        """Return a miner that knows just these templates, and its clusters.

        What is known is always built so, whether it was learned just now or read from a file.
        """
        from drain3.drain import Drain

        miner = Drain(depth=_DEPTH, sim_th=self.similarity, param_str=ANY)
        return miner, [_put(miner, text.split()) for text in self.texts]

    def _settle(self, found: Mapping[int, str], ids: Mapping[int, str]) -> None:
        """Take over what a miner found, `ids` those it began with: one template a text."""
        before = dict(zip(self.ids, self.shown, strict=True))
        named: dict[str, str] = {}
        for number, text in sorted(found.items()):  # those with an id come first
            if number in ids and (text not in named or ids[number] < named[text]):
                named[text] = ids[number]
            elif text not in named:
                named[text] = ""
        taken = {one for one in named.values() if one}
        for text in sorted(named):
            salt = 1
            while not named[text]:
                one = line_id(text if salt == 1 else f"{text}#{salt}")
                salt += 1
                if one not in taken:
                    named[text] = one
                    taken.add(one)
        self.texts = sorted(named)
        self.ids = [named[text] for text in self.texts]
        self.shown = [
            _widened(before.get(one, ""), text)
            for one, text in zip(self.ids, self.texts, strict=True)
        ]
        self._known, self._places = {}, None

    def _show(self, lines: Sequence[str], numbers: Sequence[int]) -> None:
        """Name the masks of templates where all lines that have them agree."""
        from graphad.scan.text_split import telling

        self._remember(dict(zip(lines, numbers, strict=True)))
        marks = np.array([text.count(_MARK) for text in self.texts], np.int64)
        # If no other word of a line has a mask, the masks' names say all that counts.
        for row in telling(lines, np.array(numbers, np.int64), marks).tolist():
            n = numbers[row]
            self.shown[n] = _agreed(self.shown[n], lines[row], self.texts[n])
        for n, text in enumerate(self.texts):
            if not marks[n]:
                self.shown[n] = text

    def _remember(self, found: Mapping[str, int]) -> None:
        room = _REMEMBERED - len(self._known)
        self._known.update(found if len(found) <= room else islice(found.items(), max(0, room)))

    def _match_all(self, texts: Sequence[str]) -> list[int]:
        """Return `_match` of each text, compiled."""
        from graphad.models.template_search import Search

        search = Search([*self.texts, *texts])
        return self._covering(search, [search.words_of(n) for n in range(len(self))], len(self))

    def _covering(self, search: "Search", words: Sequence["Numbers"], row: int) -> list[int]:
        """Return which template the lines of a search from `row` on have; `words`: of templates."""
        wide = [int((one == search.any).sum()) for one in words]
        order = sorted(range(len(words)), key=wide.__getitem__)
        search.clear()
        for n in order:
            search.put(words[n], len(words[n]) == 0 or int(words[n][0]) == search.any)
        place = np.array([*order, -1], np.int64)  # of no template, the last one
        return place[search.covering(row)].tolist()  # type: ignore[no-any-return]

    def _match(self, text: str) -> int:
        """Return the template whose words a line has, the one with most of its own; -1 if none."""
        if self._places is None:
            self._places = {}
            order = sorted(range(len(self)), key=lambda n: self.texts[n].split().count(ANY))
            for n in order:
                words = self.texts[n].split()
                self._places.setdefault((len(words), words[0] if words else ""), []).append(n)
            self._words = [tuple(text.split()) for text in self.texts]
        words = text.split()
        first = words[0] if words else ""
        found, least = -1, len(words) + 1
        for start in (first, ANY):
            for n in self._places.get((len(words), start), ()):
                if _covers(self._words[n], words):
                    wild = self._words[n].count(ANY)
                    if wild < least:
                        found, least = n, wild
                    break
            if first == ANY:
                break
        return found


def _put(miner: Any, words: Sequence[str]) -> Any:
    """Put a cluster of such words into drain3's tree and return it."""
    from drain3.drain import LogCluster

    miner.clusters_counter += 1
    cluster = LogCluster(words, miner.clusters_counter)
    miner.id_to_cluster[cluster.cluster_id] = cluster
    miner.add_seq_to_prefix_tree(miner.root_node, cluster)
    return cluster


def _of_any(miner: Any, cluster: Any) -> bool:
    """Say whether drain3 keeps a cluster where lines of all first words are looked for."""
    words = cluster.log_template_tokens
    below = miner.root_node.key_to_child_node[str(len(words))].key_to_child_node
    return len(words) < 2 or words[0] == ANY or words[0] not in below


def _covers(template: Sequence[str], words: Sequence[str]) -> bool:
    """Say whether a line has the words of a template that has as many."""
    differ = int(sum(map(ne, template, words)))
    if ANY not in words:  # then each of the template's differs
        return differ == template.count(ANY)
    return all(word in (ANY, said) for word, said in zip(template, words, strict=True))


def _widened(shown: str, text: str) -> str:
    """Return how a template is shown that widened to `text`; empty if that is not known."""
    return _agreed(shown, shown, text) if shown else ""


def _agreed(shown: str, line: str, text: str) -> str:
    """Return a template's text with those masks named that `shown` and a line agree in."""
    words, said = text.split(), line.split()[:LONGEST]
    have = shown.split() if shown else said
    return " ".join(
        word if word == ANY or have[i] != said[i] else said[i] for i, word in enumerate(words)
    )
