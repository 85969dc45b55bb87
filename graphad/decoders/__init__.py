"""Decoders of log formats: bytes in, rows out, and the maps from rows to events."""
