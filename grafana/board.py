"""What every dashboard shares: identity, time range, links to the others and to the other language, alerts as annotations."""

from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import AnnotationQuery, DashboardCursorSync, DashboardLinkType

from jeonju.grafana import city
from jeonju.grafana.influxql import DATA_SOURCE, OF_SITE, TO, open_at_end, select, touching
from jeonju.grafana.language import LANGUAGES, Language
from jeonju.grafana.words import BAD
from jeonju.storage.influx.names import ALERT, INCIDENT

TAG: Final = "jeonju-air"
QUIET: Final = "#5794f2"
SERIOUS_COLOUR: Final = "#ff9830"
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


def with_events(made: dashboard.Dashboard, say: Language) -> dashboard.Dashboard:
    """Draw incidents into the charts as regions, which end where the time shown ends while they last, and where alerts begin as lines.

    Alerts are no regions: an advisory is one alert for each station, and so many regions upon each other hide what was measured. They end where
    they begin, as Grafana 9 has no end for any event where the first that is answered has none.
    """
    summary = f'"{say("summary_ko", "summary_en")}", "kind"'
    over = f'{summary}, "closed_at" / 1000 AS "end"'
    lasting = f'{summary}, "closed_at" + {TO} AS "end"'
    at_once = f'{summary}, "started_at" / 1000 AS "end"'
    touches = touching("started_at", "ended_at")
    for title, of, asked, where, colour in (
        (say("사건", "Incidents"), INCIDENT, over, ('"closed_at" > 0', touching("opened_at", "closed_at")), BAD),
        (
            say("진행 중인 사건", "Open incidents"),
            INCIDENT,
            lasting,
            ('"closed_at" = 0', open_at_end("opened_at", "closed_at")),
            BAD,
        ),
        (say("경보", "Alerts"), ALERT, at_once, (SERIOUS, touches), SERIOUS_COLOUR),
        (say("알림", "Notices"), ALERT, at_once, ("\"severity\" = 'info'", touches), QUIET),
    ):
        made.annotation(Events(title, select(asked, of, where=(OF_SITE, *where)), say, colour))
    return made


class Events(AnnotationQuery, Builder[AnnotationQuery]):
    """Alerts or incidents as regions or lines. The toolkit has no query in InfluxQL for annotations.

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
            "timeEndColumn": "end",
            "titleColumn": "",
        }
        return super().to_json() | asked | {"target": asked | {"refId": "Anno"}}
