"""The settings of channels, as they stand in the rules file. Secrets stand elsewhere; only their place is named."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from jeonju.common import secret_file
from jeonju.common.durations import parse_duration_s
from jeonju.common.errors import UserError
from jeonju.contract.site import Name

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


class Channel(BaseModel):
    """What all channels share. `severity` is the least that is sent; `kinds` are globs; with `repeat` 0 nothing is sent twice."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Name
    severity: Severity = "warning"
    kinds: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)
    group_wait: Seconds = 10.0
    repeat: Annotated[float, BeforeValidator(parse_duration_s), Field(ge=0, le=7 * 86_400)] = 4 * 3600.0
    language: Literal["ko", "en"] = "ko"


class Webhook(Channel):
    """Signed JSON by HTTP POST."""

    type: Literal["webhook"]
    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
    secret: SecretPlace


class Email(Channel):
    """Plain text by SMTP."""

    type: Literal["email"]
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: SecretPlace | None = None
    sender: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
    to: Annotated[tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _password_is_safe(self) -> "Email":
        if (self.user is None) != (self.password is None):
            raise ValueError("needs user and password together, or neither")
        if self.user is not None and self.security == "none":
            raise ValueError("would send its password in the clear; use security = 'starttls' or 'tls'")
        return self


AnyChannel = Annotated[Webhook | Email, Field(discriminator="type")]
