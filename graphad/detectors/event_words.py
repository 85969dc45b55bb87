"""Words by which events of a graph are told: what the names and records of their ends say.

Names are canonical ones (docs/names.md), as the log itself told them.
"""

import re
from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad.detectors.event_columns import MISSING
from graphad.graph import Graph, positions

Ints = npt.NDArray[np.int64]
Word = Callable[[str], str]

_PART = re.compile(r"[\\/]")
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmp6"}
_AREA = 4  # parts of a registry path that say what it is about


def base(name: str) -> str:
    r"""Return the last part of a canonical path.

    >>> base("%drive%\\windows\\system32\\cmd.exe")
    'cmd.exe'
    """
    return _PART.split(name)[-1]


def folder(name: str) -> str:
    r"""Return the first three parts of a path's folder.

    >>> folder("%drive%\\users\\<user>\\appdata\\local\\x.dll")
    '%drive%/users/<user>'
    """
    return "/".join(_PART.split(name)[:-1][:3])


def extension(name: str) -> str:
    r"""Return what follows the last point of a file's name, "" if that is nothing or a sentence.

    >>> extension("/etc/passwd"), extension("%drive%\\x\\<tmp>.dll")
    ('', 'dll')
    """
    stem, point, end = base(name).rpartition(".")
    return end if stem and point and len(end) <= 10 else ""


def area(name: str) -> str:
    r"""Return the first parts of a registry path.

    >>> area("hklm\\software\\microsoft\\windows\\currentversion\\run")
    'hklm/software/microsoft/windows'
    """
    return "/".join(_PART.split(name)[:_AREA])


def address(name: str) -> str:
    """Return the address of a socket, or all of one that has no port.

    >>> address("10.0.0.5:445"), address("10.0.0.5"), address("[::1]:*"), address("unix:/run/bus")
    ('10.0.0.5', '10.0.0.5', '[::1]', 'unix:/run/bus')
    """
    at, _, end = name.rpartition(":")
    return at if at and port(name) == end and end else name


def port(name: str) -> str:
    """Return the port of a socket, "*" for one that was lent, "" if it has none.

    >>> port("10.0.0.5:445"), port("10.0.0.5"), port("[::1]:*"), port("unix:/run/bus")
    ('445', '', '*', '')
    """
    at, colon, end = name.rpartition(":")
    told = end == "*" or end.isdecimal()
    return end if colon and told and (":" not in at or at.endswith("]")) else ""


def zone(name: str) -> str:
    """Return the last two labels of a domain name.

    >>> zone("a.b.example.com"), zone("localhost")
    ('example.com', 'localhost')
    """
    return ".".join(name.split(".")[-2:])


def protocol(text: str) -> str:
    """Return a protocol by name.

    >>> protocol("6"), protocol("UDP")
    ('tcp', 'udp')
    """
    return _PROTOCOLS.get(text, text.lower())


class Told:
    """Some events [n] of a graph and what is said of them; words come as text arrays [n]."""

    def __init__(self, graph: Graph, events: Ints) -> None:
        self.graph, self.events = graph, events
        self.src, self.dst = (ends[events] for ends in graph.told)

    @cached_property
    def actor(self) -> Ints:
        """Return who acted: the process, of several or none the source."""
        process = self.graph.are({"process"})
        return np.where(process[self.dst] & ~process[self.src], self.dst, self.src)

    @cached_property
    def other(self) -> Ints:
        """Return what it was done to."""
        return self.src + self.dst - self.actor

    def names(self, ends: Ints, word: Word = str) -> pa.Array:
        """Return a word of the name of each of some entities [n]."""
        return self._of("names", ends, word)

    def types(self, ends: Ints) -> pa.Array:
        """Return the type of each of some entities [n]."""
        return self._of("types", ends, str)

    def shapes(self, ends: Ints) -> pa.Array:
        """Return the masked command line of each of some entities [n]."""
        return self._of("shapes", ends, str)

    def names_of(self, kind: str, ends: Ints, word: Word = str) -> pa.Array:
        """Return the same as `names` for those of one type, else nothing."""
        named = self.names(ends, word)
        there = pa.array(self.graph.are({kind})[ends])
        return pc.if_else(there, named, MISSING)

    def texts(self, column: str) -> pa.Array:
        """Return what a text column of the graph's events says for these."""
        return self.graph.encoded(column).take(pa.array(self.events))

    def said(self, field: str, word: Word = str) -> pa.Array:
        """Return a word of what the records say in a field; "" for nothing."""
        found = self.graph.fields.get(field)
        if found is None:
            return pa.array([MISSING] * len(self.events), pa.string())
        some = found.take(pa.array(self.events))
        words = [word(text) for text in some.dictionary.to_pylist()]
        return pa.array(words, pa.string()).take(some.indices).fill_null(MISSING)

    def _of(self, column: str, ends: Ints, word: Word) -> pa.Array:
        # Many entities share a name, such as a program's processes.
        texts = self.graph.encoded(column)
        at = positions(texts)[ends]
        known = [*texts.dictionary.to_pylist(), None]  # the last one for -1
        words: list[str | None] = [None] * len(known)
        used = np.zeros(len(known), bool)
        used[at] = True
        for i in np.flatnonzero(used).tolist():
            words[i] = MISSING if known[i] is None else word(known[i])
        return pa.array(words, pa.string()).take(pa.array(at % len(known)))


def user(told: Told) -> pa.Array:
    """Return who acted: as the record says, else the user at one of the ends."""
    from graphad.models.names import canonical

    said = told.said("user", lambda text: canonical("user", text))
    for ends in (told.src, told.dst):
        said = pc.if_else(pc.equal(said, MISSING), told.names_of("user", ends), said)
    return said


def account(told: Told) -> pa.Array:
    """Return who logged on: as the record says, else the user who opened the session."""
    from graphad.models.names import canonical

    said = told.said("target_user", lambda text: canonical("user", text))
    return pc.if_else(pc.equal(said, MISSING), user(told), said)


def came_from(told: Told) -> pa.Array:
    """Return where a logon came from."""
    said = told.said("src_ip", str.lower)
    outside = pa.array(told.graph.are({"address", "socket", "host"})[told.src])
    named = pc.if_else(outside, told.names(told.src, address), MISSING)
    said = pc.if_else(pc.equal(said, MISSING), named, said)
    return pc.if_else(pc.equal(said, MISSING), told.said("src_host", str.lower), said)
