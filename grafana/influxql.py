"""Queries in InfluxQL, which InfluxDB 1.x and 2.x both answer: how they are put together and what Grafana is handed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from jeonju.storage.influx.influxql import source
from jeonju.storage.influx.names import AIR, DEVICE_TAG, SITE

# The one that `provisioning/` sets up.
DATA_SOURCE_UID: Final = "jeonju-influxdb"
# The data source is a variable, so that a dashboard can be taken to any Grafana.
DATA_SOURCE: Final = DataSourceRef(type_val="influxdb", uid="${datasource}")

OF_SITE: Final = f"\"{SITE}\" = '${{site}}'"
OF_DEVICES: Final = f'"{DEVICE_TAG}" =~ /^${{device:regex}}$/'
IN_RANGE: Final = "$timeFilter"
BY_DEVICE: Final = f'"{DEVICE_TAG}"'
EVERY: Final = "time($__interval)"


@dataclass(frozen=True, kw_only=True)
class InfluxQL(Builder[Dataquery], Dataquery):
    """One question; the toolkit brings builders for other data sources, but none for this.

    As a table all series come in one frame with their tags as columns, otherwise each is a frame of its own, named after `alias`.
    """

    query: str
    alias: str = ""
    table: bool = False
    ref_id: str = "A"

    def build(self) -> Dataquery:
        """Return itself: it is complete from the start."""
        return self

    def to_json(self) -> dict[str, Any]:
        """Return what Grafana keeps of a question in text form."""
        shown = {
            "refId": self.ref_id,
            "datasource": DATA_SOURCE,
            "query": self.query,
            "rawQuery": True,
            "resultFormat": "table" if self.table else "time_series",
        }
        return shown | ({"alias": self.alias} if self.alias else {})


def select(what: str, measurement: str = AIR, *, where: Sequence[str], by: Sequence[str] = (), fill: str = "") -> str:
    """Return a question; it is of a measurement, or of another question in brackets."""
    of = measurement if measurement.startswith("(") else source(measurement)
    return (
        f"SELECT {what} FROM {of} WHERE {' AND '.join(where)}"
        + (f" GROUP BY {', '.join(by)}" if by else "")
        + (f" fill({fill})" if fill else "")
    )


def course(
    quantity: str,
    *,
    function: str = "mean",
    where: Sequence[str] = (OF_SITE, OF_DEVICES),
    alias: str = "",
    ref_id: str = "A",
) -> InfluxQL:
    """Return the question for the course of one quantity at each device."""
    text = select(f'{function}("{quantity}")', where=(*where, IN_RANGE), by=(EVERY, BY_DEVICE), fill="none")
    return InfluxQL(query=text, alias=alias or f"$tag_{DEVICE_TAG}", ref_id=ref_id)
