"""The one way in which every part of the project becomes a client of a broker.

A broker that is away is tried again for ever. One that refuses the login, or that shows a certificate which is not trusted, is not: only a person
can change that.
"""

import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import cycle
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from jeonju.broker.address import CERTIFICATE, PASSWORD_FILE, USER, BrokerUrl, parse_broker_url
from jeonju.broker.identity import shown
from jeonju.broker.polling import wait_with_poll
from jeonju.broker.tls import context_of, lasting_reason
from jeonju.common.errors import UnavailableError, UserError
from jeonju.common.waiting import wait_until_available

log = logging.getLogger(__name__)
wait_with_poll()

KEEPALIVE_S: Final = 30
LONGEST_PAUSE_S: Final = 10
# Of refused subscriptions in one line.
MOST_NAMED: Final = 5
# Two clients with one id throw each other out: each comes back a second later. A broker of MQTT 3.1.1 gives no reason, and one that is killed and
# started again at once looks the same: fewer ends than this within half a minute are its restarts.
TAKEN_OVER_TIMES: Final = 5
TAKEN_OVER_WITHIN_S: Final = 30.0
# Who never had the session for so long is the one that came later.
HELD_S: Final = 10.0
LOOKS_FOR_S: Final = 2.0
# A node of a cluster also refuses subscriptions while the nodes choose a leader; then the next one is asked, this often.
REFUSED_TIMES: Final = 10
# Which client of this process has said that the broker at an address is away, until it answers.
_said_away: Final[dict[str, int]] = {}
_BROKE_OFF: Final = 128
_SESSION_TAKEN_OVER: Final = 142
# Reason codes of MQTT 5 (section 3.2.2.2) that will be the same tomorrow; those of 3.1.1 are turned into these.
_UNSUPPORTED_VERSION: Final = 132
_INVALID_CLIENT_ID: Final = 133
_LASTING: Final = frozenset((_UNSUPPORTED_VERSION, _INVALID_CLIENT_ID, 134, 135, 138, 140))


class Client(mqtt.Client):
    """Paho's client with address, login, TLS and patience.

    `on_ready` is called by the network thread whenever the broker has taken it, `on_refused` once, when it never will; `failure` keeps why.

    `filters` with their QoS are subscribed at every connection, and the answer is read: `refused` holds those that the broker did not grant, with
    the reason. They are logged, unless `on_subscribed` takes care of them. `unwanted` are unsubscribed before: a session keeps what it once had.

    `on_lost` is called whenever a connection has ended. One that another client with the same id ends again and again is said to be that, and
    whoever came later gives up.
    """

    yields = True

    def __init__(
        self,
        broker_url: str,
        client_id: str,
        *,
        on_ready: Callable[[], object] = lambda: None,
        on_refused: Callable[[UserError], object] = lambda _failure: None,
        filters: Sequence[tuple[str, int]] = (),
        on_subscribed: Callable[[], object] | None = None,
        on_lost: Callable[[], object] = lambda: None,
        **options: Any,
    ) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=client_id, **options)
        self.address = parse_broker_url(broker_url)
        self.failure: UserError | None = None
        self._on_ready = on_ready
        self._on_refused = on_refused
        self.on_lost = on_lost
        self._on_subscribed = on_subscribed or self.log_refused
        self.filters = filters
        self.unwanted: Sequence[str] = ()
        self.refused: dict[str, str] = {}
        self.had_session = False
        # Whether the broker has answered to the filters since this connection was made.
        self.is_subscribed = False
        # Of several nodes each attempt is made at the next one.
        self._turns = cycle(self.address.nodes)
        self._asked: dict[int, list[str]] = {}
        self._asking = threading.Lock()
        self._ending = threading.Event()
        self._taken_at = self._held_s = 0.0
        self._ended: list[float] = []
        self._last_try = False
        self._refusals = 0
        self._goes_on_elsewhere = False
        self._is_away = False
        if self.address.username is not None:
            self.username_pw_set(self.address.username, self.address.password)
        if self.address.tls:
            self.tls_set_context(context_of(self.address))
        self.reconnect_delay_set(min_delay=1, max_delay=LONGEST_PAUSE_S)
        self.on_connect = self._answered
        self.on_disconnect = self._left
        self.on_subscribe = self._subscribed
        self.on_log = self._heard

    def begin(self, *, patiently: bool = False, **session: Any) -> None:
        """Connect and start the network thread; `patiently` leaves also the first attempt to the thread.

        Raises UnavailableError when no broker answers, UserError when its certificate is not trusted.
        """
        self._ended.clear()
        self._ending.clear()
        self.connect_async(self.address.host, self.address.port, KEEPALIVE_S, **session)
        if not patiently:
            self._connect_to_any()
        self.loop_start()

    def _connect_to_any(self) -> None:
        nodes = len(self.address.nodes)
        for left in reversed(range(nodes)):
            try:
                self.reconnect()
            except OSError as error:
                if self.failure is not None or not left:
                    raise self.failure or _away(self.address, error) from error
            else:
                return

    def end(self) -> None:
        """Say goodbye and stop the network thread."""
        self._ending.set()
        self.disconnect()
        self.loop_stop()
        if _said_away.get(repr(self.address)) == id(self):
            # Another client may have reached the broker meanwhile.
            _said_away.pop(repr(self.address), None)
        # Paho leaves the pair of sockets that wakes its thread to the garbage collector.
        self._reset_sockets(sockpair_only=True)

    @property
    def name(self) -> str:
        """The client id; of services with a session it is secret."""
        return self._client_id.decode()

    @property
    def refusal(self) -> str | None:
        """One line on the subscriptions that the broker refuses, None where there are none."""
        if not self.refused:
            return None
        reason, number = next(iter(self.refused.values())), len(self.refused)
        named = ", ".join(map(repr, list(self.refused)[:MOST_NAMED]))
        more = f" and {number - MOST_NAMED} more" if number > MOST_NAMED else ""
        return (
            f"the broker at {self.address!r} refuses the subscription{'s' if number > 1 else ''} to {named}{more} ({reason}): nothing sent there "
            "is received; give this account the right to read it, or see the log and the limits of the broker"
        )

    def log_refused(self) -> None:
        """Log the refused subscriptions, if any."""
        if (refusal := self.refusal) is not None:
            log.error("%s", refusal)

    def subscribe_again(self) -> None:
        """Ask for all of `filters`, as at every connection; to ask for what is there already changes nothing."""
        if not self.filters:
            return
        is_new = self._protocol == mqtt.MQTTv5
        wanted: Any = [(topic, SubscribeOptions(qos=qos) if is_new else qos) for topic, qos in self.filters]
        asked = [topic for topic, _ in self.filters]
        # Held until the number of the request is known: its answer is read by the network thread, and may come before.
        with self._asking:
            _, mid = self.subscribe(wanted)
            if mid is not None:
                self._asked[mid] = asked

    def _subscribed(
        self, _client: mqtt.Client, _data: object, mid: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        with self._asking:
            asked = self._asked.pop(mid, None)
        if asked is not None:
            answers = zip(asked, reasons, strict=False)
            self.refused = {topic: str(reason) for topic, reason in answers if reason.is_failure}
            self._refusals = self._refusals + 1 if self.refused else 0
            if self.address.others and 0 < self._refusals < REFUSED_TIMES:
                self._go_on_elsewhere()
                return
            self.is_subscribed = True
            self._on_subscribed()

    def _go_on_elsewhere(self) -> None:
        """End this connection, so that the next one is made to the next node."""
        self._goes_on_elsewhere = True
        connection: Any = self.socket()
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _reconnect_wait(self) -> None:
        # Paho sleeps through the pause before the next attempt, whoever wants to end meanwhile.
        with self._reconnect_delay_mutex:
            before = self._reconnect_delay
            self._reconnect_delay = 1 if before is None else min(2 * before, LONGEST_PAUSE_S)
        self._ending.wait(self._reconnect_delay)

    def reconnect(self) -> MQTTErrorCode:
        """Connect once more; a failure that lasts ends the attempts."""
        self._host, self._port = next(self._turns)
        try:
            return super().reconnect()
        except OSError as error:
            if (why := lasting_reason(error)) is not None:
                self._refuse(f"{self.address!r} {why}")
            elif not self._is_away:
                # What ended the connections was the end of the broker.
                self._is_away = True
                self._ended.clear()
                # Once, not for each of the many clients of a process.
                if _said_away.setdefault(repr(self.address), id(self)) == id(self):
                    log.warning("%s; it is tried again", _away(self.address, error))
            raise

    def _answered(
        self, _client: mqtt.Client, _data: object, flags: mqtt.ConnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        if not reason.is_failure:
            self._is_away = False
            _said_away.pop(repr(self.address), None)
            self._taken_at = time.monotonic()
            self.had_session = flags.session_present
            self._asked.clear()
            self.is_subscribed = not self.filters
            if self.unwanted and self.had_session:
                self.unsubscribe(list(self.unwanted))
            self.subscribe_again()
            self._on_ready()
        elif reason.value in _LASTING:
            who = f"user {self.address.username!r}" if self.address.username else "a client without user"
            advice = {
                _UNSUPPORTED_VERSION: "",
                _INVALID_CLIENT_ID: f"; its client id has {len(self._client_id)} characters",
            }
            login = (
                f"; {who} needs the right {USER} and {PASSWORD_FILE}, or mqtts://user:password@host, or {CERTIFICATE}"
            )
            self._refuse(f"{self.address!r} refuses: {reason}{advice.get(reason.value, login)}")
        else:
            log.warning("the broker at %r refuses for now: %s; it is tried again", self.address, reason)

    def _left(
        self, _client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        now = time.monotonic()
        if self._goes_on_elsewhere:
            self._goes_on_elsewhere = False
        elif self._taken_at:
            self._held_s = max(self._held_s, now - self._taken_at)
            # A broker that has ended listens no more.
            if reason.value == _SESSION_TAKEN_OVER or (self.yields and reason.value == _BROKE_OFF and self._is_there()):
                self._ended = [at for at in self._ended if now - at < TAKEN_OVER_WITHIN_S] + [now]
        self._taken_at = 0.0
        self.is_subscribed = False
        if self.yields and self._ended and (self._last_try or len(self._ended) >= TAKEN_OVER_TIMES):
            self._shares_its_id()
        self.on_lost()

    def _is_there(self) -> bool:
        try:
            socket.create_connection((self._host, self._port), timeout=LOOKS_FOR_S).close()
        except OSError:
            return False
        return True

    def _shares_its_id(self) -> None:
        self._ended.clear()
        why = (
            f"{self.address!r} ends the connection again and again: another client uses the client id {shown(self.name)!r}; "
            "stop the other one, or give this one an id of its own (ingest: --client-id-file)"
        )
        if self._held_s >= HELD_S:
            log.warning("the broker at %s; it is tried again", why)
        elif self._last_try:
            self._refuse(why)
        else:
            # Of two that came at the same time, the one that comes back first finds the other one and gives up.
            log.warning("the broker at %s; it is tried once more", why)
            self._last_try = True
            self.reconnect_delay_set(min_delay=random.randint(1, LONGEST_PAUSE_S), max_delay=LONGEST_PAUSE_S)  # noqa: S311

    def _heard(self, _client: mqtt.Client, _data: object, _level: object, text: str) -> None:
        # TLS 1.3 refuses a certificate only after the handshake; only paho's log has what then came instead of an answer.
        if "_ALERT_" in text and self.failure is None:
            what = text.partition("_ALERT_")[2].partition("]")[0].replace("_", " ").lower()
            self._refuse(f"{self.address!r} refuses: {what}; see the certificate in {CERTIFICATE}")

    def _refuse(self, why: str) -> None:
        self.failure = UserError(f"the broker at {why}")
        self.disconnect()
        self._on_refused(self.failure)


def wait_for_broker(broker_url: str, wait: Callable[[float], bool]) -> bool:
    """Return True as soon as something listens at the address, False when `wait`, which waits and returns whether to give up, says so before."""
    address = parse_broker_url(broker_url)
    turns = cycle(address.nodes)

    def connect() -> bool:
        try:
            socket.create_connection(next(turns), timeout=KEEPALIVE_S).close()
        except OSError as error:
            raise _away(address, error) from error
        return True

    return wait_until_available(connect, wait) is not None


def _away(address: BrokerUrl, error: OSError) -> UnavailableError:
    return UnavailableError(f"no broker answers at {address!r}: {error}; start it, or name another with --broker")
