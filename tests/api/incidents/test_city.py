"""The map of a source in the city: found from what devices report, wide and without NaN from poor data."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from airquality.dispersion.meteorology import Meteorology, Stability
from airquality.dispersion.puffs import Puffs
from airquality.fuels import stored_units
from airquality.pollutants import KEYS
from airquality.site import Site
from api.incidents.city import SourceMap, locate_source

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
            "time": np.full(len(spots), time_s + 5), "lat": lat, "lon": lon, "pm25": 20 + plume + rng.standard_normal(len(spots)),
            "wind_speed": np.full(len(spots), 2.5), "wind_direction": from_deg + 7 * rng.standard_normal(len(spots)),
        }  # fmt: skip
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


def found(site: Site, table: pa.Table, noticed_by: str = "palbok-03") -> SourceMap:
    answer = locate_source(site, table, "pm25", noticed_s=NOTICED_S, until_s=UNTIL_S, noticed_by=[noticed_by])
    assert np.all(np.isfinite(answer.probability))
    assert np.all(np.isfinite(answer.rate_g_s))
    assert answer.probability.sum() + answer.elsewhere == pytest.approx(1.0)
    return answer


def test_source_is_found_within_two_hundred_metres_and_its_rate_within_a_factor_of_three(jeonju: Site) -> None:
    true = upwind_of(jeonju, "palbok-03", 300.0)
    answer = found(jeonju, readings(jeonju, true))
    assert np.hypot(answer.best_m[0] - true[0], answer.best_m[1] - true[1]) < 200
    assert RATE_G_S / 3 < answer.rate_g_s[1] < RATE_G_S * 3
    rank = answer.rank(*true)
    assert rank is not None
    assert rank <= 40  # of 10 201 cells


def test_fixed_stations_alone_are_enough(jeonju: Site) -> None:
    true = upwind_of(jeonju, "palbok-03", 250.0)
    answer = found(jeonju, readings(jeonju, true, robots=False))
    assert np.hypot(answer.best_m[0] - true[0], answer.best_m[1] - true[1]) < 250


def test_source_outside_the_map_has_no_rank_and_no_sure_answer_far_off(jeonju: Site) -> None:
    true = upwind_of(jeonju, "palbok-03", 4500.0)
    answer = found(jeonju, readings(jeonju, true))
    assert answer.rank(*true) is None
    assert answer.is_unsure


def _no_wind(rows: Rows) -> Rows:
    return {**rows, "wind_speed": rows["wind_speed"] * np.nan}


def _calm(rows: Rows) -> Rows:
    return {**rows, "wind_speed": rows["wind_speed"] * 0}


def _nothing(rows: Rows) -> Rows:
    return {**rows, "pm25": rows["pm25"] * np.nan}


def _no_places(rows: Rows) -> Rows:
    return {**rows, "lat": rows["lat"] * np.nan, "lon": rows["lon"] * np.nan}


@pytest.mark.parametrize("change", [_no_wind, _calm, _nothing, _no_places])
def test_poor_readings_get_a_wide_answer(jeonju: Site, change: Callable[[Rows], Rows]) -> None:
    assert found(jeonju, readings(jeonju, upwind_of(jeonju, "palbok-03", 300.0), change)).is_unsure


def test_wind_that_is_missing_for_an_hour_still_gives_an_answer(jeonju: Site) -> None:
    table = readings(jeonju, upwind_of(jeonju, "palbok-03", 300.0))
    gone = (table["time"].cast(pa.int64()).to_numpy() / 1e6 < NOTICED_S) & (
        table["time"].cast(pa.int64()).to_numpy() / 1e6 > NOTICED_S - 3600
    )
    speed = np.where(gone, np.nan, table["wind_speed"].to_numpy())
    found(
        jeonju,
        table.set_column(table.schema.get_field_index("wind_speed"), "wind_speed", pa.array(speed, from_pandas=True)),
    )


def test_empty_table_and_single_device_answer_unsure(jeonju: Site) -> None:
    table = readings(jeonju, upwind_of(jeonju, "palbok-03", 300.0))
    assert found(jeonju, table.slice(0, 0)).is_unsure
    one = table.filter(pc.equal(table["device"], "palbok-03"))
    assert found(jeonju, one).probability.max() < 0.5


def test_quiet_city_has_no_sure_source(jeonju: Site) -> None:
    assert found(jeonju, readings(jeonju, None)).is_unsure
