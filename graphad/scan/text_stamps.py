"""Time stamps of text logs: bytes in, microseconds out, and what the stamp leaves open.

    2024-05-02T10:14:59.123456+02:00    2024/05/02 10:14:59    2005-06-03-15.42.50.675872
    May  2 10:14:59    May 02 2024 10:14:59    Thu May 02 10:14:59.123 2024
    02/May/2024:10:14:59 +0200    02-May-2024 10:14:59.123    20240502-10:14:59:123
    05-02 10:14:59.123    05.02 10:14:59    05/02-10:14:59.123456    24/05/02 10:14:59
    240502 101459    05/02/2024 10:14:59 PM    1714637699.123

tests/scan/plain_stamps.py says the same in regular expressions; tests hold the two together.
"""

import numpy as np
import numpy.typing as npt

from graphad.scan.lean import inlined, lean
from graphad.scan.text_values import DIGIT, LETTER, closed, has, lower, run_end
from graphad.scan.timestamps import days_from_civil
from graphad.scan.words import Bytes

# What a stamp leaves open, and how it is written.
NO_ZONE, NO_YEAR, ORDER_GUESSED = 1, 2, 4
ISO, T_BETWEEN, SYSLOG, ACCESS, EPOCH = 16, 32, 64, 128, 256
LEAP = 2000  # the year that a stamp without one is put in: it has every day
_FIRST, _LAST = 946_684_800, 4_102_444_800  # seconds: 2000 to 2100, of what may be an epoch


def _letters(names: str) -> npt.NDArray[np.int64]:
    """Return names of up to four letters as whole numbers."""
    return np.array([int.from_bytes(n.lower().encode(), "little") for n in names.split()], np.int64)


_MONTHS = _letters("jan feb mar apr may jun jul aug sep oct nov dec")
_DAYS = _letters("mon tue wed thu fri sat sun")
# Zones by name, hours east of Greenwich; those that mean several are known to be zones, no more.
_ZONES = {
    "UTC": 0, "GMT": 0, "WET": 0, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9,
    "AEST": 10, "AEDT": 11, "NZST": 12, "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6,
    "PST": -8, "PDT": -7, "BST": 99, "CST": 99, "IST": 99,
}  # fmt: skip
_ZONE_NAMES = _letters(" ".join(_ZONES))
_ZONE_HOURS = np.array(list(_ZONES.values()), np.int64)


@inlined
def _three(data: Bytes, at: int, b: int) -> int:
    """Return three letters, small ones, as a number."""
    if at + 3 > b:
        return 0
    return lower(data, at) | (lower(data, at + 1) << 8) | (lower(data, at + 2) << 16)


@lean
def _month(data: Bytes, at: int, b: int) -> int:
    word = _three(data, at, b)
    for i in range(12):
        if _MONTHS[i] == word:
            return i + 1
    return 0


@lean
def _number(data: Bytes, a: int, b: int) -> int:
    value = 0
    for i in range(a, b):
        value = value * 10 + np.int64(data[i]) - 48
    return value


@lean
def _fraction(data: Bytes, a: int, b: int) -> int:
    """Return the microseconds that the digits of a fraction make."""
    value = 0
    for i in range(6):
        digit = np.int64(data[a + i]) - 48 if a + i < b else 0
        value = value * 10 + digit
    return value


@lean
def _days(year: int, month: int, day: int) -> int:
    """Return days since 1970, -1 if there is no such day. From 1970 on, as no log is older."""
    if year < 1970 or year > 2261 or month < 1 or month > 12 or day < 1 or day > 31:
        return -1
    days = days_from_civil(year, month, day)
    after = days_from_civil(year + month // 12, month % 12 + 1, 1)
    return days if days < after else -1


@lean
def _zone(data: Bytes, at: int, b: int) -> tuple[int, int]:
    """Return (end, minutes east) of a zone at or after a blank; end `at` if there is none.

    Minutes are 10000 if a zone is named but not which of several.
    """
    past = at + 1 if at < b and data[at] == 32 else at
    if past >= b:
        return at, 10000
    c = data[past]
    if c == 90 and past == at and closed(data, past + 1, b):
        return past + 1, 0
    if (c == 43 or c == 45) and past + 3 <= b:
        end = run_end(data, past + 1, b, DIGIT)
        minutes = 0
        if end == past + 5 and closed(data, end, b):
            minutes = _number(data, past + 1, past + 3) * 60 + _number(data, past + 3, end)
        elif end == past + 3 and end + 2 < b and data[end] == 58:
            if run_end(data, end + 1, b, DIGIT) != end + 3:
                return at, 10000
            minutes = _number(data, past + 1, end) * 60 + _number(data, end + 1, end + 3)
            end += 3
        elif end == past + 3 and past == at and closed(data, end, b):
            minutes = _number(data, past + 1, end) * 60
        else:
            return at, 10000
        if minutes > 1080:
            return at, 10000
        return end, minutes if c == 43 else -minutes
    end = run_end(data, past, b, LETTER)
    if past > at and 3 <= end - past <= 4 and data[past] <= 90 and closed(data, end, b):
        word = 0
        for i in range(past, end):
            if data[i] > 90:
                return at, 10000
            word |= lower(data, i) << (8 * (i - past))
        for i in range(len(_ZONE_NAMES)):
            if _ZONE_NAMES[i] == word:
                return end, _ZONE_HOURS[i] * 60 if _ZONE_HOURS[i] < 99 else 10000
    return at, 10000


@lean
def _clock(data: Bytes, at: int, b: int) -> tuple[int, int]:
    """Return (end, microseconds of the day) of H:MM:SS, a fraction, AM or PM; end -1 if none."""
    parts = (0, 0, 0)
    for i in range(3):
        end = run_end(data, at, b, DIGIT)
        if end == at or end > at + 2 or (i > 0 and end != at + 2 and data[at - 1] == 46):
            return -1, 0
        value = _number(data, at, end)
        parts = (parts[1], parts[2], value)
        at = end
        if i < 2:
            if at >= b or (data[at] != 58 and data[at] != 46):
                return -1, 0
            at += 1
    hour, minute, second = parts
    if hour > 23 or minute > 59 or second > 60:
        return -1, 0
    us = (hour * 3600 + minute * 60 + min(second, 59)) * 1_000_000
    if at + 1 < b and has(data, at + 1, DIGIT):
        if data[at] == 46 or data[at] == 44 or data[at] == 58:
            end = run_end(data, at + 1, b, DIGIT)
            if end - at <= 10:
                us += _fraction(data, at + 1, end)
                at = end
    past = at + 1 if at < b and data[at] == 32 else at
    if past + 2 <= b and lower(data, past + 1) == 109 and closed(data, past + 2, b):
        c = lower(data, past)
        if (c == 97 or c == 112) and 1 <= hour <= 12:  # AM, PM
            us += ((0 if c == 97 else 12) + (0 if hour == 12 else hour) - hour) * 3_600_000_000
            at = past + 2
    if not closed(data, at, b) and not has(data, at, LETTER):
        return -1, 0
    return at, us


@lean
def _finish(data: Bytes, days: int, at: int, b: int, flags: int) -> tuple[int, int, int]:
    """Read the clock at a place, and the zone; return what read_stamp does."""
    if days < 0 or at >= b:
        return -1, 0, 0
    end, us = _clock(data, at, b)
    if end < 0:
        return -1, 0, 0
    us += days * 86_400_000_000
    past, minutes = _zone(data, end, b)
    if past == end and not closed(data, end, b):
        return -1, 0, 0
    if minutes < 10000:
        return past, us - minutes * 60_000_000, flags
    return past, us, flags | NO_ZONE


@lean
def _epoch(data: Bytes, a: int, end: int, b: int) -> tuple[int, int, int]:
    """Seconds, milliseconds or microseconds since 1970."""
    size = end - a
    seconds = _number(data, a, a + 10)
    if seconds < _FIRST or seconds >= _LAST or data[a] == 48:
        return -1, 0, 0
    us = seconds * 1_000_000
    if size > 10:
        us += _fraction(data, a + 10, end)
    elif end + 1 < b and data[end] == 46 and has(data, end + 1, DIGIT):
        past = run_end(data, end + 1, b, DIGIT)
        if past - end > 10:
            return -1, 0, 0
        us += _fraction(data, end + 1, past)
        end = past
    if not closed(data, end, b) or (end < b and (data[end] == 45 or data[end] == 46)):
        return -1, 0, 0
    return end, us, EPOCH


@lean
def _two_numbers(data: Bytes, a: int, first: int, b: int) -> tuple[int, int, int]:
    """What begins with one or two digits and a separator."""
    one = _number(data, a, first)
    separator = data[first]
    month = _month(data, first + 1, b)
    if month:  # 02/May/2024:10:14:59 +0200, 02-May-2024 10:14:59.123
        at = first + 4
        if at >= b or data[at] != separator or run_end(data, at + 1, b, DIGIT) != at + 5:
            return -1, 0, 0
        year = _number(data, at + 1, at + 5)
        at += 5
        if at >= b or (data[at] != 58 and data[at] != 32):
            return -1, 0, 0
        return _finish(data, _days(year, month, one), at + 1, b, ACCESS if separator == 47 else 0)
    second = run_end(data, first + 1, b, DIGIT)
    if second == first + 1 or second > first + 3 or second >= b:
        return -1, 0, 0
    two = _number(data, first + 1, second)
    c = data[second]
    if (c == 32 and separator != 47) or (c == 45 and separator == 47):  # no year
        if first - a != 2 or second - first != 3:
            return -1, 0, 0
        return _finish(data, _days(LEAP, one, two), second + 1, b, NO_YEAR)
    if c != separator:
        return -1, 0, 0
    third = run_end(data, second + 1, b, DIGIT)
    if third >= b or (data[third] != 32 and data[third] != 45 and data[third] != 44):
        return -1, 0, 0
    three = _number(data, second + 1, min(third, second + 5))
    at = third + 1
    if at < b and data[at] == 32:
        at += 1
    if third == second + 5:
        if separator == 46 or one > 12:  # 02.05.2024
            return _finish(data, _days(three, two, one), at, b, 0 if one > 12 else ORDER_GUESSED)
        return _finish(data, _days(three, one, two), at, b, 0 if two > 12 else ORDER_GUESSED)
    if third != second + 3 or first - a != 2 or second - first != 3:
        return -1, 0, 0
    if two > 12:  # 05/22/24
        return _finish(data, _days(2000 + three, one, two), at, b, 0)
    days = _days(2000 + one, two, three)
    return _finish(data, days, at, b, ORDER_GUESSED)


@lean
def _named_month(data: Bytes, a: int, b: int) -> tuple[int, int, int]:
    """What begins with the name of a month or of a day of the week."""
    weekday = _three(data, a, b)
    for i in range(7):
        if _DAYS[i] == weekday and a + 5 < b and (data[a + 3] == 32 or data[a + 3] == 44):
            at = a + 4
            if data[at] == 32:
                at += 1
            if has(data, at, DIGIT):  # Thu, 02 May 2024 10:14:59 GMT
                day = run_end(data, at, b, DIGIT)
                month = _month(data, day + 1, b)
                past = day + 5
                if day > at + 2 or not month or run_end(data, past, b, DIGIT) != past + 4:
                    return -1, 0, 0
                days = _days(_number(data, past, past + 4), month, _number(data, at, day))
                return _finish(data, days, past + 5, b, 0)
            return _named_month(data, at, b)
    month = _month(data, a, b)
    if not month or a + 4 >= b or data[a + 3] != 32:
        return -1, 0, 0
    at = a + 4
    if data[at] == 32:
        at += 1
    past = run_end(data, at, b, DIGIT)
    if past == at or past > at + 2 or past >= b:
        return -1, 0, 0
    day = _number(data, at, past)
    if data[past] == 44:
        past += 1
    if past >= b or data[past] != 32:
        return -1, 0, 0
    at = past + 1
    end = run_end(data, at, b, DIGIT)
    if end == at + 4 and end < b and data[end] == 32:  # the year before the clock
        return _finish(data, _days(_number(data, at, end), month, day), end + 1, b, SYSLOG)
    end, us, flags = _finish(data, _days(LEAP, month, day), at, b, NO_YEAR | SYSLOG)
    if end < 0:
        return -1, 0, 0
    past = end + 1
    last = run_end(data, past, b, DIGIT)
    if end < b and data[end] == 32 and last == past + 4 and closed(data, last, b):
        year = _number(data, past, last)  # the year behind the clock
        days = _days(year, month, day)
        if days >= 0 and 1970 <= year < 2100:
            us += (days - _days(LEAP, month, day)) * 86_400_000_000
            return last, us, flags & ~(NO_YEAR | SYSLOG)
    return end, us, flags


@lean
def read_stamp(data: Bytes, a: int, b: int) -> tuple[int, int, int]:
    """Return (end, microseconds, flags) of the stamp that begins at `a`; end -1 if none does.

    Microseconds are UTC, or with NO_ZONE those of a clock that may be anywhere; with NO_YEAR they
    are in LEAP.
    """
    if b - a < 10:
        return -1, 0, 0
    if has(data, a, LETTER):
        return _named_month(data, a, b)
    if not has(data, a, DIGIT):
        return -1, 0, 0
    end = run_end(data, a, min(b, a + 17), DIGIT)
    size = end - a
    if size == 10 or size == 13 or size == 16:
        return _epoch(data, a, end, b)
    if end >= b:
        return -1, 0, 0
    c = data[end]
    if size == 4 and (c == 45 or c == 47 or c == 46):
        second = run_end(data, end + 1, b, DIGIT)
        if second == end + 1 or second > end + 3 or second >= b or data[second] != c:
            return -1, 0, 0
        third = run_end(data, second + 1, b, DIGIT)
        if third == second + 1 or third > second + 3 or third + 1 >= b:
            return -1, 0, 0
        days = _days(
            _number(data, a, end), _number(data, end + 1, second), _number(data, second + 1, third)
        )
        between = data[third]
        if between == 84:
            return _finish(data, days, third + 1, b, ISO | T_BETWEEN)
        if between == 44 and data[third + 1] == 32:
            return _finish(data, days, third + 2, b, ISO)
        if between == 32 or between == 45 or between == 58 or between == 95:
            at = third + 1
            while at < b and data[at] == 32 and at < third + 3:
                at += 1
            return _finish(data, days, at, b, ISO)
        return -1, 0, 0
    if size <= 2 and (c == 47 or c == 45 or c == 46):
        return _two_numbers(data, a, end, b)
    if size == 6 and c == 32 and run_end(data, end + 1, b, DIGIT) == end + 7:  # 240502 101459
        at = end + 1
        days = _days(
            2000 + _number(data, a, a + 2), _number(data, a + 2, a + 4), _number(data, a + 4, end)
        )
        hour, minute = _number(data, at, at + 2), _number(data, at + 2, at + 4)
        second = _number(data, at + 4, at + 6)
        if days < 0 or hour > 23 or minute > 59 or second > 59 or not closed(data, at + 6, b):
            return -1, 0, 0
        seconds = days * 86_400 + hour * 3600 + minute * 60 + second
        return at + 6, seconds * 1_000_000, NO_ZONE
    if size == 8 and (c == 45 or c == 32 or c == 84):  # 20240502-10:14:59:123
        days = _days(
            _number(data, a, a + 4), _number(data, a + 4, a + 6), _number(data, a + 6, end)
        )
        return _finish(data, days, end + 1, b, 0)
    return -1, 0, 0
