"""Whether a device that connects now can publish, and a reader hears it: tried every few seconds, as a connection says little.

NATS whose disk was full once takes connections and acknowledges nothing, also when there is room again.
"""

import logging
import secrets
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Self

from jeonju.broker.client import Client
from jeonju.broker.identity import passing_id
from jeonju.common.errors import JeonjuError

log = logging.getLogger(__name__)

NAME: Final = "jeonju-heartbeat"
EVERY_S: Final = 10.0
WITHIN_S: Final = 5.0
_ADVICE: Final = "/readyz cannot tell whether devices are heard; bring the rights of accounts up to date: `jeonju device setup`, `jeonju setup`"


class NotAllowedError(Exception):
    """This account may not use the topic, unless it could before."""


def try_broker(broker_url: str, topic: str, within_s: float = WITHIN_S) -> str | None:
    """Connect, subscribe, publish and wait for the message; return in one line what did not work, None where all did.

    Raises NotAllowedError where the subscription is refused, or may be: Mosquitto 2.0 grants all, acknowledges all, and delivers nothing.
    """
    sent, came, settled = secrets.token_bytes(16), threading.Event(), threading.Event()
    acknowledged = threading.Event()

    def send() -> None:
        if client.refused:
            settled.set()
        else:
            client.publish(topic, sent, qos=1)

    def hear(_client: Any, _data: Any, message: Any) -> None:
        if message.payload == sent:
            came.set()
            settled.set()

    client = Client(
        broker_url,
        passing_id(NAME),
        filters=[(topic, 1)],
        on_subscribed=send,
        on_refused=lambda _why: settled.set(),
        reconnect_on_failure=False,
    )
    client.on_message = hear
    client.on_publish = lambda *_: acknowledged.set()
    try:
        client.begin()
        settled.wait(within_s)
    except JeonjuError as error:
        return str(error)
    finally:
        client.end()
    if client.refused:
        raise NotAllowedError(client.refusal)
    if acknowledged.is_set() and not came.is_set():
        raise NotAllowedError(f"the broker at {client.address!r} delivers nothing of what it acknowledges on {topic}")
    if came.is_set():
        return None
    if client.failure is not None:
        return str(client.failure)
    return f"the broker at {client.address!r} takes no messages; see whether its disk is full, or stands still"


class Heartbeat:
    """Tries a broker again and again in a thread, while the context lasts. `trouble` is what did not work the last time.

    `on_trouble` is called after each attempt that failed, with how many failed one after the other.
    """

    def __init__(
        self,
        broker_url: str,
        topic: str,
        *,
        on_trouble: Callable[[int], object] = lambda _times: None,
        every_s: float = EVERY_S,
        within_s: float = WITHIN_S,
    ) -> None:
        self.trouble: str | None = None
        self._attempt: Callable[[], str | None] = partial(try_broker, broker_url, topic, within_s)
        self._topic = topic
        self._on_trouble = on_trouble
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        times, has_worked, is_said = 0, False, False
        while not self._stopping.wait(self._every_s):
            trouble: str | None
            try:
                trouble = self._attempt()
                has_worked = has_worked or trouble is None
            except NotAllowedError as error:
                if not has_worked:
                    if not is_said:
                        log.warning("%s; %s", error, _ADVICE)
                    is_said = True
                    continue
                trouble = str(error)
            times = self._note(trouble, times)

    def _note(self, trouble: str | None, times: int) -> int:
        """Record the result of an attempt, log it when it changed, and return the number of consecutive failures."""
        before, self.trouble = self.trouble, trouble
        if trouble is None:
            if before is not None:
                log.warning("the broker takes messages again")
            return 0
        if before is None:
            log.error("%s", trouble)
        self._on_trouble(times + 1)
        return times + 1
