"""Relations: which edges a record gives, told by its kind.

Most logs are like this: a record's event id and a few flags say what happened, and each end of an
edge is read from a few columns. Such a mapping needs SQL only for the distinct values of those
columns, of which there are far fewer than records.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from graphad import schema

_NAMES = frozenset(column.name for column in schema.RECORDS)


@dataclass(frozen=True)
class End:
    """What an edge's end can be: its type, and SQL over columns of `raw`.

    There is no such end where `key` is NULL. The label is the key unless something else is said.
    """

    type: str
    key: str
    label: str = "NULL"
    detail: str = "NULL"


@dataclass(frozen=True)
class Claim:
    """What some records say of an entity besides their edges: `value` is its too.

    `what` is one of schema.CLAIMS, `told_by` the kinds of records that say so, all of them if it is
    empty. `value` is SQL like an End's; so are `far`, see schema.ALIASES, and `born`, seconds since
    1970. An entity's key or a `value` that reads one column alone must be NULL where that is. If
    `each`, every record counts with its time: a birth, a connection; else one row stands for all
    that say the same.
    """

    what: str
    end: End
    value: str
    told_by: tuple[str, ...] = ()
    far: str = "NULL"
    born: str = "NULL"
    each: bool = False

    def __post_init__(self) -> None:
        if self.what not in schema.CLAIMS:
            raise ValueError(f"no claim is called {self.what!r}")


@dataclass(frozen=True)
class Relations:
    """A mapping by kinds of records.

    `kind` and `outcome` are SQL over columns of `raw`. `edges` has, for each kind, the edges of
    such a record in the order of their ordinals: end it flows from, action, end it flows to.
    `claims` say more of entities, of records that give no edge too. None may use `record`, and of
    `ts` only whether it is NULL. `rules` has, for each kind that may give no edge, the rule by
    which such a record is ignored; a parser's `ignore` says for the others.
    """

    kind: str
    ends: Mapping[str, End]
    edges: Mapping[str, Sequence[tuple[str, str, str]]]
    outcome: str = "NULL"
    claims: Sequence[Claim] = ()
    rules: Mapping[str, str] = field(default_factory=dict)
    actions: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        every = [edge for edges in self.edges.values() for edge in edges]
        unknown = {end for src, _, dst in every for end in (src, dst)} - set(self.ends)
        if unknown:
            raise ValueError(f"no end is called {min(unknown)!r}")
        object.__setattr__(self, "actions", tuple(dict.fromkeys(edge[1] for edge in every)))


_WORD = re.compile(r"""'(?:[^']|'')*'|"?\b(\w+)\b"?""")


def columns_of(sql: Iterable[str]) -> list[str]:
    """Return the columns of schema.RECORDS that occur in some SQL, by name.

    >>> columns_of(["coalesce(exe, 'no host') || ':' || dst_port"])
    ['dst_port', 'exe']
    """
    return sorted({m[1] for text in sql for m in _WORD.finditer(text) if m[1] in _NAMES})


def with_prefix(sql: str, prefix: str) -> str:
    """Return SQL with a prefix before the name of each column.

    >>> with_prefix("exe || 'exe'", "a_")
    "a_exe || 'exe'"
    """
    return _WORD.sub(lambda m: prefix + m[1] if m[1] in _NAMES else m[0], sql)
