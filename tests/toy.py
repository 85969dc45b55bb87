"""A parser small enough to predict: `stamp process action file` lines."""

from pathlib import Path

from graphad.parse import Parser, matching

PATTERN = r"(?P<_stamp>\d+) (?P<exe>\S+) (?P<action>read|write|idle) (?P<file_path>\S+)"

toy = Parser(
    name="toy",
    about="for tests",
    sniff=lambda head: 1.0 if b" read " in head or b" write " in head else 0.0,
    decoder=matching(PATTERN),
    mapping="""
        SELECT record, make_timestamp(_stamp::BIGINT * 1000000) AS ts, 'h' AS host, action,
               CASE action WHEN 'read' THEN 'file' ELSE 'process' END AS src_type,
               CASE action WHEN 'read' THEN file_path ELSE exe END AS src_key,
               CASE action WHEN 'read' THEN 'process' ELSE 'file' END AS dst_type,
               CASE action WHEN 'read' THEN exe ELSE file_path END AS dst_key
        FROM raw WHERE action <> 'idle'""",
    ignore="CASE WHEN action = 'idle' THEN 'idle' END",
)


def line(i: int) -> str:
    """Return a line that depends on its number alone."""
    action = ("read", "write", "idle")[i % 3]
    return f"{1_700_000_000 + i} /bin/p{i % 7} {action} /data/f{i % 11}"


def write(path: Path, first: int, last: int) -> Path:
    """Write lines first to last - 1 as a log."""
    path.write_text("".join(line(i) + "\n" for i in range(first, last)))
    return path


def hostile(folder: Path) -> tuple[Path, Path]:
    """Write this parser as one of a user's own, and a log full of hostile names; return both."""
    from tests.nasty import CORPUS  # the copy is no part of this package

    own = folder / "parsers"
    own.mkdir()
    code = Path(__file__).read_text().replace("toy = Parser(", "parser = Parser(")
    (own / "toy.py").write_text(code)
    log = folder / "nasty.log"
    bad = [text.replace("\n", "").replace(" ", "")[:300] for text in CORPUS]
    with log.open("wb") as file:
        for i in range(30):
            file.write(line(i).encode() + b"\n")
        for i, text in enumerate(t for t in bad if t):
            row = f"{1_700_000_100 + i} /bin/{text} write /x/{text}\n"
            file.write(row.encode("utf-8", "surrogatepass"))
    return own, log
