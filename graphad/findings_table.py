"""Findings as a list that also is a table."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from graphad import schema
from graphad.findings import Finding

if TYPE_CHECKING:
    import pandas as pd

_TYPES = {"text": "object", "int": "int64", "float": "float64", "bool": "boolean"}


class Findings(list[Finding]):
    """Findings in an order that means something: best first."""

    def to_pandas(self) -> "pd.DataFrame":
        """Return a data frame, a row a finding, of the columns schema.FINDINGS and two more.

        `entities` are the keys of a finding's entities, `actions` those of its edges; both lists.
        start and end are in UTC. Values that need a reference period are missing without one.
        """
        import pandas as pd

        columns: dict[str, Any] = {}
        for column in schema.FINDINGS:
            values = [getattr(finding, column.name) for finding in self]
            if column.kind == "time":
                moments = [datetime.fromisoformat(value) for value in values]
                columns[column.name] = pd.Series(moments, dtype="datetime64[us, UTC]")
            else:
                columns[column.name] = pd.Series(values, dtype=_TYPES[column.kind])
        columns["entities"] = pd.Series([[e.key for e in f.entities] for f in self], dtype=object)
        columns["actions"] = pd.Series([[e.action for e in f.edges] for f in self], dtype=object)
        return pd.DataFrame(columns)
