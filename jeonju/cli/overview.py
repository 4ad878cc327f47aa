"""What `jeonju` says of itself: its version, and its commands by heading, what a newcomer needs first."""

from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

HEADINGS: Final[dict[str, tuple[str, ...]]] = {
    "A living city": ("up", "what-if", "forecast", "export"),
    "Scenarios and scores": ("run", "show", "sweep", "replay", "scenario", "evaluate"),
    "Gateways and devices": ("doctor", "device", "correction", "dead-letters", "airkorea", "kma"),
    "Cities, alerts and people": ("site", "alerts", "notify", "key"),
    "Upkeep": ("setup", "backup", "restore", "archive"),
    "Single services": ("simulate", "ingest", "detect", "api", "broker", "worker"),
}
_HEADING_OF: Final = {name: heading for heading, names in HEADINGS.items() for name in names}


class Overview(TyperGroup):
    """Lists the commands by heading."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the headings."""
        order = list(_HEADING_OF)
        return sorted(super().list_commands(ctx), key=order.index)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, with its heading."""
        command: Any = super().get_command(ctx, cmd_name)
        if command is not None:
            command.rich_help_panel = _HEADING_OF[cmd_name]
        return command


def _show_version(asked: bool) -> None:  # noqa: FBT001  (typer passes it so)
    if asked:
        typer.echo(f"jeonju {version('jeonju-air')}")
        raise typer.Exit


Version = Annotated[
    bool,
    # Not from the environment: a deployment may well have a variable of that name.
    typer.Option(
        "--version",
        callback=_show_version,
        is_eager=True,
        allow_from_autoenv=False,
        help="Show the version and exit.",
    ),
]
