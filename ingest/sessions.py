"""As many sessions at the broker as a site's subscriptions need.

NATS bounds the messages that one session may hold unacknowledged (65 535) and gives each subscription its share of them
(`max_ack_pending`): it refuses the subscriptions for which nothing is left. What one session is refused the next one asks for. So every
broker says by itself how many sessions there are, a single one at Mosquitto; and a subscription stays in the session that has it, with
all that waits for it there, whatever is added to the site file later.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import paho.mqtt.client as mqtt

from jeonju.broker.client import Client
from jeonju.common.errors import UserError
from jeonju.ingest.handover import Handover
from jeonju.ingest.receiver import Receiver

log = logging.getLogger(__name__)

# Far more than any site needs: a broker that grants and refuses at random must not fill this machine with threads.
MOST_SESSIONS: Final = 200
ASK_AGAIN_AFTER_S: Final = 30.0
LOOK_EVERY_S: Final = 0.2
CLEAR_WITHIN_S: Final = 10.0


class Session(Receiver):
    """One connection that the broker remembers. `connection` counts how often it was made, `bytes_in` what came over it.

    `deliver` is called for each message; it is no callback of paho's, which cost a lock or two more functions for each.
    """

    deliver: Callable[["Session", mqtt.MQTTMessage], None]
    connection = 0
    bytes_in = 0
    # Messages of QoS 1 that came over this connection: counted by the network's thread, and by the worker's.
    messages_in = 0
    acknowledged = 0

    def _handle_on_message(self, message: mqtt.MQTTMessage) -> None:
        self.deliver(self, message)


class Sessions:
    """All connections of one ingest.

    `settled` is set when every subscription is granted, or the broker will not: `failure` says then why it refuses us altogether, `refusal`
    names what it refuses.
    """

    def __init__(
        self,
        broker_url: str,
        client_id: str,
        filters: Sequence[str],
        *,
        on_message: Callable[[Session, mqtt.MQTTMessage], None],
        on_refused: Callable[[UserError], None],
        options: dict[str, Any],
        connect_with: Callable[[], dict[str, Any]],
        replaces: str | None = None,
    ) -> None:
        """`replaces` is a client id under which an earlier version had its session; what waits there is received, then it is cleared."""
        self._broker_url = broker_url
        self._client_id = client_id
        self._on_message = on_message
        self._on_refused = on_refused
        self._options = options
        self._connect_with = connect_with
        self._stopping = threading.Event()
        self._changing = threading.Lock()
        self._timer: threading.Timer | None = None
        self._replaces = replaces
        self._deliver = on_message
        self._former: list[Session] = []
        self._tidier = threading.Thread(target=self._tidy, name="sessions", daemon=True)
        self.settled = threading.Event()
        self.all: list[Session] = []
        self._add([(topic, 1) for topic in filters])

    @property
    def first(self) -> Session:
        """The one that also publishes."""
        return self.all[0]

    @property
    def failure(self) -> UserError | None:
        """Why the broker refuses one of them for good."""
        return next((session.failure for session in self.all if session.failure), None)

    @property
    def refusal(self) -> str | None:
        """One line on the subscriptions that no session was granted."""
        return self.all[-1].refusal

    @property
    def refused(self) -> int:
        """How many those are."""
        return len(self.all[-1].refused)

    @property
    def connected(self) -> bool:
        """Whether everything that is subscribed can arrive."""
        return all(session.is_connected() for session in self.all)

    @property
    def bytes_in(self) -> int:
        """How much has arrived over all of them."""
        if len(self.all) == 1 and not self._former:
            return self.all[0].bytes_in
        return sum(session.bytes_in for session in (*self.all, *self._former))

    def begin(self) -> None:
        """Connect. Raises UnavailableError when no broker answers, UserError when it refuses."""
        self.first.begin(**self._connect_with())

    def tidy(self) -> None:
        """Begin to empty and clear sessions of earlier starts that are no longer used."""
        self._tidier.start()

    def end(self) -> None:
        """Leave; the broker keeps the sessions."""
        with self._changing:
            self._stopping.set()
            if self._timer:
                self._timer.cancel()
        if self._tidier.is_alive():
            self._tidier.join()
        for session in self.all:
            session.end()

    def acknowledge(self, arrived: Iterable[tuple[Session, int, int]]) -> None:
        """Acknowledge messages by session, connection and number, unless they came over a connection that is gone."""
        numbers: dict[Session, list[int]] = {}
        for session, connection, mid in arrived:
            if mid and connection == session.connection:
                numbers.setdefault(session, []).append(mid)
        for session, mids in numbers.items():
            session.acknowledge(mids)
            session.acknowledged += len(mids)

    def _tidy(self) -> None:
        """Receive what waits in sessions that nobody uses: of an earlier version, and beyond those that are needed now."""
        used = len(self.all)
        chains = [(self._client_id, used + 1), *([(self._replaces, 1)] if self._replaces else [])]
        for name, first in chains:
            number = first
            while self._give_up(_numbered(name, number)):
                number += 1

    def _give_up(self, client_id: str) -> bool:
        """Return whether there was a session, which is empty and cleared now."""
        ready = threading.Event()
        old = Session(
            self._broker_url,
            client_id,
            on_ready=ready.set,
            on_refused=lambda _why: ready.set(),
            manual_ack=True,
            **self._options,
        )
        handover = Handover()
        old.on_lost = lambda: self._lost(old)

        def deliver(_session: Session, message: mqtt.MQTTMessage) -> None:
            handover.over_the_old_one(message.topic, bytes(message.payload))
            old.messages_in += message.qos > 0
            self._on_message(old, message)

        old.deliver = deliver
        self._former.append(old)
        self._compare_with(handover)
        old.begin(patiently=True, **self._connect_with())
        try:
            while not ready.is_set() and not self._stopping.wait(LOOK_EVERY_S):
                pass
            if old.had_session:
                log.warning(
                    "an unused session is at the broker; what waits in it is received first, then it is cleared"
                )
            while old.had_session and not (handover.is_empty and old.acknowledged >= old.messages_in):
                if self._stopping.wait(LOOK_EVERY_S) or old.failure or handover.is_overdue:
                    return False
            if self._stopping.is_set() or old.failure:
                return False
        finally:
            self._compare_with(None)
            old.end()
        if not old.had_session:
            self._former.remove(old)
        self._clear(client_id)
        return old.had_session

    def _clear(self, client_id: str) -> None:
        cleared = threading.Event()
        client = Client(
            self._broker_url, client_id, on_ready=cleared.set, on_refused=lambda _why: cleared.set(), clean_session=True
        )
        client.begin(patiently=True)
        cleared.wait(CLEAR_WITHIN_S)
        client.end()

    def _add(self, filters: Sequence[tuple[str, int]]) -> Session:
        number = len(self.all) + 1
        session = Session(
            self._broker_url,
            _numbered(self._client_id, number),
            filters=filters,
            on_ready=lambda: log.info("connected to the broker"),
            on_refused=self._on_refused,
            on_subscribed=lambda: self._granted(number),
            manual_ack=True,
            **self._options,
        )
        session.on_lost = lambda: self._lost(session)
        session.deliver = self._deliver
        self.all.append(session)
        return session

    def _compare_with(self, handover: Handover | None) -> None:
        """Let a handover see what comes over the sessions in use; None ends that, so that it costs nothing otherwise."""

        def deliver(session: Session, message: mqtt.MQTTMessage) -> None:
            if handover is not None:
                handover.over_a_used_one(message.topic, bytes(message.payload))
            self._on_message(session, message)

        with self._changing:
            self._deliver = self._on_message if handover is None else deliver
            for session in self.all:
                session.deliver = self._deliver

    def _granted(self, number: int) -> None:
        """Let the next session ask for what this one was refused."""
        with self._changing:
            if self._stopping.is_set():
                return
            session = self.all[number - 1]
            refused = [(topic, qos) for topic, qos in session.filters if topic in session.refused]
            following = self.all[number] if number < len(self.all) else None
            if following is not None:
                # It may be connected or not: either way it asks for these from now on.
                following.filters = refused
                if following.is_connected():
                    following.subscribe_again()
            elif not refused:
                self.settled.set()
            elif (session.had_session or len(refused) < len(session.filters)) and number < MOST_SESSIONS:
                # A session of an earlier start may be full of subscriptions that the site's file names no more. Only one that is new tells.
                self._add(refused).begin(patiently=True, **self._connect_with())
            else:
                self._refused(session)

    def _refused(self, session: Session) -> None:
        if not self.settled.is_set():
            self.settled.set()
            return
        # The start ends with this line; later everything else goes on.
        session.log_refused()
        self._timer = threading.Timer(ASK_AGAIN_AFTER_S, session.subscribe_again)
        self._timer.daemon = True
        self._timer.start()

    def _lost(self, session: Session) -> None:
        # What was delivered over the old connection comes again; its numbers must not be acknowledged over the new one.
        session.connection += 1
        session.messages_in = session.acknowledged = 0
        if session in self.all and not self._stopping.is_set():
            log.warning("lost the broker; it is tried again")


def _numbered(client_id: str, number: int) -> str:
    return client_id if number == 1 else f"{client_id}-{number}"
