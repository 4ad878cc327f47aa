"""How well the plume of an incident is forecast: what was said of devices and zones, against what reached them.

Fresh fires, leaks and dusts as `fresh_fires` draws them; the forecast is made FORECAST_MIN minutes after the first alert from the map of then. Each
device that does not take part in a mission is a place at which the truth is known: whether the event adds the level there, as a mean over ten minutes
around the instant. `devices` gives, for classes of forecast probability, how often that was so; `zones` the same for the zones named downwind, which
are reached when a device in them is, within the hour. `skill` is the share by which the mean square error (Brier) is smaller than with one
probability for all.
"""

import itertools
import sys
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import simpy

from benchmarks._drawn import EVENTS
from benchmarks.fresh_fires import DAY_S, DAYS, LEAD_S, PATIENCE_S, STEP_S, YEAR, Kept, _by_plume, _drawn
from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.events import EVENT
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site, load_site
from jeonju.detection.engine import AlertEngine
from jeonju.evaluation.score import fitting
from jeonju.localization.minutes import MINUTE_S, minute_means
from jeonju.localization.plume_ensemble import released_from
from jeonju.localization.plume_field import AHEAD_MIN, PlumeField, levels_of, plume_field
from jeonju.localization.trace import span_of, trace
from jeonju.simulator.world import World

EVENTS_WANTED: Final = 18
FIRST_SEED: Final = 53_000
FORECAST_MIN: Final = 6.0
WIND_OVER_S: Final = 3600.0
CLASSES: Final = (0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0001)
AROUND_S: Final = 300.0
# Of ten drawn events about one raises an alert that lasts long enough.
MOST_SEEDS: Final = 40

# Rows of (probability, whether it was so).
Rows = list[tuple[float, bool]]


class _Truth:
    """What the event adds at every device at every tick."""

    def __init__(self, world: World) -> None:
        self._times_s: list[float] = []
        self._added: list[Floats] = []
        self._known, self._exposure = world.exposure.update, world.exposure
        world.exposure.update = self._update  # type: ignore[method-assign]

    def _update(self, time_s: float, amount: Floats, composition: Floats) -> None:
        self._known(time_s, amount, composition)
        sources = self._exposure.events[0].sources
        self._times_s.append(time_s)
        self._added.append(amount[:, sources, 0] @ composition[sources])

    def added(self, quantity: str, at_s: float) -> Floats:
        """Return what it adds at each device in the mean of the ten minutes around an instant."""
        near = np.abs(np.array(self._times_s) - at_s) <= AROUND_S
        rows = [row for row, is_near in zip(self._added, near, strict=True) if is_near]
        return np.asarray(np.mean(rows, axis=0)[:, KEYS.index(quantity)], dtype=np.float64)


def _forecast(seed: int, site: Site) -> tuple[Rows, Rows, Rows] | None:
    """Return what was said and came true of devices at the level that can be told, of devices at the higher one, and of zones."""
    rng = np.random.default_rng([seed, 77])
    kind = tuple(EVENTS)[seed % len(EVENTS)]
    event = {**_drawn(rng, kind, site), "after": LEAD_S, "title": kind}
    env = simpy.Environment(initial_time=YEAR.timestamp() + rng.uniform(0, DAYS * DAY_S))
    kept = Kept(AlertEngine(site), site.name)
    world = World(site, env, kept, seed=seed)
    world.add(EVENT.validate_python(event))
    truth, (exposed,) = _Truth(world), world.exposure.events
    raised: list[AlertRecord] = []
    while not raised and env.now < exposed.start_s + PATIENCE_S:
        env.run(until=env.now + STEP_S + 1e-6)
        raised = _by_plume(fitting(exposed, list(kept.alerts.values())))
    if not raised:
        return None
    opened_at = min(alert.started_at for alert in raised)
    now = opened_at + timedelta(minutes=FORECAST_MIN)
    env.run(until=now.timestamp() + 1e-6)
    raised = [alert for alert in fitting(exposed, list(kept.alerts.values())) if alert.started_at < now]
    readings = pa.concat_tables(kept.batches)
    found = trace(site, opened_at, raised, _within(readings, *span_of(opened_at, now)), now)
    if found.source.says_nothing:
        return None
    quantity, end_s = found.source.quantity, now.timestamp()
    minutes = minute_means(site, readings, quantity, start_s=end_s - WIND_OVER_S, until_s=end_s)
    released = released_from(site, found.source.cells, found.source.rate_g_s, quantity, FORECAST_MIN)
    plume = plume_field(site, released, minutes, levels_of(quantity))
    if plume is None:
        return None
    env.run(until=end_s + AHEAD_MIN[-1] * MINUTE_S + AROUND_S)
    return _beside(site, plume, truth, quantity, end_s, {one.zone: one.probability for one in found.downwind})


def _within(readings: pa.Table, start: datetime, end: datetime) -> pa.Table:
    time = readings["time"]
    return readings.filter(
        pc.and_(pc.greater_equal(time, pa.scalar(start, time.type)), pc.less(time, pa.scalar(end, time.type)))
    )


def _beside(
    site: Site, plume: PlumeField, truth: _Truth, quantity: str, now_s: float, downwind: dict[str, float]
) -> tuple[Rows, Rows, Rows]:
    told: Rows = []
    bad: Rows = []
    highest = dict.fromkeys((zone.name for zone in site.zones), 0.0)
    for number, ahead in enumerate(AHEAD_MIN):
        added = truth.added(quantity, now_s + MINUTE_S * ahead)
        for device, station in enumerate(site.stations):
            x_m, y_m = (float(axis) for axis in site.map.to_xy(station.lat, station.lon))
            a, b = int(np.abs(plume.x_m - x_m).argmin()), int(np.abs(plume.y_m - y_m).argmin())
            for rows, level, probability in zip(
                (told, bad), plume.levels, plume.probability[:, number, b, a], strict=True
            ):
                rows.append((float(probability), bool(added[device] >= level)))
            if station.zone in highest:
                highest[station.zone] = max(highest[station.zone], float(added[device]))
    zones = [(downwind.get(zone, 0.0), most >= plume.levels[0]) for zone, most in highest.items()]
    return told, bad, zones


def _summary(rows: Rows) -> dict[str, Any]:
    said, came = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], dtype=float)
    classes = {}
    for low, high in itertools.pairwise(CLASSES):
        within = (said >= low) & (said < high)
        if within.any():
            classes[f"{low:.2f} to {min(high, 1.0):.2f}"] = {
                "forecasts": int(within.sum()),
                "said": round(float(said[within].mean()), 3),
                "came": round(float(came[within].mean()), 3),
            }
    usual = float(np.mean((came - came.mean()) ** 2))
    skill = round(1 - float(np.mean((said - came) ** 2)) / usual, 3) if usual else None
    return {"reached": round(float(came.mean()), 4), "skill": skill, "classes": classes}


def run(wanted: int = EVENTS_WANTED) -> dict[str, Any]:
    """Return how often what was said came true."""
    site, found = load_site("jeonju"), list[tuple[Rows, Rows, Rows]]()
    for seed in range(FIRST_SEED, FIRST_SEED + MOST_SEEDS * wanted):
        if (rows := _forecast(seed, site)) is not None:
            found.append(rows)
            print(f"{len(found)} of {wanted} forecasts, after {seed - FIRST_SEED + 1} events", file=sys.stderr)
        if len(found) == wanted:
            break
    told, bad, zones = ([row for rows in found for row in rows[part]] for part in range(3))
    return {"forecasts": len(found), "devices": _summary(told), "devices_bad": _summary(bad), "zones": _summary(zones)}
