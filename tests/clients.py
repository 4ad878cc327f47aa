"""Clients of the api: in the same process, as a browser or script on this machine is one, and over a socket, as an attacker is one."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.testclient import TestClient

from jeonju.api.access.keys import KeyFile, Role
from jeonju.contract.site import Site
from jeonju.stack.http_server import HttpSettings, LiveServer
from jeonju.stack.services import api_app
from jeonju.storage.port import Store

WITHIN_S = 60.0


def local_client(app: FastAPI, **options: Any) -> TestClient:
    """Return a client that asks from this machine, under a name of this machine: without keys nobody else is served."""
    return TestClient(app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50_000), **options)


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Wire(NamedTuple):
    """A real server, asked over connections of our own."""

    app: FastAPI
    port: int

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Return the answer to one request; `_` in the names of headers stands for `-`."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=WITHIN_S)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            content = body if body is None or isinstance(body, bytes) else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"} | named)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def open(self, request: str, receive_bytes: int | None = None) -> socket.socket:
        """Return a socket on which a request was sent, as it stands there."""
        client = socket.socket()
        client.settimeout(WITHIN_S)
        if receive_bytes is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.connect(("127.0.0.1", self.port))
        client.sendall(request.replace("\n", "\r\n").encode())
        return client


def until_closed(client: socket.socket) -> bytes:
    """Return all that still comes until the other side ends the connection."""
    parts = []
    try:
        while part := client.recv(65_536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


@contextmanager
def served(app: FastAPI, *, keys: Path = Path("/nonexistent"), **settings: Any) -> Iterator[Wire]:
    """Serve an application, on a free port unless one is given."""
    with LiveServer(
        app, HttpSettings(**{"port": 0, "keys": keys, **settings}), before_shutdown=app.state.air.stream.close
    ) as server:
        yield Wire(app, int(server.url.rpartition(":")[2]))


@contextmanager
def served_with_key(jeonju: Site, store: Store, folder: Path, **settings: object) -> Iterator[tuple[Wire, str]]:
    """Serve with a key, and return it."""
    path = folder / "keys.json"
    key = KeyFile(path).add("kim", Role.ADMIN, datetime.now(UTC))
    app = api_app(jeonju, store, "mqtt://127.0.0.1:1", keys=path, names=settings.get("names", ()))  # type: ignore[arg-type]
    with served(app, keys=path, **settings) as wire:
        yield wire, key
