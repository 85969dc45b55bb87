"""What records say of entities besides their edges, told in Python: see docs/identity.md.

A reader adds Claims to what it tells of a record; they become a column of `raw`, of which
graphad/store/told_claims.py makes rows of `aliases`.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from itertools import islice
from typing import Any, NamedTuple

import pyarrow as pa

from graphad.decoders.edge_lists import texts

MOST = 256  # addresses of a host that one record may claim
_LONGEST = 64  # characters of an address, with its zone


class Claim(NamedTuple):
    """`value` is also the entity's, see schema.CLAIMS; `thing` is what an edge's end is.

    far: the other end of a connection; born: when a process began, us.
    """

    kind: str
    thing: Any
    value: str | None
    far: str | None = None
    born: int | None = None


def claim_columns(claims: Sequence[Claim]) -> dict[str, pa.Array]:
    """Return the columns of claims [N]."""
    kinds, things, *said, born = list(zip(*claims, strict=True)) or [()] * len(Claim._fields)
    parts = list(zip(*things, strict=True)) or [()] * 4
    named = zip(("type", "key", "label", "detail", "value", "far"), (*parts, *said), strict=True)
    return {
        "kind": texts(kinds),
        **{name: texts(values) for name, values in named},
        "born": pa.array(born, pa.timestamp("us")),
    }


def plain(address: str) -> str | None:
    """Return an address as it is compared: the shortest form, IPv4 as such; None if it is none.

    >>> plain("FE80:0:0:0:0:0:0:1%eth0"), plain("::ffff:10.0.0.1"), plain("0.0.0.0"), plain("web")
    ('fe80::1', '10.0.0.1', None, None)
    """
    return _plain(address) if len(address) <= _LONGEST else None


@lru_cache(maxsize=1 << 14)
def _plain(address: str) -> str | None:
    try:
        found = ip_address(address.strip().partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return None if found.is_unspecified else str(found)


def end(address: object, port: object) -> str | None:
    """Return an end of a connection, None if its address or port is not told.

    >>> end("10.0.0.1", 443), end("::1", "22"), end("::", 22), end("10.0.0.1", 0)
    ('10.0.0.1:443', '[::1]:22', None, None)
    """
    found = plain(address) if isinstance(address, str) else None
    text = str(port) if type(port) is int else port.strip() if isinstance(port, str) else ""
    if found is None or len(text) > 8 or not (text.isascii() and text.isdecimal()):
        return None
    number = int(text)
    if not 0 < number < 65536:
        return None
    return f"[{found}]:{number}" if ":" in found else f"{found}:{number}"


def connection(kind: str, thing: Any, near: str | None, far: str | None) -> list[Claim]:
    """Return the claim that a connection was opened or taken, if both its ends are told.

    kind: connect or accept; near: the end that opened it, far: the one that took it, see `end`.
    """
    return [Claim(kind, thing, near, far)] if near and far else []


def caller(thing: Any, near: str | None) -> list[Claim]:
    """Return the claim that a logon or a connection came from an end, if that is told."""
    return [Claim("caller", thing, near)] if near else []


def addresses(host: Any, said: Iterable[object]) -> list[Claim]:
    """Return the claims that a host has some addresses, those among the first MOST things said."""
    found = [plain(one) for one in islice(said, MOST) if isinstance(one, str)]
    return [Claim("address", host, one) for one in dict.fromkeys(found) if one is not None]


def lived(kind: str, thing: Any, pid: object, born: int | None = None) -> list[Claim]:
    """Return the claim that a process has a process id (`process`), or began or ended with it.

    thing: a process that its source tells from all others; None, or one known by its id alone,
    claims nothing. born: us.
    """
    if thing is None or type(pid) is not int or pid <= 0 or thing.key.startswith("pid:"):
        return []
    return [Claim(kind, thing, str(pid), born=born)]
