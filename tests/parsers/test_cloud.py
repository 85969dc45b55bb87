"""Azure, Google Cloud, Microsoft 365 and Kubernetes: whole rows, and what odd records do."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.decoders import cloud_aws, cloud_azure, cloud_gcp, cloud_k8s, cloud_m365
from graphad.decoders.cloud_decode import Tell
from graphad.decoders.json_rebuild import rebuild
from graphad.parse import Options
from graphad.schema import ACTIONS, ENTITY_TYPES
from graphad.store import Store
from tests.captures import members

SAMPLES = Path(__file__).parents[2] / "sample_logs"
TELL = {
    "cloudtrail": cloud_aws.tell, "azure": cloud_azure.tell, "gcp_audit": cloud_gcp.tell,
    "m365": cloud_m365.tell, "k8s_audit": cloud_k8s.tell,
}  # fmt: skip
SHOP = "/subscriptions/0a0a0a0a-0000-4000-8000-000000000001/resourcegroups/shop/providers"
SA, AT, CORP = "system:serviceaccount", "@shop-prod.iam.gserviceaccount.com", "@corp.example"
# Record, from what, how, to what, outcome.
ROWS = r"""
azure/activity.json
1 | address 198.51.100.9 | logon | user erik{CORP} | success
1 | user erik{CORP} | access | service microsoft.compute/virtualmachines/delete | success
1 | user erik{CORP} | change | host shop-7 | success
2 | address 198.51.100.9 | logon | user erik{CORP} | failure
2 | user erik{CORP} | access | service microsoft.keyvault/vaults/listkeys/action | failure
2 | file {SHOP}/microsoft.keyvault/vaults/pay | read | user erik{CORP} | failure
3 | address 2001:db8::9 | logon | user erik{CORP} | success
3 | user erik{CORP} | access | service microsoft.authorization/roleassignments/write | success
3 | user erik{CORP} | create | file {SHOP}/microsoft.authorization/roleassignments/r1 | success
3 | user erik{CORP} | change | user 9b9b9b9b-0000-4000-8000-000000000002 | success
azure/entra.json
1 | address 203.0.113.66 | logon | user erik{CORP} | success
1 | user erik{CORP} | access | service sign-in:Azure Portal | success
1 | user erik{CORP} | access | service Azure Resource Manager | success
1 | host LAPTOP-7 | logon | user erik{CORP} | success
2 | address 203.0.113.66 | logon | user fay{CORP} | failure
2 | user fay{CORP} | access | service sign-in:Exchange Online | failure
3 | address 203.0.113.66 | logon | user erik{CORP} | success
3 | user erik{CORP} | access | service Add member to role | success
3 | user erik{CORP} | change | user helper{CORP} | success
3 | user erik{CORP} | change | user role/Global Administrator | success
azure/signins.csv
2 | address 203.0.113.66 | logon | user gil{CORP} | success
2 | user gil{CORP} | access | service sign-in:Teams | success
2 | host LAPTOP-8 | logon | user gil{CORP} | success
3 | address 198.51.100.9 | logon | user gil{CORP} | failure
3 | user gil{CORP} | access | service sign-in:Teams | failure
m365/portal.csv
2 | address 203.0.113.66 | logon | user fay{CORP} | success
2 | user fay{CORP} | access | service Exchange:MailItemsAccessed | success
2 | file mailbox/boss{CORP} | read | user fay{CORP} | success
gcp_audit/entries.json
1 | address 198.51.100.9 | logon | user gus{CORP} | success
1 | user gus{CORP} | access | service compute:v1.compute.instances.insert | success
1 | user gus{CORP} | change | host miner-1 | success
1 | file projects/shop-prod/{REGION}/subnetworks/default | read | user gus{CORP} | success
1 | user gus{CORP} | access | user deploy{AT} | success
2 | address 203.0.113.66 | logon | user deploy{AT} | success
2 | user deploy{AT} | access | service storage:storage.objects.get | success
2 | file projects/_/buckets/shop-backups/objects/customers.csv | read | user deploy{AT} | success
2 | user gus{CORP} | logon | user deploy{AT} | success
3 | address 198.51.100.9 | logon | user gus{CORP} | success
3 | user gus{CORP} | access | service cloudresourcemanager:SetIamPolicy | success
3 | user gus{CORP} | change | file projects/shop-prod | success
3 | user gus{CORP} | change | user mallory@mail.example | success
4 | user app{AT} | access | service iam:google.iam.admin.v1.CreateServiceAccount | failure
4 | user app{AT} | change | file projects/shop-prod | failure
m365/audit.json
1 | address 203.0.113.66 | logon | user fay{CORP} | success
1 | user fay{CORP} | access | service AzureActiveDirectory:UserLoggedIn | success
1 | user fay{CORP} | access | service Office 365 Exchange Online | success
2 | address 203.0.113.66 | logon | user fay{CORP} | None
2 | user fay{CORP} | access | service SharePoint:FileDownloaded | None
2 | file https://corp.example/sites/pay/plan.xlsx | read | user fay{CORP} | None
3 | address 203.0.113.66 | logon | user fay{CORP} | success
3 | user fay{CORP} | access | service Exchange:New-InboxRule | success
3 | user fay{CORP} | create | file fay\hide | success
3 | user fay{CORP} | change | user mallory@mail.example | success
4 | address 203.0.113.66 | logon | user fay{CORP} | success
4 | user fay{CORP} | access | service Exchange:MailItemsAccessed | success
4 | file mailbox/boss{CORP} | read | user fay{CORP} | success
5 | address 203.0.113.66 | logon | user boss{CORP} | failure
5 | user boss{CORP} | access | service AzureActiveDirectory:UserLoginFailed | failure
m365/search.json
1 | address 203.0.113.66 | logon | user fay{CORP} | None
1 | user fay{CORP} | access | service SharePoint:FileDownloaded | None
1 | file https://corp.example/sites/pay/plan.xlsx | read | user fay{CORP} | None
2 | address 203.0.113.66 | logon | user fay{CORP} | success
2 | user fay{CORP} | access | service Exchange:New-InboxRule | success
2 | user fay{CORP} | create | file fay\hide | success
2 | user fay{CORP} | change | user mallory@mail.example | success
k8s_audit/audit.log
1 | address 198.51.100.9 | logon | user hana | failure
1 | user hana | access | service list secrets | failure
2 | address 198.51.100.9 | logon | user hana | success
2 | user hana | access | service create pods | success
2 | user hana | change | service pods/shop/web | success
2 | service pods/shop/web | logon | user {SA}:shop:deployer | success
3 | address 198.51.100.9 | logon | user hana | success
3 | user hana | access | service create pods/exec | success
3 | user hana | change | service pods/shop/web | success
4 | address 198.51.100.9 | logon | user {SA}:shop:deployer | success
4 | user {SA}:shop:deployer | access | service get secrets | success
4 | file secrets/kube-system/db-password | read | user {SA}:shop:deployer | success
5 | address 198.51.100.9 | logon | user hana | success
5 | user hana | access | service create clusterrolebindings | success
5 | user hana | create | file clusterrolebindings/own | success
5 | user hana | change | user {SA}:shop:deployer | success
5 | user hana | change | user mallory | success
5 | file roles/cluster-admin | read | user hana | success
6 | address 198.51.100.9 | logon | user hana | success
6 | user hana | logon | user admin | success
6 | user admin | access | service delete nodes | success
6 | user admin | change | host node-3 | success
k8s_audit/webhook.json
1 | address 198.51.100.9 | logon | user hana | success
1 | user hana | access | service patch deployments | success
1 | user hana | change | service deployments/shop/web | success
2 | address 2001:db8::7 | logon | user system:anonymous | failure
2 | user system:anonymous | access | service get /api/v1 | failure
"""


def expected() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    text = (
        ROWS.replace("{SHOP}", SHOP).replace("{SA}", SA).replace("{AT}", AT).replace("{CORP}", CORP)
    )
    text = text.replace("{REGION}", "regions/europe-west3")
    for line in text.strip().splitlines():
        if " | " not in line:
            rows = found.setdefault(line, [])
        else:
            rows.append(line)
    return found


@pytest.mark.parametrize("name", expected())
def test_each_record_says_this(name: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    [done] = store.ingest(SAMPLES / name)
    assert done.format == name.partition("/")[0]
    rows = store.sql(
        "SELECT record, src_type || ' ' || src AS a, action, dst_type || ' ' || dst AS b, outcome "
        "FROM events ORDER BY record, ordinal"
    ).to_pylist()
    assert [" | ".join(str(v) for v in row.values()) for row in rows] == expected()[name]


def objects(name: str) -> list[Path]:
    """Return the samples of a format that are JSON."""
    return sorted(path for path in (SAMPLES / name).iterdir() if path.suffix != ".csv")


def records(path: Path) -> Any:
    """Return the records of a sample, however they are wrapped."""
    text = path.read_text()
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines()]
    if isinstance(whole, list):
        return whole
    return next(whole[key] for key in ("value", "items", "Records", "Events") if key in whole)


@pytest.mark.parametrize("name", ["azure", "gcp_audit", "m365", "k8s_audit"])
def test_every_field_is_kept(name: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    paths = objects(name)
    store.ingest(paths)
    rows = store.sql("SELECT * FROM records ORDER BY source, record").to_pylist()
    assert [rebuild(row) for row in rows] == [one for path in paths for one in records(path)]


def test_what_is_ignored_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.ingest([SAMPLES / "gcp_audit" / "entries.json", SAMPLES / "azure" / "activity.json"])
    assert [dict(source.ignored) for source in store.sources] == [
        {"no entry of the audit log": 1}, {"nobody is named who acted": 1},
    ]  # fmt: skip


def test_hosts_are_accounts_and_clusters(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.ingest(SAMPLES / "k8s_audit", options=Options(host="shop-cluster"))
    store.ingest(SAMPLES / "gcp_audit" / "entries.json")
    hosts = store.sql("SELECT DISTINCT host FROM events ORDER BY host").to_pylist()
    assert [row["host"] for row in hosts] == ["shop-cluster", "shop-prod"]


def test_a_person_is_one_in_clouds_and_on_a_host(tmp_path: Path) -> None:
    """Entra and a session of Identity Center say carla@corp.example, Windows CORP\\carla."""
    sign_in = records(SAMPLES / "azure" / "entra.json")[0]
    call = records(SAMPLES / "cloudtrail" / "lines.json")[0]
    call["userIdentity"] = {
        "type": "AssumedRole", "accessKeyId": "ASIA8",
        "arn": "arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin_0a/carla@corp.example",
    }  # fmt: skip
    (tmp_path / "entra.json").write_text(
        json.dumps(sign_in | {"userPrincipalName": "carla@corp.example"})
    )
    (tmp_path / "trail.json").write_text(json.dumps(call))
    store = Store(tmp_path / "s")
    store.ingest([tmp_path / "entra.json", tmp_path / "trail.json"])
    store.ingest(SAMPLES / "windows" / "winlogbeat.json")

    def carlas(identity: list[str] | None) -> int:
        graph = store.graph() if identity is None else store.graph(identity=identity)
        used = {*graph.src.tolist(), *graph.dst.tolist()}
        named = [str(graph.labels[i]).lower() for i in used if graph.types[i] == "user"]
        return sum("carla" in name for name in named)

    assert (carlas([]), carlas(None)) == (2, 1)


@pytest.mark.parametrize("form", ["CloudWatch", "Azure Monitor"])
def test_audit_events_that_clouds_hold_as_text(form: str, tmp_path: Path) -> None:
    events = records(SAMPLES / "k8s_audit" / "audit.log")
    texts = [json.dumps(event) for event in events]
    log = tmp_path / "log.json"
    if form == "CloudWatch":
        found = [{"id": str(n), "timestamp": n, "message": text} for n, text in enumerate(texts)]
        log.write_text(json.dumps({"messageType": "DATA_MESSAGE", "logEvents": found}))
    else:
        rows = [{"category": "kube-audit", "properties": {"log": text}} for text in texts]
        log.write_text("\n".join(map(json.dumps, rows)))
    store = Store(tmp_path / "s")
    [done] = store.ingest(log)
    assert (done.format, done.read, done.used, done.ignored) == ("k8s_audit", 7, 6, 1)
    plain = Store(tmp_path / "plain")
    plain.ingest(SAMPLES / "k8s_audit" / "audit.log")
    said = "SELECT record, ts, src, action, dst, outcome FROM events ORDER BY record, ordinal"
    assert store.sql(said).to_pylist() == plain.sql(said).to_pylist()
    assert store.sql("SELECT DISTINCT code FROM records").num_rows == 4


@pytest.mark.parametrize("name", TELL)
def test_without_a_time_a_record_is_rejected(name: str, tmp_path: Path) -> None:
    path = objects(name)[0]
    times = ("time", "Time", "Date", "stamp")
    record = records(path)[0]
    record = {k: v for k, v in record.items() if not any(time in k for time in times)}
    log = tmp_path / "log.json"
    log.write_text(json.dumps(record))
    store = Store(tmp_path / "s")
    [done] = store.ingest(log, parser=name)
    assert (done.read, done.rejected) == (1, 1)
    assert store.sql("SELECT reason FROM rejects").to_pylist() == [{"reason": "no time"}]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["192.0.2.7", "arn:aws:iam::1:user/x", '{"a": 1}', "FileDeleted", "a.b"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["name", "type", "id", "value", "user", "arn"]), inner),
    max_leaves=5,
)  # fmt: skip


def holes(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return every place in a record."""
    found = [path]
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            found += holes(inner, (*path, key))
    return found


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a record with something else at a place."""
    if not path:
        return new
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = put(value[path[0]], path[1:], new)
    return changed


@pytest.mark.parametrize(("name", "tell"), TELL.items())
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_value_at_any_place_raises_nothing(name: str, tell: Tell, data: st.DataObject) -> None:
    every = [one for path in objects(name) for one in records(path)]
    record = data.draw(st.sampled_from(every))
    place = data.draw(st.sampled_from(holes(record)[1:]))
    told = tell(put(record, place, data.draw(ANY)), Options())
    assert all(
        edge.action in ACTIONS and {edge.src.type, edge.dst.type} <= set(ENTITY_TYPES)
        and edge.src.key and edge.dst.key and edge.src.label and edge.dst.label
        and edge.outcome in ("success", "failure", None)
        for edge in told.edges
    )  # fmt: skip
    assert told.edges or told.rule or told.reason


@pytest.mark.parametrize(
    ("capture", "ending", "name"),
    [
        ("cloudtrail", "azure_activity_log.jsonl", "azure"),
        ("cloudtrail", "gcp_logging.jsonl", "gcp_audit"),
        ("cloudtrail", "microsoft_audit_log.jsonl", "m365"),
        ("k8s-tetragon-osquery-ocsf", ".json", "k8s_audit"),
    ],
)
def test_captures_are_recognised_and_used(
    capture: str, ending: str, name: str, tmp_path: Path
) -> None:
    found = members(capture, ending)
    if not found:
        pytest.skip("the captures are not here: set GRAPHAD_DATA")
    logs = []
    for number, (member, data) in enumerate(found.items()):
        if name == "k8s_audit" and ("falco-k8s-audit" not in member or b'"Records"' in data):
            continue
        logs.append(tmp_path / f"{number}.json")
        logs[-1].write_bytes(data)
    done = Store(tmp_path / "s").ingest(logs)
    assert {one.format for one in done} == {name}
    assert all(one.used for one in done)
    assert sum(one.rejected for one in done) == 0
