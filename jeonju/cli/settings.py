"""Settings from a file: the options of every command, in TOML. Command line before environment before file before default."""

import tomllib
from pathlib import Path
from typing import Any, Final

import typer
from typer.core import TyperGroup

from jeonju.common.errors import UserError
from jeonju.common.text_file import read_text
from jeonju.common.toml_lines import line_of

# Every option may be set in the environment: JEONJU_INGEST_STORE is --store of `jeonju ingest`.
PREFIX: Final = "JEONJU"


def take_settings(context: typer.Context, path: Path) -> None:
    """Let the options in a file be the defaults of the commands. Raises UserError, naming file and line, for what is no option."""
    text = read_text(path)
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} cannot be read as settings: {error}") from error
    assert isinstance(context.command, TyperGroup)  # noqa: S101  (for the type checker)
    context.default_map = _checked(context.command, settings, (), path, text)


def _checked(command: Any, settings: dict[str, Any], where: tuple[str, ...], path: Path, text: str) -> dict[str, Any]:
    """Return the settings as click knows them; options may be written with hyphens, as on the command line."""
    checked: dict[str, Any] = {}
    commands, options = getattr(command, "commands", {}), {option.name: option for option in command.params}
    for name, value in settings.items():
        at = (*where, name)
        key = name.replace("-", "_")
        if name in commands and isinstance(value, dict):
            checked[name] = _checked(commands[name], value, at, path, text)
        elif key in options and not isinstance(value, dict):
            checked[key] = value if isinstance(value, bool | list) else str(value)
        else:
            known = ", ".join(sorted([*commands, *(str(name).replace("_", "-") for name in options)]))
            raise UserError(f"{path}:{line_of(text, at)}: {'.'.join(at)} is not a known setting; here are: {known}")
    return checked
