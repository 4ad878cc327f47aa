"""Serve an ASGI application from a thread of this process."""

import asyncio
import ipaddress
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from jeonju.api.access.keys import KeyFile
from jeonju.api.access.tiles import Tiles
from jeonju.api.app import forget
from jeonju.api.stream import ABORT
from jeonju.common.errors import UserError

BACKLOG: Final = 2048
# Beyond so many at once a new connection is cut off: a process may commonly have 1024 files open, and the store and broker need theirs.
MOST_CONNECTIONS: Final = 800
# The head of a request must be there so long after the connection, or after its first byte.
HEAD_WITHIN_S: Final = 10.0
# The parser takes a head of any length.
MOST_HEAD_BYTES: Final = 64 * 1024
# A connection whose client has taken nothing of an answer between two looks is cut off.
LOOK_EVERY_S: Final = 20.0
_HOST_NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class HttpSettings:
    """Where the api listens, under which names, which keys it takes, its certificate if it speaks HTTPS, the proxies in front of it, and
    the tiles under the map.

    Only what comes from a network of `trusted_proxies` is believed when it says for whom it asks. With `public_page` everybody may see `/public`.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    keys: Path = Path("data/keys.json")
    certificate: Path | None = None
    private_key: Path | None = None
    names: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    public_page: bool = False
    tiles: Tiles | None = None

    def check(self) -> None:
        """Raise UserError for what would be unsafe or cannot work, before anything is started."""
        # Raises UserError for a file that is none of ours.
        KeyFile(self.keys).keys()
        if not _is_loopback(self.host) and not KeyFile(self.keys).exists:
            raise UserError(
                f"--host {self.host} lets others in, and there is no key in {self.keys}; make one first: jeonju key add NAME --role admin"
            )
        self._check_names()
        self._check_proxies()
        if (self.certificate is None) != (self.private_key is None):
            raise UserError("HTTPS needs both --tls-cert and --tls-key")
        if self.certificate is not None and self.private_key is not None:
            try:
                ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(self.certificate, self.private_key)
            except (OSError, ssl.SSLError) as error:
                raise UserError(
                    f"{self.certificate} and {self.private_key} cannot be used for HTTPS: {error.strerror or error}"
                ) from error

    def _check_names(self) -> None:
        for name in self.names:
            if _HOST_NAME.fullmatch(name) is None and not _is_address(name):
                raise UserError(
                    f"--host-names {name!r} is no host name or address; give such as air.example.org, without http:// and port"
                )

    def _check_proxies(self) -> None:
        for network in self.trusted_proxies:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise UserError(
                    f"--trusted-proxy {network!r} is no address or network: {error}; give such as 127.0.0.1 or 10.0.0.0/8"
                ) from None


class LiveServer:
    """A uvicorn server in a thread; as a context manager it is up when entered and has finished its requests when left."""

    def __init__(self, app: Any, settings: HttpSettings, *, before_shutdown: Callable[[], None] = lambda: None) -> None:
        """Take the port. `before_shutdown` is called on the server's loop, to end answers that would last for ever."""
        settings.check()
        self._app = app
        self._socket = _listen(settings.host, settings.port)
        scheme = "http" if settings.certificate is None else "https"
        self.url = f"{scheme}://{settings.host}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            # What it warns of is what clients do wrong: each would fill the log.
            log_level="error",
            access_log=False,
            http=_Connection,
            ws="none",
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            timeout_graceful_shutdown=3,
            server_header=False,
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.private_key,
        )
        self._server = _Server(config, before_shutdown)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="http", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        if isinstance(self._app, FastAPI):
            forget(self._app)


class _Server(uvicorn.Server):
    """Uvicorn waits for open answers before it tells the application to end them, and cancels them with an error in the log."""

    def __init__(self, config: uvicorn.Config, before_shutdown: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_shutdown = before_shutdown

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._before_shutdown()
        await super().shutdown(sockets)


class _Connection(HttpToolsProtocol):
    """A connection that ends when its client is too slow: uvicorn waits for ever for the head of a request, and until an answer was read.

    A head that has become too long ends it as well.
    """

    _head_due: asyncio.TimerHandle | None = None
    _look: asyncio.TimerHandle | None = None
    _unsent = 0
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            _cut_off(transport)
            return
        self.app = _with_abort(self.app, transport)
        self._expect_head()
        self._look = self.loop.call_later(LOOK_EVERY_S, self._cut_off_if_stalled)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._forget_head()
            return
        self._head_bytes += len(data)
        if self._head_bytes > MOST_HEAD_BYTES:
            _cut_off(self.transport)
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self._head_due is None:
            self._head_due = self.loop.call_later(HEAD_WITHIN_S, _cut_off, self.transport)

    def _forget_head(self) -> None:
        self._head_bytes = 0
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None

    def _cut_off_if_stalled(self) -> None:
        before, self._unsent = self._unsent, self.transport.get_write_buffer_size()
        if self._unsent and self._unsent == before:
            _cut_off(self.transport)
        else:
            self._look = self.loop.call_later(LOOK_EVERY_S, self._cut_off_if_stalled)


def _cut_off(transport: asyncio.Transport) -> None:
    """End a connection at once. Without this the system would keep what was not read, and wait until it is."""
    end = transport.get_extra_info("socket")
    if end is not None:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _with_abort(app: Any, transport: asyncio.Transport) -> ASGIApp:
    """Return the application with the way to end this connection at once, which ASGI has not."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("extensions", {})[ABORT] = partial(_cut_off, transport)
        await app(scope, receive, send)

    return run


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    """Take the port now, so that a port in use is said before anything is started."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Who asks before the server is up waits for it. Until somebody listens, the port is not taken from others who reuse addresses.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise UserError(
            f"cannot serve on {host}:{port}: {error.strerror}; choose another port with --port, or stop what uses it"
        ) from error
    return listener
