"""Tables and numbers of the pages that are written by `jeonju evaluate report`."""

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))


def percent(share: float | None) -> str:
    """Return a share in whole percent, a dash where there is none."""
    return "–" if share is None else f"{100 * share:.0f}"


def number(value: float | None) -> str:
    """Return a number as short as it is, a dash where there is none."""
    return "–" if value is None else f"{value:g}"
