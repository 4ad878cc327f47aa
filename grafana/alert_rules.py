"""Alert rules for Grafana: ours, as they stand in the store, and the law's levels computed once more from the readings themselves.

A rule is one query and its newest number: whatever is not zero fires. The query does the comparing, since expressions that do differ between
versions of Grafana. There is no dollar sign in a rule: Grafana 9 would put an environment variable in its place.

While the store is away no rule can know anything: one says so, the others keep silent. Nothing fires in a store that never had a reading.
"""

from typing import Any, Final

from jeonju.airquality.limits import Level
from jeonju.airquality.pollutants import QUANTITY
from jeonju.contract import topics
from jeonju.grafana import city, queries, runbook
from jeonju.grafana.board import TAG, uid
from jeonju.grafana.influxql import DATA_SOURCE_UID, select
from jeonju.grafana.language import KOREAN
from jeonju.messages.alerts import KINDS, kind_title
from jeonju.storage.influx.names import AIR_1M, ALERT, DEVICE_TAG, ID, SERVICE, SERVICE_TAG, SITE

# Beside the dashboards: rules of a folder of their own would be a third one, which looks empty.
FOLDER: Final = KOREAN.folder
CONDITION: Final = "B"
HOUR_S: Final = 3600
# The simulator's truth raises nothing.
MEASURED: Final = f'"{SITE}" !~ /{topics.TRUTH.format(site="")}/'
# For which kinds of which severity there is a rule that speaks of the kind; all others have one rule for each severity.
SPOKEN: Final = {
    "critical": (
        "smoke",
        "cai",
        "pm10-advisory",
        "pm25-advisory",
        "o3-advisory",
        "asian-dust",
        "many-silent",
        "no-data",
        "broker-away",
        "store-away",
    ),
    "warning": (
        "smoke",
        "dust",
        "release",
        "cai",
        "pm10-advisory",
        "pm25-advisory",
        "o3-advisory",
        "asian-dust",
        "odour",
        "battery-low",
    ),
    "info": (),
}
SEVERITIES: Final = {"critical": "위험", "warning": "주의", "info": "정보"}
# Which panel shows what an alert of a kind is about; the panels are numbered in the order of their dashboard.
SMOKE: Final = (uid("smoke-incidents", KOREAN), 1)
ZONE: Final = (uid("zone-station", KOREAN), 2)
NETWORK: Final = (uid("network-health", KOREAN), 7)
# Of the law's levels those that inform; the others call for action.
MILD: Final = ("advisory", "information")
PANEL_OF: Final = {"smoke": SMOKE, "dust": SMOKE, "release": SMOKE, "odour": ZONE, "cai": ZONE, "asian-dust": ZONE}
# While nothing lasts a rule has no labels, and a template that hands on one that is missing is an error.
ID_OR_NOTHING: Final = f'(index .Labels "{ID}")'
# Since so long ago at most something must have been heard for silence to be worth an alert.
REMEMBERED: Final = "7d"


def provisioned() -> dict[str, Any]:
    """Return the file from which Grafana takes the rules."""
    groups = [_group("alerts", "30s", mirrored()), _group("limits", "1m", limits()), _group("network", "1m", network())]
    return {"apiVersion": 1, "groups": groups}


def mirrored() -> list[dict[str, Any]]:
    """Return rules by which each of our alerts that lasts is one of Grafana's, under its own id, in the words of its kind."""
    found = [_of_kind(severity, kind) for severity, kinds in SPOKEN.items() for kind in kinds]
    return found + [_of_others(severity) for severity in SPOKEN]


def _of_kind(severity: str, kind: str) -> dict[str, Any]:
    korean, english = kind_title(kind)
    # An id is site, kind, place and start, put together with hyphens (`jeonju.detection.lifecycle`).
    place = f'reReplaceAll "-[0-9]{{8}}T[0-9]{{6}}" "" (reReplaceAll "^.*-{kind}-" "" {ID_OR_NOTHING})'
    return _rule(
        f"{kind}-{severity}",
        f"{korean} · {english} ({SEVERITIES[severity]} · {severity})",
        _lasting(f"\"severity\" = '{severity}'", f"\"kind\" = '{kind}'"),
        severity=severity,
        kind=kind,
        summary=f"{_named(place)}: {korean} · {english}",
        more={"device": f"{{{{ {place} }}}}", "zone": _zone_of(place)},
    )


def _of_others(severity: str) -> dict[str, Any]:
    spoken = "|".join(SPOKEN[severity])
    others = [f'"kind" !~ /^({spoken})\\z/'] if spoken else []
    return _rule(
        f"other-{severity}",
        f"그 밖의 경보 · Other alert ({SEVERITIES[severity]} · {severity})",
        _lasting(f"\"severity\" = '{severity}'", *others),
        severity=severity,
        kind="other",
        summary=f"{SEVERITIES[severity]} · {severity}: {{{{ {ID_OR_NOTHING} }}}}",
    )


def _lasting(*where: str) -> str:
    return select('count("severity")', ALERT, where=('"ended_at" = 0', *where), by=(f'"{ID}"',))


def limits() -> list[dict[str, Any]]:
    """Return a rule for each level of the law: an hourly mean that reaches it for as many hours as the law says."""
    return [_limit(level) for levels in city.scheme().advisories.values() for level in levels]


def network() -> list[dict[str, Any]]:
    """Return rules for the way of the data itself."""
    # One for each five minutes in which, and before which, nothing came of the own devices: official values come once an hour whatever they do.
    # In a store where nothing ever came there is none.
    heard = select(
        'moving_average(count("reading_count"), 2) AS "mean"',
        AIR_1M,
        where=(f"time > now() - {REMEMBERED}", "time <= now()", MEASURED, queries.of_own()),
        by=("time(5m)",),
        fill="0",
    )
    away = select(
        '1 - min("store_available")',
        SERVICE,
        where=("time > now() - 5m", "time <= now()"),
        by=(f'"{SITE}"', f'"{SERVICE_TAG}"'),
    )
    return [
        _rule(
            "no-data",
            "자료 수신 중단 · No data",
            f'SELECT floor(1 / (1 + "mean")) FROM ({heard})',
            severity="critical",
            kind="no-data",
            summary="5분 넘게 저장된 측정값이 없습니다 · no reading was stored for more than 5 minutes",
        ),
        _rule(
            "store-away",
            "저장소 접속 불가 · Store away",
            away,
            severity="critical",
            kind="store-away",
            in_error="Alerting",
            summary="저장소에 물을 수 없거나(중단, 토큰 폐기) 수집 서비스가 쓸 수 없었습니다. 그동안 다른 규칙은 판단하지 못합니다 · the store cannot be asked (away, or its token revoked), or ingest could not write it; meanwhile the other rules know nothing",
        ),
    ]


def _limit(level: Level) -> dict[str, Any]:
    row = QUANTITY[level.quantity]
    each = (f'"{SITE}"', f'"{DEVICE_TAG}"')
    hourly = select(
        f'mean("{level.quantity}") AS "mean"', AIR_1M, where=("time > now() - 1h", "time <= now()", MEASURED), by=each
    )
    place = f".Labels.{DEVICE_TAG}"
    what = f"{row.label_ko} {level.label_ko} · {row.label_en} {level.label_en}"
    return _rule(
        f"{level.quantity}-{level.key}",
        what,
        select('"mean"', f"({hourly})", where=(f'"mean" >= {level.issue_at:g}',), by=each),
        # The mean of an hour stands at its end for the first of the hours.
        lasts_s=(level.hours - 1) * HOUR_S,
        severity="warning" if level.key in MILD else "critical",
        kind=f"{level.quantity}-advisory",
        summary=f"{_named(place)}: {what} (≥ {level.issue_at:g} {row.unit}, {level.hours} h)",
        more={"device": f"{{{{ {place} }}}}", "zone": _zone_of(place)},
    )


def _named(place: str) -> str:
    """Return the template for what a device or zone is called; one that the site file does not name is called by its name."""
    places = (*city.site().devices, *city.site().zones)
    cases = [f'if eq . "{each.name}" }}}}{each.label_ko} ({each.label_en})' for each in places]
    chain = "{{ else ".join(cases)
    return f"{{{{ with {place} }}}}{{{{ {chain}{{{{ else }}}}{{{{ . }}}}{{{{ end }}}}{{{{ end }}}}"


def _zone_of(place: str) -> str:
    """Return the template for the zone of a device; nothing for one that the site file does not name."""
    cases = []
    for zone in city.site().zones:
        members = "|".join([zone.name, *(device.name for device in city.site().devices if device.zone == zone.name)])
        cases.append(f'if match "^({members})\\\\z" . }}}}{zone.label_ko} ({zone.label_en})')
    return f"{{{{ with {place} }}}}{{{{ {'{{ else '.join(cases)}{{{{ end }}}}{{{{ end }}}}"


def _group(name: str, interval: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"orgId": 1, "name": f"{TAG}-{name}", "folder": FOLDER, "interval": interval, "rules": rules}


def _rule(
    name: str,
    title: str,
    query: str,
    *,
    severity: str,
    kind: str,
    summary: str,
    lasts_s: int = 0,
    in_error: str = "OK",
    more: dict[str, str] | None = None,
) -> dict[str, Any]:
    dashboard, panel = PANEL_OF.get(kind, ZONE if kind.endswith("-advisory") else NETWORK if kind in KINDS else SMOKE)
    return {
        "uid": f"{TAG}-{name}",
        "title": title,
        "condition": CONDITION,
        "for": f"{lasts_s}s",
        "noDataState": "OK",
        "execErrState": in_error,
        "labels": {"severity": severity, "kind": kind, "source": TAG},
        "annotations": {
            "summary": summary,
            "runbook_url": runbook.url(kind),
            "__dashboardUid__": dashboard,
            "__panelId__": str(panel),
        }
        | (more or {}),
        "data": [
            {
                "refId": "A",
                "datasourceUid": DATA_SOURCE_UID,
                "relativeTimeRange": {"from": 2 * HOUR_S, "to": 0},
                "model": {
                    "refId": "A",
                    "query": query,
                    "rawQuery": True,
                    "resultFormat": "time_series",
                    "intervalMs": 1000,
                    "maxDataPoints": 43200,
                },
            },
            {
                "refId": CONDITION,
                "datasourceUid": "__expr__",
                "relativeTimeRange": {"from": 0, "to": 0},
                "model": {
                    "refId": CONDITION,
                    "datasource": {"type": "__expr__", "uid": "__expr__"},
                    "type": "reduce",
                    "expression": "A",
                    "reducer": "last",
                    "settings": {"mode": "dropNN"},
                },
            },
        ],
    }
