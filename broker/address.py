"""The address of an MQTT broker, `mqtt://user:password@host:1883` or `mqtts://` with TLS, and what the surroundings add to it.

Of a cluster it names several nodes, any of which will do: `mqtt://host-1:1883,host-2:1883`.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from jeonju.common.errors import UserError
from jeonju.common.secret_file import read_secret

USER: Final = "JEONJU_MQTT_USER"
PASSWORD: Final = "JEONJU_MQTT_PASSWORD"  # noqa: S105  (the variable's name)
PASSWORD_FILE: Final = "JEONJU_MQTT_PASSWORD_FILE"  # noqa: S105
CA: Final = "JEONJU_MQTT_CA"
CERTIFICATE: Final = "JEONJU_MQTT_CERT"
KEY: Final = "JEONJU_MQTT_KEY"
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
# Plain and with TLS: of MQTT, and of NATS itself.
MQTT_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
NATS_PORTS: Final = {"nats": 4222, "tls": 4222}
_PARTS: Final = re.compile(r"([^/?#]*://(?:[^/?#]*@)?)([^/?#]*)(.*)", re.DOTALL)
_SECRET: Final = re.compile(r"//.*@")


class BrokerUrl(NamedTuple):
    """Where a broker is and how to log in; the files are the CA that is trusted, and a certificate of our own with its key."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: bool = False
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    others: tuple[tuple[str, int], ...] = ()

    @property
    def nodes(self) -> tuple[tuple[str, int], ...]:
        """Host and port of every node, in the order in which they are tried."""
        return (self.host, self.port), *self.others

    def __repr__(self) -> str:
        """Say where it is, and no secret."""
        return ",".join(f"{host}:{port}" for host, port in self.nodes)

    def text(self) -> str:
        """Return the URL that is read as this address, secrets and all."""
        user = f"{quote(self.username, '')}:{quote(self.password or '', '')}@" if self.username else ""
        paths = (self.ca, self.certificate, self.key)
        files = {name: str(path) for name, path in zip(_FILES, paths, strict=True) if path}
        hosts = ",".join(f"{f'[{host}]' if ':' in host else host}:{port}" for host, port in self.nodes)
        return f"mqtt{'s' if self.tls else ''}://{user}{hosts}" + (f"?{urlencode(files)}" if files else "")


_FILES: Final = {"ca": CA, "cert": CERTIFICATE, "key": KEY}


def parse_broker_url(
    url: str, surroundings: Mapping[str, str] = os.environ, ports: Mapping[str, int] = MQTT_PORTS
) -> BrokerUrl:
    """Return the parts of a broker's URL; what it leaves out, user, password and files, is taken from the environment.

    `ports` are the schemes that are taken, plain and with TLS, with the port of each.
    Raises UserError for anything that is no such URL, and for a file that cannot be read.
    """
    (plain, plain_port), (secure, secure_port) = ports.items()
    shown = _SECRET.sub("//***@", url)
    begin, hosts, rest = taken.groups() if (taken := _PARTS.fullmatch(url)) else ("", "", url)
    first, *more = hosts.split(",")
    try:
        parts = urlsplit(f"{begin}{first}{rest}")
        port, query = parts.port, dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        others = [urlsplit(f"//{host}") for host in more]
        named = [(node.hostname or "", node.port or ports.get(parts.scheme, 0)) for node in others]
    except ValueError as error:
        raise UserError(f"{shown!r} is no broker address: {error}; write it like {plain}://host:{plain_port}") from None
    if (
        parts.scheme not in ports
        or not parts.hostname
        or not all(host for host, _ in named)
        or parts.path.strip("/")
        or parts.fragment
        or query.keys() - _FILES
    ):
        raise UserError(
            f"{shown!r} is no broker address; write it like {plain}://host:{plain_port} or {secure}://user:password@host:{secure_port}"
        )
    tls = parts.scheme == secure
    wanted = {name: query.get(name) or surroundings.get(variable) for name, variable in _FILES.items()}
    if any(wanted.values()) and not tls:
        # Ours in this machine may be plain while those elsewhere are not; anywhere else it would be a secret sent in clear.
        if not {parts.hostname, *(host for host, _ in named)} <= {*LOOPBACK}:
            raise UserError(
                f"{shown!r} speaks no TLS, but {CA} or {CERTIFICATE} is set; write {secure}://, or unset them"
            )
        wanted = dict.fromkeys(wanted)
    ca, certificate, key = (None if file is None else _readable(Path(file)) for file in wanted.values())
    if (certificate is None) != (key is None):
        raise UserError(f"a certificate needs its key: set both {CERTIFICATE} and {KEY}, or neither")
    # Who comes with a certificate is known by it; NATS refuses one who says another name besides.
    login = (None, None) if certificate and not parts.username else _login(parts.username, parts.password, surroundings)
    return BrokerUrl(parts.hostname, port or ports[parts.scheme], *login, tls, ca, certificate, key, tuple(named))


def _login(
    username: str | None, password: str | None, surroundings: Mapping[str, str]
) -> tuple[str | None, str | None]:
    """Return user and password: those of the URL, and what it lacks from the environment."""
    user = unquote(username) if username else surroundings.get(USER) or None
    if user is None or password is not None:
        return user, unquote(password) if password else None
    if file := surroundings.get(PASSWORD_FILE):
        if surroundings.get(PASSWORD):
            raise UserError(f"{PASSWORD} and {PASSWORD_FILE} are both set; keep one")
        return user, read_secret(Path(file), PASSWORD_FILE)
    return user, surroundings.get(PASSWORD) or None


def _readable(path: Path) -> Path:
    try:
        path.open("rb").close()
    except OSError as error:
        raise UserError(f"the file {path} for TLS cannot be read: {error.strerror}") from None
    return path
