"""The answer of a fork as JSON: zones and arrival times, who would notice and when, what stations would measure, what robots would do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from jeonju.airquality.pollutants import KEYS, QUANTITY
from jeonju.common.arrays import Floats
from jeonju.contract.as_json import alert_json
from jeonju.contract.events import Dust, Fire, Leak
from jeonju.contract.what_if import NewStation
from jeonju.evaluation.score import belongs, fitting
from jeonju.evaluation.what_if.ahead import downwind_of
from jeonju.evaluation.what_if.fork import Fork, level_step_s, roles_of_robots
from jeonju.evaluation.what_if.gathered import Gathered
from jeonju.messages.alerts import Labels, with_words

# The levels that are told: those of the index, and what changes release.
TOLD: Final = ("pm25", "pm10", "no2", "o3", "co", "so2")
MOST_STATIONS: Final = 60
MOST_ALERTS: Final = 200


def answer_of(gathered: Gathered, on_progress: Callable[[float], None] = lambda _share: None) -> dict[str, Any]:
    """Run a fork and return what it says. Raises UserError where no wind is known and none is given."""
    fork = Fork(gathered, on_progress)
    fork.run()
    return {
        "present": _present(fork),
        "downwind": [
            found
            for number, change in enumerate(gathered.wanted.changes)
            if isinstance(change, Fire | Leak | Dust)
            and (found := downwind_of(number, change, fork.estimated, gathered.at)) is not None
        ],
        **_noticed(fork),
        "robots": roles_of_robots(fork),
        "levels": _levels(fork),
        "cpu_s": round(fork.cpu_s, 2),
    }


def _present(fork: Fork) -> dict[str, Any]:
    present, gathered = fork.estimated.present, fork.gathered
    wind = present.wind_m_s
    silent = [
        d.name for d, heard in zip(fork.estimated.site.devices, fork.estimated.is_heard, strict=True) if not heard
    ]
    return {
        "wind_speed_m_s": None if wind is None else round(float(np.hypot(*wind)), 2),
        "wind_from_deg": None if wind is None else round(float(np.degrees(np.arctan2(-wind[0], -wind[1])) % 360), 0),
        "wind_not_believed": list(fork.estimated.minutes.winds.left_out),
        "temperature": present.temperature_c,
        "humidity": present.humidity_percent,
        "background": {key: _rounded(key, level) for key, level in present.levels.items() if key in TOLD},
        "silent": silent,
        "sources": [
            {"incident": s.incident, "lat": s.lat, "lon": s.lon, "quantity": s.quantity, "rate_g_s": s.rate_g_s}
            for s in gathered.sources
        ],
        "step_s": gathered.step_s,
        "left_out": gathered.left_out,
    }


def _noticed(fork: Fork) -> dict[str, Any]:
    """Return the alerts that begin in the fork, and of each change that releases something whom it reaches and who notices it first."""
    alerts = sorted(fork.heard.alerts.values(), key=lambda alert: (alert.started_at, alert.id))
    labels, title = Labels(fork.estimated.site), fork.gathered.rules.title
    cause = {
        alert.id: number
        for number, happening in fork.changed.items()
        if happening.exposure is not None
        for alert in alerts
        if belongs(alert, happening.exposure)
    }
    incident_of = {alert: incident.id for incident in fork.incidents.values() for alert in incident.alerts}
    told = []
    for alert in alerts[:MOST_ALERTS]:
        row = alert_json(with_words(alert, labels, title))
        kept = (
            "kind",
            "severity",
            "device",
            "zone",
            "started_at",
            "ended_at",
            "quantity",
            "value",
            "limit",
            "summary_ko",
            "summary_en",
        )
        told.append(
            {
                **{name: row[name] for name in kept},
                "class": row["details"].get("class"),
                "change": cause.get(alert.id),
                "incident": incident_of.get(alert.id),
            }
        )
    noticed = []
    for number, happening in fork.changed.items():
        exposure = happening.exposure
        if exposure is None:
            continue
        first = min(fitting(exposure, alerts), key=lambda alert: alert.started_at, default=None)
        noticed.append(
            {
                "change": number,
                "begins_at": _instant(happening.start_s),
                "reached": {
                    name: _instant(at_s) for name, at_s in sorted(exposure.reached_s.items(), key=lambda one: one[1])
                },
                "at": None if first is None else first.started_at,
                "device": None if first is None else first.device,
                "after_s": None if first is None else round(first.started_at.timestamp() - happening.start_s),
            }
        )
    return {"alerts": told, "alerts_total": len(alerts), "noticed": noticed}


def _levels(fork: Fork) -> dict[str, Any]:
    """Return means of each step at stations, and those of the last minutes (`now`), of what is told."""
    wanted, site = fork.gathered.wanted, fork.estimated.site
    released = {key for change in wanted.changes if isinstance(change, Leak) for key in change.rates_g_s}
    keys = [key for key in KEYS if key in TOLD or key in released]
    step_s, levels = level_step_s(wanted.hours * 3600.0), fork.heard.levels()
    notices = {alert.device for alert in fork.heard.alerts.values()}
    new = {change.name for change in wanted.changes if isinstance(change, NewStation)}
    order = sorted(range(len(site.stations)), key=lambda n: site.stations[n].name not in notices | new)[:MOST_STATIONS]
    return {
        "step_s": step_s,
        "times": [fork.gathered.at + timedelta(seconds=step_s * number) for number in range(len(levels))],
        "quantities": keys,
        "stations": {
            site.stations[n].name: {
                key: {
                    "now": _rounded(key, float(fork.estimated.means[n, KEYS.index(key)])),
                    "then": _column(key, levels[:, n, KEYS.index(key)]),
                }
                for key in keys
                if np.isfinite(levels[:, n, KEYS.index(key)]).any()
            }
            for n in sorted(order)
        },
        "left_out": max(len(site.stations) - MOST_STATIONS, 0),
    }


def _column(key: str, values: Floats) -> list[float | None]:
    return [_rounded(key, float(value)) for value in values]


def _rounded(key: str, value: float) -> float | None:
    return round(value, QUANTITY[key].decimals) if np.isfinite(value) else None


def _instant(at_s: float) -> datetime:
    return datetime.fromtimestamp(round(at_s), UTC)
