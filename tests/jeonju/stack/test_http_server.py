"""The web server while it starts."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import HTTPConnection

import anyio
import pytest
from fastapi import FastAPI

from jeonju.common.errors import UserError
from jeonju.stack.http_server import HttpSettings, LiveServer


def test_early_client_waits_for_the_server_and_no_other_process_gets_its_port() -> None:
    may_go_on = threading.Event()

    @asynccontextmanager
    async def slowly(_app: FastAPI) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(may_go_on.wait)
        yield

    with LiveServer(FastAPI(lifespan=slowly), HttpSettings(port=0)) as server:
        try:
            port = int(server.url.rpartition(":")[2])
            client = HTTPConnection("127.0.0.1", port, timeout=60)
            client.request("GET", "/docs")
            with pytest.raises(UserError, match=f"cannot serve on 127.0.0.1:{port}: Address already in use"):
                LiveServer(FastAPI(), HttpSettings(port=port))
        finally:
            may_go_on.set()
        assert client.getresponse().status == 200
        client.close()
