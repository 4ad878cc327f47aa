"""What the api is told of a simulated city: what truly happens there, and how to change it. Made by the composition root."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """A city that is simulated in this process (`live`), or one of which only the recording is shown (`run`, with its `start` and `end`).

    `truth` returns what happened and the score so far. `scenarios` are those whose events can be let happen. `set_speed` is absent where time
    does not run.
    """

    kind: Literal["live", "run"]
    truth: Callable[[], dict[str, Any]]
    title_ko: str = ""
    title_en: str = ""
    start: datetime | None = None
    end: datetime | None = None
    scenarios: Callable[[], list[dict[str, Any]]] = list
    speed: Callable[[], float] = lambda: 1.0
    set_speed: Callable[[float], None] | None = None
