"""The source map of each detected event of a run, against its true place and rate.

The map is made as for an incident that is live, but without the robots' cameras: it scores what the plume alone says."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability
from jeonju.airquality.fuels import stored_units
from jeonju.airquality.pollutants import KEYS
from jeonju.contract.events import Dust, Fire, Leak
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.evaluation.score import fitting
from jeonju.localization.hypotheses import BASELINE_MIN, LEAD_MIN
from jeonju.localization.minutes import MINUTE_S
from jeonju.localization.source_map import SourceMap
from jeonju.localization.trace import source_map, traced_quantity
from jeonju.simulator.emissions import Emissions
from jeonju.simulator.exposure import EventExposure

# The answer that is scored: half an hour after the first alert, when people are on their way. How it came about is seen at the minutes before.
AFTER_S: Final = 1800.0
MOMENTS_MIN: Final = (2, 5, 10, 30)
# The naive answer: near the device that raised the first alert, half within the first of these distances, nine tenths within the second.
NAIVE_WITHIN_M: Final = (300.0, 1000.0)
COLUMNS: Final = ("device", "time", "lat", "lon", "wind_speed", "wind_direction")
# Cells of the drawn and stored map hold at least this share of the most probable one.
SHOWN_FROM: Final = 0.01
MAPS: Final = pa.schema(
    [("event", pa.int32()), ("lat", pa.float64()), ("lon", pa.float64()), ("probability", pa.float64())]
)
# What fires, leaks and dust release does not depend on the air.
ANY_AIR: Final = Meteorology(
    wind_speed_m_s=1.0, wind_from_deg=0.0, stability=Stability.D, mixing_height_m=800.0, temperature_k=288.0
)
UNKNOWN: Final = dict.fromkeys(
    (
        "location_error_m",
        "rank_of_true_cell",
        "rate_g_s",
        "true_rate_g_s",
        "rate_ratio",
        "location_unsure",
        "located_by",
        "maps",
    ),
    None,
)


def locate_events(
    site: Site, run: Path, events: Sequence[EventExposure], alerts: Sequence[AlertRecord], emissions: Emissions
) -> tuple[list[dict[str, Any]], pa.Table]:
    """Return the score of the source map of each event, made from the readings in `run`, and the cells of all maps.

    Events without one place (odours of large areas) and those that raised no alert have no answer.
    """
    answers, maps = [], []
    for number, event in enumerate(events):
        raised = fitting(event, alerts)
        if not raised or not isinstance(event.event, Fire | Leak | Dust):
            answers.append(dict(UNKNOWN))
            continue
        opened_at = min(alert.started_at for alert in raised)
        readings = _readings(run, opened_at, raised)
        found, answer = compare(site, event, raised, readings, emissions)
        answers.append(answer)
        maps += _cells(site, number, found)
    return answers, pa.Table.from_pylist(maps, schema=MAPS)


def compare(
    site: Site, event: EventExposure, alerts: Sequence[AlertRecord], readings: pa.Table, emissions: Emissions
) -> tuple[SourceMap, dict[str, Any]]:
    """Return the last source map of an event, and what all maps of `MOMENTS_MIN` say beside the truth.

    `alerts` are those that belong to the event; `readings` may reach beyond the moments: a map uses nothing later than its own.
    """
    assert isinstance(event.event, Fire | Leak | Dust)  # noqa: S101  (for the type checker)
    place = tuple(float(value) for value in site.map.to_xy(event.event.lat, event.event.lon))
    opened_at = min(alert.started_at for alert in alerts)
    naive_m = _place_of(site, readings, min(alerts, key=lambda alert: alert.started_at))
    moments = []
    for minutes in MOMENTS_MIN:
        until = opened_at + timedelta(minutes=minutes)
        known = [alert for alert in alerts if alert.started_at < until]
        before = readings.filter(pc.less(readings["time"], pa.scalar(until, readings["time"].type)))
        found = source_map(site, opened_at, known, before, until)
        moments.append({"minutes": minutes, **_moment(found, place, naive_m)})
    true_g_s = _released_g_s(event, found.quantity, emissions, until.timestamp())
    return found, {
        "location_error_m": moments[-1]["location_error_m"],
        "rank_of_true_cell": found.rank(*place),
        "rate_g_s": [round(value, 3) for value in found.rate_g_s],
        "true_rate_g_s": round(true_g_s, 3),
        "rate_ratio": round(found.rate_g_s[1] / true_g_s, 3) if true_g_s > 0 else None,
        "location_unsure": found.is_unsure,
        "located_by": found.quantity,
        "maps": moments,
    }


def _moment(found: SourceMap, place: tuple[float, ...], naive_m: tuple[float, float]) -> dict[str, Any]:
    """Return how one map and the naive answer compare with the true place; a place off the map has the whole area before it."""
    x_m, y_m = place
    cells = found.probability.size
    distance_m = np.hypot(found.x_m[:, None] - naive_m[0], found.y_m[None] - naive_m[1])
    naive_error_m = float(np.hypot(naive_m[0] - x_m, naive_m[1] - y_m))
    return {
        "location_error_m": round(float(np.hypot(found.best_m[0] - x_m, found.best_m[1] - y_m))),
        "area_share": round((found.rank(x_m, y_m) or cells) / cells, 6),
        "in_50": found.holds(0.5, x_m, y_m),
        "in_90": found.holds(0.9, x_m, y_m),
        "area_50_km2": _area_km2(found, 0.5),
        "area_90_km2": _area_km2(found, 0.9),
        "elsewhere": round(found.elsewhere, 4),
        "unsure": found.is_unsure,
        "says_nothing": found.says_nothing,
        "naive_error_m": round(naive_error_m),
        "naive_area_share": round(max(float((distance_m <= naive_error_m).mean()), 1 / cells), 6),
        "naive_in_50": naive_error_m <= NAIVE_WITHIN_M[0],
        "naive_in_90": naive_error_m <= NAIVE_WITHIN_M[1],
    }


def _area_km2(found: SourceMap, share: float) -> float:
    return round(float(found.region(share).sum()) * found.cell_m**2 / 1e6, 4)


def _readings(run: Path, opened_at: datetime, alerts: Sequence[AlertRecord]) -> pa.Table:
    until = opened_at + timedelta(seconds=AFTER_S)
    quantities = {
        traced_quantity([alert for alert in alerts if alert.started_at < opened_at + timedelta(minutes=m)])
        for m in MOMENTS_MIN
    }
    span = [("time", ">=", opened_at - timedelta(minutes=BASELINE_MIN + LEAD_MIN + 1)), ("time", "<", until)]
    return pq.read_table(run / "readings.parquet", columns=[*COLUMNS, *sorted(quantities)], filters=span)


def _place_of(site: Site, readings: pa.Table, alert: AlertRecord) -> tuple[float, float]:
    """Return where the device of an alert was when it was raised: the middle of its last minute."""
    mine = readings.filter(
        pc.and_(
            pc.equal(readings["device"].cast(pa.string()), alert.device or ""),
            pc.less_equal(readings["time"], pa.scalar(alert.started_at, readings["time"].type)),
        )
    )
    if not mine.num_rows:
        return 0.0, 0.0
    x_m, y_m = site.map.to_xy(mine["lat"].to_numpy()[-1], mine["lon"].to_numpy()[-1])
    return float(x_m), float(y_m)


def _released_g_s(event: EventExposure, quantity: str, emissions: Emissions, until_s: float) -> float:
    """Return how much of a quantity the event released on average over the half hour before `until_s`."""
    column = KEYS.index(quantity)
    per_gram = stored_units({quantity: 1.0})[column]
    times_s = np.arange(max(event.start_s, until_s - AFTER_S), until_s, MINUTE_S)
    total = sum(
        emissions.sources[number].amount_per_s(time_s, ANY_AIR) * emissions.sources[number].composition[column]
        for number in event.sources
        for time_s in times_s
    )
    return float(total / per_gram / max(len(times_s), 1))


def _cells(site: Site, number: int, found: SourceMap) -> list[dict[str, Any]]:
    a, b = np.nonzero(found.probability >= SHOWN_FROM * found.probability.max())
    lat, lon = site.map.to_latlon(found.x_m[a], found.y_m[b])
    return [
        {
            "event": number,
            "lat": float(lat[k]),
            "lon": float(lon[k]),
            "probability": float(found.probability[a[k], b[k]]),
        }
        for k in range(len(a))
    ]
