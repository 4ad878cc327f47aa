"""Statistics of ingest itself, written to the store every ten seconds for the dashboards."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from jeonju.common.errors import UnavailableError
from jeonju.contract.records import ServiceStatistics
from jeonju.storage.port import Store

EVERY_S: Final = 10.0
# An hour: what is said while the store is away shows later how long it was away.
MOST_KEPT: Final = 360


def write_statistics(store: Store, statistics: Callable[[], ServiceStatistics], stopping: threading.Event) -> None:
    """Work until `stopping` is set. While the store is away, which the committer reports, the newest statistics wait for it."""
    kept: deque[ServiceStatistics] = deque(maxlen=MOST_KEPT)
    while not stopping.wait(EVERY_S):
        kept.append(statistics())
        try:
            store.write_statistics(tuple(kept))
            kept.clear()
        except UnavailableError:
            continue
