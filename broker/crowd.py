"""How many connections an embedded broker holds.

Neither broker bounds the connections of one account, only those of all; so it is said when there are far more than a city has devices.
"""

import os
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

# Beyond, the broker takes nobody: idle ones cost it 20 to 45 kB each.
MOST_CONNECTIONS: Final = 10_000
MANY: Final = 1000
# Files and listeners of its own.
_OWN_DESCRIPTORS: Final = 10


def connections_of(pid: int | None) -> int:
    """Return about how many connections a broker's process holds; 0 where the system does not say."""
    try:
        return max(len(os.listdir(f"/proc/{pid}/fd")) - _OWN_DESCRIPTORS, 0)  # noqa: PTH208  (fast, and no path is needed)
    except OSError:
        return 0


def crowd_notices(connections: int) -> list[str]:
    """Return a notice for people when there are too many connections."""
    if connections < MANY:
        return []
    return [
        (
            f"the broker holds about {connections} connections, of at most {MOST_CONNECTIONS}: more than a city has devices; "
            "the system shows from where (ss -tn), and `jeonju device revoke` ends those of an account"
        )
    ]


class CrowdMetrics(Collector):
    """`jeonju_broker_connections`, read when it is asked."""

    def __init__(self, number: Callable[[], int]) -> None:
        self._number = number

    def collect(self) -> Iterator[Metric]:
        """Return the number as it is now."""
        yield GaugeMetricFamily(
            "jeonju_broker_connections", "Connections that the embedded broker holds", self._number()
        )
