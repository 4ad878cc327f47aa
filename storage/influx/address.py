"""The address of a database or bucket, with what it takes to log in."""

import os
from base64 import b64encode
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from jeonju.common.errors import UserError
from jeonju.common.secret_file import read_secret

TOKEN_VARIABLE: Final = "INFLUXDB_TOKEN"  # noqa: S105  (the name of a variable, no secret)
TOKEN_FILE: Final = "INFLUXDB_TOKEN_FILE"  # noqa: S105
_HOW_TO_WRITE: Final = (
    "write it like influxdb://user:password@host:8086/database or influxdb://host:8086/bucket?org=ORG&token=TOKEN"
)


class Address(NamedTuple):
    """Where a database (1.x) or bucket (2.x, `org` is set) is and how to log in."""

    base: str
    name: str
    user: str | None
    password: str
    org: str | None
    token: str

    def __str__(self) -> str:
        return f"{self.base}/{self.name}"

    def headers(self) -> dict[str, str]:
        """Return the headers that log in."""
        if self.org is not None:
            return {"Authorization": f"Token {self.token}"}
        if self.user is not None:
            return {"Authorization": f"Basic {b64encode(f'{self.user}:{self.password}'.encode()).decode()}"}
        return {}


def parse_address(url: str) -> Address:
    """Return the parts of `influxdb://…`, or `influxdbs://…` with TLS."""
    try:
        parts = urlsplit(url)
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
        host, port = parts.hostname, parts.port or 8086
    except ValueError as error:
        # Its text is kept away: it can hold a part of a password that was not percent-encoded.
        raise UserError(f"that is no address of an InfluxDB; {_HOW_TO_WRITE}") from error
    name = unquote(parts.path.strip("/"))
    if not host or not name or "/" in name or options.keys() - {"org", "token"}:
        raise UserError(f"that is no address of an InfluxDB; {_HOW_TO_WRITE}")
    org = options["org"][0] if "org" in options else None
    token = options["token"][0] if "token" in options else _token_from_surroundings() if org is not None else ""
    if org is not None and not token:
        raise UserError(
            f"InfluxDB 2 needs a token; set {TOKEN_FILE} or {TOKEN_VARIABLE}, or add &token=TOKEN to the address"
        )
    scheme = "https" if parts.scheme == "influxdbs" else "http"
    shown = f"[{host}]" if ":" in host else host
    user, password = (unquote(text) if text else text for text in (parts.username, parts.password))
    return Address(f"{scheme}://{shown}:{port}", name, user, password or "", org, token)


def _token_from_surroundings() -> str:
    token, file = os.environ.get(TOKEN_VARIABLE, ""), os.environ.get(TOKEN_FILE)
    if file and token:
        raise UserError(f"{TOKEN_VARIABLE} and {TOKEN_FILE} are both set; keep one")
    return read_secret(Path(file), TOKEN_FILE) if file else token
