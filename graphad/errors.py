"""Everything graphad raises on purpose.

GraphadError
├── UnknownName    no parser, query, finding, entity or store is called so
├── ParseError     an input cannot be read at all
├── SchemaError    a store, manifest or table is not what this version can read
├── QueryError     a query or its parameters are wrong
├── NotFitted      a detector was asked to score before it was fitted
└── ModelError     a model file is damaged, foreign or does not fit
"""

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 12  # names that a hint lists


class GraphadError(Exception):
    """What is wrong, and in `hint` what to do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        """Return the message and the hint on one line."""
        message = str(self.args[0])
        return f"{message} {self.hint}" if self.hint else message


class UnknownName(GraphadError):
    """Nothing is called by the name that was given."""

    @classmethod
    def among(cls, kind: str, name: str, known: Iterable[str]) -> "UnknownName":
        """Return the error for `name`, with the nearest known name as its hint, or some of them.

        >>> str(UnknownName.among("query", "top_source", ["top_sources"]))
        "No query is called 'top_source'. Did you mean 'top_sources'?"
        """
        names = sorted(known)
        near = get_close_matches(name, names, n=1)
        if near:
            hint = f"Did you mean {near[0]!r}?"
        else:
            more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
            told = f"There are: {', '.join(names[:SHOWN])}{more}."
            hint = told if names else "There is none."
        return cls(f"No {kind} is called {name!r}.", hint=hint)


class ParseError(GraphadError):
    """An input cannot be read at all."""


class SchemaError(GraphadError):
    """A store, a manifest or a table is not what this version can read."""


class QueryError(GraphadError):
    """A query or its parameters are wrong."""


class NotFitted(GraphadError):
    """A detector was asked to score before it was fitted."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The {name} detector is not fitted.", hint="Fit it first.")


class ModelError(GraphadError):
    """A model file is damaged, foreign or does not fit."""
