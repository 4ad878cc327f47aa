"""Serve an ASGI application from a thread of this process."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import uvicorn

from jeonju.api.access.keys import KeyFile
from jeonju.common.errors import UserError

BACKLOG: Final = 2048


@dataclass(frozen=True, kw_only=True)
class HttpSettings:
    """Where the api listens, which keys it takes, and its certificate if it speaks HTTPS."""

    host: str = "127.0.0.1"
    port: int = 8000
    keys: Path = Path("data/keys.json")
    certificate: Path | None = None
    private_key: Path | None = None

    def check(self) -> None:
        """Raise UserError for what would be unsafe or cannot work, before anything is started."""
        if not _is_loopback(self.host) and not KeyFile(self.keys).exists:
            raise UserError(
                f"--host {self.host} lets others in, and there is no key in {self.keys}; make one first: jeonju key add NAME --role admin"
            )
        if (self.certificate is None) != (self.private_key is None):
            raise UserError("HTTPS needs both --tls-cert and --tls-key")
        if self.certificate is not None and self.private_key is not None:
            try:
                ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(self.certificate, self.private_key)
            except (OSError, ssl.SSLError) as error:
                raise UserError(
                    f"{self.certificate} and {self.private_key} cannot be used for HTTPS: {error.strerror or error}"
                ) from error


class LiveServer:
    """A uvicorn server in a thread; as a context manager it is up when entered and has finished its requests when left."""

    def __init__(self, app: Any, settings: HttpSettings, *, before_shutdown: Callable[[], None] = lambda: None) -> None:
        """Take the port. `before_shutdown` is called on the server's loop, to end answers that would last for ever."""
        settings.check()
        self._socket = _listen(settings.host, settings.port)
        scheme = "http" if settings.certificate is None else "https"
        self.url = f"{scheme}://{settings.host}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
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


class _Server(uvicorn.Server):
    """Uvicorn waits for open answers before it tells the application to end them, and cancels them with an error in the log."""

    def __init__(self, config: uvicorn.Config, before_shutdown: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_shutdown = before_shutdown

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._before_shutdown()
        await super().shutdown(sockets)


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
