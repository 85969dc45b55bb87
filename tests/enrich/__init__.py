"""Tests of the enricher: models, mapping of fields, lines, the pipe."""
