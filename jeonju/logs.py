"""Where warnings go: coloured lines for people, or one JSON object a line for collectors."""

import logging
import os
from typing import Final

from pythonjsonlogger.json import JsonFormatter
from rich.console import Console
from rich.logging import RichHandler

from airquality.errors import UserError

FORMATS: Final = ("text", "json")
LEVELS: Final = ("debug", "info", "warning", "error")
_JSON: Final = "{asctime}{levelname}{name}{message}"
_RENAMED: Final = {"asctime": "time", "levelname": "level", "name": "logger"}


def log_warnings() -> None:
    """Show warnings on standard error, as JEONJU_LOG_FORMAT (text or json) and JEONJU_LOG_LEVEL (warning) say."""
    shape, level = _setting("JEONJU_LOG_FORMAT", FORMATS, "text"), _setting("JEONJU_LOG_LEVEL", LEVELS, "warning")
    handler: logging.Handler = RichHandler(console=Console(stderr=True), show_path=False)
    handler.setFormatter(logging.Formatter("%(message)s"))
    if shape == "json":
        handler = logging.StreamHandler()
        handler.setFormatter(JsonFormatter(_JSON, style="{", rename_fields=_RENAMED))
    logging.basicConfig(level=level.upper(), handlers=[handler])


def _setting(name: str, known: tuple[str, ...], default: str) -> str:
    value = os.environ.get(name, default).lower()
    if value not in known:
        raise UserError(f"{name}={value} is not known; use one of {', '.join(known)}")
    return value
