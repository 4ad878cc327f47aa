"""Brings official values onto the broker: asks a source, publishes its answer, and waits for the next hour."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from jeonju.broker.client import Client
from jeonju.broker.identity import passing_id
from jeonju.common.errors import JeonjuError, UnavailableError, UserError
from jeonju.ingest.daily_calls import UsedUpError
from jeonju.ingest.data_portal import Answer

log = logging.getLogger(__name__)

LEAST: Final = timedelta(minutes=10)
ATTEMPTS: Final = 3
FIRST_PAUSE_S: Final = 5.0
ACKNOWLEDGED_WITHIN_S: Final = 30.0


class _StoppedError(Exception):
    """The command is to end."""


class Source(Protocol):
    """What is asked every hour; `after_the_hour` is when the values of an hour are there, counted from its stamp."""

    @property
    def topic(self) -> str:
        """Where its answers are published."""
        ...

    @property
    def after_the_hour(self) -> timedelta:
        """How long after a full hour to ask."""
        ...

    def ask(self) -> Answer:
        """Ask once. Raises UserError for what a person must change, UnavailableError for what may pass."""
        ...


def next_time(now: datetime, every: timedelta, newest: datetime | None, after_the_hour: timedelta) -> datetime:
    """Return when to ask again: some minutes after a full interval, sooner where the values of this hour were not there yet."""
    since = now - after_the_hour - datetime(1970, 1, 1, tzinfo=UTC)
    regular = now - since % every + every
    is_behind = newest is None or newest <= now - after_the_hour - timedelta(hours=1)
    return min(regular, now + LEAST) if is_behind else regular


def carry(
    source: Source,
    broker_url: str,
    *,
    every: timedelta,
    once: bool,
    now: Callable[[], datetime],
    over: Callable[[float], bool],
    on_answer: Callable[[Answer], None] = lambda _answer: None,
) -> None:
    """Ask and publish until `over`, which waits and tells whether to end, says so; or `once`.

    Raises UserError where it never worked, and every error for `once`; anything else is logged and tried again.
    """
    if every < LEAST:
        raise UserError(
            f"--every must be {LEAST.total_seconds() / 60:g}m or more: the values are hourly, and calls are counted"
        )
    has_worked = False

    def pause(seconds: float) -> None:
        if over(seconds):
            raise _StoppedError

    patiently = Retrying(
        retry=retry_if_exception(
            lambda error: isinstance(error, UnavailableError) and not isinstance(error, UsedUpError)
        ),
        wait=wait_exponential(multiplier=FIRST_PAUSE_S, max=300),
        stop=stop_after_attempt(ATTEMPTS),
        sleep=pause,
        before_sleep=_say,
        reraise=True,
    )
    with suppress(_StoppedError):
        while True:
            newest = None
            try:
                answer: Answer = patiently(source.ask)
                patiently(publish, broker_url, source.topic, answer.payload)
                newest, has_worked = answer.newest, True
                on_answer(answer)
            except JeonjuError as error:
                if once or (isinstance(error, UserError) and not has_worked):
                    raise
                newest = now() if isinstance(error, UsedUpError) else None
                log.warning("%s", error)
            if once:
                return
            pause((next_time(now(), every, newest, source.after_the_hour) - now()).total_seconds())


def publish(broker_url: str, topic: str, payload: bytes) -> None:
    """Publish one message at QoS 1 and wait for its acknowledgement.

    Raises UnavailableError without one, UserError when the broker refuses.
    """
    client = Client(broker_url, passing_id("jeonju-official"))
    client.begin()
    try:
        message = client.publish(topic, payload, qos=1)
        end = time.monotonic() + ACKNOWLEDGED_WITHIN_S
        while not message.is_published() and not client.failure and time.monotonic() < end:
            message.wait_for_publish(0.2)
    finally:
        client.end()
    if not message.is_published():
        raise client.failure or UnavailableError(f"the broker at {client.address!r} does not take {topic}: no answer")


def _say(state: RetryCallState) -> None:
    log.warning("%s; it is tried again", state.outcome.exception() if state.outcome else "it failed")
