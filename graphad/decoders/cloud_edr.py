"""Things that sensors on hosts name in tables and JSON: processes, sockets, files."""

from graphad.decoders.cloud_acts import named
from graphad.decoders.cloud_decode import Edge, Thing, Told
from graphad.decoders.cloud_values import address, time_us

UNKNOWN = "(unknown)"


def process(
    pid: str | None, born: str | None, exe: str | None, command: str | None, guid: str | None = None
) -> Thing | None:
    """Return a process: by its GUID, else by id and start, else by id and program."""
    program = exe or UNKNOWN
    if guid:
        return Thing("process", guid.lower(), program, command)
    number = whole(pid)
    if number is None:
        return None
    us = time_us(born)
    if us is not None and us > 0:  # some write year 1 or 1601 for what they don't know
        return Thing("process", f"{number}@{us}", program, command)
    short = program.replace("\\", "/").rpartition("/")[2].lower()
    return Thing("process", f"pid:{number}:{short}", program, command)


def whole(number: str | None) -> int | None:
    """Return a whole number of any of the forms that tables have.

    >>> whole("0x1610"), whole("443.0"), whole("-"), whole(None)
    (5648, 443, None, None)
    """
    if number is None:
        return None
    text = number.strip().lower()
    if text.endswith(".0"):
        text = text[:-2]
    try:
        found = int(text, 16) if text.startswith("0x") else int(text)
    except ValueError:
        return None
    return found if 0 <= found < 1 << 63 else None


def socket(ip: str | None, port: str | None) -> Thing | None:
    """Return the end of a connection."""
    found, number = address(ip), whole(port)
    if found is None:
        return None
    found = found.lower().removeprefix("::ffff:")
    if number is None:
        return named("address", found)
    return named("socket", f"[{found}]:{number}" if ":" in found else f"{found}:{number}")


def file(path: str | None, name: str | None = None) -> Thing | None:
    """Return a file; `path` may be its folder, if `name` is not its end."""
    if path and name and not path.lower().endswith(name.lower()):
        path = f"{path.rstrip('/')}/{name}" if "/" in path else f"{path.rstrip(chr(92))}\\{name}"
    full = path or name
    return Thing("file", full.lower() if "\\" in full else full, full) if full else None


def add(
    told: Told, src: Thing | None, action: str, dst: Thing | None, failed: bool = False
) -> None:
    """Add an edge, if both its ends are named."""
    if src is not None and dst is not None:
        told.edges.append(Edge(src, action, dst, "failure" if failed else None))
