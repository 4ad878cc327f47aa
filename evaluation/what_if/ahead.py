"""Where the plume of a change goes: the zones downwind with arrival times, and the plume for the map, as for an incident's."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from jeonju.airquality.fuels import FUELS
from jeonju.common.arrays import Floats
from jeonju.contract.events import Dust, Fire, Leak
from jeonju.contract.site import Site
from jeonju.evaluation.what_if.present import Estimated
from jeonju.localization.arrivals import zones_downwind
from jeonju.localization.hypotheses import DETECTION_LEVEL
from jeonju.localization.minutes import Minutes
from jeonju.localization.plume_ensemble import HORIZON_MIN, Released
from jeonju.localization.plume_field import levels_of, plume_field
from jeonju.localization.plume_json import plume_json
from jeonju.localization.wind_field import USUAL_M_S, USUAL_SHARE, Winds
from jeonju.simulator.fires import burning

Releasing = Fire | Leak | Dust
# The range of an unsteady fire's rates, as those of a source map.
SHARES: Final = (0.05, 0.5, 0.95)


def downwind_of(number: int, change: Releasing, estimated: Estimated, at: datetime) -> dict[str, Any] | None:
    """Return what the plume of a change may reach within the hour after it begins; None for what no device can tell."""
    site = estimated.site
    quantity, rate_g_s = released_of(change)
    if quantity is None:
        return None
    begins = at + timedelta(seconds=change.after)
    place = np.column_stack(site.map.to_xy(np.array([change.lat]), np.array([change.lon])))
    released = Released(place, np.ones(1), rate_g_s, quantity, 0.0)
    minutes = wind_then(estimated, begins.timestamp())
    field = plume_field(site, released, minutes, levels_of(quantity))
    zones = zones_downwind(site, released, minutes, DETECTION_LEVEL[quantity])
    return {
        "change": number,
        "quantity": quantity,
        "rate_g_s": [round(rate, 4) for rate in rate_g_s],
        "begins_at": begins.astimezone(UTC),
        "zones": [
            {
                "zone": zone.zone,
                "probability": zone.probability,
                "minutes": zone.minutes,
                "minutes_10": zone.minutes_10,
                "minutes_90": zone.minutes_90,
                "peak": zone.peak,
            }
            for zone in zones
        ],
        "plume": None if field is None else plume_json(site, field, quantity, begins),
    }


def released_of(change: Releasing) -> tuple[str | None, tuple[float, float, float]]:
    """Return the quantity by which the plume is told best, and the 5, 50 and 95 % points of its rate in the first hour [g/s]."""
    if isinstance(change, Dust):
        return "pm10", (change.pm10_g_s,) * 3
    if isinstance(change, Leak):
        told = {key: rate / DETECTION_LEVEL[key] for key, rate in change.rates_g_s.items() if key in DETECTION_LEVEL}
        best = max(told, key=lambda key: told[key], default=None)
        return best, (change.rates_g_s[best],) * 3 if best else (0.0, 0.0, 0.0)
    fuel = FUELS[change.fuel]
    rates = []
    for minute in range(HORIZON_MIN):
        now = burning(change, 60.0 * minute)
        rates.append(
            now.flaming_kg_s * fuel.flaming_g_kg["pm25"] + now.smouldering_kg_s * fuel.smouldering_g_kg["pm25"]
        )
    burns = np.array([rate for rate in rates if rate > 0] or [1e-6])
    low, middle, high = (float(value) for value in np.quantile(burns, SHARES))
    return "pm25", (low, middle, high)


def wind_then(estimated: Estimated, begins_s: float) -> Minutes:
    """Return the minutes with the wind that blows when the change begins: that of now, or another one that was asked for by then."""
    given = [wind for wind in estimated.present.winds if wind.at_s <= begins_s]
    if not given:
        return estimated.minutes
    wind, minutes = given[-1], estimated.minutes
    angle = np.radians(wind.from_deg)
    mean = np.array([-wind.speed_m_s * np.sin(angle), -wind.speed_m_s * np.cos(angle)])
    return Minutes(
        minutes.start_s, minutes.values, minutes.places_m, _everywhere(estimated.site, mean, len(minutes.values))
    )


def _everywhere(site: Site, mean_m_s: Floats, minutes: int) -> Winds:
    """Return a wind that is known over the whole city but for what usually departs from it."""
    grid = site.speed_ratios
    error = (USUAL_M_S + USUAL_SHARE * float(np.hypot(*mean_m_s))) * grid.ratio
    field = np.tile(mean_m_s[:, None, None] * grid.ratio, (minutes, 1, 1, 1))
    return Winds(grid, np.tile(mean_m_s, (minutes, 1)), field, error)
