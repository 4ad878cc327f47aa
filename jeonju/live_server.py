"""Serve an ASGI application from a thread of this process."""

import socket
import threading
from types import TracebackType
from typing import Any, Self

import uvicorn

from airquality.errors import UserError


class LiveServer:
    """A uvicorn server in a thread; as a context manager it is up when entered and has finished its requests when left."""

    def __init__(self, app: Any, *, host: str, port: int) -> None:
        self._socket = _listen(host, port)
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=3)
        self._server = uvicorn.Server(config)
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


def _listen(host: str, port: int) -> socket.socket:
    """Take the port now, so that a port in use is said before anything is started."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise UserError(
            f"cannot serve on {host}:{port}: {error.strerror}; choose another port with --port, or stop what uses it"
        ) from error
    return listener
