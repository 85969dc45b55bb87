r"""Stable names in place of those of users and hosts, wherever a text has them.

A pseudonym is an HMAC of the name: the same key gives the same one for ever, and without the key
no guess can be checked. A dotted host name is two parts, so `ws1.corp.example` and `ws1` still
can be seen to belong together.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from graphad.errors import GraphadError
from graphad.export.redact import MARK, runs, unescaped

KINDS = ("user", "host")
LEAST = 16  # bytes of a key
_MOST = 1 << 20
_PIECES = re.compile(r"[^\W_]+|[\W_]")
# Names that every computer has tell nobody apart.
COMMON = frozenset(
    (
        "", "-", "root", "system", "administrator", "guest", "nobody", "daemon", "bin", "sys",
        "sync", "adm", "lp", "mail", "news", "www-data", "sshd", "localhost", "local", "anonymous",
        "localhost.localdomain", "everyone", "service", "network", "interactive", "batch",
        "authority", "nt", "nt authority", "local service", "network service", "anonymous logon",
        "window manager", "font driver host", "local system", "users", "unknown", "none", "null",
        "builtin", "workgroup", "127.0.0.1", "::1", "::",
    )
)  # fmt: skip


def read_key(path: Path) -> bytes:
    """Return the bytes of a key file. Raises: GraphadError: it cannot be read or is too short."""
    try:
        with path.open("rb") as file:
            key = file.read(_MOST + 1)
    except OSError as error:
        raise GraphadError(f"{path} cannot be read: {error.strerror}.") from error
    if not LEAST <= len(key) <= _MOST:
        raise GraphadError(
            f"{path} holds {len(key):,} bytes, and a key has at least {LEAST}.",
            hint=f"Make one: head -c 32 /dev/urandom > {path}.",
        )
    return key


def _numeric(low: str) -> bool:
    return low.replace(".", "").isdecimal() or ":" in low


def _account(text: str) -> tuple[str, str, str]:
    """Return an account's domain, name, and the sign between them; "" where there is none."""
    domain, sign, name = text.rpartition("\\")
    if not sign:
        name, sign, domain = text.partition("@")
    return (domain, name, sign) if domain and name else ("", text, "")


class Pseudonyms:
    """Knows names of users and hosts, and puts others in their place.

    kinds: which of KINDS. Letter case does not matter. Names of one letter or digit are put in
    place only of a whole field; names that every computer has (COMMON) stay.
    """

    def __init__(self, key: bytes, kinds: Iterable[str]) -> None:
        self.key, self.kinds = key, frozenset(kinds)
        unknown = sorted(self.kinds - set(KINDS))
        if unknown or not self.kinds:
            raise GraphadError(
                f"{unknown[0] if unknown else 'Nothing'!r} cannot be given a pseudonym.",
                hint=f"There are: {', '.join(KINDS)}.",
            )
        self.known: dict[str, str] = {}  # pseudonyms by name in lower case
        self._by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}

    def digest(self, kind: str, text: str) -> str:
        """Return 12 hex digits that stand for a text of a kind."""
        data = f"{kind}\0{text}".encode("utf-8", "backslashreplace")
        return hmac.new(self.key, data, hashlib.sha256).hexdigest()[:12]

    def name(self, kind: str, text: str) -> str:
        """Return the pseudonym of a name."""
        low = text.lower().rstrip(".")
        if low in COMMON:
            return text
        head, dot, tail = low.partition(".")
        if kind == "host" and dot and head and not _numeric(low):
            return f"host-{self.digest('host', head)}.net-{self.digest('net', tail)}"
        return f"{kind}-{self.digest(kind, low)}"

    def learn(self, kind: str, names: Iterable[str | None]) -> None:
        """Take names of a kind, those with a domain in their parts too."""
        for name in names:
            low = (name or "").lower().rstrip(".")
            if kind == "user":
                self._add("user", _account(low)[1])
                self._add("host", _account(low)[0])
            else:
                self._add(kind, low)
                head, dot, tail = low.partition(".")
                if dot and not _numeric(low):
                    self._add(kind, head)
                    if "." in tail and kind in self.kinds:
                        self._add_as(tail, f"net-{self.digest('net', tail)}")

    def _add(self, kind: str, low: str) -> None:
        if kind in self.kinds and low not in COMMON:
            self._add_as(low, self.name(kind, low))

    def _add_as(self, low: str, pseudonym: str) -> None:
        if low in self.known or low in COMMON:
            return
        self.known[low] = pseudonym
        plain = json.dumps(low)[1:-1]  # as a line of JSON may have it
        for form in {low, plain, low.replace("\\", "\\\\")}:
            pieces = _PIECES.findall(form)
            while pieces and not pieces[0].isalnum():
                pieces.pop(0)
            while pieces and not pieces[-1].isalnum():
                pieces.pop()
            if sum(map(len, pieces)) > 1:
                self._by_first.setdefault(pieces[0], []).append((tuple(pieces), pseudonym))

    def field(self, kind: str, text: str) -> str:
        """Return what stands in a field that holds nothing but a name of a kind."""
        if kind not in self.kinds or not text:
            return self([text])[0]
        domain, account, sign = _account(text)
        if kind != "user" or not domain:
            return self.name(kind, text)
        mine = self.name("user", account)
        told = self.name("host", domain) if "host" in self.kinds else domain
        return f"{told}{sign}{mine}" if sign == "\\" else f"{mine}{sign}{told}"

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """Return texts with pseudonyms for all known names in them."""
        for found in self._by_first.values():
            found.sort(key=lambda one: -len(one[0]))
        return [self._told(text) for text in texts]

    def _told(self, text: str) -> str:
        for run in reversed(runs(text)):
            plain = unescaped(run.decoded)
            if self._replaced(plain) != plain:
                text = text[: run.start] + MARK + text[run.end :]
        made = self._replaced(text)
        if "\\" in made or "%" in made:
            free = unescaped(made)
            again = self._replaced(free)
            if again != free:
                return again
        return made

    def _replaced(self, text: str) -> str:
        pieces = _PIECES.findall(text)
        low = [piece.lower() for piece in pieces]
        made, at = [], 0
        while at < len(pieces):
            for name, pseudonym in self._by_first.get(low[at], ()):
                if tuple(low[at : at + len(name)]) == name:
                    made.append(pseudonym)
                    at += len(name)
                    break
            else:
                made.append(pieces[at])
                at += 1
        return "".join(made)
