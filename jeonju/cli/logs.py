"""Where warnings go: coloured lines on a terminal, plain ones into a file or journal, or one JSON object a line for collectors."""

import logging
import os
from typing import Final

from pythonjsonlogger.json import JsonFormatter
from rich.console import Console
from rich.logging import RichHandler

from jeonju.common.errors import UserError

FORMATS: Final = ("text", "json")
LEVELS: Final = ("debug", "info", "warning", "error")
_PLAIN: Final = "{asctime} {levelname} {message}"
_JSON: Final = "{asctime}{levelname}{name}{message}"
_RENAMED: Final = {"asctime": "time", "levelname": "level", "name": "logger"}


def log_warnings() -> None:
    """Show warnings on standard error, as JEONJU_LOG_FORMAT (text or json) and JEONJU_LOG_LEVEL (warning) say."""
    shape, level = _setting("JEONJU_LOG_FORMAT", FORMATS, "text"), _setting("JEONJU_LOG_LEVEL", LEVELS, "warning")
    logging.basicConfig(level=level.upper(), handlers=[_handler(shape)])


def _handler(shape: str) -> logging.Handler:
    console = Console(stderr=True)
    if shape == "text" and console.is_terminal:
        on_terminal = RichHandler(console=console, show_path=False)
        on_terminal.setFormatter(logging.Formatter("%(message)s"))
        return on_terminal
    # No width to fit into: what is read with grep stays on one line.
    handler = logging.StreamHandler()
    json = JsonFormatter(_JSON, style="{", rename_fields=_RENAMED)
    handler.setFormatter(json if shape == "json" else logging.Formatter(_PLAIN, "%Y-%m-%dT%H:%M:%S%z", style="{"))
    return handler


def _setting(name: str, known: tuple[str, ...], default: str) -> str:
    value = os.environ.get(name, default).lower()
    if value not in known:
        raise UserError(f"{name}={value} is not known; use one of {', '.join(known)}")
    return value
