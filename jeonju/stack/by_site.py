"""What a process shows that serves several sites: the metrics of each under its name, and the first thing that is wrong with any."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

Part = TypeVar("Part")


def labelled(collectors: Mapping[str, Collector]) -> Iterator[Metric]:
    """Yield the metrics of all sites, each sample with the label `site`."""
    merged: dict[str, Metric] = {}
    for site, collector in collectors.items():
        for metric in collector.collect():
            into = merged.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
            samples: list[Any] = metric.samples
            into.samples += [sample._replace(labels={**sample.labels, "site": site}) for sample in samples]
    yield from merged.values()


class MetricsBySite(Collector):
    """The metrics of some sites; of one alone they have no label, as nothing needs to be told apart."""

    def __init__(self, collectors: Mapping[str, Collector]) -> None:
        self._collectors = collectors

    def collect(self) -> Iterator[Metric]:
        """Return everything as it is now."""
        if len(self._collectors) == 1:
            yield from next(iter(self._collectors.values())).collect()
        else:
            yield from labelled(self._collectors)


def any_of(check: Callable[[Part], str | None], parts: Mapping[str, Part]) -> Callable[[], str | None]:
    """Return a check of all sites: it answers what is wrong with the first one, with its name where there are several."""

    def first() -> str | None:
        for site, part in parts.items():
            if (why := check(part)) is not None:
                return why if len(parts) == 1 else f"{site}: {why}"
        return None

    return first
