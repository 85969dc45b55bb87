"""What is not there: a day without a night, a host that is silent, a log that did not come."""

from datetime import date

from graphad.nightly.logs import kind_of
from graphad.nightly.state import DAY, Night, back, microseconds
from graphad.store import Store

BEFORE = 3  # days before, on all of which a host or log was there that is missed
_DAYS_SHOWN = 7


def absent(store: Store, night: Night, nights: list[Night]) -> list[str]:
    """Return a sentence for each thing that is missing on a night, given all nights."""
    before = [one for one in nights if one.day < night.day and "ingest" in one.stages]
    return [*_days(night, before), *_hosts(store, night), *_logs(night, before[-BEFORE:])]


def _days(night: Night, before: list[Night]) -> list[str]:
    if not before:
        return []
    missing = []
    day = back(night.day, 1)
    while day > before[-1].day:
        missing.append(day)
        day = back(day, 1)
    if not missing:
        return []
    first, count = missing[-1], len(missing)
    which = first if count == 1 else f"{first} to {missing[0]} ({count} days)"
    return [f"no night was run for {which}; the last one before was {before[-1].day}"]


def _hosts(store: Store, night: Night) -> list[str]:
    """Return what to say of hosts that had events on each of the last days and have none now.

    A name without a domain has events now if a host of that name in a domain has: classic Windows
    logs call one so that others call by its full name, and tell of it now and then.
    """
    begin = microseconds(date.fromisoformat(back(night.day, _DAYS_SHOWN)))
    connection = store.connect()
    try:
        rows = connection.execute(
            f"""SELECT DISTINCT epoch_us(day), host FROM counts c
                WHERE {store.window(begin, night.end, alias="c").replace("c.ts", "c.day")}"""
        ).fetchall()
    finally:
        connection.close()
    by_day: dict[int, set[str]] = {}
    for day, host in rows:
        by_day.setdefault(int(day), set()).add(host or "")
    today = by_day.pop(night.begin, set())
    days = sorted(by_day)[-BEFORE:]
    if len(days) < 2:
        return []
    always = set.intersection(*(by_day[day] for day in days))
    today |= {host.partition(".")[0] for host in today}
    since = (night.begin - days[0]) // DAY
    return [
        f"host {host or '(none)'} is silent, it had events on each of the last {len(days)} days "
        f"with any ({since} days back)"
        for host in sorted(always - today)
    ]


def _logs(night: Night, before: list[Night]) -> list[str]:
    """Return what to say of logs that came on each of the last nights and did not now."""
    if len(before) < 2:
        return []
    came = [{kind_of(path) for path, file in one.files.items() if file.sources} for one in before]
    always = set.intersection(*came)
    now = {kind_of(path) for path, file in night.files.items() if file.sources}
    return [
        f"log {name} did not come, it did on each of the last {len(before)} nights"
        for name in sorted(always - now)
    ]
