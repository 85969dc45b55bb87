"""Settings of a whole installation, in TOML: what options are when nobody gives them.

A key is the long name of an option, or `logs`. At the top it is for every command that has such an
option and can take the value, in a table for the command of that name:

    store = "/var/lib/graphad"
    [nightly]
    keep-days = 90
    logs = ["/var/log/dump"]

Flags count before the environment (GRAPHAD_*), that before --config FILE or else ./graphad.toml,
that before graphad/config.toml in $XDG_CONFIG_HOME.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from graphad.errors import GraphadError

HERE = Path("graphad.toml")
LOGS = "logs"
# What runs or reads code of its own: a file that happens to lie where somebody works must not say.
_TRUSTED = frozenset({"parsers", "queries", "mapping"})
ORIGIN = "graphad.cli.config.origin"  # in a context's meta: where each setting is from
Settings = dict[str, dict[str, Any]]  # by command, by parameter


def read(group: click.Group, ctx: click.Context, given: Path | None) -> Settings:
    """Return what the files set for each command; where that is from is kept in the context.

    Raises: GraphadError: a file cannot be read, or says what no option understands.
    """
    if given is not None and not given.is_file():
        raise GraphadError(f"{given} is no file.", hint="It was named by --config.")
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    layers = [Path(home) / "graphad" / "config.toml", given or HERE]
    found: Settings = {}
    origin = ctx.meta.setdefault(ORIGIN, {})
    for path in layers:
        if not path.is_file():
            continue
        trusted = path is not HERE
        for command, name, value in _settings(group, path, trusted):
            found.setdefault(command, {})[name] = value
            origin[command, name] = str(path)
    return found


def _settings(group: click.Group, path: Path, trusted: bool) -> Iterator[tuple[str, str, Any]]:
    """Yield (command, parameter, value) of a file, what is for all before what is for one."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise GraphadError(f"{path} cannot be read: {error}.") from error
    commands = {name: _keys(command) for name, command in group.commands.items()}
    every = {key for keys in commands.values() for key in keys}
    for key, value in told.items():
        if isinstance(value, dict):
            continue
        if key not in every:
            raise _unknown(path, key, every | set(commands))
        _refuse(path, key, trusted)
        mine = [(name, keys[key]) for name, keys in commands.items() if key in keys]
        taken = [(name, one.name, _fitting(one, value)) for name, one in mine]
        if all(fit is None for *_, fit in taken):
            raise _wrong(path, key, value, mine[0][1])
        yield from ((name, one or "", fit) for name, one, fit in taken if fit is not None)
    for name, table in told.items():
        if not isinstance(table, dict):
            continue
        if name not in commands:
            raise _unknown(path, f"[{name}]", {f"[{one}]" for one in commands})
        for key, value in table.items():
            if key not in commands[name]:
                raise _unknown(path, f"{name}.{key}", {f"{name}.{one}" for one in commands[name]})
            _refuse(path, key, trusted)
            one = commands[name][key]
            fit = _fitting(one, value)
            if fit is None:
                raise _wrong(path, f"{name}.{key}", value, one)
            yield name, one.name or "", fit


def _keys(command: click.Command) -> dict[str, click.Parameter]:
    """Return the parameters of a command that may be set, by their keys."""
    found: dict[str, click.Parameter] = {}
    for one in command.params:
        if isinstance(one, click.Option):
            found[max(one.opts, key=len).lstrip("-")] = one
        elif one.name == LOGS and not one.required:
            found[LOGS] = one
    return found


def _fitting(one: click.Parameter, value: Any) -> Any:
    """Return a value as a parameter takes it, None if it can't."""
    several = one.multiple or one.nargs == -1
    if isinstance(value, list) and not several:
        return None
    values = value if isinstance(value, list) else [value]
    flag = isinstance(one, click.Option) and one.is_flag
    if any(isinstance(v, bool) != flag or isinstance(v, dict | list) for v in values):
        return None
    try:
        for text in values:
            one.type.convert(text if flag else str(text), one, None)
    except click.BadParameter:
        return None
    taken = [v if flag else str(v) for v in values]
    return taken if several else taken[0]


def _unknown(path: Path, key: str, known: set[str]) -> GraphadError:
    near = get_close_matches(key, sorted(known), n=1)
    hint = f"Did you mean {near[0]!r}?" if near else "Keys are the long names of options."
    return GraphadError(f"{path} sets {key!r}, which no command has.", hint=hint)


def _wrong(path: Path, key: str, value: Any, one: click.Parameter) -> GraphadError:
    kind = getattr(one.type, "choices", None)
    hint = f"It is one of {', '.join(kind)}." if kind else f"It is {one.type.name}."
    return GraphadError(f"{path} sets {key!r} to {value!r}, which it cannot be.", hint=hint)


def _refuse(path: Path, key: str, trusted: bool) -> None:
    if key in _TRUSTED and not trusted:
        raise GraphadError(
            f"{path} sets {key!r}, from which code is run, and lies just where you work.",
            hint=f"If you trust it, name it: graphad --config {path}.",
        )


def effective(
    group: click.Group, ctx: click.Context, found: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return what files and the environment set: command, key, value and origin of each."""
    rows = []
    prefix = ctx.find_root().auto_envvar_prefix
    for name, command in sorted(group.commands.items()):
        own = f"{prefix}_{name.upper().replace('-', '_')}"
        with click.Context(command, info_name=name, auto_envvar_prefix=own) as sub:
            for key, one in _keys(command).items():
                value, origin = None, ""
                if one.name in found.get(name, {}):
                    value = found[name][one.name]
                    origin = ctx.meta[ORIGIN][name, one.name]
                variable = _variable(one, sub)
                if variable is not None:
                    value, origin = os.environ[variable], variable
                if origin:
                    rows.append({"command": name, "key": key, "value": value, "origin": origin})
    return rows


def _variable(one: click.Parameter, ctx: click.Context) -> str | None:
    """Return the variable of the environment that sets a parameter, None if none does."""
    if one.name == LOGS:
        return None
    names = [one.envvar] if isinstance(one.envvar, str) else list(one.envvar or ())
    names.append(f"{ctx.auto_envvar_prefix}_{(one.name or '').upper()}")
    return next((name for name in names if os.environ.get(name)), None)


@click.group()
def config() -> None:
    """Settings of this installation, see graphad.toml in docs/nightly.md."""


@config.command()
@click.option("--origin", is_flag=True, help="Say also where each is from.")
@click.option("-f", "--format", "form", type=click.Choice(["table", "json", "ndjson", "csv"]))
@click.pass_context
def show(ctx: click.Context, /, origin: bool, form: str | None) -> None:
    """Show what files and the environment set, by command.

    \b
    graphad config show --origin
    graphad --config /etc/graphad.toml config show
    """
    from graphad.cli import show as shown

    root = ctx.find_root()
    assert isinstance(root.command, click.Group)
    found = effective(root.command, root, root.default_map or {})
    if not origin:
        found = [{k: v for k, v in row.items() if k != "origin"} for row in found]
    shown.rows(found, form)
