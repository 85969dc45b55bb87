"""graphad finds attacks in logs: provenance graphs, suspicious paths, explained scores.

>>> import graphad
>>> store = graphad.open("graphad-store")            # doctest: +SKIP
>>> for finding in store.hunt(["audit.log"]).findings:  # doctest: +SKIP
...     print(finding.severity, finding.title)
"""

from typing import TYPE_CHECKING, Any

from graphad.errors import GraphadError
from graphad.version import VERSION

if TYPE_CHECKING:
    from graphad.enrich import Enricher as Enricher
    from graphad.workspace import open_store as open  # noqa: A004

__version__ = VERSION
__all__ = ["Enricher", "GraphadError", "__version__", "open"]


def __getattr__(name: str) -> Any:
    # The store needs DuckDB and Arrow; who only wants the version or the errors shan't wait.
    if name == "open":
        from graphad.workspace import open_store

        return open_store
    if name == "Enricher":
        from graphad.enrich import Enricher

        return Enricher
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
