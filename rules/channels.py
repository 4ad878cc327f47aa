"""The kinds of channels, as their settings stand in the rules file."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from jeonju.rules.channel_base import Channel, SecretPlace
from jeonju.rules.http_channel import Http


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


class Apprise(Channel):
    """Chat, SMS and calls by the services that Apprise knows; an address holds its login, so it is a secret."""

    type: Literal["apprise"]
    urls: Annotated[tuple[SecretPlace, ...], Field(min_length=1, max_length=20)]


AnyChannel = Annotated[Webhook | Email | Apprise | Http, Field(discriminator="type")]
