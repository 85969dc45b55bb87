"""Lateral movement in real captures is one incident that spans both hosts."""

from pathlib import Path

import pytest

from graphad.findings import short
from graphad.workspace import Workspace
from tests.captures import unpacked

# Archive, the attacker's program on the first host, and what ran on the second by its doing.
MOVES = [
    ("empire_psexec_dcerpc_tcp_svcctl", "powershell.exe", "powershell.exe"),
    ("empire_wmi_dcerpc_wmi_IWbemServices_ExecMethod", "powershell.exe", "powershell.exe"),
    ("schtask_create", "schtasks.exe", "svchost.exe"),
    ("covenant_wmi_remote_event_subscription_ActiveScriptEventConsumers", "movewmi.exe",
     "scrcons.exe"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "there", "here"), MOVES, ids=[move[0] for move in MOVES])
def test_it_is_one_incident(name: str, there: str, here: str, tmp_path: Path) -> None:
    log = tmp_path / f"{name}.zip"
    log.write_bytes(unpacked("otrf-windows", f"lateral_movement/host/{name}.zip"))
    store = Workspace(tmp_path / "store")
    store.hunt([log])
    found = store.incidents()
    both: dict[str, set[str]] = {}
    payload: dict[str, int] = {}
    for incident in found:
        for event in incident.events:
            for node in (incident.entities[end] for end in (event.src, event.dst)):
                first = node.host.upper().startswith("WORKSTATION5")
                program = short(node).lower()
                if (
                    event.telling
                    and node.type == "process"
                    and program == (there if first else here)
                ):
                    both.setdefault(incident.id, set()).add("there" if first else "here")
                    payload[incident.id] = payload.get(incident.id, 0) + (not first)
    [spanning] = [one for one in found if both.get(one.id) == {"there", "here"}]
    assert {"WORKSTATION5", "WORKSTATION6"} <= {host.partition(".")[0] for host in spanning.hosts}
    if here != "svchost.exe":  # of which there are many
        assert payload[spanning.id] >= 0.9 * sum(payload.values())
    assert spanning.id in {finding.incident for finding in store.findings()}
    # It is not all there is: what the machines do by themselves stays apart.
    assert len(found) > 3
    assert spanning.paths < sum(one.paths for one in found)
