"""Who holds what: leases in NATS' key-value store, each of which ends by itself when it is not renewed.

A lease is a key that only one can make. Its revision is the fencing token: whoever renews must name the last one, so that of two who both think that
they hold a lease one is told that he does not. All of it is decided by most of the nodes.
"""

import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

import nats.js.errors
from nats.aio.client import Client as Nats
from nats.js.kv import KeyValue

from jeonju.broker.cluster import REPLICAS
from jeonju.broker.nats_nodes import ANSWER_WITHIN_S, NatsNodes
from jeonju.broker.rights import LEASES
from jeonju.common.errors import UnavailableError

# Longer than the nodes take to agree on a new leader, so that the death of a node moves no site.
LASTS_S: Final = 10.0
# Whoever holds a lease stops before it can have ended at the nodes: a tenth of its life before.
MARGIN: Final = 0.1
Result = TypeVar("Result")


class LeaseLostError(UnavailableError):
    """Another one may hold it now."""


def steady_s() -> float:
    """Return a clock that nobody sets, and that goes on while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """One that was taken; safe from any thread. `lost` is set once it is known that another may hold it."""

    def __init__(self, store: "LeaseStore", key: str, value: bytes, revision: int, asked_s: float) -> None:
        self._store, self._key, self._value, self._revision = store, key, value, revision
        self._until_s = asked_s + store.lasts_s * (1 - MARGIN)
        self._renewing = threading.Lock()
        self.lost = threading.Event()

    @property
    def is_held(self) -> bool:
        """Whether nobody else can hold it now, by our own clock."""
        if steady_s() >= self._until_s:
            self.lost.set()
        return not self.lost.is_set()

    def renew(self) -> None:
        """Let it last again from now on. Raises LeaseLostError where another one may hold it, UnavailableError when the nodes do not answer."""
        with self._renewing:
            if not self.is_held:
                raise LeaseLostError(f"the lease of {self._key} is over")
            asked_s = steady_s()
            revision = self._store.replace(self._key, self._value, self._revision)
            if revision is None:
                self.lost.set()
                raise LeaseLostError(f"the lease of {self._key} is over: another worker has it")
            self._revision, self._until_s = revision, asked_s + self._store.lasts_s * (1 - MARGIN)

    def release(self) -> None:
        """Give it back; whoever wants it need not wait until it ends."""
        with self._renewing, suppress(UnavailableError):
            if self.is_held:
                self._store.remove(self._key, self._revision)
        self.lost.set()


class LeaseStore:
    """A client of the key-value store. All methods raise UnavailableError while no node answers."""

    def __init__(self, url: str, *, lasts_s: float = LASTS_S) -> None:
        """Raises UserError for what is no address of NATS."""
        self.nodes = NatsNodes(url)
        self.lasts_s = lasts_s
        self._bucket: KeyValue | None = None

    def start(self) -> None:
        """Begin to look for the nodes."""
        self.nodes.start(self._open)

    def stop(self) -> None:
        """Leave them."""
        self.nodes.stop()

    @property
    def renew_every_s(self) -> float:
        """How often a lease is to be renewed: some attempts may fail."""
        return self.lasts_s / 5

    def take(self, key: str, value: bytes) -> Lease | None:
        """Return the lease of a key, None where another one has it. `value` tells who we are; nobody else may say the same."""
        asked_s = steady_s()
        revision = self._ask(lambda bucket: bucket.create(key, value))
        if revision is None:
            revision = self._revision_of_ours(key, value)
        return None if revision is None else Lease(self, key, value, revision, asked_s)

    def holder(self, key: str) -> bytes | None:
        """Return who holds a key, None where nobody does."""
        entry = self._ask(lambda bucket: bucket.get(key))
        return None if entry is None else entry.value

    def replace(self, key: str, value: bytes, revision: int) -> int | None:
        """Return the new revision of a key, None where `revision` is no longer its last one."""
        renewed = self._ask(lambda bucket: bucket.update(key, value, last=revision))
        if renewed is None:
            # It may be that of an attempt of ours whose answer was lost.
            if (last := self._revision_of_ours(key, value)) is None:
                return None
            renewed = self._ask(lambda bucket: bucket.update(key, value, last=last))
        return renewed

    def remove(self, key: str, revision: int) -> None:
        """Make a key free, where `revision` is its last one."""
        self._ask(lambda bucket: bucket.delete(key, last=revision))

    def _revision_of_ours(self, key: str, value: bytes) -> int | None:
        entry = self._ask(lambda bucket: bucket.get(key))
        return entry.revision if entry is not None and entry.value == value else None

    def _ask(self, call: Callable[[KeyValue], Coroutine[Any, Any, Result]]) -> Result | None:
        """Return the answer of the nodes, None for a key that is not there, or has another revision."""

        async def ask(_client: Nats) -> Result | None:
            if self._bucket is None:
                raise UnavailableError(f"no node of NATS answers at {self.nodes!r}; the leases of sites are there")
            try:
                return await call(self._bucket)
            except (nats.js.errors.KeyNotFoundError, nats.js.errors.KeyWrongLastSequenceError):
                return None

        return self.nodes.run(ask)

    async def _open(self, client: Nats) -> None:
        """Open the bucket, and make it where there is none; how long leases last in it, whoever made it has said."""
        jetstream = client.jetstream(timeout=ANSWER_WITHIN_S)
        try:
            bucket = await jetstream.key_value(LEASES)
        except nats.js.errors.NotFoundError:
            bucket = await jetstream.create_key_value(bucket=LEASES, ttl=self.lasts_s, replicas=REPLICAS, history=1)
        self.lasts_s = (await bucket.status()).ttl or self.lasts_s
        self._bucket = bucket
