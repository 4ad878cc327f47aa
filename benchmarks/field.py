"""How well a quantity is known between the devices: kriged, as the mean of all devices, and as that of the nearest one.

Each device is left out in turn and compared: in the simulated city with the true air at its place, in a measured network (a folder of
`jeonju evaluate smoke` beside the project) with what it showed itself, with its error counted. `within_90` is the share that lies between the 5 and
the 95 % point; `rmse` is in the quantity's unit, `rmse_log` that of log(1 + value / usual), which counts ratios and not only the largest values.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import simpy

from benchmarks._drawn import EVENTS
from jeonju.airquality.interpolation import ACCURACY, LEAST_DEVICES, interpolate, with_instrument
from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.events import EVENT
from jeonju.contract.site import Site, load_site
from jeonju.evaluation.recorded_network import read_network
from jeonju.simulator.block import Block
from jeonju.simulator.cadence import QUIET_BLOCK_S, QUIET_TICK_S, Cadence
from jeonju.simulator.world import World

STRETCHES: Final = 60
FIRST_SEED: Final = 500
YEAR_S: Final = 1_767_225_600.0
DAYS: Final = 365.0
# Instruments have settled by the first moment; every second stretch has a fire, leak or dust from then on.
EVENT_AFTER_S: Final = 1200.0
MOMENTS_S: Final = (1200.0, 1800.0, 2400.0)
QUANTITIES: Final = ("pm25", "pm10", "no2", "o3", "co", "temperature", "humidity")
MEASURED: Final = Path(__file__).parents[1] / "../shared/data/boulder_fires"
# Of the measured instants every so many, as neighbouring ones say the same.
EVERY: Final = 6
USUAL: Final = {"pm25": 10.0, "pm10": 20.0, "no2": 0.01, "o3": 0.02, "co": 0.3}

# One moment: what was seen (devices,), where (devices, 2), and what it is compared with.
Moment = tuple[Floats, Floats, Floats]

CADENCE: Final = Cadence(interval_s=10.0, tick_s=QUIET_TICK_S, block_s=QUIET_BLOCK_S)


class _Newest:
    """Keeps the newest value and the newest true air of every device."""

    def __init__(self, site: Site) -> None:
        self._map = site.map
        self.seen = np.full((len(site.devices), len(KEYS)), np.nan)
        self.truth, self.at_m = self.seen.copy(), np.full((len(site.devices), 2), np.nan)

    def send(self, block: Block) -> None:
        """Take one block."""
        rows = block.readings
        for device in range(len(block.devices)):
            mine = np.flatnonzero(rows.device == device)
            if len(mine):
                self.seen[device] = rows.values[mine[-1]]
                self.at_m[device] = np.column_stack(self._map.to_xy(rows.lat[mine[-1]], rows.lon[mine[-1]]))[0]
        self.truth = block.truth[-1]

    def close(self) -> None:
        """Nothing to finish."""


def _city(site: Site, seed: int) -> Iterator[_Newest]:
    """Yield the moments of one stretch at a random time of the year, the odd ones with an event 60 to 600 m from a station."""
    rng = np.random.default_rng([seed, 11])
    env = simpy.Environment(initial_time=YEAR_S + rng.uniform(0, DAYS) * 86_400.0)
    kept = _Newest(site)
    world = World(site, env, kept, seed=seed, cadence=lambda _at_s: CADENCE)
    begin_s = env.now
    if seed % 2:
        kind = tuple(EVENTS)[seed // 2 % len(EVENTS)]
        station = site.stations[int(rng.integers(len(site.stations)))]
        event, _ = EVENTS[kind](rng, station)
        x_m, y_m = site.map.to_xy(station.lat, station.lon)
        far_m, angle = rng.uniform(60, 600), rng.uniform(0, 2 * np.pi)
        lat, lon = site.map.to_latlon(x_m + far_m * np.sin(angle), y_m + far_m * np.cos(angle))
        world.add(
            EVENT.validate_python(
                {**event, "after": EVENT_AFTER_S, "title": kind, "lat": float(lat), "lon": float(lon)}
            )
        )
    for moment_s in MOMENTS_S:
        env.run(until=begin_s + moment_s + 1e-6)
        yield kept


def _left_out(quantity: str, moments: list[Moment], *, is_truth: bool) -> dict[str, Any]:
    """Leave every device of every moment out in turn."""
    accuracy, rows = ACCURACY[quantity], []
    for seen, at_m, wanted in moments:
        usable = np.flatnonzero(np.isfinite(seen) & np.isfinite(at_m[:, 0]) & np.isfinite(wanted))
        if len(usable) <= LEAST_DEVICES:
            continue
        for device in usable:
            others = usable[usable != device]
            found = interpolate(seen[others], at_m[others], at_m[[device]], accuracy)
            shown = found if is_truth else with_instrument(found, accuracy)
            nearest = others[np.hypot(*(at_m[others] - at_m[device]).T).argmin()]
            rows.append(
                [wanted[device], found.value[0], seen[others].mean(), seen[nearest], shown.low[0], shown.high[0]]
            )
    wanted, kriged, mean, near, low, high = np.array(rows).T
    out: dict[str, Any] = {
        "values": len(wanted),
        "within_90": round(float(np.mean((low <= wanted) & (wanted <= high))), 3),
    }
    for key, guess in (("kriged", kriged), ("mean", mean), ("nearest", near)):
        out[key] = {"rmse": _rms(guess - wanted)}
        if (usual := USUAL.get(quantity)) is not None:
            out[key]["rmse_log"] = _rms(_log(guess, usual) - _log(wanted, usual))
    return out


def _log(values: Floats, usual: float) -> Floats:
    return np.asarray(np.log1p(np.maximum(values, 0.0) / usual))


def _rms(off: Floats) -> float:
    return float(f"{np.sqrt(np.mean(off**2)):.3g}")


def _measured() -> dict[str, list[Moment]]:
    """Return the instants of the measured network, those of its fires apart."""
    network = read_network(MEASURED)
    lat, lon = (np.array([getattr(station, key) for station in network.site.stations]) for key in ("lat", "lon"))
    at_m = np.column_stack(network.site.map.to_xy(lat, lon))
    out: dict[str, list[Moment]] = {"boulder, fire": [], "boulder, quiet": []}
    for row in range(0, len(network.times_s), EVERY):
        at_s, seen = network.times_s[row], network.values["pm25"][row]
        burns = any(event.start_s <= at_s <= event.end_s for event in network.events)
        out["boulder, fire" if burns else "boulder, quiet"].append((seen, at_m, seen))
    return out


def run(stretches: int = STRETCHES) -> dict[str, Any]:
    """Return the errors of each way, by quantity."""
    site = load_site("jeonju")
    moments: dict[str, list[Moment]] = {key: [] for key in QUANTITIES}
    for seed in range(FIRST_SEED, FIRST_SEED + stretches):
        for kept in _city(site, seed):
            for key in QUANTITIES:
                column = KEYS.index(key)
                moments[key].append((kept.seen[:, column].copy(), kept.at_m.copy(), kept.truth[:, column].copy()))
    out = {f"city, {key}": _left_out(key, found, is_truth=True) for key, found in moments.items()}
    if MEASURED.exists():
        out |= {key: _left_out("pm25", found, is_truth=False) for key, found in _measured().items()}
    return out
