"""Alert rules for Grafana: ours, as they stand in the store, and the law's levels computed once more from the readings themselves.

A rule is one question and its newest number: whatever is not zero fires. The question does the comparing, since expressions that do differ between
versions of Grafana. There is no dollar sign in a rule: Grafana 9 would put an environment variable in its place.
"""

from typing import Any, Final

from jeonju.airquality.limits import ADVISORY_LEVELS, Level
from jeonju.airquality.pollutants import QUANTITY
from jeonju.contract import topics
from jeonju.grafana.board import TAG
from jeonju.grafana.influxql import DATA_SOURCE_UID, select
from jeonju.storage.influx.names import AIR, ALERT, DEVICE_TAG, ID, SERVICE, SERVICE_TAG, SITE

FOLDER: Final = "Jeonju Air · 전주 대기"
CONDITION: Final = "B"
HOUR_S: Final = 3600
# The simulator's truth raises nothing.
MEASURED: Final = f'"{SITE}" !~ /{topics.TRUTH.format(site="")}/'


def provisioned() -> dict[str, Any]:
    """Return the file from which Grafana takes the rules."""
    groups = [_group("alerts", "30s", mirrored()), _group("limits", "1m", limits()), _group("network", "1m", network())]
    return {"apiVersion": 1, "groups": groups}


def mirrored() -> list[dict[str, Any]]:
    """Return rules by which each of our alerts that lasts is one of Grafana's, under its own id."""
    return [
        _rule(
            f"alert-{severity}",
            f"{ko} · {en}",
            select(
                'count("severity")', ALERT, where=('"ended_at" = 0', f"\"severity\" = '{severity}'"), by=(f'"{ID}"',)
            ),
            severity=severity,
            summary=f'{{{{ index .Labels "{ID}" }}}}',
            runbook="docs/runbook.md",
        )
        for severity, ko, en in (
            ("critical", "위험 경보", "Critical alert"),
            ("warning", "주의", "Warning"),
            ("info", "정보", "Notice"),
        )
    ]


def limits() -> list[dict[str, Any]]:
    """Return a rule for each level of the law: an hourly mean that reaches it for as many hours as the law says."""
    return [_limit(level) for levels in ADVISORY_LEVELS.values() for level in levels]


def network() -> list[dict[str, Any]]:
    """Return rules for the way of the data itself."""
    lately = "time > now() - 5m"
    heard = select('0 * count("received_at")', AIR, where=(lately, MEASURED))
    away = select('1 - min("store_available")', SERVICE, where=(lately,), by=(f'"{SITE}"', f'"{SERVICE_TAG}"'))
    runbook = "docs/runbook.md#no-data"
    return [
        _rule(
            "no-data",
            "자료 수신 중단 · No data",
            heard,
            severity="critical",
            runbook=runbook,
            no_data="Alerting",
            summary="5분 동안 저장된 측정값이 없습니다 · no reading was stored for 5 minutes",
        ),
        _rule(
            "store-away",
            "저장소 접속 불가 · Store away",
            away,
            severity="critical",
            runbook=runbook,
            summary="저장소에 쓸 수 없었습니다 · the store could not be written",
        ),
    ]


def _limit(level: Level) -> dict[str, Any]:
    row = QUANTITY[level.quantity]
    each = (f'"{SITE}"', f'"{DEVICE_TAG}"')
    hourly = select(f'mean("{level.quantity}") AS "mean"', AIR, where=("time > now() - 1h", MEASURED), by=each)
    return _rule(
        f"{level.quantity}-{level.key}",
        f"{row.label_ko} {level.label_ko} · {row.label_en} {level.label_en}",
        select('"mean"', f"({hourly})", where=(f'"mean" >= {level.issue_at:g}',), by=each),
        # The mean of an hour stands at its end for the first of the hours.
        lasts_s=(level.hours - 1) * HOUR_S,
        severity="warning" if level.key == "advisory" else "critical",
        summary=f'{{{{ index .Labels "{DEVICE_TAG}" }}}}: {row.label_en} ≥ {level.issue_at:g} {row.unit} ({level.hours} h)',
        runbook=f"docs/runbook.md#{level.quantity}-advisory",
    )


def _group(name: str, interval: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"orgId": 1, "name": f"{TAG}-{name}", "folder": FOLDER, "interval": interval, "rules": rules}


def _rule(
    name: str,
    title: str,
    question: str,
    *,
    severity: str,
    summary: str,
    runbook: str,
    lasts_s: int = 0,
    no_data: str = "OK",
) -> dict[str, Any]:
    return {
        "uid": f"{TAG}-{name}",
        "title": title,
        "condition": CONDITION,
        "for": f"{lasts_s}s",
        "noDataState": no_data,
        "execErrState": "Error",
        "labels": {"severity": severity, "source": TAG},
        "annotations": {"summary": summary, "runbook": runbook},
        "data": [
            {
                "refId": "A",
                "datasourceUid": DATA_SOURCE_UID,
                "relativeTimeRange": {"from": 2 * HOUR_S, "to": 0},
                "model": {
                    "refId": "A",
                    "query": question,
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
