"""What a service without an API of its own shows to supervisors: `/metrics`, `/healthz`, `/readyz`."""

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Final, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from jeonju.common.errors import UserError

# Answers why something is not well, None when it is.
Check = Callable[[], str | None]
# Lines for people on what goes wrong with single parts.
Notices = Callable[[], list[str]]
LOOPBACK: Final = "127.0.0.1"


class HealthServer:
    """A small server in a thread, up while the context lasts."""

    def __init__(
        self, address: str, collector: Collector, *, alive: Check, ready: Check, notices: Notices = list
    ) -> None:
        """`notices` are shown below what `ready` says, and change nothing about it."""
        host, port = _parse(address)
        registry = CollectorRegistry()
        registry.register(collector)
        self._metrics = make_wsgi_app(registry)
        self._checks = {"/healthz": alive, "/readyz": ready}
        self._notices = notices
        try:
            self._server: WSGIServer = make_server(host, port, self._answer, handler_class=_Quiet)
        except OSError as error:
            raise UserError(f"cannot serve --metrics on {address}: {error.strerror}; choose another port") from error
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            page: Iterable[bytes] = self._metrics(environ, start_response)
            return page
        if path not in self._checks:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"there are /metrics, /healthz and /readyz\n"]
        trouble = self._checks[path]()
        status = "200 OK" if trouble is None else "503 Service Unavailable"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        notices = self._notices() if path == "/readyz" else []
        return ["\n".join([trouble or "well", *notices, ""]).encode()]


def health_server(
    address: str | None, collector: Collector, *, alive: Check, ready: Check, notices: Notices = list
) -> AbstractContextManager[HealthServer | None]:
    """Return the server that `--metrics` asked for, or nothing."""
    if address is None:
        return nullcontext()
    return HealthServer(address, collector, alive=alive, ready=ready, notices=notices)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing: a scrape every few seconds is no news."""


def _parse(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdigit() or not int(port) <= 65535:
        raise UserError(f"--metrics {address!r} is no address; give PORT or HOST:PORT, such as 9101 or 0.0.0.0:9101")
    return host.strip("[]") or LOOPBACK, int(port)
