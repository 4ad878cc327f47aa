"""The address of an MQTT broker: `mqtt://user:password@host:1883`, or `mqtts://` with TLS."""

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from airquality.errors import UserError

_PORTS = {"mqtt": 1883, "mqtts": 8883}


class BrokerUrl(NamedTuple):
    """Where a broker is and how to log in."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool


def parse_broker_url(url: str) -> BrokerUrl:
    """Return the parts of a broker's URL.

    Raises UserError for anything that is no such URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UserError(f"{url!r} is no broker address: {error}; write it like mqtt://host:1883") from error
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise UserError(
            f"{url!r} is no broker address; write it like mqtt://host:1883 or mqtts://user:password@host:8883"
        )
    return BrokerUrl(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=parts.scheme == "mqtts",
    )
