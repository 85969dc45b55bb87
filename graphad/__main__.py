"""`python -m graphad` is `graphad`."""

from graphad.cli import main

main()
