"""Questions to the one process of several that answers them, over NATS; whoever asks waits for the answer."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import nats.errors
from nats.aio.client import Client as Nats
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from jeonju.broker.nats_nodes import NatsNodes
from jeonju.common.errors import UnavailableError

# Longer than the store and the robots' broker take to be written to.
ANSWERED_WITHIN_S: Final = 5.0


class Requests:
    """Safe from any thread."""

    def __init__(self, nodes: NatsNodes, subject: str) -> None:
        self._nodes, self._subject = nodes, subject

    def ask(self, question: bytes) -> bytes:
        """Return the answer. Raises UnavailableError where nobody answers, or not in time: then it may have been done."""

        async def ask(client: Nats) -> bytes | None:
            try:
                return (await client.request(self._subject, question, timeout=ANSWERED_WITHIN_S)).data
            except nats.errors.NoRespondersError:
                return None

        answer = self._nodes.run(ask, within_s=ANSWERED_WITHIN_S + 1)
        if answer is None:
            raise UnavailableError("no api responds for this site at the moment; try again in some seconds")
        return answer

    @contextmanager
    def answered(self, answer: Callable[[bytes], bytes]) -> Iterator[None]:
        """Answer them as long as the context lasts, in threads; `answer` raises nothing."""

        ending = threading.Event()

        async def reply(message: Msg) -> None:
            if not ending.is_set():
                await message.respond(await asyncio.to_thread(answer, message.data))

        async def begin(client: Nats) -> Subscription:
            return await client.subscribe(self._subject, cb=reply)

        async def end(_client: Nats) -> None:
            await subscription.unsubscribe()

        subscription = self._nodes.run(begin)
        try:
            yield
        finally:
            # Without the nodes it stays, and answers nothing.
            ending.set()
            with suppress(UnavailableError):
                self._nodes.run(end)
