"""Values of cloud records, each compared with the slow and obvious way."""

import ipaddress
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphad.decoders import cloud_values
from graphad.decoders.cloud_acts import verb
from graphad.decoders.cloud_decode import read
from graphad.decoders.cloud_values import address, at, first, nested, parts, text, time_us

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=ZONES)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(TIMES, st.sampled_from(["T", " "]), st.sampled_from(["", "0", "07"]))
def test_iso_times(when: datetime, between: str, more: str) -> None:
    said = when.isoformat(between, timespec="microseconds")
    stamp, zone = said[:26], said[26:]
    wanted = (when - EPOCH) // timedelta(microseconds=1)
    assert time_us(stamp + more + zone) == wanted  # digits past the microsecond are cut
    assert time_us(stamp + zone.replace(":", "")) == wanted


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)))
def test_times_without_a_zone_are_utc(when: datetime) -> None:
    wanted = (when.replace(tzinfo=UTC, microsecond=0) - EPOCH) // timedelta(microseconds=1)
    assert time_us(when.strftime("%Y-%m-%dT%H:%M:%S")) == wanted
    assert time_us(when.strftime("%Y-%m-%d %H:%M:%SZ")) == wanted
    assert time_us(when.strftime("%m/%d/%Y %I:%M:%S %p")) == wanted
    assert time_us(when.strftime("%m/%d/%Y %H:%M:%S")) == wanted


FAST = r"\d{3}[0-9T]-\d\d[-:]\d\d[T ,]\d\d:[0-6]\d[:.][0-6]\d([.,]\d{0,8}[T7]?)?Z?Z"


@given(TIMES, st.from_regex(FAST, fullmatch=True))
def test_the_fast_way_to_a_time_is_the_slow_one(when: datetime, said: str) -> None:
    usual = when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    for value in (said, usual, usual[:19] + "Z"):
        fast = cloud_values._plain_us(value)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cloud_values, "_plain_us", lambda _: None)
            slow = time_us.__wrapped__(value)
        assert fast == slow if value != said else fast in (None, slow)


@given(st.text() | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?"))
def test_no_time_raises(value: str) -> None:
    time_us(value)


@pytest.mark.parametrize("value", [None, "", "2024-02-30T00:00:00Z", "0001-01-01T00:00:00+10:00"])
def test_what_is_no_time(value: str | None) -> None:
    assert time_us(value) is None


@given(st.ip_addresses(), st.integers(0, 65535))
def test_addresses(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> None:
    plain = str(ip)
    if plain != "::":  # nothing is there
        assert address(plain) == plain
    host = f"[{plain}]" if ip.version == 6 else plain
    assert address(f"{host}:{port}") == plain


@given(st.text())
def test_what_is_no_address_raises_nothing(value: str) -> None:
    found = address(value)
    assert found is None or any(byte in found for byte in ".:")


@given(st.dictionaries(st.text(max_size=4), JSON))
def test_records_are_read_as_by_json(value: dict[str, Any]) -> None:
    for ascii_only in (True, False):
        raw = json.dumps(value, ensure_ascii=ascii_only).encode(errors="surrogatepass")
        assert read(raw) == json.loads(json.dumps(value))


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_not(raw: bytes) -> None:
    found = read(b'{"a": "' + raw + b'"}')
    if found is not None:
        json.dumps(found, ensure_ascii=False).encode()  # can be stored


def test_paths_into_anything() -> None:
    odd: Any
    for odd in (None, 7, "x", [], [1], {}, {"a": None}, {"a": [{"b": 1}]}):
        assert at(odd, "a", "b") is None
        assert text(odd, "a", "b") is None
        assert first(odd, "a.b", "a.c") is None
    assert text({"a": True}, "a") is None
    assert text({"a": " x "}, "a") == "x"
    assert len(text({"a": "x" * 5000}, "a") or "") == 1024
    assert parts({"a": [{"b": 1}, 2]}, "a") == [{"b": 1}]
    assert nested({"a": '{"b": 1}'}, "a") == {"b": 1}
    assert nested({"a": "{" * 100_000}, "a") is None


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("listKeys", "read"), ("actAs", "read"), ("insert", "create"),
        ("Add-MailboxPermission", "create"),
        ("Remove-Mailbox", "delete"), ("setIamPolicy", "change"), ("", "change"),
    ],
)  # fmt: skip
def test_verbs(name: str, what: str) -> None:
    assert verb(name) == what
