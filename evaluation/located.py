"""The source map of each detected event of a run, against its true place and rate.

The map is made as for an incident that is live, but without the robots' cameras: it scores what the plume alone says."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability
from jeonju.airquality.fuels import stored_units
from jeonju.airquality.pollutants import KEYS
from jeonju.contract.events import Dust, Fire, Leak
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.evaluation.score import fitting
from jeonju.localization.source_map import BASELINE_MIN, LEAD_MIN, MINUTE_S, SourceMap
from jeonju.localization.trace import source_map, traced_quantity
from jeonju.simulator.emissions import Emissions
from jeonju.simulator.exposure import EventExposure

# The answer that is scored: half an hour after the first alert, when people are on their way.
AFTER_S: Final = 1800.0
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
    ("location_error_m", "rank_of_true_cell", "rate_g_s", "rate_ratio", "location_unsure", "located_by"), None
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
        found, until_s = _locate(site, run, raised)
        answers.append(_compared(site, event, found, emissions, until_s))
        maps += _cells(site, number, found)
    return answers, pa.Table.from_pylist(maps, schema=MAPS)


def _locate(site: Site, run: Path, alerts: Sequence[AlertRecord]) -> tuple[SourceMap, float]:
    opened_at = min(alert.started_at for alert in alerts)
    until = opened_at + timedelta(seconds=AFTER_S)
    known = [alert for alert in alerts if alert.started_at < until]
    span = [
        ("time", ">=", opened_at - timedelta(minutes=BASELINE_MIN + LEAD_MIN + 1)),
        ("time", "<", until),
    ]
    readings = pq.read_table(run / "readings.parquet", columns=[*COLUMNS, traced_quantity(known)], filters=span)
    return source_map(site, opened_at, known, readings, until), until.timestamp()


def _compared(
    site: Site, event: EventExposure, found: SourceMap, emissions: Emissions, until_s: float
) -> dict[str, Any]:
    assert isinstance(event.event, Fire | Leak | Dust)  # noqa: S101  (for the type checker)
    x_m, y_m = (float(value) for value in site.map.to_xy(event.event.lat, event.event.lon))
    best_x_m, best_y_m = found.best_m
    true_g_s = _released_g_s(event, found.quantity, emissions, until_s)
    return {
        "location_error_m": round(float(np.hypot(best_x_m - x_m, best_y_m - y_m))),
        "rank_of_true_cell": found.rank(x_m, y_m),
        "rate_g_s": [round(value, 3) for value in found.rate_g_s],
        "rate_ratio": round(found.rate_g_s[1] / true_g_s, 3) if true_g_s > 0 else None,
        "location_unsure": found.is_unsure,
        "located_by": found.quantity,
    }


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
