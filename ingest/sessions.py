"""As many sessions at the broker as a site's subscriptions need.

NATS bounds the messages that one session may hold unacknowledged (65 535) and gives each subscription its share of them
(`max_ack_pending`): it refuses the subscriptions for which nothing is left. What one session is refused the next one asks for. So every
broker says by itself how many sessions there are, a single one at Mosquitto; and a subscription stays in the session that has it, with
all that waits for it there, whatever is added to the site file later.

Filters that overlap are in different groups (`subscriptions.py`); each group has such a chain of sessions.

Longer than other files: opening, refusing and giving up sessions are one state machine under one lock.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from jeonju.broker.client import Client
from jeonju.common.errors import UserError
from jeonju.ingest.handover import Handover
from jeonju.ingest.receiver import Published
from jeonju.ingest.session import Session
from jeonju.ingest.subscriptions import Owners, Subscriptions

log = logging.getLogger(__name__)

# Far more than any site needs: a broker that grants and refuses at random must not fill this machine with threads.
MOST_SESSIONS: Final = 200
ASK_AGAIN_AFTER_S: Final = 30.0
LOOK_EVERY_S: Final = 0.2
CLEAR_WITHIN_S: Final = 10.0


class Chain(NamedTuple):
    """Sessions of the past: the name of their first, which of them is the first that is not in use, and over which group they count."""

    name: str
    first: int = 1
    group: int | None = None
    owners: Owners | None = None
    filters: Sequence[str] = ()


class Sessions:
    """All connections of one ingest.

    `settled` is set when every subscription is granted, or the broker will not: `failure` says then why it refuses us altogether, `refusal`
    names what it refuses.
    """

    def __init__(
        self,
        broker_url: str,
        client_id: str,
        subscriptions: Subscriptions,
        *,
        on_message: Callable[[Session, Published], None],
        on_refused: Callable[[UserError], None],
        options: dict[str, Any],
        connect_with: Callable[[], dict[str, Any]],
        replaces: str | None = None,
        share: str = "",
        receives: bool = True,
        yields: bool = True,
    ) -> None:
        """`replaces` is a client id under which an earlier version had its session; what waits there is received, then it is cleared.

        `share` stands before each filter that several processes share. Without `receives` the sessions are only made: what comes is
        neither taken nor acknowledged, so that it comes again. Without `yields` it is not given up when another one takes the session: who may
        have it is decided elsewhere, by a lease.
        """
        self._broker_url = broker_url
        self._client_id = client_id
        self._subscriptions = subscriptions
        self._share = share
        self._receives = receives
        self._yields = yields
        self._on_message = on_message
        self._on_refused = on_refused
        self._options = options
        self._connect_with = connect_with
        self._stopping = threading.Event()
        self._changing = threading.Lock()
        self._timer: threading.Timer | None = None
        self._replaces = replaces
        self._former: list[Session] = []
        self._owners = Owners(subscriptions.now.groups)
        # From the first message on where there may be old sessions: the copies of what comes now come over those.
        self._handover = Handover(pairs=not share) if replaces or subscriptions.former else None
        self._tidier = threading.Thread(target=self._tidy, name="sessions", daemon=True)
        self.settled = threading.Event()
        self.forgotten = 0
        self.all: list[Session] = []
        self._chains: list[list[Session]] = [[] for _ in subscriptions.now.groups]
        self._open = set(range(len(self._chains)))
        for group, filters in enumerate(subscriptions.now.groups):
            self._add(group, [(f"{share}{topic}", 1) for topic in filters])
        self.first.was_there = receives and subscriptions.were_made
        self._choose_delivery()

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
        return next((chain[-1].refusal for chain in self._chains if chain[-1].refused), None)

    @property
    def refused(self) -> int:
        """How many those are."""
        return sum(len(chain[-1].refused) for chain in self._chains)

    @property
    def connected(self) -> bool:
        """Whether everything that is subscribed can arrive."""
        return all(session.is_connected() for session in self.all)

    @property
    def subscribed(self) -> bool:
        """Whether the broker has answered to the subscriptions of all since they were connected."""
        return all(session.is_subscribed for session in self.all)

    @property
    def bytes_in(self) -> int:
        """How much has arrived over all of them."""
        if len(self.all) == 1 and not self._former:
            return self.all[0].bytes_in
        return sum(session.bytes_in for session in (*self.all, *self._former))

    @property
    def left_out(self) -> int:
        """How many messages came once more than they were sent, and were left out."""
        return sum(session.left_out for session in (*self.all, *self._former))

    def notices(self) -> list[str]:
        """Return a line for people where the broker has forgotten a session."""
        if not self.forgotten:
            return []
        return [
            (
                f"the broker at {self.first.address!r} has forgotten the session of ingest, which was made anew: what devices sent meanwhile is "
                "lost, though the broker has acknowledged it; devices that keep their readings can send them again"
            )
        ]

    def begin(self) -> None:
        """Connect. Raises UnavailableError when no broker answers, UserError when it refuses."""
        for chain in self._chains:
            chain[0].begin(**self._connect_with())

    def tidy(self, *, only_remembered: bool = False) -> None:
        """Begin to empty and clear sessions of earlier starts that are no longer used; `only_remembered` asks the broker for no others."""
        self._subscriptions.remember()
        if self._subscriptions.former or not only_remembered:
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
        """Receive what waits in sessions that nobody uses: of an earlier version or site file, and beyond those that are needed now."""
        with self._changing:
            self._handover = self._handover or Handover(pairs=not self._share)
            self._handover.begin()
            self._choose_delivery()
        old = [session for chain in self._old_chains() for session in self._sessions_of(chain)]
        if old:
            log.warning("an unused session is at the broker; what waits in it is received first, then it is cleared")
        left = [session for session in old if not self._give_up(session)]
        if not left and not self._stopping.is_set():
            self._subscriptions.former.clear()
            self._subscriptions.remember()
        with self._changing:
            self._handover = None
            self._choose_delivery()

    def _old_chains(self) -> Iterable[Chain]:
        now = self._subscriptions.now
        for group, chain in enumerate(self._chains):
            yield Chain(now.session_name(self._client_id, group), len(chain) + 1)
        yield Chain(now.session_name(self._client_id, len(self._chains)))
        for generation in self._subscriptions.former:
            owners = Owners(generation.groups)
            for group, filters in enumerate(generation.groups):
                name = generation.session_name(self._client_id, group)
                yield Chain(name, 1, group, owners, filters)
        if self._replaces:
            yield Chain(self._replaces)

    def _sessions_of(self, chain: Chain) -> list[Session]:
        """Return the sessions of a chain that are at the broker, connected; the one after the last is cleared, as asking for it made it."""
        found: list[Session] = []
        while not self._stopping.is_set() and not self.failure:
            session = self._reopen(_numbered(chain.name, chain.first + len(found)), chain)
            if not session.had_session:
                session.end()
                if not self._stopping.is_set() and not session.failure:
                    self._clear(session)
                break
            self._former.append(session)
            found.append(session)
        return found

    def _reopen(self, client_id: str, chain: Chain) -> Session:
        """Return a connection to a session of the past, once the broker has answered."""
        ready, handover = threading.Event(), self._handover
        assert handover is not None  # noqa: S101
        session = Session(
            self._broker_url,
            client_id,
            on_ready=ready.set,
            on_refused=lambda _why: ready.set(),
            manual_ack=True,
            **self._options,
        )
        if self._share:
            # Others share these subscriptions, so what comes now goes to them; such a broker keeps what waits here.
            filters = chain.filters or [
                topic_filter for group in self._subscriptions.now.groups for topic_filter in group
            ]
            session.unwanted = [f"{self._share}{topic_filter}" for topic_filter in filters]
        session.on_lost = lambda: self._lost(session)

        def deliver(session: Session, message: Published) -> None:
            session.messages_in += message.qos > 0
            is_ours = chain.owners is None or (
                chain.owners.group_of(message.topic) == chain.group and self._owners.group_of(message.topic) is not None
            )
            if is_ours and handover.over_the_old_one(message.topic, bytes(message.payload)):
                self._on_message(session, message)
            else:
                session.leave_out(message)

        session.deliver = deliver
        session.begin(patiently=True, **self._connect_with())
        while not ready.is_set() and not self._stopping.wait(LOOK_EVERY_S):
            pass
        return session

    def _give_up(self, session: Session) -> bool:
        """Return whether a session of the past is empty and cleared now."""
        handover = self._handover
        assert handover is not None  # noqa: S101
        try:
            while not (
                handover.is_empty and session.acknowledged + session.acknowledged_at_once >= session.messages_in
            ):
                if self._stopping.wait(LOOK_EVERY_S) or session.failure or handover.is_overdue:
                    return False
        finally:
            session.end()
        self._clear(session)
        return True

    def _clear(self, session: Session) -> None:
        cleared = threading.Event()
        client = Client(
            self._broker_url,
            session.name,
            on_ready=cleared.set,
            on_refused=lambda _why: cleared.set(),
            clean_session=True,
        )
        client.begin(patiently=True)
        cleared.wait(CLEAR_WITHIN_S)
        client.end()

    def _add(self, group: int, filters: Sequence[tuple[str, int]]) -> Session:
        chain = self._chains[group]
        number = len(chain) + 1
        session = Session(
            self._broker_url,
            _numbered(self._subscriptions.now.session_name(self._client_id, group), number),
            filters=filters,
            on_ready=lambda: self._back(group, number),
            on_refused=self._on_refused,
            on_subscribed=lambda: self._granted(group, number),
            manual_ack=True,
            **self._options,
        )
        session.unwanted = [f"{self._share}{topic_filter}" for topic_filter in self._subscriptions.gone]
        session.on_lost = lambda: self._lost(session)
        session.yields = self._yields
        session.deliver = self._on_message
        chain.append(session)
        self.all.append(session)
        return session

    def _choose_delivery(self) -> None:
        """Let what arrives go the shortest way to the inbox that the groups, and a handover, allow."""
        for group, chain in enumerate(self._chains):
            for session in chain:
                session.deliver = self._delivery(group)

    def _delivery(self, group: int) -> Callable[[Session, Published], None]:
        owners, handover, take = self._owners, self._handover, self._on_message
        if not self._receives:
            return _let_it_wait
        # What waits for a filter that the site file names no more is for nobody.
        takes_all = not self._subscriptions.gone
        if len(self._chains) == 1 and handover is None and takes_all:
            return take

        def deliver(session: Session, message: Published) -> None:
            owner = owners.group_of(message.topic)
            is_ours = takes_all if owner is None else owner == group
            if is_ours and (handover is None or handover.over_a_used_one(message.topic, bytes(message.payload))):
                take(session, message)
            else:
                session.leave_out(message)

        return deliver

    def _back(self, group: int, number: int) -> None:
        log.info("connected to the broker")
        session = self._chains[group][number - 1]
        if session.was_forgotten():
            self.forgotten += 1
            log.error("%s", self.notices()[0])

    def _granted(self, group: int, number: int) -> None:
        """Let the next session of a chain ask for what this one was refused."""
        with self._changing:
            if self._stopping.is_set():
                return
            chain = self._chains[group]
            session = chain[number - 1]
            refused = [(topic, qos) for topic, qos in session.filters if topic in session.refused]
            following = chain[number] if number < len(chain) else None
            if following is not None:
                # It may be connected or not: either way it asks for these from now on.
                following.filters = refused
                if following.is_connected():
                    following.subscribe_again()
            elif not refused:
                self._settle(group)
            elif (session.had_session or len(refused) < len(session.filters)) and number < MOST_SESSIONS:
                # A session of an earlier start may be full of subscriptions that the site's file names no more. Only one that is new tells.
                added = self._add(group, refused)
                added.deliver = self._delivery(group)
                added.begin(patiently=True, **self._connect_with())
            else:
                self._refused(session)

    def _settle(self, group: int) -> None:
        self._open.discard(group)
        self._owners.refuse(self._refused_filters())
        if not self._open:
            self.settled.set()

    def _refused(self, session: Session) -> None:
        if not self.settled.is_set():
            self.settled.set()
            return
        # The start ends with this line; later everything else goes on.
        self._owners.refuse(self._refused_filters())
        session.log_refused()
        self._timer = threading.Timer(ASK_AGAIN_AFTER_S, session.subscribe_again)
        self._timer.daemon = True
        self._timer.start()

    def _refused_filters(self) -> frozenset[str]:
        return frozenset(
            topic_filter.removeprefix(self._share) for chain in self._chains for topic_filter in chain[-1].refused
        )

    def _lost(self, session: Session) -> None:
        # What was delivered over the old connection comes again; its numbers must not be acknowledged over the new one.
        session.forget_connection()
        if session in self.all and not self._stopping.is_set():
            log.warning("lost the broker; it is tried again")


def _let_it_wait(_session: Session, _message: Published) -> None:
    pass


def _numbered(client_id: str, number: int) -> str:
    return client_id if number == 1 else f"{client_id}-{number}"
