"""Runbook: what to do about each kind of alert, beside the dashboards, so that an alert's link opens wherever Grafana is reached.

It is docs/runbook.md, one panel for each heading, in English only.
"""

import re
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders import dashboard

from jeonju.grafana import look
from jeonju.grafana.board import TAG, board
from jeonju.grafana.language import ENGLISH

FILE: Final = Path(__file__).resolve().parents[1] / "docs/runbook.md"
NAME: Final = "runbook"


def sections() -> dict[str, str]:
    """Return the text of each heading, in the order of the file."""
    parts = re.split(r"^## (.+)\n", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name.strip(): text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def url(kind: str) -> str:
    """Return where an alert's link leads, as a template of Grafana's alerts: the panel of its kind, or all of it."""
    names = [*sections()]
    panel = f"?viewPanel={names.index(kind) + 1}" if kind in names else ""
    return f"{{{{ externalURL }}}}d/{TAG}-{NAME}-{ENGLISH.code}{panel}"


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    made = board(
        ENGLISH, NAME, "Runbook", "What to do when an alert is raised.", since="now-6h", refresh="", is_in_both=False
    )
    for name, text in sections().items():
        made.with_panel(look.words_panel(name, text, width=12, height=5))
    return made
