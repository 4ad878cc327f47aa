"""The ingest service: sessions at the broker, the committer, the store's maintenance and the statistics, each in threads of its own."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from jeonju.common.clock import utc_now
from jeonju.common.errors import UserError
from jeonju.contract.records import ServiceStatistics
from jeonju.contract.site import Site
from jeonju.ingest.committer import Committer, Outputs
from jeonju.ingest.feed import Feed
from jeonju.ingest.inbox import Arrived, Inbox
from jeonju.ingest.last_messages import LastMessage
from jeonju.ingest.maintenance import give_way, maintain
from jeonju.ingest.sessions import Sessions
from jeonju.ingest.statistics import write_statistics
from jeonju.ingest.stats import Stats
from jeonju.ingest.wanted import CONNECT_WITHIN_S, NAME, Wanted, refuse_unsettled
from jeonju.storage.port import Store

log = logging.getLogger(__name__)

# The store is asked this often for dead letters that people want replayed.
REPLAY_EVERY_S: Final = 1.0
# And this often for corrections that people have agreed to, which begin a minute later.
CORRECTIONS_EVERY_S: Final = 10.0


class Ingest:
    """Runs in four threads: the network's (one for each session), the committer's, one for the store's maintenance and one for statistics.

    As a context manager it is subscribed when entered.

    `member` names one of several processes that split the messages between them, by MQTT 5's shared subscriptions. Each sees only a part, so
    members keep no loss ledger.

    `only_site` receives what the devices of its site send, and nothing of other sites, which others look after; then `maintains` says whether
    this one rolls up and forgets in the store that they share.
    """

    def __init__(
        self,
        site: Site,
        store: Store,
        broker_url: str,
        *,
        now: Callable[[], datetime] = utc_now,
        member: str | None = None,
        client_id: str = NAME,
        remembers: Path | None = None,
        only_site: bool = False,
        maintains: bool = True,
    ) -> None:
        """`client_id` names the session: the services' own have a secret in it (broker/identity.py).

        `remembers` is the file that says what the session has subscribed.
        """
        self._wanted = Wanted(site, client_id, member, remembers, only_site)
        self._site = site
        self._store = store
        self._broker_url = broker_url
        self._now = now
        self._member = member
        # The session of earlier versions is for one who receives everything.
        self._shares = only_site or member is not None
        self._stopping = threading.Event()
        self._stats = Stats()
        self.failure: Exception | None = None
        self._inbox = Inbox(lambda: self._sessions.bytes_in, now, self._stopping)
        self._sessions = self._make_sessions()
        self._committer = Committer(
            site,
            store,
            self._stats,
            Outputs(self._acknowledge, self._publish, Feed(self._publish).send),
            now=now,
            stopping=self._stopping,
            keeps_ledger=member is None,
            may_replay=self._wanted.covers if only_site else lambda _topic: True,
        )
        self._threads = [
            threading.Thread(target=self._supervised, args=(work,), name=name, daemon=True)
            for name, work in (
                ("ingest", self._commit),
                ("maintenance", self._maintain),
                ("statistics", self._write_statistics),
            )
            if maintains or name != "maintenance"
        ]

    def start(self) -> None:
        """Connect, subscribe and begin to work.

        Raises UnavailableError when no broker answers, UserError when it refuses.
        """
        if self._member is not None and any(gateway.format == "sparkplug_b" for gateway in self._site.gateways):
            raise UserError(
                "Sparkplug B needs every message of an edge node in one place; run ingest for it without --member"
            )
        self._committer.restore()
        self._sessions.begin()
        for thread in self._threads:
            thread.start()
        is_settled = self._sessions.settled.wait(CONNECT_WITHIN_S)
        if not is_settled or self.failure or self._sessions.refusal:
            self.stop()
            if self.failure is not None:
                raise self.failure
            refuse_unsettled(self._sessions, is_settled=is_settled)
        # To look for old sessions makes them anew: too much for a cluster, at which ingest of a site may begin anywhere at any time.
        if not self._wanted.only_site:
            self._sessions.tidy()
        elif self._wanted.remembers is not None:
            self._sessions.tidy(only_remembered=True)

    def leave(self) -> None:
        """Leave the broker before `stop`: another one has the session now. What has arrived is committed, and comes to that one again."""
        self._sessions.end()

    def stop(self) -> None:
        """Commit and acknowledge what has arrived, then leave; the broker keeps the session for the next start."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._sessions.end()

    def notices(self) -> list[str]:
        """Return lines for people on what was lost at the broker."""
        return self._sessions.notices()

    def last_messages(self, device: str) -> list[LastMessage]:
        """Return the last messages of a device as they came, the newest first."""
        return self._committer.last_messages(device)

    def stats(self) -> Stats:
        """Return the counts as they are now."""
        self._stats.waiting = len(self._inbox)
        self._stats.connected = self._sessions.connected
        self._stats.refusal = self._sessions.refusal
        self._stats.refused = self._sessions.refused
        self._stats.subscribed = self._sessions.subscribed
        self._stats.sessions_forgotten = self._sessions.forgotten
        self._stats.left_out = self._sessions.left_out
        return self._stats

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _make_sessions(self) -> Sessions:
        return Sessions(
            self._broker_url,
            self._wanted.name,
            self._wanted.subscriptions(),
            on_message=self._inbox.put,
            on_refused=self._give_up,
            options=self._wanted.options,
            connect_with=self._wanted.connect_with,
            replaces=NAME if not self._shares and self._wanted.client_id != NAME else None,
            share=self._wanted.share,
            yields=not self._wanted.only_site or self._wanted.remembers is not None,
        )

    def _give_up(self, failure: UserError) -> None:
        self.failure = failure
        self._sessions.settled.set()

    def _supervised(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            # The one supervisor: a fault of ours must be seen, and nothing may be acknowledged after it.
            log.exception("%s has stopped; what the broker holds is not lost", threading.current_thread().name)
            self.failure = error

    def _commit(self) -> None:
        going, looked_s = True, time.monotonic()
        corrections_s = looked_s
        while going and not (self._stopping.is_set() and not self._inbox):
            if time.monotonic() - corrections_s >= CORRECTIONS_EVERY_S:
                self._committer.take_corrections()
                corrections_s = time.monotonic()
            if arrived := self._inbox.gather():
                going = self._committer.commit(arrived)
            if going and not self._stopping.is_set() and time.monotonic() - looked_s >= REPLAY_EVERY_S:
                going = self._committer.replay()
                looked_s = time.monotonic()

    def _maintain(self) -> None:
        give_way()
        maintain(self._store, self._now, self._stopping, self._count_maintenance_failure)

    def _count_maintenance_failure(self) -> None:
        self._stats.maintenance_failures += 1

    def _write_statistics(self) -> None:
        write_statistics(self._store, self._statistics, self._stopping)

    def _statistics(self) -> ServiceStatistics:
        stats = self.stats()
        return ServiceStatistics(
            self._site.name,
            NAME.removeprefix("jeonju-") + (f"-{self._member}" if self._member else ""),
            self._now(),
            stats.messages,
            stats.readings,
            stats.rejected,
            stats.commits,
            stats.waiting,
            stats.lag_s,
            int(stats.connected),
            int(stats.store_available),
        )

    def _acknowledge(self, arrived: Iterable[Arrived]) -> None:
        self._sessions.acknowledge((each.session, each.connection, each.mid) for each in arrived)

    def _publish(self, topic: str, payload: bytes) -> None:
        self._sessions.first.publish(topic, payload, qos=0)
