"""A what-if beside what then happened: levels as measured, alerts as raised, and how far off it was."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from jeonju.airquality.pollutants import QUANTITY
from jeonju.contract.records import AlertRecord
from jeonju.storage.port import Series, Store

# An alert was foreseen when one of its kind at its device was raised within so long of when it was said.
FORESEEN_WITHIN: Final = timedelta(minutes=30)
MOST_ALERTS: Final = 200

Levels = Mapping[str, Mapping[str, Mapping[str, Any]]]


def beside(site: str, store: Store, kept: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return what happened in the time of a what-if up to now. Raises UnavailableError while the store is away."""
    at, until = (datetime.fromisoformat(kept[name]) for name in ("at", "until"))
    end, levels = min(until, now), kept["levels"]
    step = timedelta(seconds=levels["step_s"])
    whole = int((end - at) / step)
    stations = tuple(levels["stations"])
    measured = _measured(site, store, at, step, whole, stations, tuple(levels["quantities"]))
    raised = [alert for alert in store.alerts(site, since=at) if at < alert.started_at <= end]
    return {
        "until": end.astimezone(UTC),
        "is_over": now >= until,
        "levels": measured,
        "errors": _errors(levels["stations"], measured),
        **_alerts(kept["alerts"], raised, end),
    }


def _measured(
    site: str, store: Store, at: datetime, step: timedelta, whole: int, stations: tuple[str, ...], keys: tuple[str, ...]
) -> dict[str, dict[str, list[float | None]]]:
    """Return the means of each whole step that has passed, by station and quantity."""
    out: dict[str, dict[str, list[float | None]]] = {name: {} for name in stations}
    if not whole or not stations:
        return out
    minutes = store.readings(
        Series(site=site, start=at, end=at + whole * step, devices=stations, every_s=60, quantities=keys)
    )
    names = {name: number for number, name in enumerate(stations)}
    device = np.array([names[name] for name in minutes["device"].to_pylist()], dtype=np.int64)
    times_s = minutes["time"].cast("int64").to_numpy() / 1e6
    number = np.clip(((times_s - at.timestamp()) // step.total_seconds()).astype(np.int64), 0, whole - 1)
    for key in keys:
        value = minutes[key].to_numpy()
        known = np.isfinite(value)
        cell = device[known] * whole + number[known]
        count = np.bincount(cell, minlength=len(stations) * whole)
        total = np.bincount(cell, weights=value[known], minlength=len(stations) * whole)
        means = (total / np.maximum(count, 1)).reshape(len(stations), whole)
        for name, row, counts in zip(stations, means, count.reshape(means.shape), strict=True):
            if counts.any():
                decimals = QUANTITY[key].decimals
                out[name][key] = [round(float(v), decimals) if n else None for v, n in zip(row, counts, strict=True)]
    return out


def _errors(foreseen: Levels, measured: Mapping[str, Mapping[str, Sequence[float | None]]]) -> dict[str, Any]:
    """Return by quantity how far off the levels were, and how far off it would have been to say that all stays as it is."""
    off: dict[str, list[tuple[float, float]]] = {}
    for station, of in foreseen.items():
        for key, row in of.items():
            for said, was in zip(row["then"], measured.get(station, {}).get(key, []), strict=False):
                if said is not None and was is not None and row["now"] is not None:
                    off.setdefault(key, []).append((said - was, row["now"] - was))
    return {key: _error(key, np.array(pairs)) for key, pairs in off.items()}


def _error(key: str, pairs: Any) -> dict[str, Any]:
    decimals = QUANTITY[key].decimals + 1
    (bias, _), (error, unchanged) = pairs.mean(axis=0), np.abs(pairs).mean(axis=0)
    return {
        "steps": len(pairs),
        "bias": round(float(bias), decimals),
        "mean_error": round(float(error), decimals),
        "mean_error_unchanged": round(float(unchanged), decimals),
    }


def _alerts(foreseen: Sequence[Mapping[str, Any]], raised: Sequence[AlertRecord], end: datetime) -> dict[str, Any]:
    """Return for each alert that was foreseen by now when it was raised, and which were raised that were not foreseen."""
    left = sorted(raised, key=lambda alert: alert.started_at)
    rows = []
    for said in foreseen:
        at = datetime.fromisoformat(said["started_at"])
        place = said["device"], said["zone"] if said["device"] is None else None
        fits = [
            alert
            for alert in left
            if alert.kind == said["kind"]
            and (alert.device, alert.zone if alert.device is None else None) == place
            and abs(alert.started_at - at) <= FORESEEN_WITHIN
        ]
        if at <= end:
            rows.append(
                {
                    "kind": said["kind"],
                    "device": said["device"],
                    "said_at": at,
                    "raised_at": fits[0].started_at if fits else None,
                }
            )
        if fits:
            left.remove(fits[0])
    return {
        "alerts": rows,
        "not_foreseen": [
            {
                "id": alert.id,
                "kind": alert.kind,
                "device": alert.device,
                "zone": alert.zone,
                "raised_at": alert.started_at,
            }
            for alert in left[:MOST_ALERTS]
        ],
        "not_foreseen_total": len(left),
    }
