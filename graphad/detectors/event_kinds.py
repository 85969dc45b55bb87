"""Which kinds of events a store's graph has, and by which columns each is told.

A kind is a set of edges, by the types of their ends and the action, with columns of its own: a
launch is told by parent, program and command line, a logon by account, source and type.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.detectors.event_words import (
    Told,
    account,
    address,
    area,
    base,
    came_from,
    extension,
    folder,
    port,
    protocol,
    user,
    zone,
)
from graphad.graph import Graph
from graphad.models.codes import changes

Ints = npt.NDArray[np.int64]
Column = Callable[[Told], pa.Array]

# What programs do is alike on all hosts; where an account may go is not.
_HOST: dict[str, Column] = {"host": lambda told: told.texts("host")}
_USER: dict[str, Column] = {"user": user}
_BY_PROGRAM: dict[str, Column] = _USER | {
    "program": lambda told: told.names_of("process", told.actor, base),
    "program_folder": lambda told: told.names_of("process", told.actor, folder),
}
_ACTION: dict[str, Column] = {"action": lambda told: told.texts("action")}
_FILE: dict[str, Column] = {
    "folder": lambda told: told.names(told.other, folder),
    "extension": lambda told: told.names(told.other, extension),
    "file": lambda told: told.names(told.other, base),
}
_SERVICES = frozenset({"service", "task"})
_PLACES = frozenset({"address", "host", "user", "socket"})
_ANY = frozenset({"process", "user", "address", "host", "session"})


class Kind(NamedTuple):
    """Events between entities of some types, in either direction if `both`, by some actions.

    actions: None for all that no kind before it has. once: of several edges of a record, one.
    Without types it has every record that says something in one of its columns, once.
    """

    name: str
    about: str
    actors: frozenset[str]
    others: frozenset[str]
    columns: dict[str, Column]
    actions: frozenset[str] | None = None
    both: bool = False
    once: bool = False


def _kind(
    name: str, about: str, actors: Iterable[str], others: Iterable[str],
    columns: dict[str, Column], actions: Iterable[str] | None = None, **rest: bool,
) -> Kind:  # fmt: skip
    chosen = None if actions is None else frozenset(actions)
    return Kind(name, about, frozenset(actors), frozenset(others), columns, chosen, **rest)


# An event is of the first kind that fits.
KINDS: tuple[Kind, ...] = (
    _kind("launch", "a process started a program", {"process"}, {"process"}, _USER | {
        "parent": lambda told: told.names(told.src, base),
        "parent_folder": lambda told: told.names(told.src, folder),
        "program": lambda told: told.names(told.dst, base),
        "program_folder": lambda told: told.names(told.dst, folder),
        "command": lambda told: told.shapes(told.dst),
    }, {"launch", "exec"}),
    _kind("access", "a process opened, signalled or changed another", {"process"}, {"process"},
          _BY_PROGRAM | _ACTION | {
        "target": lambda told: told.names(told.dst, base),
        "rights": lambda told: told.said("access", str.lower),
    }, {"access", "inject", "signal"}),
    _kind("load", "a process loaded a library or was made of a file", {"process"},
          {"file", "module"}, _BY_PROGRAM | _FILE, {"load", "exec"}, both=True),
    _kind("file", "a process used a file", {"process"}, {"file", "module"},
          _BY_PROGRAM | _ACTION | _FILE, both=True),
    _kind("registry", "a process used the registry", {"process"}, {"registry"},
          _BY_PROGRAM | _ACTION | {
        "area": lambda told: told.names(told.other, area),
        "key": lambda told: told.names(told.other),
    }, both=True),
    _kind("network", "a process used the network", {"process"}, {"socket", "address"},
          _BY_PROGRAM | _ACTION | {
        "protocol": lambda told: told.said("protocol", protocol),
        "address": lambda told: told.names(told.other, address),
        "port": lambda told: told.names(told.other, port),
    }, both=True),
    _kind("domain", "a process asked for a domain name", {"process"}, {"domain"},
          _BY_PROGRAM | {
        "zone": lambda told: told.names(told.other, zone),
        "domain": lambda told: told.names(told.other),
    }, both=True),
    _kind("pipe", "a process used a pipe", {"process"}, {"pipe"}, _BY_PROGRAM | _ACTION | {
        "pipe": lambda told: told.names(told.other),
    }, both=True),
    _kind("logon", "an account logged on", _PLACES, {"session", "user", "host"}, _HOST | {
        "account": account,
        "source": came_from,
        "logon_type": lambda told: told.said("logon_type", str.lower),
        "outcome": lambda told: told.said("outcome", str.lower),
    }, {"logon"}, once=True),
    _kind("service", "a service or task was made, changed or used", _ANY | _SERVICES, _SERVICES,
          _HOST | _BY_PROGRAM | _ACTION | {
        "type": lambda told: told.types(told.dst),
        "service": lambda told: told.names(told.dst),
    }),
    _kind("account", "an account or a host was changed or opened", _ANY, {"user", "host"},
          _HOST | _BY_PROGRAM | _ACTION | {
        "type": lambda told: told.types(told.dst),
        "target": lambda told: told.names(told.dst),
    }, {"access", "change", "install"}),
    _kind("share", "a file was used from another host", {"address", "user"}, {"file"},
          _HOST | _USER | _ACTION | _FILE | {
        "source": lambda told: told.names_of("address", told.actor),
    }, {"read", "write", "delete", "create", "change"}, both=True),
)  # fmt: skip
# What kinds read of the records behind their events.
FIELDS = (
    "user", "access", "protocol", "target_user", "src_ip", "src_host", "logon_type", "outcome",
)  # fmt: skip


def events_of(graph: Graph, kinds: Iterable[Kind] = KINDS) -> list[Ints]:
    """Return the events of each kind, ascending; an event is of one kind at most."""
    free = np.ones(len(graph), bool)
    src, dst = graph.told
    found = []
    for kind in kinds:
        if not kind.actors:
            found.append(_first_of_records(graph, _saying(graph, kind.columns)))
            continue
        actors, others = graph.are(kind.actors), graph.are(kind.others)
        fits = actors[src] & others[dst]
        if kind.both:
            fits |= others[src] & actors[dst]
        if kind.actions is not None:
            fits &= graph.said("action", kind.actions)
        mine = np.flatnonzero(fits & free)
        free[mine] = False
        found.append(_first_of_records(graph, mine) if kind.once else mine)
    return found


def _saying(graph: Graph, fields: Iterable[str]) -> Ints:
    """Return the events whose records say something in one of some fields."""
    there = np.zeros(len(graph), bool)
    for name in fields:
        if name in graph.fields:
            there |= graph.fields[name].is_valid().to_numpy(False)
    return np.flatnonzero(there)


def _first_of_records(graph: Graph, events: Ints) -> Ints:
    """Return of the events of each record the one that comes first in it."""
    source, record = graph.source[events], graph.record[events]
    order = np.lexsort((graph.ordinal[events], record, source))
    return np.sort(events[order[changes(source[order], record[order])]])


def table_kind(columns: Iterable[str]) -> Kind:
    """Return the kind of a table's rows: every record that says something in one of its fields."""

    def said(name: str) -> Column:
        return lambda told: told.said(name)

    names = list(dict.fromkeys(columns))
    return Kind("table", "a row of a table", frozenset(), frozenset(), {n: said(n) for n in names})
