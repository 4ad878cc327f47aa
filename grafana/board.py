"""What every dashboard shares: identity, time range, links to the others, alerts as annotations."""

from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import AnnotationQuery, DashboardCursorSync, DashboardLinkType

from jeonju.grafana import city
from jeonju.grafana.fields import BAD
from jeonju.grafana.influxql import DATA_SOURCE, IN_RANGE, OF_SITE, select
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import ALERT

TAG: Final = "jeonju-air"


def board(say: Language, name: str, title: str, *, since: str, refresh: str) -> dashboard.Dashboard:
    """Return an empty dashboard; its links lead to the others of the same language and keep time and choices."""
    others = (
        dashboard.DashboardLink(say("다른 대시보드", "Other dashboards"))
        .type(DashboardLinkType.DASHBOARDS)
        .tags([f"{TAG}-{say.code}"])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )
    return (
        dashboard.Dashboard(title)
        .uid(f"{TAG}-{name}-{say.code}")
        .tags([TAG, f"{TAG}-{say.code}"])
        .timezone(city.timezone())
        .time(since, "now")
        .refresh(refresh)
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(others)
    )


class Alerts(AnnotationQuery, Builder[AnnotationQuery]):
    """Alerts as regions of time. The toolkit has no question in InfluxQL for annotations.

    Grafana 9 reads the question beside the annotation's name, later ones in its target.
    """

    def __init__(self, say: Language) -> None:
        super().__init__(name=say("경보", "Alerts"), datasource=DATA_SOURCE, icon_color=BAD)
        self._say = say

    def build(self) -> AnnotationQuery:
        """Return itself: it is complete from the start."""
        return self

    def to_json(self) -> dict[str, object]:
        """Return what Grafana keeps of it. An alert that lasts ends at 0, which is no region but a line."""
        summary = self._say("summary_ko", "summary_en")
        asked: dict[str, Any] = {
            "query": select(f'"{summary}", "kind", "ended_at" / 1000 AS "end"', ALERT, where=(OF_SITE, IN_RANGE)),
            "rawQuery": True,
            "fromAnnotations": True,
            "textEditor": True,
            "textColumn": summary,
            "tagsColumn": "kind",
            "timeEndColumn": "end",
            "titleColumn": "",
        }
        return super().to_json() | asked | {"target": asked | {"refId": "Anno"}}
