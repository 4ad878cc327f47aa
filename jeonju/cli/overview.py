"""The order of the commands in `jeonju --help`, and their headings: what a newcomer needs first comes first."""

from typing import Any, Final

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
