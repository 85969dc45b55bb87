"""Time stamps: known ones by literals, the common forms against regular expressions."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.decoders.text_times import Clock, dated, in_utc, newest_year
from graphad.scan.text_stamps import (
    ACCESS,
    EPOCH,
    ISO,
    NO_YEAR,
    NO_ZONE,
    ORDER_GUESSED,
    SYSLOG,
    T_BETWEEN,
    read_stamp,
)
from tests.scan import plain_stamps


def read(text: str) -> tuple[int, datetime, int] | None:
    data = np.frombuffer(text.encode() + bytes(64), np.uint8)
    end, us, flags = read_stamp(data, 0, len(data) - 64)
    if end < 0:
        return None
    return int(end), datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(us)), int(flags)


@pytest.mark.parametrize(
    ("text", "moment", "flags"),
    [
        ("2024-05-02T10:14:59.123456+02:00", "2024-05-02T08:14:59.123456", ISO | T_BETWEEN),
        ("2024-05-02 10:14:59,123", "2024-05-02T10:14:59.123", ISO | NO_ZONE),
        ("2005-06-03-15.42.50.675872", "2005-06-03T15:42:50.675872", ISO | NO_ZONE),
        ("2022-07-15 23:04:27 AEST", "2022-07-15T13:04:27", ISO),
        ("2022-07-15 23:04:27 CST", "2022-07-15T23:04:27", ISO | NO_ZONE),
        ("May  2 10:14:59", "2000-05-02T10:14:59", SYSLOG | NO_ZONE | NO_YEAR),
        ("Feb 29 10:14:59", "2000-02-29T10:14:59", SYSLOG | NO_ZONE | NO_YEAR),
        ("May 02 2024 10:14:59", "2024-05-02T10:14:59", SYSLOG | NO_ZONE),
        ("Thu May 02 10:14:59.25 2024", "2024-05-02T10:14:59.25", NO_ZONE),
        ("Thu May  2 10:14:59 UTC 2024", "2024-05-02T10:14:59", 0),
        ("Thu, 02 May 2024 10:14:59 GMT", "2024-05-02T10:14:59", 0),
        ("02/May/2024:10:14:59 -0330", "2024-05-02T13:44:59", ACCESS),
        ("02-May-2024 10:14:59.123", "2024-05-02T10:14:59.123", NO_ZONE),
        ("05-02 10:14:59.123", "2000-05-02T10:14:59.123", NO_ZONE | NO_YEAR),
        ("05.02 10:14:59", "2000-05-02T10:14:59", NO_ZONE | NO_YEAR),
        ("05/02-10:14:59.5", "2000-05-02T10:14:59.5", NO_ZONE | NO_YEAR),
        ("24/05/02 10:14:59", "2024-05-02T10:14:59", NO_ZONE | ORDER_GUESSED),
        ("05/22/24 10:14:59", "2024-05-22T10:14:59", NO_ZONE),
        ("05/02/2024 12:14:59 AM", "2024-05-02T00:14:59", NO_ZONE | ORDER_GUESSED),
        ("22.05.2024 10:14:59", "2024-05-22T10:14:59", NO_ZONE),
        ("240502 101459", "2024-05-02T10:14:59", NO_ZONE),
        ("20240502-10:14:59:123", "2024-05-02T10:14:59.123", NO_ZONE),
        ("1714637699", "2024-05-02T08:14:59", EPOCH),
        ("1714637699.25", "2024-05-02T08:14:59.25", EPOCH),
        ("1714637699123", "2024-05-02T08:14:59.123", EPOCH),
        ("1714637699123456", "2024-05-02T08:14:59.123456", EPOCH),
    ],
)
def test_known_stamps(text: str, moment: str, flags: int) -> None:
    expected = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert read(text + " x") == (len(text), expected, flags)
    assert read(text) == (len(text), expected, flags)


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30 10:00:00", "2023-02-29 10:00:00", "2024-05-02", "10:14:59 something",
        "192.0.2.7 10:14:59", "2024-05-02 25:00:00", "2024-05-02 10:61:00", "Mayor 10:14:59",
        "May 32 10:14:59", "9999999999 x", "0714637699 x", "17146376991 x", "2024-05-02 10:14x",
        "99/99/99 10:14:59", "241302 101459", "1714637699-3 x",
    ],
)  # fmt: skip
def test_what_is_no_stamp(text: str) -> None:
    assert read(text) is None


PIECES = st.sampled_from(
    ["2024", "1999", "05", "2", "31", "02", "29", "-", "/", ".", "T", ":", ",", "10", "14", "59",
     "60", "61", ".123", ",5", "Z", "+02:00", "-0330", "+02", "UTC", "GMT", "CST", "May", "jan",
     "Feb", "AM", "PM", "pm", "x", "20240502", "Z_", " ", "  "]
)  # fmt: skip
NEAR = st.builds(
    lambda y, s, m, d, t, c, f, z: f"{y}{s}{m}{s}{d}{t}{c}{f}{z}",
    st.sampled_from(["2024", "1970", "2023"]), st.sampled_from("-/."),
    st.sampled_from(["01", "2", "12", "13", "00"]), st.sampled_from(["1", "28", "29", "30", "31"]),
    st.sampled_from(["T", " ", "  ", "-", ":", ", ", "_", "x"]),
    st.sampled_from(["10:14:59", "1.02.03", "23:59:60", "24:00:00", "1:2:3", "10:14"]),
    st.sampled_from(["", ".1", ",123456789", ".12345678901", ":5", " PM", "x"]),
    st.sampled_from(["", "Z", "+02:00", "-0330", " +0100", "+02", " UTC", " CEST", " IST", " XYZ"]),
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.one_of(NEAR, st.lists(PIECES, min_size=3, max_size=14).map("".join)))
def test_the_scanner_reads_stamps_as_regular_expressions_do(text: str) -> None:
    plain = plain_stamps.read(text)
    found = read(text)
    if plain is not None:
        assert found is not None
        assert found[1:] == plain
    elif found is not None:  # a form that the plain reader leaves to test_known_stamps
        assert not found[2] & (ISO | ACCESS)


def test_a_year_is_the_last_that_is_not_in_the_future() -> None:
    now = datetime(2024, 3, 10, 12, tzinfo=UTC)

    def year(month: int, day: int) -> int:
        stamp = datetime(2000, month, day, tzinfo=UTC)
        return newest_year(int(stamp.timestamp() * 1e6), now)

    assert [year(3, 9), year(3, 11), year(3, 13), year(12, 31)] == [2024, 2024, 2023, 2023]


def test_new_year_is_seen_both_ways_and_in_any_pieces() -> None:
    days = [
        (12, 30),
        (12, 31),
        (1, 1),
        (12, 31),
        (1, 2),
        (6, 30),
        (11, 30),
        (1, 3),
        (2, 29),
        (3, 1),
    ]
    us = np.array([int(datetime(2000, m, d, tzinfo=UTC).timestamp() * 1e6) for m, d in days])
    flags = np.full(len(us), NO_YEAR)
    whole, after = dated(us, flags, Clock(), 2022)
    years = [datetime.fromtimestamp(t / 1e6, UTC).year for t in whole.tolist()]
    assert years == [2022, 2022, 2023, 2022, 2023, 2023, 2023, 2024, 2024, 2024]
    for cut in range(len(us) + 1):
        first, clock = dated(us[:cut], flags[:cut], Clock(), 2022)
        second, clock = dated(us[cut:], flags[cut:], clock, 2022)
        assert np.array_equal(np.append(first, second), whole)
        assert clock == after


def test_zones_without_an_hour_or_with_it_twice() -> None:
    def local(text: str) -> int:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1e6)

    us = np.array([local(t) for t in ("2024-03-31T02:30", "2024-10-27T02:30", "2024-07-01T12:00")])
    found = in_utc(us, np.array([NO_ZONE, NO_ZONE, 0]), "Europe/Berlin")
    texts = [datetime.fromtimestamp(t / 1e6, UTC).strftime("%d %H:%M") for t in found.tolist()]
    assert texts == ["31 01:00", "27 00:30", "01 12:00"]
