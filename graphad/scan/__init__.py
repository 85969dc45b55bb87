"""Compiled loops over bytes: bytes in, arrays out."""
