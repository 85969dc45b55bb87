"""The report: a store's findings as one HTML page that needs nothing else. See docs/report.md."""

from datetime import datetime
from pathlib import Path

from graphad.export import output
from graphad.export.privacy import Privacy
from graphad.report.gather import DRAWN, TOP, Facts, gather
from graphad.report.page import page
from graphad.workspace import Workspace

__all__ = ["DRAWN", "TOP", "Facts", "gather", "page", "report"]


def report(
    store: Workspace, path: str | Path, *, top: int = TOP, drawn: int = DRAWN,
    tags: Path | bool = True, privacy: Privacy | None = None, clobber: bool = False,
    made: datetime | None = None,
) -> Facts:  # fmt: skip
    """Write the report of a store's kept findings and return what it says.

    top: findings at most; drawn: incidents that are told and drawn at most; privacy: what is taken
    out before it leaves. The file is for its owner alone and there whole or not at all.
    Raises: GraphadError: it is there and `clobber` is false, or it cannot be written.
    """
    output.check(Path(path), clobber)
    facts = gather(store, top=top, drawn=drawn, tags=tags, privacy=privacy)
    output.write(Path(path), [page(facts, made)], clobber=clobber)
    return facts
