"""Names of hosts and accounts that mean the same one."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

import duckdb
import numpy as np
import pyarrow as pa

from graphad.graph import coded
from graphad.store.united import Uniting, keep, mixed

_NOBODY = frozenset({"localhost", "unknown", ""})
# Addresses that each host or link has: unspecified, loopback, link-local, multicast, broadcast.
_NOBODYS = (
    r"(?i)^(0\.|127\.|169\.254\.|22[4-9]\.|23[0-9]\.|255\.255\.255\.255$"
    r"|::1?$|fe[89ab][0-9a-f]:|ff[0-9a-f]{2}:)"
)
# Accounts that every host has one of its own of.
_OWN = frozenset(
    {"system", "localsystem", "local service", "network service", "anonymous logon", "root"}
)
_OWN_DOMAINS = frozenset(
    {"nt authority", "nt service", "window manager", "font driver host", "builtin", "iis apppool",
     "autorite nt", "nt-autorität"}
)  # fmt: skip
_GLOBAL_SID = re.compile(r"s-1-(?:5-21|12-1)-[0-9-]+", re.IGNORECASE)


def same_hosts(hosts: Iterable[str], named: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the host that stands for each one: of its spellings that occur the longest.

    `named` are (host, what it says it is called). A short name is the host of the one full name
    that it claims; without a claim, of the only full name that begins with it.

    >>> same_hosts(["WS1", "ws1.corp.example", "dc"], [])
    {'WS1': 'ws1.corp.example', 'dc': 'dc', 'ws1.corp.example': 'ws1.corp.example'}
    """
    hosts = sorted(set(hosts))
    full: dict[str, set[str]] = defaultdict(set)
    claimed: dict[str, set[str]] = defaultdict(set)
    for host in hosts:
        name = _plain(host)
        if "." in name and not _is_address(name):
            full[name.partition(".")[0]].add(name)
    for host, other in named:
        short, name = _plain(host), _plain(other)
        if name.partition(".")[0] == short and name != short and not _is_address(name):
            claimed[short].add(name)
    stands: dict[str, str] = {}
    for host in hosts:
        name = _plain(host)
        if "." not in name and name not in _NOBODY:
            only = claimed.get(name) or full.get(name, set())
            name = next(iter(only)) if len(only) == 1 else name
        stands[host] = name
    longest: dict[str, str] = {}  # of the spellings that occur
    for host, name in stands.items():
        longest[name] = min(longest.get(name, host), host, key=lambda h: (-len(h), h))
    return {host: longest[name] for host, name in stands.items()}


def _plain(host: str) -> str:
    return host.lower().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def hosts(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the name that stands for each host of a store."""
    names = connection.execute(
        "SELECT DISTINCT host FROM counts UNION SELECT DISTINCT host FROM aliases"
    ).fetchall()
    claims = connection.execute(
        "SELECT DISTINCT host, value FROM aliases WHERE kind = 'name'"
    ).fetchall()
    return same_hosts((row[0] for row in names), claims)


def renamed(stands: Mapping[str, str]) -> dict[str, str]:
    """Return what a graph calls the hosts that have several names.

    >>> renamed({"web": "web.example", "web.example": "web.example", "db": "db"})
    {'web': 'web.example', 'web.example': 'web.example'}
    """
    several: dict[str, list[str]] = defaultdict(list)
    for host, name in stands.items():
        several[name].append(host)
    return {host: name for name, all_ in several.items() if len(all_) > 1 for host in all_}


def unite_hosts(
    connection: duckdb.DuckDBPyConnection, work: Uniting, stands: Mapping[str, str]
) -> None:
    """Unite what hosts of several names have: their processes, files, sessions, and themselves."""
    other = renamed(stands)
    if other:
        codes, words = work.graph.hosts
        work.host = np.array([other.get(w, w) for w in words], object)[codes]
    texts = [pa.array(some, pa.string()) for some in (list(other), list(other.values()))]
    names = pa.table(texts, ["name", "stand"])
    keep(connection, "spelled", names)
    found = connection.execute(
        """WITH mine AS (
               SELECT id, type, stand, key FROM met e JOIN spelled s ON s.name = e.host
               UNION SELECT id, type, coalesce(stand, lower(key)), '' FROM met e
                   LEFT JOIN spelled s ON lower(s.name) = lower(e.key) WHERE type = 'host')
           SELECT id, first FROM (
               SELECT id, min(id) OVER (PARTITION BY type, stand, key) AS first FROM mine)
           WHERE id <> first"""
    ).fetchnumpy()
    a, b = (np.searchsorted(work.graph.ids, found[name]) for name in ("id", "first"))
    work.unite(a.astype(np.int64), b.astype(np.int64))


def unite_addressed(connection: duckdb.DuckDBPyConnection, work: Uniting) -> None:
    """Unite hosts that a network's log knows by their address with the only one that has it.

    Hosts, not addresses: through an address anything would flow into anything.
    """
    found = connection.execute(
        """WITH said AS (
               SELECT DISTINCT c.value, c.entity, coalesce(p.place, h.key, c.entity::VARCHAR) AS one
               FROM owned c LEFT JOIN met h ON h.id = c.entity
               LEFT JOIN (SELECT lower(host) AS host, min(place) AS place FROM places GROUP BY 1) p
                   ON p.host = h.key
               WHERE c.kind = 'address')
           SELECT a.id, s.entity FROM said s
           JOIN met a ON a.key = s.value AND a.type = 'host' JOIN met h ON h.id = s.entity
           WHERE a.id <> s.entity AND NOT regexp_matches(s.value, ?)
             AND s.value IN (SELECT value FROM said GROUP BY value HAVING count(DISTINCT one) = 1)
           ORDER BY ALL""",
        [_NOBODYS],
    ).fetchnumpy()
    a, b = (np.searchsorted(work.graph.ids, found[name]) for name in ("id", "entity"))
    if len(a):
        work.unite(a.astype(np.int64), b.astype(np.int64))


def same_users(
    labels: Mapping[int, str], sids: Mapping[int, set[str]]
) -> tuple[list[tuple[int, int]], list[int]]:
    """Return (pairs of accounts that are one, accounts that each host has its own of).

    `labels` by number; `sids` what is claimed of them. Two accounts are one if they have the same
    global SID; if their names and the first words of their domains agree and no SID contradicts; a
    name without a domain is the only account so called, if it is the only one. A directory's SID
    and Entra's (S-1-12-1) don't contradict each other: who is in both has both.
    """
    known = {i: {s.lower() for s in sids.get(i, ()) if _GLOBAL_SID.fullmatch(s)} for i in labels}
    own, pairs = [], []
    holders: dict[str, list[int]] = defaultdict(list)
    spelled: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    bare: dict[str, list[int]] = defaultdict(list)
    for i in sorted(labels):
        domain, name = _account(labels[i])
        if name in _OWN or domain in _OWN_DOMAINS:
            own.append(i)
            continue
        for sid in known[i] if _agree(known[i]) else ():
            holders[sid].append(i)
        if domain:
            spelled[domain.partition(".")[0], name][domain].append(i)
        else:
            bare[name].append(i)
    for some in holders.values():
        alike: dict[object, list[int]] = defaultdict(list)
        one = _agree(set().union(*(known[i] for i in some)))
        for i in some:
            alike[one or frozenset(known[i])].append(i)
        pairs += [(group[0], i) for group in alike.values() for i in group[1:]]
    classes: dict[str, list[list[int]]] = defaultdict(list)
    for (_, name), domains in spelled.items():
        full = [domain for domain in domains if "." in domain]
        # CORP is corp.example, unless there is a corp.test too.
        groups = list(domains.values())
        if len(full) < 2:
            groups = [[i for group in groups for i in group]]
        for group in groups:
            if _agree(set().union(*(known[i] for i in group))):
                pairs += [(group[0], i) for i in group[1:]]
                classes[name].append(group)
            else:
                classes[name] += [[i] for i in group]
    for name, alone in bare.items():
        mine = [*alone, *(classes[name][0] if len(classes[name]) == 1 else ())]
        if len(classes[name]) < 2 and _agree(set().union(*(known[i] for i in mine))):
            pairs += [(mine[-1], i) for i in mine[:-1]]
    return pairs, own


def _agree(sids: set[str]) -> bool:
    """Say whether SIDs can be one account's: at most one of a directory and one of Entra's."""
    return len(sids) == len({sid.startswith("s-1-12-") for sid in sids})


def _account(label: str) -> tuple[str, str]:
    """Return (domain or "", name) of an account as it is written, folded."""
    text = label.lower()
    domain, slash, name = text.rpartition("\\")
    if slash:
        return domain.strip(), name
    name, at, domain = text.rpartition("@")
    return (domain.strip(), name) if at and name else ("", text)


def unite_users(connection: duckdb.DuckDBPyConnection, work: Uniting) -> None:
    """Unite the spellings of each account, and give each host its own SYSTEM."""
    graph = work.graph
    users = np.flatnonzero(graph.types == "user")
    if not len(users):
        return
    labels = {i: str(graph.labels[i]) for i in users.tolist()}
    place = {int(graph.ids[i]): i for i in labels}
    claims = connection.execute("SELECT entity, value FROM owned WHERE kind = 'sid'").fetchall()
    sids: dict[int, set[str]] = defaultdict(set)
    for entity, sid in claims:
        if entity in place:
            sids[place[entity]].add(sid)
    pairs, own = same_users(labels, sids)
    if pairs:
        work.unite(*np.array(pairs, np.int64).T)
    if not own:
        return
    ends, which = work.ends_at(np.array(own, np.int64))
    codes, words = work.graph.hosts if work.host is work.graph.host else coded(work.host)
    keys, where = np.unique(
        np.stack([which, codes[work.events(ends)]]), axis=1, return_inverse=True
    )
    entities = np.array(own, np.int64)[keys[0]]
    salt = np.array([_salt(words[host]) for host in keys[1]], np.int64)
    ids = mixed(graph.ids[entities], salt)
    added = [
        work.entity(int(one), "user", graph.labels[i])
        for one, i in zip(ids, entities.tolist(), strict=True)
    ]
    work.move(ends, np.array(added, np.int64)[where.ravel()], tell=False)


def _salt(text: str) -> int:
    from hashlib import blake2b

    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
