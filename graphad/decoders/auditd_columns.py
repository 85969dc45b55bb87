"""What was read of audit events, as columns of `raw`."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad.decoders.auditd_lifetimes import Lifetimes, numbers_of, programs_of
from graphad.decoders.auditd_syscalls import ARCHES, ERRORS
from graphad.scan import auditd_event as event
from graphad.scan import auditd_events as reader
from graphad.scan import auditd_keys as k
from graphad.scan import auditd_world as world
from graphad.scan.auditd_block import SEED, Part
from graphad.scan.auditd_objects import ACCESS_FAMILY, ACCESSES, SOCKETS
from graphad.scan.intern import texts
from graphad.scan.tuples import distinct_rows
from graphad.scan.words import Ints

TEXTS = {
    k.EXE: "exe", k.UID: "user_sid", k.LOGIN: "login_user", k.SESSION: "logon_id",
    k.ACCOUNT: "target_user", k.HOSTNAME: "src_host", k.ADDRESS: "src_ip", k.OPERATION: "action",
    k.OUTCOME: "outcome", k.EXIT: "result", k.UNIT: "service", k.COMMAND: "script",
    k.TARGET_ID: "target_sid", k.USER: "user", event.CODE: "code",
    event.COMMAND_LINE: "command_line", event.WORKING: "cwd", event.FILE: "file_path",
    event.NEW_FILE: "new_path", event.DESTINATION: "dst_ip",
}  # fmt: skip
_NUMBERS = {
    k.PID: "pid", k.PARENT: "parent_pid", reader.SOURCE_PORT: "src_port",
    reader.DESTINATION_PORT: "dst_port",
}  # fmt: skip
_DONE = {"yes": 1, "success": 1, "1": 1, "no": 0, "failed": 0, "failure": 0, "fail": 0, "0": 0}
_CALL_NAMES = [table.get(i) for table in ARCHES.values() for i in range(k.CALLS)]
_SOCKET_WORDS = {k.BIND: "bind", k.CONNECT: "connect", k.ACCEPT: "accept", k.SEND: "send",
                 k.RECEIVE: "receive"}  # fmt: skip
_ACCESS_WORDS = dict(enumerate(ACCESSES)) | {
    ACCESS_FAMILY + family: word for family, word in _SOCKET_WORDS.items()
}


def columns(
    pool: ThreadPoolExecutor, head: dict[str, pa.Array], hosts: list[str], host: Ints,
    parts: Sequence[Part],
    lifetimes: Lifetimes,
) -> pa.Table:  # fmt: skip
    """Return the rows of N events, read in parts; event i happened at hosts[host[i]]."""
    numbers = np.concatenate([part.numbers for part in parts], axis=1)
    dictionaries = list(pool.map(_texts, parts))
    exe, exe_of = _all(parts, dictionaries, k.EXE)
    exe = programs_of(exe)
    exe_numbers = numbers_of(exe)
    session, session_of = _all(parts, dictionaries, k.SESSION)
    outcome, outcome_of = _all(parts, dictionaries, k.OUTCOME)
    said = np.array([*(_DONE.get(text, -1) for text in outcome), -1], np.int64)
    rows = world.Rows(
        numbers_of(hosts)[host], head["ts"].cast(pa.int64()).to_numpy(), said[outcome_of],
        np.append(exe_numbers, 0)[exe_of], np.append(numbers_of(session), 0)[session_of], numbers,
        numbers[reader.ACCESS],
    )  # fmt: skip
    followed = pool.submit(lifetimes.follow, rows, exe, exe_numbers)  # one after another: slow
    made: dict[str, pa.Array | pa.ChunkedArray] = dict(head)
    made["host"] = _coded(host, hosts)
    for column, name in TEXTS.items():
        made[name] = pa.chunked_array(
            [
                _dictionary(part.codes[column], texts_[column])
                for part, texts_ in zip(parts, dictionaries, strict=True)
            ]
        )
    for number, name in _NUMBERS.items():
        made[name] = pa.array(numbers[number], mask=numbers[number] < 0)
    call = numbers[k.ARCH] * k.CALLS + numbers[k.CALL]
    made["syscall"] = _named(np.where(numbers[k.CALL] < 0, -1, call), _CALL_NAMES)
    returned = numbers[k.RETURNED]
    failed = (numbers[k.CALL] >= 0) & (returned < 0) & (returned > -4096)
    made["error"] = _named(np.where(failed, -returned, -1), ERRORS)
    made["access"] = _named(numbers[reader.ACCESS], _ACCESS_WORDS)
    made["object_type"] = _named(numbers[reader.KIND], SOCKETS)
    for name, place in (("args", 0), ("attrs", 1)):
        made[name] = pa.chunked_array([_plain(part, place) for part in parts])
    found = followed.result()
    made["target_pid"] = _target_pid(numbers, found)
    places = {"process": world.ACTOR, "parent": world.LAUNCHER, "target": world.OBJECT}
    ids = pool.map(_guids, (found[place : place + 3] for place in places.values()))
    made["parent_exe"] = _exes(found[world.LAUNCHER_EXE], lifetimes)
    made["target_exe"] = _exes(found[world.OBJECT_EXE], lifetimes)
    made |= {f"{name}_guid": column for name, column in zip(places, ids, strict=True)}
    lifetimes.forget_names()
    return pa.table(made)


def _texts(part: Part) -> list[pa.StringArray]:
    """Return the distinct texts of each column."""
    out, ends, first = texts(part.distinct, part.arena, part.arena, 0)
    data = pa.py_buffer(out)
    offsets = ends.astype(np.int32)
    return [
        pa.StringArray.from_buffers(
            int(first[c + 1] - first[c]), pa.py_buffer(offsets[first[c] : first[c + 1] + 1]), data
        )
        for c in range(event.TEXTS)
    ]


def _dictionary(codes: npt.NDArray[np.int32], values: pa.StringArray) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), values)


def _all(
    parts: Sequence[Part], dictionaries: Sequence[list[pa.StringArray]], column: int
) -> tuple[list[str], Ints]:
    """Return all texts of a column, and the place of each row's; -1, the last, for none."""
    found: list[str] = []
    codes = []
    for part, values in zip(parts, dictionaries, strict=True):
        code = part.codes[column].astype(np.int64)
        codes.append(np.where(code < 0, -1, code + len(found)))
        found += values[column].to_pylist()
    return found, np.concatenate(codes)


def _coded(codes: Ints, values: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(codes.astype(np.int32), pa.array(values, pa.string()))


def _named(numbers: Ints, names: "Sequence[str | None] | dict[int, str]") -> pa.DictionaryArray:
    """Return the name of each number below 65536, null for one below 0; only names that occur."""
    known = np.maximum(numbers, -1) + 1
    used = np.flatnonzero(np.bincount(known, minlength=1))
    place = np.zeros(int(known.max(initial=0)) + 1, np.int32)
    place[used] = np.arange(len(used))
    table = names if isinstance(names, dict) else dict(enumerate(names))
    values = pa.array([table.get(n - 1) or str(n - 1) for n in used.tolist()], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(place[known], mask=known == 0), values)


def _target_pid(numbers: Ints, found: Ints) -> pa.Array:
    pid = np.where(numbers[k.TARGET] >= 0, numbers[k.TARGET], found[world.OBJECT])
    return pa.array(pid, mask=pid < 0)


def _guids(process: Ints) -> pa.DictionaryArray:
    """Return what identifies each process [3, N]: pid:start, with :programs if it ran any."""
    rows = np.flatnonzero(process[0] >= 0)
    first, number = distinct_rows(np.ascontiguousarray(process[:, rows]), SEED)
    pid, start, execs = (pa.array(column[rows[first]]).cast(pa.string()) for column in process)
    ran = pa.array(process[2, rows[first]] > 0)
    whole = pc.binary_join_element_wise(pid, start, execs, ":")
    values = pc.if_else(ran, whole, pc.binary_join_element_wise(pid, start, ":"))
    indices = np.full(process.shape[1], -1, np.int32)
    indices[rows] = number
    return _dictionary(indices, values)


def _exes(numbers: Ints, lifetimes: Lifetimes) -> pa.DictionaryArray:
    used, codes = np.unique(numbers, return_inverse=True)
    known = [lifetimes.names.get(n) for n in used.tolist()]
    none = np.array([text is None for text in known], bool)[codes] if len(known) else None
    values = pa.array([text or "" for text in known], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=none), values)


def _plain(part: Part, place: int) -> pa.StringArray:
    """Return a column that is no dictionary: 0 the arguments, 1 the attributes; null if empty."""
    data = part.args if place == 0 else part.attrs
    ends = np.append(0, part.numbers[reader.ARGS_END if place == 0 else reader.ATTRS_END])
    n = len(ends) - 1
    there = ends[1:] > ends[:-1]
    nulls = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.StringArray.from_buffers(
        n, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(data[: ends[-1]]), nulls
    )
