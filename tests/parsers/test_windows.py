"""Windows events as JSON: whole rows of the samples, and every field kept."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from graphad.decoders.json_rebuild import rebuild
from graphad.decoders.windows_decode import windows_decoder
from graphad.parse import Options
from graphad.store import Store
from tests.captures import captures

SAMPLES = Path(__file__).parents[2] / "sample_logs" / "windows"
SYSTEM = "C:\\Windows\\System32\\"
WORD = "C:\\Program Files\\Office\\WINWORD.EXE"
SHELL = SYSTEM + "WindowsPowerShell\\v1.0\\powershell.exe"
DROPPED = "C:\\Users\\carla\\AppData\\Local\\Temp\\up.exe"

FLAT = [
    (1, "process", "C:\\Windows\\explorer.exe", "launch", "process", WORD),
    (1, "file", WORD, "exec", "process", WORD),
    (2, "process", WORD, "launch", "process", SHELL),
    (2, "file", SHELL, "exec", "process", SHELL),
    (3, "process", SHELL, "resolve", "domain", "cdn.files.example"),
    (4, "process", SHELL, "connect", "socket", "203.0.113.7:443"),
    (5, "socket", "[2001:db8::9]:50555", "accept", "process", SYSTEM + "svchost.exe"),
    (6, "process", SHELL, "create", "file", DROPPED),
    (7, "file", SYSTEM + "crypt32.dll", "load", "process", DROPPED),
    (8, "process", DROPPED, "access", "process", SYSTEM + "lsass.exe"),
    (9, "process", DROPPED, "inject", "process", "C:\\Windows\\explorer.exe"),
    (10, "process", DROPPED, "write", "registry",
     "HKU\\S-1-5-21-1-2-3-1104\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\up"),
    (11, "process", DROPPED, "delete", "registry", "HKLM\\SOFTWARE\\Vendor\\Old"),
    (12, "process", DROPPED, "create", "pipe", "\\msagent_7"),
]  # fmt: skip
BEAT = [
    (1, "address", "10.1.0.7", "logon", "session", "0x3f2a1"),
    (1, "user", "CORP\\carla", "logon", "session", "0x3f2a1"),
    (2, "address", "10.1.0.7", "logon", "user", "CORP\\admin"),
    (3, "process", SYSTEM + "services.exe", "launch", "process", SYSTEM + "cmd.exe"),
    (3, "file", SYSTEM + "cmd.exe", "exec", "process", SYSTEM + "cmd.exe"),
    (4, "process", "\\device\\harddiskvolume2\\windows\\system32\\svchost.exe", "connect",
     "socket", "10.1.0.9:389"),
    (5, "user", "CORP\\carla", "change", "user", "CORP\\helper"),
    (6, "user", "CORP\\carla", "install", "task", "\\Updater"),
    (7, "file", "C:\\share\\plan.xlsx", "read", "process", SYSTEM + "cmd.exe"),
    (8, "session", "0x3f2a1", "logoff", "host", "dc-01.corp.example"),
]  # fmt: skip
XML = [
    (1, "process", SYSTEM + "cmd.exe", "launch", "process", SYSTEM + "whoami.exe"),
    (1, "file", SYSTEM + "whoami.exe", "exec", "process", SYSTEM + "whoami.exe"),
    (2, "file", "C:\\ProgramData\\upd.exe", "install", "service", "updsvc"),
]
ARRAY = [
    (2, "process", SYSTEM + "wbem\\wmiprvse.exe", "create", "file", "C:\\Windows\\Temp\\a.mof"),
    (11, "process", SYSTEM + "wbem\\wmiprvse.exe", "connect", "pipe", "\\srvsvc"),
]


@pytest.mark.parametrize(
    ("name", "wanted", "host"),
    [
        ("flat.json", FLAT, "ws-07.corp.example"),
        ("winlogbeat.json", BEAT, "dc-01.corp.example"),
        ("xml.json", XML, "srv-02"),
        ("array.json", ARRAY, "desk-1"),
    ],
)
def test_each_shape_gives_these_edges(
    tmp_path: Path, name: str, wanted: list[tuple[object, ...]], host: str
) -> None:
    store = Store(tmp_path / "s")
    store.ingest(SAMPLES / name, options=Options(host="desk-1"))
    rows = store.sql(
        "SELECT line, src_type, src, action, dst_type, dst, host FROM events ORDER BY line, ordinal"
    ).to_pylist()
    assert [tuple(row.values())[:6] for row in rows] == wanted
    assert {row["host"] for row in rows} == {host}


def test_times_details_and_outcomes(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.ingest(SAMPLES)
    rows = store.sql(
        "SELECT ts::VARCHAR AS ts, dst_detail FROM events WHERE action = 'launch' ORDER BY ts"
    ).to_pylist()
    assert [(row["ts"], row["dst_detail"]) for row in rows] == [
        ("2026-03-02 09:14:05.101", f'"{WORD}" C:\\Users\\carla\\Downloads\\offer.docm'),
        ("2026-03-02 09:14:21.48", "powershell.exe -nop -w hidden -enc SQBFAFgA"),
        ("2026-03-02 09:20:09.75", "cmd.exe /c whoami"),
        ("2026-03-02 10:00:00.12", "whoami"),
    ]
    [failed] = store.sql("SELECT dst, outcome FROM events WHERE outcome IS NOT NULL").to_pylist()
    assert failed == {"dst": "CORP\\admin", "outcome": "failure"}


@pytest.mark.parametrize("name", ["flat.json", "winlogbeat.json", "xml.json"])
def test_every_field_is_kept(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path / "s")
    store.ingest(SAMPLES / name)
    rows = store.sql("SELECT * FROM records ORDER BY record").to_pylist()
    lines = (SAMPLES / name).read_text("utf-8-sig").splitlines()
    assert [rebuild(row) for row in rows] == [json.loads(line) for line in lines]


def test_every_field_of_a_real_capture_is_kept(tmp_path: Path) -> None:
    path = captures() / "otrf-windows.tar.xz"
    if not path.is_file():
        pytest.skip("the captures are not here: set GRAPHAD_DATA")
    import tarfile

    with tarfile.open(path) as packed:
        members = (m for m in packed if m.name.endswith(".zip") and m.size < 150_000)
        checked = 0
        for member in members:
            inner = packed.extractfile(member)
            assert inner is not None
            path = tmp_path / "one.zip"
            path.write_bytes(inner.read())
            with zipfile.ZipFile(path) as archive:
                data = archive.read(archive.namelist()[0])
            decoder = windows_decoder(Options())
            end = decoder.cut(data, True)
            rows: list[dict[str, Any]] = decoder.decode(data[:end], True).raw.to_pylist()
            for row in rows:
                text = data[row["offset"] : row["offset"] + row["length"]]
                assert rebuild(row) == json.loads(text)
            checked += len(rows)
            if checked > 10_000:
                break
        assert checked > 1000
