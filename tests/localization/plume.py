"""A plume over the city as devices report it."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability
from jeonju.airquality.dispersion.puffs import Puffs
from jeonju.airquality.fuels import stored_units
from jeonju.airquality.pollutants import KEYS
from jeonju.contract.site import Site

START_S = datetime(2026, 3, 4, 3, 0, tzinfo=UTC).timestamp()
NOTICED_S = START_S + 75 * 60
UNTIL_S = NOTICED_S + 30 * 60
RATE_G_S = 5.0
Rows = dict[str, np.ndarray]


def readings(
    site: Site,
    source_m: tuple[float, float] | None,
    change: Callable[[Rows], Rows] = lambda rows: rows,
    *,
    robots: bool = True,
) -> pa.Table:
    """A source that begins ten minutes before it is noticed, in a south-west wind that swings, seen once a minute."""
    rng = np.random.default_rng(5)
    spots: list[tuple[str, float, float, float]] = [(d.name, d.lat, d.lon, d.height_m) for d in site.stations]
    if robots:
        spots += [(d.name, *d.loop[0], d.height_m) for d in site.robots]
    names_of = [name for name, *_ in spots]
    lat, lon, height = np.array([place for _, *place in spots], dtype=np.float64).T
    place = np.column_stack([*site.map.to_xy(lat, lon), height]).astype(np.float64)
    puffs = Puffs(n_sources=1, box_m=(-9000, -9000, 9000, 9000), averaging_time_s=180.0)
    minutes = int((UNTIL_S - START_S) / 60)
    out: dict[str, list[np.ndarray]] = {
        key: [] for key in ("time", "lat", "lon", "pm25", "wind_speed", "wind_direction")
    }
    names = []
    for minute in range(minutes):
        time_s, from_deg = START_S + 60 * minute, 230 + 35 * np.sin(minute / 9)
        air = Meteorology(
            wind_speed_m_s=2.5,
            wind_from_deg=from_deg,
            stability=Stability.D,
            mixing_height_m=800.0,
            temperature_k=285.0,
        )
        burning = source_m is not None and time_s >= NOTICED_S - 600
        for tick in range(6 if burning else 0):
            assert source_m is not None
            puffs.release(0, x_m=source_m[0], y_m=source_m[1], z_m=2.0, mass=10.0, tick=tick, sigma_y_m=3.0)
        plume = (
            puffs.march(10.0, [air] * 6, place[None])[..., 0, 0].mean(axis=0)
            * RATE_G_S
            * stored_units({"pm25": 1.0})[KEYS.index("pm25")]
        )
        names += names_of
        columns = {
            "time": np.full(len(spots), time_s + 5),
            "lat": lat,
            "lon": lon,
            "pm25": 20 + plume + rng.standard_normal(len(spots)),
            "wind_speed": np.full(len(spots), 2.5),
            "wind_direction": from_deg + 7 * rng.standard_normal(len(spots)),
        }
        for key, column in change(columns).items():
            out[key].append(column)
    table = {key: np.concatenate(parts) for key, parts in out.items()}
    times = pa.array((table.pop("time") * 1e6).astype("int64")).cast(pa.timestamp("us", tz="UTC"))
    return pa.table(
        {"device": names, "time": times, **{key: pa.array(column, from_pandas=True) for key, column in table.items()}}
    )


def upwind_of(site: Site, name: str, metres: float) -> tuple[float, float]:
    station = next(station for station in site.stations if station.name == name)
    x, y = (float(value) for value in site.map.to_xy(station.lat, station.lon))
    angle = np.radians(230)
    return x + metres * float(np.sin(angle)), y + metres * float(np.cos(angle))
