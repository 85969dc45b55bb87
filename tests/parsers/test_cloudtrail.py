"""CloudTrail: whole rows of the samples, who acts, and the same events however they are wrapped."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from graphad.decoders.cloud_aws import decoder, role_arn, tell
from graphad.decoders.cloud_decode import Thing
from graphad.decoders.json_rebuild import rebuild
from graphad.parse import Options
from graphad.store import Store
from tests.captures import members

SAMPLES = Path(__file__).parents[2] / "sample_logs" / "cloudtrail"
IAM = "arn:aws:iam::111122223333:"
DORA, SESSION = ("user", IAM + "user/dora"), ("session", "Deploy/dora")
HOME = ("address", "198.51.100.9")
DELIVERED = [
    (1, HOME, "logon", ("user", IAM + "root"), "failure"),
    (1, ("user", IAM + "root"), "access", ("service", "signin:ConsoleLogin"), "failure"),
    (2, HOME, "logon", DORA, "success"),
    (2, DORA, "access", ("service", "sts:AssumeRole"), "success"),
    (2, DORA, "access", ("user", IAM + "role/Deploy"), "success"),
    (2, DORA, "logon", SESSION, "success"),
    (3, HOME, "logon", SESSION, "success"),
    (3, SESSION, "access", ("service", "s3:GetObject"), "success"),
    (3, ("file", "arn:aws:s3:::shop-backups/2024/customers.csv"), "read", SESSION, "success"),
    (4, HOME, "logon", SESSION, "failure"),
    (4, SESSION, "access", ("service", "cloudtrail:DeleteTrail"), "failure"),
    (4, SESSION, "delete", ("file", "cloudtrail/name/audit"), "failure"),
]
COMMAND = "ssm/command/0a1b2c3d-0000-4000-8000-000000000001"
LINES = [
    (1, HOME, "logon", SESSION, "success"),
    (1, SESSION, "access", ("service", "iam:CreateUser"), "success"),
    (1, SESSION, "change", ("user", IAM + "user/backup2"), "success"),
    (2, HOME, "logon", SESSION, "success"),
    (2, SESSION, "access", ("service", "ssm:SendCommand"), "success"),
    (2, ("file", "ssm/document/AWS-RunShellScript"), "read", SESSION, "success"),
    (2, SESSION, "change", ("host", "i-0123456789abcdef0"), "success"),
    (2, SESSION, "change", ("host", "i-0fedcba9876543210"), "success"),
    (2, SESSION, "change", ("file", COMMAND), "success"),
    (3, ("address", "2001:db8::7"), "logon", DORA, "success"),
    (3, DORA, "access", ("service", "ec2:RunInstances"), "success"),
    (3, ("file", "ami-0123456789abcdef0"), "read", DORA, "success"),
    (3, DORA, "change", ("host", "i-0a0b0c0d0e0f00001"), "success"),
    (4, ("service", "backup.amazonaws.com"), "access", ("service", "kms:Decrypt"), "success"),
    (4, ("file", "arn:aws:kms:eu-central-1:111122223333:key/0a1b"), "read",
     ("service", "backup.amazonaws.com"), "success"),
    (5, HOME, "logon", SESSION, "success"),
    (5, SESSION, "access", ("service", "iam:AttachUserPolicy"), "success"),
    (5, SESSION, "change", ("user", IAM + "user/backup2"), "success"),
    (5, ("file", "arn:aws:iam::aws:policy/AdministratorAccess"), "read", SESSION, "success"),
]  # fmt: skip
TRAIL = ("file", "arn:aws:cloudtrail:eu-central-1:111122223333:trail/audit")
LOOKUP = [
    (1, HOME, "logon", DORA, "success"),
    (1, DORA, "access", ("service", "cloudtrail:StopLogging"), "success"),
    (1, DORA, "change", TRAIL, "success"),
    (2, HOME, "logon", DORA, "success"),
    (2, DORA, "access", ("service", "s3:ListBuckets"), "success"),
]


def events(store: Store) -> list[tuple[object, ...]]:
    rows = store.sql(
        "SELECT record, src_type, src, action, dst_type, dst, outcome FROM events "
        "ORDER BY source, record, ordinal"
    ).to_pylist()
    return [
        (record, (src_type, src), action, (dst_type, dst), outcome)
        for record, src_type, src, action, dst_type, dst, outcome in (row.values() for row in rows)
    ]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("delivered.json", DELIVERED), ("lines.json", LINES), ("lookup.json", LOOKUP)],
)
def test_each_event_says_this(name: str, wanted: list[tuple[object, ...]], tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    [done] = store.ingest(SAMPLES / name)
    assert (done.format, done.ignored, done.rejected) == ("cloudtrail", 0, 0)
    assert events(store) == wanted


def test_columns_are_filled_and_every_field_is_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.ingest([SAMPLES / "delivered.json", SAMPLES / "lookup.json"])
    rows = store.sql("SELECT * FROM records ORDER BY source, record").to_pylist()
    wanted = json.loads((SAMPLES / "delivered.json").read_text())["Records"]
    wanted += json.loads((SAMPLES / "lookup.json").read_text())["Events"]
    assert [rebuild(row) for row in rows] == wanted
    last = rows[3]
    assert [last[name] for name in ("host", "code", "provider", "user", "logon_id", "error")] == [
        "111122223333", "DeleteTrail", "cloudtrail.amazonaws.com",
        "arn:aws:sts::111122223333:assumed-role/Deploy/dora", "ASIAEXAMPLE1", "AccessDenied",
    ]  # fmt: skip
    assert (rows[4]["code"], rows[4]["src_ip"]) == ("StopLogging", "198.51.100.9")  # of the text


@pytest.mark.parametrize("shape", ["array", "pretty", "lines", "envelopes", "gz"])
def test_the_same_events_in_any_wrapping(shape: str, tmp_path: Path) -> None:
    records = json.loads((SAMPLES / "delivered.json").read_text())["Records"]
    text = {
        "array": json.dumps(records),
        "pretty": json.dumps({"Records": records}, indent=4),
        "lines": "\n".join(map(json.dumps, records)),
        "envelopes": "\n".join(json.dumps({"Records": [r], "x": {}}) for r in records),
        "gz": json.dumps({"Records": records}),
    }[shape].encode()
    log = tmp_path / "log.json"
    log.write_bytes(gzip.compress(text) if shape == "gz" else text)
    store = Store(tmp_path / "s")
    [done] = store.ingest(log)
    assert (done.format, done.read) == ("cloudtrail", 4)
    assert events(store) == DELIVERED


def test_a_session_is_one_from_its_opening_to_its_use(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.ingest(SAMPLES / "delivered.json")
    ids = store.sql("SELECT DISTINCT id FROM entities WHERE type = 'session'").to_pylist()
    assert len(ids) == 1


def told(**change: Any) -> tuple[object, ...]:
    event = {
        "eventTime": "2024-05-02T08:00:00Z", "eventSource": "ec2.amazonaws.com",
        "eventName": "StopInstances", "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "userName": "eve", "accountId": "444455556666"},
    } | change  # fmt: skip
    found = tell(event, Options())
    return tuple((e.src.type, e.src.label, e.action, e.dst.label) for e in found.edges)


@pytest.mark.parametrize(
    ("identity", "who"),
    [
        ({"type": "IAMUser", "userName": "eve"}, ("user", IAM + "user/eve")),
        ({"type": "Root", "arn": IAM + "root"}, ("user", IAM + "root")),
        ({"type": "AWSAccount", "accountId": "777788889999"}, ("user", "account/777788889999")),
        ({"type": "WebIdentityUser", "userName": "sub"}, ("user", "sub")),
        ({"type": "IdentityCenterUser", "onBehalfOf": {"userId": "u-1"}}, ("user", "u-1")),
        ({"invokedBy": "ssm.amazonaws.com"}, ("service", "ssm.amazonaws.com")),
        ({"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/R/s"}, ("session", "R/s")),
    ],
)
def test_who_acts(identity: dict[str, object], who: tuple[str, str]) -> None:
    assert told(userIdentity=identity) == ((*who, "access", "ec2:StopInstances"),)


def test_a_session_of_identity_center_is_its_users() -> None:
    arn = "arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin_0a1b/anna@corp.example"
    label = "AWSReservedSSO_Admin_0a1b/anna@corp.example"
    assert told(userIdentity={"type": "AssumedRole", "arn": arn}) == (
        ("user", "anna@corp.example", "logon", label),
        ("session", label, "access", "ec2:StopInstances"),
    )


def test_nobody_and_nothing_are_said_so() -> None:
    base = {"eventTime": "2024-05-02T08:00:00Z", "eventSource": "ec2.amazonaws.com"}
    assert tell(base, Options()).reason == "no event name"
    assert tell(base | {"eventName": "X"}, Options()).rule == "nobody is named who acted"
    odd: Any
    insight = base | {"eventType": "AwsCloudTrailInsight"}
    assert tell(insight, Options()).rule == "insight: a sum of other events"
    for odd in (None, [], 7, "x", {"arn": {}}, [{}]):
        assert tell(base | {"eventName": "X", "userIdentity": odd}, Options()).edges == []
    deep: Any = "i-0123456789abcdef0"
    for _ in range(50):
        deep = {"instanceId": deep}
    assert told(requestParameters=deep)[1:] == ()


def test_a_session_lives_in_its_roles_account() -> None:
    found = tell(
        {
            "eventTime": "2024-05-02T08:00:00Z", "eventSource": "sts.amazonaws.com",
            "eventName": "AssumeRole", "recipientAccountId": "111122223333",
            "userIdentity": {"type": "IAMUser", "arn": IAM + "user/dora"},
            "requestParameters": {
                "roleArn": "arn:aws:iam::444455556666:role/x/Audit", "roleSessionName": "d"
            },
            "responseElements": {"credentials": {"accessKeyId": "ASIA7"}},
        },
        Options(),
    )  # fmt: skip
    assert found.host == "444455556666"
    assert found.edges[-1].dst == Thing("session", "ASIA7", "Audit/d")


def test_a_record_of_many_resources_says_how_many(tmp_path: Path) -> None:
    record = json.loads((SAMPLES / "lines.json").read_text().splitlines()[1])
    record["requestParameters"]["instanceIds"] = [f"i-{n:017x}" for n in range(1000)]
    decoded = decoder(Options()).decode(json.dumps(record).encode(), True)
    [row] = decoded.raw.to_pylist()
    assert len(row["_edges"]) == 64 < int(row["more_edges"])


def test_paths_of_roles_are_left_out() -> None:
    assert role_arn(IAM + "user/a/b/eve") == IAM + "user/eve"
    assert role_arn(IAM + "root") == IAM + "root"


def test_captures_are_recognised_and_used(tmp_path: Path) -> None:
    found = members("cloudtrail", ".json") | members("cloudtrail", "aws_cloudtrail.jsonl")
    if not found:
        pytest.skip("the captures are not here: set GRAPHAD_DATA")
    store = Store(tmp_path / "s")
    logs = []
    for number, data in enumerate(found.values()):
        logs.append(tmp_path / f"{number}.json")
        logs[-1].write_bytes(data)
    done = store.ingest(logs)
    assert {one.format for one in done} == {"cloudtrail"}
    assert all(one.used == one.read for one in done)
