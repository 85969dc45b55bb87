"""The command line: thin commands over the library; data to stdout, words to stderr."""

from graphad.cli.main import main

__all__ = ["main"]
