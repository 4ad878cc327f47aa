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

from airquality.errors import UserError
from ingest.receiver import Receiver

log = logging.getLogger(__name__)

# Far more than any site needs: a broker that grants and refuses at random must not fill this machine with threads.
MOST_SESSIONS: Final = 200
ASK_AGAIN_AFTER_S: Final = 30.0


class Session(Receiver):
    """One connection that the broker remembers. `connection` counts how often it was made, `bytes_in` what came over it."""

    connection = 0
    bytes_in = 0


class Sessions:
    """All connections of one ingest.

    `settled` is set when every subscription is granted, or the broker will not: `failure` says then why it does not take us at all, `refusal`
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
    ) -> None:
        self._broker_url = broker_url
        self._client_id = client_id
        self._on_message = on_message
        self._on_refused = on_refused
        self._options = options
        self._connect_with = connect_with
        self._stopping = threading.Event()
        self._changing = threading.Lock()
        self._timer: threading.Timer | None = None
        self.settled = threading.Event()
        self.all: list[Session] = []
        self._add([(one, 1) for one in filters])

    @property
    def first(self) -> Session:
        """The one that also publishes."""
        return self.all[0]

    @property
    def failure(self) -> UserError | None:
        """Why the broker will never take one of them."""
        return next((one.failure for one in self.all if one.failure), None)

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
        return all(one.is_connected() for one in self.all)

    @property
    def bytes_in(self) -> int:
        """How much has arrived over all of them."""
        return self.all[0].bytes_in if len(self.all) == 1 else sum(one.bytes_in for one in self.all)

    def begin(self) -> None:
        """Connect. Raises UnavailableError when no broker answers, UserError when it refuses."""
        self.first.begin(**self._connect_with())

    def end(self) -> None:
        """Leave; the broker keeps the sessions."""
        with self._changing:
            self._stopping.set()
            if self._timer:
                self._timer.cancel()
        for one in self.all:
            one.end()

    def acknowledge(self, arrived: Iterable[tuple[Session, int, int]]) -> None:
        """Acknowledge messages by session, connection and number, unless they came over a connection that is gone."""
        numbers: dict[Session, list[int]] = {}
        for session, connection, mid in arrived:
            if mid and connection == session.connection:
                numbers.setdefault(session, []).append(mid)
        for session, mids in numbers.items():
            session.acknowledge(mids)

    def _add(self, filters: Sequence[tuple[str, int]]) -> Session:
        number = len(self.all) + 1
        name = self._client_id if number == 1 else f"{self._client_id}-{number}"
        session = Session(
            self._broker_url, name, filters=filters,
            on_ready=lambda: log.info("connected to the broker"), on_refused=self._on_refused, on_subscribed=lambda: self._granted(number),
            manual_ack=True, **self._options,
        )  # fmt: skip
        session.on_disconnect = lambda *_: self._lost(session)
        session.on_message = lambda _client, _data, message: self._on_message(session, message)
        self.all.append(session)
        return session

    def _granted(self, number: int) -> None:
        """Let the next session ask for what this one was refused."""
        with self._changing:
            if self._stopping.is_set():
                return
            session = self.all[number - 1]
            refused = [one for one in session.filters if one[0] in session.refused]
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
        session.tell_refused()
        self._timer = threading.Timer(ASK_AGAIN_AFTER_S, session.subscribe_again)
        self._timer.daemon = True
        self._timer.start()

    def _lost(self, session: Session) -> None:
        # What was delivered over the old connection comes again; its numbers must not be acknowledged over the new one.
        session.connection += 1
        if not self._stopping.is_set():
            log.warning("lost the broker; it is tried again")
