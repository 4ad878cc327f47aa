"""The simulator's own metrics for Prometheus: `jeonju_simulator_*`, in base units."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.registry import Collector


class SimulatorMetrics(Collector):
    """Reads the running simulation when Prometheus asks."""

    def __init__(self, behind_s: Callable[[], float], is_live: Callable[[], bool]) -> None:
        self._behind_s, self._is_live = behind_s, is_live

    def collect(self) -> Iterator[Metric]:
        """Return the present values."""
        yield Gauge("jeonju_simulator_lag_seconds", "How far simulated time is behind its clock", self._behind_s())
        yield Gauge("jeonju_simulator_live", "1 once the history has been simulated", float(self._is_live()))
