"""Hosts and accounts: spellings of one unite, namesakes do not."""

from itertools import permutations
from pathlib import Path

import pytest

from graphad.store import Store
from graphad.store.identity_names import same_hosts, same_users
from tests.windows_events import (
    Event,
    began,
    classes,
    created,
    guid,
    image,
    security,
    sysmon,
    write,
)


@pytest.mark.parametrize(
    ("hosts", "claims", "wanted"),
    [
        (["ws1", "WS1.corp.example"], [], {"ws1": "WS1.corp.example"}),
        (["WS1", "ws1"], [], {"ws1": "WS1"}),
        (["ws1", "ws1.corp.example", "ws1.lab.example"], [], {}),  # whose is it?
        (
            ["ws1", "ws1.corp.example", "ws1.lab.example"],
            [("ws1", "ws1.lab.example")],
            {"ws1": "ws1.lab.example"},
        ),
        (  # it says two things
            ["ws1", "ws1.corp.example", "ws1.lab.example"],
            [("ws1", "ws1.lab.example"), ("ws1", "ws1.corp.example")],
            {},
        ),
        (["ws1", "other.corp.example"], [("ws1", "other.corp.example")], {}),
        (["localhost", "localhost.corp.example"], [], {}),
        (["10", "10.0.0.1"], [], {}),
    ],
)
def test_hosts(hosts: list[str], claims: list[tuple[str, str]], wanted: dict[str, str]) -> None:
    for order in permutations(hosts):
        assert same_hosts(order, claims) == {host: wanted.get(host, host) for host in hosts}


CORP, LAB = "S-1-5-21-1-2-3-1104", "S-1-5-21-7-8-9-1104"
CLOUD, TENANT = "S-1-12-1-5-6-7-8", "S-1-12-1-5-6-7-9"  # of Entra


@pytest.mark.parametrize(
    ("labels", "sids", "wanted"),
    [
        (["CORP\\bob", "bob@corp.example", "bob"], {}, [{0, 1, 2}]),
        (["CORP\\bob", "corp.example\\bob"], {}, [{0, 1}]),
        (["CORP\\bob", "LAB\\bob", "bob"], {}, []),  # whose bob?
        (["CORP\\bob", "bob@corp.example", "bob@corp.test"], {}, []),
        (["CORP\\bob", "CORP\\alice"], {}, []),
        (["CORP\\bob", "bob@corp.example"], {0: {CORP}, 1: {LAB}}, []),  # another domain so called
        (["CORP\\bob", "renamed"], {0: {CORP}, 1: {CORP}}, [{0, 1}]),
        (["CORP\\bob", "bob"], {0: {CORP}, 1: {LAB}}, []),
        (["CORP\\bob", "CORP\\alice"], {0: {"S-1-5-18"}, 1: {"S-1-5-18"}}, []),
        (["CORP\\bob", "x"], {0: {CORP}, 1: {CORP, LAB}}, []),  # says two things
        # Who is in a directory and in Entra has a SID of each.
        (["CORP\\bob", "bob@corp.example"], {0: {CORP}, 1: {CLOUD}}, [{0, 1}]),
        (["AzureAD\\BobB", "bob@corp.example"], {0: {CLOUD}, 1: {CLOUD, CORP}}, [{0, 1}]),
        (["AzureAD\\BobB", "bob@corp.example"], {0: {CLOUD}, 1: {TENANT}}, []),
        (["a", "b", "c"], {0: {CLOUD}, 1: {CLOUD, CORP}, 2: {CLOUD, LAB}}, []),  # whose is it?
        (["bob@a.example", "bob@b.example", "bob"], {0: {CLOUD}, 1: {TENANT}}, []),
    ],
)
def test_accounts(labels: list[str], sids: dict[int, set[str]], wanted: list[set[int]]) -> None:
    for order in permutations(range(len(labels))):
        pairs, own = same_users(
            {new: labels[old] for new, old in enumerate(order)},
            {new: sids[old] for new, old in enumerate(order) if old in sids},
        )
        assert own == []
        group = {old: {old} for old in range(len(labels))}
        for a, b in pairs:
            both = group[order[a]] | group[order[b]]
            group |= dict.fromkeys(both, both)
        found = [one for i, one in group.items() if len(one) > 1 and i == min(one)]
        assert found == wanted


def test_every_host_has_its_own_system(tmp_path: Path) -> None:
    def logon(luid: str, host: str, name: str, domain: str) -> Event:
        return security(4624, float(luid[-1]), host, TargetUserName=name, TargetDomainName=domain,
                        TargetLogonId=luid)  # fmt: skip

    store = Store(tmp_path / "store")
    store.ingest(
        write(
            tmp_path / "a.json",
            [
                logon("0x51", "a.corp.example", "SYSTEM", "NT AUTHORITY"),
                logon("0x52", "a.corp.example", "SYSTEM", "NT AUTHORITY"),
                logon("0x53", "b.corp.example", "SYSTEM", "NT AUTHORITY"),
                logon("0x54", "a.corp.example", "bob", "CORP"),
                logon("0x55", "b.corp.example", "bob", "CORP"),
            ],
        )
    )
    assert sorted(map(len, classes(store.graph()))) == [1, 1, 1, 1, 1, 1, 2, 2]
    assert sorted(map(len, classes(store.graph(identity=[])))) == [1, 1, 1, 1, 1, 2, 3]


def test_a_short_and_a_full_name_are_one_host(tmp_path: Path) -> None:
    full = "ws1.corp.example"
    wrote = sysmon(11, 9.0, "WS1", ProcessGuid=guid("tool", 1.0), ProcessId="7",
                   Image=image("tool"), TargetFilename="C:\\x")  # fmt: skip
    events = [began("tool", 7, 1.0, host=full), created("tool", 7, 1.0, host="WS1"), wrote]
    store = Store(tmp_path / "store")
    store.ingest(write(tmp_path / "a.json", events))
    graph = store.graph()
    assert (len(graph), graph.collapsed) == (3, 2)
    assert set(graph.host) == {full}
    assert len({*graph.dst[graph.action == "exec"], *graph.src[graph.action == "create"]}) == 1
    assert len(store.graph(host="WS1")) == len(store.graph(host=full)) == 3
    assert set(store.graph(identity=["process"]).host) == {"WS1", full}
