"""Runs a command in this process."""

from click.testing import CliRunner, Result

from graphad.cli import main


def run(*arguments: object, code: int = 0) -> Result:
    """Return what a command said; its exit code must be the one given."""
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == code, result.output
    return result
