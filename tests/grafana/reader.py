"""Ask an InfluxDB what Grafana would ask it: variables resolved in order, macros and variables put into the queries."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from jeonju.common.durations import parse_duration_s
from tests.storage.influx.servers import Influxd

# As many points as a panel of usual width asks for.
POINTS = 1000
STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 10_800, 21_600, 43_200, 86_400)
_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(__\w+)")

Series = dict[str, Any]
Choices = Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a panel asked once, and what came back."""

    panel: dict[str, Any]
    target: dict[str, Any]
    series: list[Series]


class Reader:
    """Looks at `start` to `end`."""

    def __init__(self, server: Influxd, *, start: datetime, end: datetime) -> None:
        self.start, self.end = start, end
        self._server = server

    def ask(self, query: str) -> list[Series]:
        found: list[Series] = self._server.ask(query)
        return found

    def choices(self, dashboard: dict[str, Any]) -> dict[str, list[str]]:
        """What is chosen at the top when the dashboard is opened; every query for choices must have an answer."""
        chosen: dict[str, list[str]] = {}
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                options = self._options(variable, chosen)
                assert options, f"no {variable['name']} to choose: {variable['query']}"
                wanted = variable.get("current", {}).get("value")
                chosen[variable["name"]] = (
                    options if wanted == "$__all" else [wanted if wanted in options else options[0]]
                )
            else:
                value = variable.get("current", {}).get("value", "")
                chosen[variable["name"]] = value if isinstance(value, list) else [value]
        return chosen

    def _options(self, variable: dict[str, Any], chosen: Choices) -> list[str]:
        series = self.ask(self.expand(variable["query"], chosen, {}))
        options = sorted({str(row[1]) for table in series for row in table["values"]})
        pattern = variable.get("regex", "")
        return [option for option in options if not pattern or re.search(pattern.strip("/"), option)]

    def panel(self, panel: dict[str, Any], chosen: Choices) -> Iterator[Asked]:
        for target in panel.get("targets", []):
            yield Asked(panel=panel, target=target, series=self.ask(self.expand(target["query"], chosen, panel)))

    def expand(self, query: str, chosen: Choices, panel: Mapping[str, Any]) -> str:
        span_s = (self.end - self.start).total_seconds()
        if "timeFrom" in panel:
            span_s = parse_duration_s(panel["timeFrom"].removeprefix("+"))
        points = panel.get("maxDataPoints", POINTS)
        least_s = max(span_s / points, parse_duration_s(panel.get("interval", "1s")))
        interval_s = next((step for step in STEPS_S if step >= least_s), STEPS_S[-1])
        macros = {
            "__from": f"{self.start.timestamp() * 1000:.0f}",
            "__to": f"{self.end.timestamp() * 1000:.0f}",
            "__interval": f"{interval_s}s",
            "__interval_ms": f"{interval_s * 1000}",
        }

        def put(found: re.Match[str]) -> str:
            name, form = found[1] or found[3], found[2]
            if name in macros:
                return macros[name]
            values = chosen[name]
            if form == "regex":
                escaped = [re.escape(value) for value in values]
                return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
            assert len(values) == 1, f"{name} may be several here: {query}"
            return values[0]

        return _VARIABLE.sub(put, query)

    def local(self, time_us: int) -> datetime:
        """When that is on the clocks of the city."""
        return datetime.fromtimestamp(time_us / 1e6, ZoneInfo("Asia/Seoul"))

    def over(self, span: timedelta) -> "Reader":
        """The same end, seen over another time."""
        return Reader(self._server, start=self.end - span, end=self.end)

    def until(self, end: datetime) -> "Reader":
        """The same length of time, seen at another time."""
        return Reader(self._server, start=end - (self.end - self.start), end=end)


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel that shows something, also those in rows."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", [])
        else:
            yield panel
