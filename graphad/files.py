"""Where parsers and queries are found: in the package, in a checkout, in the user's own folders."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["parsers", "queries"]


def folder(kind: Kind) -> Path:
    """Return graphad's own folder of `kind`: packed if installed, else beside us.

    Raises: FileNotFoundError: the installation has no such folder.
    """
    package = Path(__file__).parent
    packed, checkout = package / kind, package.parent
    if packed.is_dir():
        return packed
    if (checkout / "pyproject.toml").is_file():  # else we'd trust a stranger's folder
        return checkout / kind
    raise FileNotFoundError(f"graphad is installed without its {kind}/.")


def folders(kind: Kind, given: Iterable[Path] = ()) -> list[Path]:
    """Return every folder of `kind` to look in, first match wins.

    The `given` ones, those of $GRAPHAD_PARSERS or $GRAPHAD_QUERIES (split as $PATH is), our own.
    Only absolute places come from the environment: the working directory is never looked in by
    chance, since it may be the suspect's.
    """
    named = os.environ.get(f"GRAPHAD_{kind.upper()}", "").split(os.pathsep)
    environment = [Path(name) for name in named if os.path.isabs(name)]
    return [*given, *environment, folder(kind)]
