"""What the settings of all channels share. Secrets stand elsewhere; only their place is named."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from jeonju.common import secret_file
from jeonju.common.durations import parse_duration_s
from jeonju.common.errors import UserError
from jeonju.contract.site import Name
from jeonju.rules.hours import Hours

Severity = Literal["info", "warning", "critical"]
RANK: dict[str, int] = {"info": 0, "warning": 1, "critical": 2}

Seconds = Annotated[float, BeforeValidator(parse_duration_s), Field(ge=0, le=30 * 86_400)]


def _place(text: str) -> str:
    if not text.startswith(("env:", "file:")) or len(text.split(":", 1)[1]) == 0:
        raise ValueError(
            "must say where the secret is kept, not the secret itself: 'env:NAME' or 'file:/run/secrets/name'"
        )
    return text


SecretPlace = Annotated[str, AfterValidator(_place)]


def read_secret(place: str) -> str:
    """Return the secret that `env:NAME` or `file:PATH` holds. Raises UserError where there is none."""
    where, _, name = place.partition(":")
    if where == "file":
        return secret_file.read_secret(Path(name), place)
    if not (secret := os.environ.get(name, "")):
        raise UserError(f"the secret {place} is empty; set {name}")
    return secret


class Quiet(Hours):
    """Hours in which only what is at least as severe as `unless` is sent; the rest is sent as a summary afterwards."""

    unless: Severity = "critical"


class Channel(BaseModel):
    """What all channels share. `severity` is the least that is sent; `kinds` are globs; with `repeat` 0 nothing is sent twice.

    Of `most_per_hour` notifications, what is not critical may use three quarters. Without `tells_end` nothing is sent
    when an alert is closed or ends.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Name
    severity: Severity = "warning"
    kinds: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)
    group_wait: Seconds = 10.0
    repeat: Annotated[float, BeforeValidator(parse_duration_s), Field(ge=0, le=7 * 86_400)] = 4 * 3600.0
    language: Literal["ko", "en"] = "ko"
    most_per_hour: Annotated[int, Field(ge=1, le=10_000)] = 600
    tells_end: bool = True
    quiet: Quiet | None = None
