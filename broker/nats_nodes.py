"""A client of the nodes of NATS, where MQTT does not do: leases, and questions that one of several processes answers."""

import asyncio
import logging
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import Any, Final, TypeVar

import nats.errors
import nats.js.errors
from nats.aio.client import Client as Nats

from jeonju.broker.address import NATS_PORTS, parse_broker_url
from jeonju.broker.tls import context_of
from jeonju.common.errors import UnavailableError

log = logging.getLogger(__name__)
# It writes a stack for each attempt at a node that is away; what that means is said by those who ask.
logging.getLogger("nats").setLevel(logging.CRITICAL)

ANSWER_WITHIN_S: Final = 2
AGAIN_AFTER_S: Final = 1
Result = TypeVar("Result")


class NatsNodes:
    """One connection, to any of the nodes, in a thread of its own."""

    def __init__(self, url: str) -> None:
        """Raises UserError for what is no address of NATS."""
        self._address = parse_broker_url(url, ports=NATS_PORTS)
        self._tls: ssl.SSLContext | None = context_of(self._address) if self._address.tls else None
        self._client = Nats()

    def __repr__(self) -> str:
        """Say where they are, and no secret."""
        return repr(self._address)

    def start(self, prepare: Callable[[Nats], Awaitable[None]]) -> None:
        """Begin to look for the nodes; `prepare` is called once one answers, again until it does not fail."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nats", daemon=True)
        self._thread.start()
        self._connecting = asyncio.run_coroutine_threadsafe(self._connect(prepare), self._loop)

    def stop(self) -> None:
        """Leave them."""
        self._connecting.cancel()
        with suppress(Exception):
            asyncio.run_coroutine_threadsafe(self._client.close(), self._loop).result(ANSWER_WITHIN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(
        self, call: Callable[[Nats], Coroutine[Any, Any, Result]], *, within_s: float = float(ANSWER_WITHIN_S)
    ) -> Result:
        """Return what a call of the client returns. Raises UnavailableError while no node answers."""

        async def run() -> Result:
            if not self._client.is_connected:
                raise UnavailableError(f"no node of NATS answers at {self!r}; the leases of sites are there")
            try:
                return await asyncio.wait_for(call(self._client), within_s)
            except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
                raise UnavailableError(f"the nodes of NATS at {self!r} do not agree now: {error!r}") from error

        try:
            return asyncio.run_coroutine_threadsafe(run(), self._loop).result(2 * within_s)
        except (FutureTimeoutError, RuntimeError) as error:
            raise UnavailableError("the leases of sites were left") from error

    async def _connect(self, prepare: Callable[[Nats], Awaitable[None]]) -> None:
        scheme = "tls" if self._address.tls else "nats"
        hosts = [(f"[{host}]" if ":" in host else host, port) for host, port in self._address.nodes]
        while True:
            try:
                if not self._client.is_connected:
                    await self._client.connect(
                        servers=[f"{scheme}://{host}:{port}" for host, port in hosts],
                        user=self._address.username,
                        password=self._address.password,
                        tls=self._tls,
                        max_reconnect_attempts=-1,
                        reconnect_time_wait=AGAIN_AFTER_S,
                        connect_timeout=ANSWER_WITHIN_S,
                    )
                await prepare(self._client)
            except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError) as error:
                log.info("leases: %r", error)
                await asyncio.sleep(AGAIN_AFTER_S)
            else:
                return
