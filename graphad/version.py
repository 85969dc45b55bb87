"""The version of graphad, as pyproject.toml has it; what is written tells by which it was made."""

VERSION = "0.1.0"
