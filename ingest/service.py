"""The ingest service: takes messages from the broker, commits them, and only then acknowledges them."""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import paho.mqtt.client as mqtt
import pyarrow as pa
import pyarrow.compute as pc
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential

from jeonju.common.clock import utc_now
from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract import topics
from jeonju.contract.records import DeviceRecord, LedgerEntry, ServiceStatistics, is_mere_name
from jeonju.contract.site import Site
from jeonju.ingest.figures import tell_figures
from jeonju.ingest.pipeline import Message, Pipeline
from jeonju.ingest.sessions import Session, Sessions
from jeonju.ingest.upkeep import give_way, keep_up
from jeonju.storage.port import Commit, Store

log = logging.getLogger(__name__)

# Of the shared subscriptions, of the figures, and of the client id, to which `--client-id-file` adds a secret.
NAME: Final = "jeonju-ingest"
# Messages are gathered this long before a commit, unless there are many: a commit costs milliseconds, whatever its size.
GATHER_S: Final = 0.05
MOST_IN_A_COMMIT: Final = 5000
# Batches may hold many readings: a commit takes no more than this in bytes of messages.
LARGEST_COMMIT_BYTES: Final = 4 * 1024 * 1024
# More than the brokers of ours deliver unacknowledged; beyond it the network thread waits, and so does the sender.
MOST_WAITING: Final = 20_000
MOST_WAITING_BYTES: Final = 64 * 1024 * 1024
FULL_PAUSE_S: Final = 0.01
ROWS_PER_FEED_MESSAGE: Final = 2000
CONNECT_WITHIN_S: Final = 30.0
LONGEST_PAUSE_S: Final = 10.0


class _Arrived(NamedTuple):
    message: Message
    session: Session
    connection: int
    mid: int


@dataclass
class Stats:
    """Counts since the start, and the state now."""

    messages: int = 0
    readings: int = 0
    rejected: int = 0
    turned_away: int = 0
    devices: int = 0
    commits: int = 0
    upkeep_failures: int = 0
    last_commit_at: datetime | None = None
    lag_s: float | None = None
    waiting: int = 0
    connected: bool = False
    store_available: bool = True
    trouble: str | None = None
    refusal: str | None = None
    refused: int = 0

    @property
    def trouble_now(self) -> str | None:
        """Why nothing is stored at the moment, or not all of it; None when all is well."""
        if not self.connected:
            return "the broker is away"
        if not self.store_available:
            return self.trouble or "the store is away"
        return self.refusal


class Ingest:
    """Runs in four threads: the network's (one for each session), the worker's, one for the store's upkeep and one for figures.

    As a context manager it is subscribed when entered.

    `member` names one of several processes that split the messages between them, by MQTT 5's shared subscriptions. Each sees only a part, so
    members keep no loss ledger.
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
    ) -> None:
        """`client_id` names the session: the services' own have a secret in it (broker/identity.py)."""
        self._client_id = client_id
        self._site = site
        self._store = store
        self._broker_url = broker_url
        self._now = now
        self._member = member
        self._pipeline = Pipeline(site)
        self._arrived: queue.SimpleQueue[_Arrived] = queue.SimpleQueue()
        # Counted by one thread alone, as what came over each session is, so that neither needs a lock.
        self._bytes_out = 0
        self._stopping = threading.Event()
        self._stats = Stats()
        self.failure: Exception | None = None
        self._sessions = self._make_sessions()
        self._worker = threading.Thread(target=self._supervised, args=(self._work,), name="ingest", daemon=True)
        self._keeper = threading.Thread(target=self._supervised, args=(self._keep_up,), name="upkeep", daemon=True)
        self._teller = threading.Thread(target=self._supervised, args=(self._tell,), name="figures", daemon=True)

    def start(self) -> None:
        """Connect, subscribe and begin to work.

        Raises UnavailableError when no broker answers, UserError when it refuses.
        """
        if self._member is not None and any(one.format == "sparkplug_b" for one in self._site.gateways):
            raise UserError(
                "Sparkplug B needs every message of an edge node in one place; run ingest for it without --member"
            )
        self._resume()
        self._sessions.begin()
        self._worker.start()
        self._keeper.start()
        self._teller.start()
        is_settled = self._sessions.settled.wait(CONNECT_WITHIN_S)
        if not is_settled or self.failure or self._sessions.refusal:
            self.stop()
            where = self._sessions.first.address
            raise self.failure or UserError(
                self._sessions.refusal or f"the broker at {where!r} does not answer the subscription"
            )
        if self._member is None:
            self._sessions.tidy()

    def stop(self) -> None:
        """Commit and acknowledge what has arrived, then leave; the broker keeps the session for the next start."""
        self._stopping.set()
        for thread in (self._worker, self._keeper, self._teller):
            if thread.is_alive():
                thread.join()
        self._sessions.end()

    def stats(self) -> Stats:
        """Return the counts as they are now."""
        self._stats.waiting = self._arrived.qsize()
        self._stats.connected = self._sessions.connected
        self._stats.refusal = self._sessions.refusal
        self._stats.refused = self._sessions.refused
        return self._stats

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _make_sessions(self) -> Sessions:
        own = [f"{topics.ROOT}/+/+/{kind}" for kind in ("readings", "status", "adopt")]
        wanted = [*own, *(gateway.topic for gateway in self._site.gateways)]
        options: dict[str, Any]
        if self._member is None:
            name, options = self._client_id, {"clean_session": False}
        else:
            name, options = f"{self._client_id}-{self._member}", {"protocol": mqtt.MQTTv5}
            wanted = [f"$share/{NAME}/{topic}" for topic in wanted]
        return Sessions(
            self._broker_url,
            name,
            list(dict.fromkeys(wanted)),
            on_message=self._on_message,
            on_refused=self._give_up,
            options=options,
            connect_with=self._session,
            replaces=NAME if self._member is None and self._client_id != NAME else None,
        )

    def _session(self) -> dict[str, Any]:
        """Return how MQTT 5 is told to keep the session for the next start."""
        if self._member is None:
            return {}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0xFFFF_FFFF
        return {"clean_start": False, "properties": properties}

    def _give_up(self, failure: UserError) -> None:
        self.failure = failure
        self._sessions.settled.set()

    def _on_message(self, session: Session, message: mqtt.MQTTMessage) -> None:
        # A queue with a bound of its own takes ten times as long for a message.
        while self._is_full() and not self._stopping.wait(FULL_PAUSE_S):
            pass
        session.bytes_in += len(message.payload)
        self._arrived.put(
            _Arrived(
                Message(message.topic, bytes(message.payload), self._now()),
                session,
                session.connection,
                message.mid if message.qos else 0,
            )
        )

    def _is_full(self) -> bool:
        return self._arrived.qsize() >= MOST_WAITING or self._sessions.bytes_in - self._bytes_out >= MOST_WAITING_BYTES

    def _supervised(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            # The one supervisor: a fault of ours must be seen, and nothing may be acknowledged after it.
            log.exception("%s has stopped; what the broker holds is not lost", threading.current_thread().name)
            self.failure = error

    def _keep_up(self) -> None:
        give_way()
        keep_up(self._store, self._now, self._stopping, self._note_upkeep_failure)

    def _note_upkeep_failure(self) -> None:
        self._stats.upkeep_failures += 1

    def _resume(self) -> None:
        """Begin with what the store knows: at the start, and after a fault of ours that broke off in the middle of a commit."""
        self._pipeline = Pipeline(self._site)
        ledger = self._store.ledger(self._site.name)
        self._pipeline.ledger.resume(ledger)
        self._pipeline.resume(self._spoken(self._store.devices(self._site.name), ledger))

    def _spoken(self, devices: list[DeviceRecord], ledger: list[LedgerEntry]) -> list[DeviceRecord]:
        """Leave out names that were made up in messages which were then rejected: such a device has no reading, and nothing else is known of it."""
        heard = {entry.device for entry in ledger if entry.received}
        doubtful = {one.device for one in devices if is_mere_name(one) and one.device not in heard}
        if doubtful:
            # Members of several keep no ledger.
            doubtful.difference_update(self._store.latest(self._site.name)["device"].unique().to_pylist())
        return [one for one in devices if one.device not in doubtful]

    def _tell(self) -> None:
        tell_figures(self._store, self._figures, self._stopping)

    def _figures(self) -> ServiceStatistics:
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

    def _work(self) -> None:
        going = True
        while going and not (self._stopping.is_set() and self._arrived.empty()):
            if arrived := self._gather():
                going = self._take(arrived)

    def _take(self, arrived: list[_Arrived]) -> bool:
        """Commit, then acknowledge; False when the service stops before. The one message that makes us fail is found by halving."""
        messages = [one.message for one in arrived]
        try:
            commit = self._pipeline.commit(messages)
            written = self._write(commit)
        except Exception as error:
            log.exception("a fault in a commit of %d messages", len(messages))
            if not self._patiently(self._resume):
                return False
            if len(arrived) > 1:
                middle = len(arrived) // 2
                return self._take(arrived[:middle]) and self._take(arrived[middle:])
            commit = self._pipeline.refuse(messages[0], f"made ingest fail: {type(error).__name__}: {error}")
            written = self._write(commit)
        if written:
            self._acknowledge(arrived)
            for topic, payload in self._pipeline.answers():
                self._sessions.first.publish(topic, payload, qos=0)
            self._feed(commit.readings)
            self._count(commit, len(arrived))
        return written

    def _gather(self) -> list[_Arrived]:
        """Wait for a message, then gather what comes within a moment of its arrival."""
        try:
            gathered = [self._arrived.get(timeout=0.5)]
        except queue.Empty:
            return []
        # One sleep for all that comes: to be woken by each costs more than to decode it.
        if self._arrived.qsize() < MOST_IN_A_COMMIT:
            age_s = (self._now() - gathered[0].message.received_at).total_seconds()
            self._stopping.wait(min(max(GATHER_S - age_s, 0.0), GATHER_S))
        size = len(gathered[0].message.payload)
        while len(gathered) < MOST_IN_A_COMMIT and size < LARGEST_COMMIT_BYTES:
            try:
                gathered.append(self._arrived.get_nowait())
                size += len(gathered[-1].message.payload)
            except queue.Empty:
                break
        self._bytes_out += size
        return gathered

    def _write(self, commit: Commit) -> bool:
        """Write a commit, and account for what the store found too old before any of it is acknowledged."""
        refused: dict[tuple[str, str], int] = {}

        def write(one: Commit) -> None:
            refused.update(self._store.write(one if self._member is None else replace(one, ledger=())))

        written = self._patiently(write, commit)
        if not written or not refused:
            return written
        for (site, device), count in refused.items():
            self._pipeline.ledger.reject(site, device, count)
        self._stats.rejected += sum(refused.values())
        return self._patiently(write, Commit(ledger=self._pipeline.ledger.changes()))

    def _patiently(self, call: Callable[..., None], *arguments: Any) -> bool:
        """Call until the store answers; False when the service stops before."""
        retrying = Retrying(
            retry=retry_if_exception_type(UnavailableError),
            wait=wait_exponential(multiplier=0.2, max=LONGEST_PAUSE_S),
            sleep=self._pause,
            stop=lambda _state: self._stopping.is_set(),
            after=self._note_failure,
            reraise=True,
        )
        try:
            retrying(call, *arguments)
        except UnavailableError:
            log.warning("stopping before the store took the last messages; the broker keeps them for the next start")
            return False
        if not self._stats.store_available:
            log.info("the store is back")
            self._stats.store_available = True
            self._stats.trouble = None
        return True

    def _pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def _note_failure(self, state: RetryCallState) -> None:
        if self._stats.store_available:
            self._stats.store_available = False
            self._stats.trouble = str(state.outcome.exception()) if state.outcome else None
            log.warning("%s; it is tried again, nothing is acknowledged meanwhile", self._stats.trouble)

    def _acknowledge(self, arrived: list[_Arrived]) -> None:
        self._sessions.acknowledge((one.session, one.connection, one.mid) for one in arrived)

    def _feed(self, table: pa.Table) -> None:
        """Tell everyone what has just been committed, by site."""
        for site in table["site"].unique().to_pylist():
            rows = table.filter(pc.equal(table["site"], site))
            for start in range(0, rows.num_rows, ROWS_PER_FEED_MESSAGE):
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, rows.schema) as writer:
                    writer.write_table(rows.slice(start, ROWS_PER_FEED_MESSAGE))
                self._sessions.first.publish(topics.committed(site), sink.getvalue().to_pybytes(), qos=0)

    def _count(self, commit: Commit, messages: int) -> None:
        self._stats.messages += messages
        self._stats.readings += commit.readings.num_rows
        self._stats.rejected += len(commit.dead_letters)
        self._stats.commits += 1
        self._stats.devices = self._pipeline.devices
        self._say_what_was_turned_away()
        self._stats.last_commit_at = now = self._now()
        if commit.readings.num_rows:
            self._stats.lag_s = (now - pc.max(commit.readings["time"]).as_py()).total_seconds()

    def _say_what_was_turned_away(self) -> None:
        turned_away, self._pipeline.turned_away = self._pipeline.turned_away, 0
        if turned_away and not self._stats.turned_away:
            log.warning(
                "there is no room for new devices of a message (%d are known): it is among the dead letters, with the reason; "
                "what follows is counted only (jeonju_ingest_messages_turned_away_total)",
                self._pipeline.devices,
            )
        self._stats.turned_away += turned_away
