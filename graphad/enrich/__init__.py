"""Scores on events as they pass: the Enricher, and the pipe that `graphad enrich` is."""

from graphad.enrich.enricher import Enricher, Judged, read_model

__all__ = ["Enricher", "Judged", "read_model"]
