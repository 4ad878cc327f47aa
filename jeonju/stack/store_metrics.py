"""What the embedded store takes of its process, for Prometheus."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from jeonju.common.errors import UnavailableError
from jeonju.storage.duckdb.store import DuckDBStore


class StoreMetrics(Collector):
    """Asks the store when it is asked; a store that is closed has nothing."""

    def __init__(self, store: DuckDBStore) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """Return the memory as it is now."""
        memory = Gauge("jeonju_store_memory_bytes", "Memory of the embedded store, by what it is for", labels=("use",))
        try:
            for use, taken in self._store.memory_bytes().items():
                memory.add_metric([use], taken)
        except UnavailableError:
            return
        yield memory
