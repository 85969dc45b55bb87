"""Whose end of a connection is told where a process took it: the other one, if any is."""

from typing import Any

import pytest

from graphad.decoders.told import Told
from parsers import tetragon, tracee

AT = "2026-03-02T10:00:00.000000000Z"


def kprobe(function: str, **arg: Any) -> Told:
    process = {"exec_id": "bm9kZTo0MTA=", "pid": 410, "binary": "/bin/nc", "start_time": AT}
    body = {"process": process, "function_name": function, "args": [arg]}
    return tetragon.read({"process_kprobe": body, "node_name": "node-3", "time": AT})


def told(event: str, **args: Any) -> Told:
    fields = {"eventName": event, "timestamp": 1772445600000000000, "hostName": "node-3"}
    fields |= {"processName": "nc", "hostProcessId": 410, "processEntityId": 7}
    return tracee.read(
        fields | {"args": [{"name": name, "value": value} for name, value in args.items()]}
    )


def ends(found: Told) -> list[tuple[str, str, str]]:
    edges: list[Any] = list(found.edges)
    return [(src.key, action, dst.key) for src, action, dst, *_ in edges]


TAKEN = {"saddr": "10.0.0.9", "sport": 22, "daddr": "10.0.0.5", "dport": 50001}
LISTENS = {"saddr": "0.0.0.0", "sport": 22, "daddr": "0.0.0.0"}


@pytest.mark.parametrize(
    ("function", "arg", "far"),
    [
        ("inet_csk_accept", {"sock_arg": TAKEN}, "10.0.0.5:50001"),
        ("tcp_recvmsg", {"sock_arg": TAKEN}, "10.0.0.5:50001"),
        ("security_socket_accept", {"sock_arg": LISTENS}, "node-3|0.0.0.0:22"),
        ("security_socket_accept", {"sock_arg": LISTENS | {"dport": 0}}, "node-3|0.0.0.0:22"),
        # A packet that came in is from its source.
        ("skb_recvmsg", {"skb_arg": TAKEN}, "10.0.0.9:22"),
    ],
)
def test_tetragon(function: str, arg: dict[str, Any], far: str) -> None:
    [(src, action, _)] = ends(kprobe(function, **arg))
    assert (src, action) == (far, "accept" if "accept" in function else "receive")


def test_what_tetragon_says_of_both_ends() -> None:
    claims = kprobe("inet_csk_accept", sock_arg=TAKEN).claims
    assert [(one.kind, one.value, one.far) for one in claims if one.kind == "accept"] == [
        ("accept", "10.0.0.5:50001", "10.0.0.9:22")
    ]
    assert not [
        one for one in kprobe("tcp_accept", sock_arg=LISTENS).claims if one.kind == "accept"
    ]
    assert ends(kprobe("tcp_connect", sock_arg=TAKEN | {"dport": 0})) == []


def test_tracee() -> None:
    near = {"sa_family": "AF_INET", "sin_addr": "10.0.0.9", "sin_port": "22"}
    far = {"sa_family": "AF_INET", "sin_addr": "10.0.0.5", "sin_port": "50001"}
    for found, other in [
        (told("security_socket_accept", local_addr=near), "node-3|10.0.0.9:22"),
        (told("socket_accept", local_addr=near, remote_addr=far), "10.0.0.5:50001"),
        (told("accept4", addr=far), "10.0.0.5:50001"),
    ]:
        [(src, action, _)] = ends(found)
        assert (src, action) == (other, "accept")
    claims = told("socket_accept", local_addr=near, remote_addr=far).claims
    assert [(one.kind, one.value, one.far) for one in claims if one.kind == "accept"] == [
        ("accept", "10.0.0.5:50001", "10.0.0.9:22")
    ]
    [(_, action, dst)] = ends(told("security_socket_bind", local_addr=near))
    assert (action, dst) == ("bind", "node-3|10.0.0.9:22")
