"""What every dashboard shares: identity, time range, links to the others and to the other language, alerts as annotations."""

from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import AnnotationQuery, DashboardCursorSync, DashboardLinkType

from jeonju.grafana import city
from jeonju.grafana.influxql import DATA_SOURCE, OF_SITE, TO, open_at_end, select, touching
from jeonju.grafana.language import LANGUAGES, Language
from jeonju.grafana.words import BAD
from jeonju.storage.influx.names import ALERT

TAG: Final = "jeonju-air"
QUIET: Final = "#5794f2"
SERIOUS: Final = "\"severity\" != 'info'"


def uid(name: str, say: Language) -> str:
    """Return the uid of a dashboard."""
    return f"{TAG}-{name}-{say.code}"


def board(
    say: Language, name: str, title: str, what: str, *, since: str, refresh: str, is_in_both: bool = True
) -> dashboard.Dashboard:
    """Return an empty dashboard; its links lead to the others of the same language and to its own in the other, and keep time and choices."""
    others = (
        dashboard.DashboardLink(say("다른 대시보드", "Other dashboards"))
        .type(DashboardLinkType.DASHBOARDS)
        .tags([f"{TAG}-{say.code}"])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )
    made = (
        dashboard.Dashboard(title)
        .description(what)
        .uid(uid(name, say))
        .tags([TAG, f"{TAG}-{say.code}"])
        .timezone(city.timezone())
        .time(since, "now")
        .refresh(refresh)
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(others)
    )
    for other in LANGUAGES:
        if other != say and is_in_both:
            made.link(
                dashboard.DashboardLink(other.name)
                .type(DashboardLinkType.LINK)
                .icon("external link")
                .url(f"/d/{uid(name, other)}")
                .include_vars(True)
                .keep_time(True)
            )
    return made


def with_alerts(made: dashboard.Dashboard, say: Language) -> dashboard.Dashboard:
    """Draw alerts into the charts: warning and critical ones as regions, which end where the time shown ends while they last; notices as lines."""
    summary = f'"{say("summary_ko", "summary_en")}", "kind"'
    over = f'{summary}, "ended_at" / 1000 AS "end"'
    lasting = f'{summary}, "ended_at" + {TO} AS "end"'
    ended = '"ended_at" > 0'
    for title, asked, where, colour in (
        (say("경보", "Alerts"), over, (SERIOUS, ended, touching("started_at", "ended_at")), BAD),
        (
            say("진행 중인 경보", "Active alerts"),
            lasting,
            (SERIOUS, '"ended_at" = 0', open_at_end("started_at", "ended_at")),
            BAD,
        ),
        (say("알림", "Notices"), summary, ("\"severity\" = 'info'", touching("started_at", "ended_at")), QUIET),
    ):
        made.annotation(Alerts(title, select(asked, ALERT, where=(OF_SITE, *where)), say, colour))
    return made


class Alerts(AnnotationQuery, Builder[AnnotationQuery]):
    """Alerts as regions or lines. The toolkit has no query in InfluxQL for annotations.

    Grafana 9 reads the query beside the annotation's name, later ones in its target.
    """

    def __init__(self, title: str, query: str, say: Language, colour: str) -> None:
        super().__init__(name=title, datasource=DATA_SOURCE, icon_color=colour)
        self._query, self._say = query, say

    def build(self) -> AnnotationQuery:
        """Return itself: it is complete from the start."""
        return self

    def to_json(self) -> dict[str, object]:
        """Return what Grafana keeps of it."""
        asked: dict[str, Any] = {
            "query": self._query,
            "rawQuery": True,
            "fromAnnotations": True,
            "textEditor": True,
            "textColumn": self._say("summary_ko", "summary_en"),
            "tagsColumn": "kind",
            "timeEndColumn": "end" if 'AS "end"' in self._query else "",
            "titleColumn": "",
        }
        return super().to_json() | asked | {"target": asked | {"refId": "Anno"}}
