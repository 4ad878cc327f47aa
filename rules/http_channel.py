"""The settings of a channel for any HTTP interface: its request by templates, its signature, and what of an answer means success."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from jeonju.rules.channel_base import Channel, SecretPlace

# Scheme, host and port are as they stand here: what an alert says cannot lead a request elsewhere.
_ADDRESS: Final = re.compile(r"https?://[^\s/?#{}@\\]+([/?][^\r\n]*)?")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
# These are the transport's own.
_RESERVED: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te"})
MOST_LEAVES: Final = 200

Plain = str | int | float | bool
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Status = Annotated[int, Field(ge=200, le=599)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Signature(_Part):
    """An HMAC over a text, which may hold `method`, `path` (with its query) and `body`; headers have it as `signature`."""

    secret: SecretPlace
    text: str
    algorithm: Literal["sha256", "sha1", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"


class Success(_Part):
    """An answer with one of these statuses (any 2xx by default) in whose JSON `field` is one of `one_of`; `message` is the field that says why."""

    status: tuple[Status, ...] = ()
    field: str | None = None
    one_of: tuple[Plain, ...] = ()
    message: str | None = None

    @model_validator(mode="after")
    def _goes_together(self) -> "Success":
        if (self.field is None) != (not self.one_of):
            raise ValueError("needs field and one_of together, or neither")
        return self


class Http(Channel):
    """A request of its own for each of `to`; texts are templates (docs/notifications.md), but for names of fields and headers."""

    type: Literal["http"]
    method: Literal["POST", "PUT", "GET"] = "POST"
    url: str
    headers: Annotated[dict[str, str], Field(max_length=30, default_factory=dict)]
    content: Annotated[dict[str, Any] | None, Field(alias="json")] = None
    form: Annotated[dict[str, str] | None, Field(max_length=50)] = None
    body: str | None = None
    to: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], Field(min_length=1, max_length=50)
    ] = ("all",)
    secrets: Annotated[dict[Identifier, SecretPlace], Field(max_length=20, default_factory=dict)]
    sign: Signature | None = None
    success: Success = Success()
    give_up_on: tuple[Status, ...] = ()
    timeout: Annotated[float, Field(ge=1, le=60)] = 10.0

    @model_validator(mode="after")
    def _is_whole(self) -> "Http":
        if not _ADDRESS.fullmatch(self.url):
            raise ValueError("url must begin with http:// or https:// and a host that is no template, without a login")
        if sum(part is not None for part in (self.content, self.form, self.body)) > 1:
            raise ValueError("has more than one of json, form and body")
        if self.method == "GET" and (self.content, self.form, self.body) != (None, None, None):
            raise ValueError("has a body, which GET has not")
        for name in self.headers:
            if not _HEADER.fullmatch(name) or name.lower() in _RESERVED:
                raise ValueError(f"cannot set the header {name[:100]!r}")
        if set(self.success.status) & set(self.give_up_on):
            raise ValueError("gives up on a status that means success")
        if len(list(leaves(self.content))) > MOST_LEAVES:
            raise ValueError(f"has more than {MOST_LEAVES} values in json")
        self._check_templates()
        return self

    def _check_templates(self) -> None:
        # Here, as only these channels need Jinja, and other services do not have it.
        from jeonju.rules.templates import TextTemplate

        parts: list[tuple[str, str, tuple[str, ...]]] = [("url", self.url, ())]
        parts += [(f"json: {text!r}", text, ()) for text in leaves(self.content) if isinstance(text, str)]
        parts += [(f"form.{name}", text, ()) for name, text in (self.form or {}).items()]
        parts += [("body", self.body, ())] if self.body is not None else []
        of_headers = () if self.sign is None else ("signature",)
        parts += [(f"headers.{name}", text, of_headers) for name, text in self.headers.items()]
        parts += [] if self.sign is None else [("sign.text", self.sign.text, ("method", "path", "body"))]
        for place, text, names in parts:
            try:
                TextTemplate(text, self.secrets, names, in_url=place == "url")
            except ValueError as error:
                raise ValueError(f"{place} {error}") from error


def leaves(content: Any) -> Iterator[Any]:
    """Yield the values of nested tables and lists."""
    if isinstance(content, dict):
        for part in content.values():
            yield from leaves(part)
    elif isinstance(content, list):
        for part in content:
            yield from leaves(part)
    elif content is not None:
        yield content
