"""Times and whole numbers in text, read so that the same text can be written again.

A value is taken only if `write_time` or `write_int` gives it back byte for byte; what has another
form is left to the caller. `kind` says which of the forms it had.
"""

from datetime import UTC, datetime, timedelta

import numpy as np

from graphad.scan.lean import inlined, lean
from graphad.scan.strings import hex_digit
from graphad.scan.words import U64, Bytes, load64

DECIMAL, HEX, HEX_UPPER = 4, 5, 6  # kinds of whole numbers: 12, 0x1f, 0x1F
FILETIME = 7  # 100 ns since 1601, as a number
TIME = 16  # and above: how a time was written, see read_time
EPOCH = 200_000  # and above: a number since 1970, see read_epoch; more than any kind of a text
_MILLISECONDS = 10  # added to EPOCH: those, not seconds
_FILETIME_EPOCH_US = 11_644_473_600_000_000
_DAY_MINUTES = 1440
_DATE_MARKS, _DATE_DASHES = U64(0xFF0000FF00000000), U64(0x2D00002D00000000)
_CLOCK_MARKS = U64(0x0000FF0000FF0000)
_COLON_MARK, _COLON = U64(0x0000FF0000000000), U64(0x00003A0000000000)
_ZEROS, _ABOVE, _HIGH = U64(0x3030303030303030), U64(0x4646464646464646), U64(0x8080808080808080)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@inlined
def _digits(data: Bytes, start: int, count: int) -> int:
    """Return what `count` decimal digits stand for; a large negative number if one is none."""
    value = 0
    for i in range(start, start + count):
        digit = np.int64(data[i]) - 48
        if digit < 0 or digit > 9:
            return -1_000_000_000
        value = value * 10 + digit
    return value


@inlined
def _byte(word: U64, at: int) -> int:
    return np.int64((word >> U64(8 * at)) & U64(255))


@inlined
def days_from_civil(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a date of the Gregorian calendar.

    Source: Howard Hinnant, chrono-compatible low-level date algorithms.
    """
    if month <= 2:
        year -= 1
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


@inlined
def _zone(data: Bytes, start: int, length: int) -> int:
    """Return the number of a zone: 0 none, 1 Z, else 2 + 2 (minutes + 1440) + colon; -1 no zone."""
    if length == 0:
        return 0
    sign = data[start]
    if length == 1:
        return 1 if sign == 90 else -1
    colon = 1 if length == 6 and data[start + 3] == 58 else 0
    if not (length == 5 or colon) or (sign != 43 and sign != 45):
        return -1
    hours, minutes = _digits(data, start + 1, 2), _digits(data, start + 3 + colon, 2)
    offset = hours * 60 + minutes
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59 or (sign == 45 and offset == 0):
        return -1
    return 2 + 2 * ((offset if sign == 43 else -offset) + _DAY_MINUTES) + colon


@lean
def read_time(data: Bytes, start: int, length: int) -> tuple[int, int, int]:
    """Return (kind, UTC microseconds, rest) of an ISO 8601 time; kind -1 if it has another form.

    kind = TIME + (0 for a space, 1 for T) + 2 * digits of the fraction + 20 * number of the zone.
    `rest` is the number that the fraction's digits past the sixth make. A time that names no zone
    is taken as it stands.
    """
    if length < 19:
        return -1, 0, 0
    date, clock = load64(data, start), load64(data, start + 8)  # YYYY-MM- and DDTHH:MM
    between = data[start + 10]
    if (date & _DATE_MARKS) != _DATE_DASHES or (clock & _COLON_MARK) != _COLON:
        return -1, 0, 0
    if (between != 32 and between != 84) or data[start + 16] != 58:
        return -1, 0, 0
    date = (date & ~_DATE_MARKS) | (_ZEROS & _DATE_MARKS)
    clock = (clock & ~_CLOCK_MARKS) | (_ZEROS & _CLOCK_MARKS)
    if ((date + _ABOVE) | (date - _ZEROS) | (clock + _ABOVE) | (clock - _ZEROS)) & _HIGH:
        return -1, 0, 0  # some byte is no digit
    date -= _ZEROS
    clock -= _ZEROS
    date = date * U64(10) + (date >> U64(8))  # byte i: the number of digits i and i + 1
    clock = clock * U64(10) + (clock >> U64(8))
    year = _byte(date, 0) * 100 + _byte(date, 2)
    month, day = _byte(date, 5), _byte(clock, 0)
    hour, minute, second = _byte(clock, 3), _byte(clock, 6), _digits(data, start + 17, 2)
    if hour > 23 or minute > 59 or second > 59 or second < 0:
        return -1, 0, 0
    if year < 1 or month < 1 or month > 12 or day < 1:
        return -1, 0, 0
    longest = 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31
    if month == 2:
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        longest = 29 if leap else 28
    if day > longest:
        return -1, 0, 0
    at, end = start + 19, start + length
    digits, us, rest = 0, 0, 0
    if at < end and data[at] == 46:
        at += 1
        while at < end and 48 <= data[at] <= 57 and digits < 9:
            if digits < 6:
                us = us * 10 + np.int64(data[at]) - 48
            else:
                rest = rest * 10 + np.int64(data[at]) - 48
            digits += 1
            at += 1
        if digits == 0:
            return -1, 0, 0
        for _ in range(digits, 6):
            us *= 10
    zone = _zone(data, at, end - at)
    if zone < 0:
        return -1, 0, 0
    seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
    if zone >= 2:
        seconds -= ((zone - 2) // 2 - _DAY_MINUTES) * 60
    kind = TIME + (1 if between == 84 else 0) + 2 * digits + 20 * zone
    return kind, seconds * 1_000_000 + us, rest


@lean
def read_int(data: Bytes, start: int, length: int) -> tuple[int, int]:
    """Return (kind, value) of a decimal or 0x hexadecimal whole number; kind -1 if it is none.

    Only what has one way to be written: no leading zero, no plus, at most 18 or 15 digits.
    """
    if length > 2 and data[start] == 48 and data[start + 1] == 120:
        if length > 17 or (data[start + 2] == 48 and length > 3):
            return -1, 0
        value, lower, upper = 0, False, False
        for i in range(start + 2, start + length):
            digit = hex_digit(np.int64(data[i]))
            if digit < 0:
                return -1, 0
            if digit > 9:
                lower = lower or data[i] >= 97
                upper = upper or data[i] < 97
            value = value * 16 + digit
        if lower and upper:
            return -1, 0
        return (HEX_UPPER if upper else HEX), value
    negative = length > 1 and data[start] == 45
    if negative:
        start += 1
        length -= 1
    if length == 0 or length > 18 or (data[start] == 48 and (length > 1 or negative)):
        return -1, 0
    value = _digits(data, start, length)
    if value < 0:
        return -1, 0
    return DECIMAL, (-value if negative else value)


@lean
def from_filetime(ticks: int) -> tuple[int, int]:
    """Return (UTC microseconds, tenths of one left over) of a Windows FILETIME."""
    return ticks // 10 - _FILETIME_EPOCH_US, ticks % 10


@lean
def read_epoch(data: Bytes, start: int, length: int) -> tuple[int, int, int]:
    """Return (kind, UTC microseconds, rest) of a number since 1970; kind -1 if it is none.

    Seconds of 9 or 10 digits with up to 9 of a fraction, kind = EPOCH + digits of the fraction, or
    milliseconds of 12 or 13 digits, which is what these times are from 1973 to 2286.
    """
    end = start + length
    at = start
    while at < end and 48 <= data[at] <= 57 and at - start < 14:
        at += 1
    whole = at - start
    if whole < 9 or data[start] == 48:
        return -1, 0, 0
    value = _digits(data, start, whole)
    if at == end:
        if whole == 12 or whole == 13:
            return EPOCH + _MILLISECONDS, value * 1000, 0
        return (EPOCH if whole <= 10 else -1), value * 1_000_000, 0
    digits = end - at - 1
    if whole > 10 or data[at] != 46 or digits < 1 or digits > 9:
        return -1, 0, 0
    us, rest = 0, 0
    for i in range(digits):
        digit = np.int64(data[at + 1 + i]) - 48
        if digit < 0 or digit > 9:
            return -1, 0, 0
        if i < 6:
            us = us * 10 + digit
        else:
            rest = rest * 10 + digit
    for _ in range(digits, 6):
        us *= 10
    return EPOCH + digits, value * 1_000_000 + us, rest


def write_epoch(kind: int, us: int, rest: int = 0) -> str:
    """Return the text of the number that `read_epoch` took.

    >>> write_epoch(EPOCH + 5, 1_588_205_199_824_370), write_epoch(EPOCH, 1_600_000_000_000_000)
    ('1588205199.82437', '1600000000')
    """
    digits = kind - EPOCH
    if digits == _MILLISECONDS:
        return str(us // 1000)
    seconds, part = divmod(us, 1_000_000)
    if not digits:
        return str(seconds)
    fraction = f"{part:06d}"
    past = f"{rest:0{digits - 6}d}" if digits > 6 else ""
    return f"{seconds}.{fraction[:digits]}{past}"


def write_time(kind: int, us: int, rest: int = 0) -> str:
    """Return the text that `read_time` took.

    >>> write_time(TIME + 1 + 2 * 3 + 20, 1_600_000_000_123_000)
    '2020-09-13T12:26:40.123Z'
    """
    zone, layout = divmod(kind - TIME, 20)
    digits, between = divmod(layout, 2)
    offset = (zone - 2) // 2 - _DAY_MINUTES if zone >= 2 else 0
    # Added to the epoch as a naive clock reading: a zone may carry it past the year 1 or 9999.
    clock = _EPOCH.replace(tzinfo=None) + timedelta(microseconds=us + offset * 60_000_000)
    text = clock.isoformat("T" if between else " ", "seconds")
    if digits:
        fraction = f"{us % 1_000_000:06d}"
        text += "." + (fraction[:digits] if digits <= 6 else f"{fraction}{rest:0{digits - 6}d}")
    if zone == 1:
        text += "Z"
    elif zone >= 2:
        hours, minutes = divmod(abs(offset), 60)
        text += f"{'-' if offset < 0 else '+'}{hours:02d}{':' if zone % 2 else ''}{minutes:02d}"
    return text


def write_int(kind: int, value: int) -> str:
    """Return the text that `read_int` took.

    >>> write_int(HEX_UPPER, 255)
    '0xFF'
    """
    if kind == DECIMAL:
        return str(value)
    return f"0x{value:X}" if kind == HEX_UPPER else f"0x{value:x}"


def write_filetime(us: int, rest: int = 0) -> int:
    """Return the FILETIME that `from_filetime` took.

    >>> write_filetime(*from_filetime(131_883_571_822_010_007))
    131883571822010007
    """
    return (us + _FILETIME_EPOCH_US) * 10 + rest
