"""Posts to an address that a client of the api gave, without becoming its hand inside our network.

As the webhook channel (`response/notify/webhook.py`) it follows no redirect, reads no answer, and waits for a bounded time. Besides, the name is
looked up here, only addresses of the open Internet are taken, and it is those that are connected to: a name that means another address a moment
later changes nothing.
"""

import ipaddress
import os
import socket
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

import urllib3

from jeonju.common.errors import UnavailableError, UserError

ANSWERS_WITHIN_S: Final = 10.0
LONGEST_CHARACTERS: Final = 500
# Hosts inside our network that may be named nevertheless: `orion:1026,10.0.0.7:8080`.
INSIDE: Final = "JEONJU_API_NOTIFY_INSIDE"
_PORTS: Final = {"http": 80, "https": 443}
# IPv6 addresses that stand for IPv4 ones (RFC 6052): where a translator leads cannot be seen.
_TRANSLATED: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


class Endpoint:
    """An address that notifications are posted to. Raises UserError for one that is none, or leads inside."""

    def __init__(self, uri: str) -> None:
        if len(uri) > LONGEST_CHARACTERS or not uri.isascii() or not uri.isprintable() or " " in uri:
            raise UserError(f"an address is printable ASCII without spaces, of at most {LONGEST_CHARACTERS} characters")
        try:
            parts = urlsplit(uri)
            port = parts.port
        except ValueError as error:
            raise UserError(f"{uri[:100]!r} is no address") from error
        if parts.scheme not in _PORTS or not parts.hostname:
            raise UserError(f"{uri[:100]!r} is no address; it begins with https:// or http://")
        if parts.username is not None or parts.password is not None:
            raise UserError("an address holds no user and no password")
        self._scheme, self._host = parts.scheme, parts.hostname
        self._port = port or _PORTS[self._scheme]
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._is_allowed = f"{self._host}:{self._port}" in inside()

    def check(self) -> None:
        """Look the name up. Raises UserError where it leads inside, UnavailableError where it leads nowhere now."""
        self._address()

    def post(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Post once. Raises UserError where it leads inside, UnavailableError unless the answer is 2xx."""
        address = self._address()
        name = f"[{self._host}]" if ":" in self._host else self._host
        host = name if self._port == _PORTS[self._scheme] else f"{name}:{self._port}"
        try:
            with self._pool(address) as pool:
                answer = pool.request(
                    "POST",
                    self._path,
                    body=body,
                    headers={**headers, "Host": host},
                    redirect=False,
                    preload_content=False,
                )
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise UnavailableError(f"{host} does not answer: {type(error).__name__}") from error
        if not 200 <= answer.status < 300:
            raise UnavailableError(f"{host} answered {answer.status}")

    def _pool(self, address: str) -> urllib3.HTTPConnectionPool:
        timeout = urllib3.Timeout(ANSWERS_WITHIN_S)
        if self._scheme == "http":
            return urllib3.HTTPConnectionPool(address, self._port, timeout=timeout, retries=False)
        return urllib3.HTTPSConnectionPool(
            address,
            self._port,
            timeout=timeout,
            retries=False,
            cert_reqs="CERT_REQUIRED",
            server_hostname=self._host,
            assert_hostname=self._host,
        )

    def _address(self) -> str:
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise UnavailableError(f"{self._host} is not found") from error
        addresses = [str(one[4][0]) for one in found]
        if not self._is_allowed and not all(map(is_outside, addresses)):
            raise UserError(
                f"{self._host} is not in the open Internet; whoever runs this service may allow it: {INSIDE}"
            )
        return addresses[0]


def inside() -> Collection[str]:
    """Return the hosts inside our network that may be named, with their ports."""
    return frozenset(part.strip() for part in os.environ.get(INSIDE, "").split(",") if part.strip())


def is_outside(text: str) -> bool:
    """Return whether an address belongs to the open Internet, and so does the one that it stands for."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if any(address in network for network in _TRANSLATED):
            return False
        meant = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if meant is not None:
            return False
    return address.is_global and not address.is_multicast
