"""Source maps from poor input: wide, honest, without NaN; on a coarse grid, for what is asked is not where."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jeonju.contract.quality import Flag, Reason, encode_flags
from jeonju.contract.site import Site
from jeonju.localization import source_map as module
from jeonju.localization.minutes import minute_means, without_flagged, without_stuck
from jeonju.localization.source_map import SourceMap, locate_source
from tests.localization.plume import NOTICED_S, readings, upwind_of

NOTICED_BY = "palbok-03"
# When the smoke of a fire 300 m upwind has been there for a minute.
ARRIVED_S = NOTICED_S + 540.0


@pytest.fixture(autouse=True)
def coarse_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CELL_M", 250.0)


def found(
    site: Site,
    table: pa.Table,
    noticed_by: Sequence[str] = (NOTICED_BY,),
    until_s: float = NOTICED_S + 300.0,
    noticed_s: float = NOTICED_S,
) -> SourceMap:
    before = table.filter(pc.less(table["time"].cast(pa.int64()), int(until_s * 1e6)))
    answer = locate_source(site, before, "pm25", noticed_s=noticed_s, until_s=until_s, noticed_by=noticed_by)
    assert np.all(np.isfinite(answer.probability))
    assert np.all(np.isfinite(answer.rate_g_s))
    assert answer.probability.sum() + answer.elsewhere == pytest.approx(1.0)
    return answer


@pytest.fixture(scope="module")
def burning(jeonju: Site) -> pa.Table:
    return readings(jeonju, upwind_of(jeonju, NOTICED_BY, 300.0))


def changed(table: pa.Table, key: str, values: np.ndarray) -> pa.Table:
    return table.set_column(table.schema.get_field_index(key), key, pa.array(values, from_pandas=True))


def column(table: pa.Table, key: str) -> np.ndarray:
    return np.array(table[key].to_numpy())


def test_alert_without_wind_has_a_map_that_says_nothing(jeonju: Site, burning: pa.Table) -> None:
    answer = found(jeonju, changed(burning, "wind_speed", column(burning, "wind_speed") * np.nan))
    assert answer.says_nothing
    assert answer.is_unsure


def test_first_minute_points_upwind_and_not_downwind(jeonju: Site, burning: pa.Table) -> None:
    """One minute after the alert the half of the map that the wind comes from holds nearly all."""
    x, y = upwind_of(jeonju, NOTICED_BY, 0.0)
    answer = found(jeonju, burning, noticed_s=ARRIVED_S, until_s=ARRIVED_S + 60.0)
    towards = (answer.x_m[:, None] - x) * np.sin(np.radians(230)) + (answer.y_m[None] - y) * np.cos(np.radians(230))
    assert answer.probability[towards > -100].sum() > 0.8 * answer.probability.sum()


def test_minutes_before_the_smoke_arrived_do_not_rule_a_fresh_fire_out(jeonju: Site) -> None:
    """A fire 700 m upwind, lit ten minutes before it was noticed: its cell is among the best of the first map."""
    true = upwind_of(jeonju, NOTICED_BY, 700.0)
    rank = found(jeonju, readings(jeonju, true), noticed_s=ARRIVED_S + 120.0, until_s=ARRIVED_S + 240.0).rank(*true)
    assert rank is not None
    assert rank <= 0.05 * 21 * 21


def test_device_that_alerts_but_shows_nothing_is_no_evidence_against_what_lies_upwind(jeonju: Site) -> None:
    true = upwind_of(jeonju, NOTICED_BY, 300.0)
    answer = found(jeonju, readings(jeonju, None), until_s=NOTICED_S + 120.0)
    rank = answer.rank(*true)
    assert rank is not None
    assert rank <= 0.8 * 21 * 21
    assert answer.says_nothing


def test_start_without_any_past_has_a_wide_map(jeonju: Site, burning: pa.Table) -> None:
    late = burning.filter(pc.greater_equal(burning["time"].cast(pa.int64()), int((NOTICED_S - 60.0) * 1e6)))
    assert found(jeonju, late).is_unsure


@pytest.mark.parametrize("half", ["lat", "lon"])
def test_half_of_a_place_is_no_place(jeonju: Site, burning: pa.Table, half: str) -> None:
    found(jeonju, changed(burning, half, column(burning, half) * np.nan))


def test_station_that_was_moved_counts_where_it_stood(jeonju: Site, burning: pa.Table) -> None:
    is_moved = np.array([name == "palbok-05" for name in burning["device"].to_pylist()])
    late = is_moved & (burning["time"].cast(pa.int64()).to_numpy() / 1e6 > NOTICED_S)
    moved = changed(burning, "lat", column(burning, "lat") + 0.02 * late)
    minutes = minute_means(jeonju, moved, "pm25", start_s=NOTICED_S - 600.0, until_s=NOTICED_S + 600.0)
    number = [device.name for device in jeonju.devices].index("palbok-05")
    assert minutes.places_m[-1, number, 1] - minutes.places_m[0, number, 1] == pytest.approx(2220.0, rel=0.02)
    found(jeonju, moved)


def test_second_fire_is_said_where_one_source_does_not_explain_it(jeonju: Site, burning: pa.Table) -> None:
    """Another station, across the wind, shows as much smoke at the same time."""
    other = max(
        jeonju.stations, key=lambda station: abs(_across_m(jeonju, station.name)) if station.zone == "palbok" else 0.0
    ).name
    is_other = np.array([name == other for name in burning["device"].to_pylist()])
    since = burning["time"].cast(pa.int64()).to_numpy() / 1e6 >= NOTICED_S - 180.0
    swing = 150.0 + 20.0 * np.random.default_rng(2).standard_normal(burning.num_rows)
    two = changed(burning, "pm25", column(burning, "pm25") + np.where(is_other & since, swing, 0.0))
    answer = found(jeonju, two, (NOTICED_BY, other), until_s=NOTICED_S + 1200.0)
    assert answer.is_unsure or {NOTICED_BY, other} & set(answer.unexplained)
    assert found(jeonju, burning, until_s=NOTICED_S + 1200.0).unexplained == ()


def _across_m(site: Site, name: str) -> float:
    x, y = upwind_of(site, name, 0.0)
    x0, y0 = upwind_of(site, NOTICED_BY, 0.0)
    return (x - x0) * float(np.cos(np.radians(230))) - (y - y0) * float(np.sin(np.radians(230)))


def test_value_that_is_flagged_does_not_draw_the_map_to_its_sensor(jeonju: Site, burning: pa.Table) -> None:
    """A sensor at 9000 µg/m³: without the flags it would be the strongest evidence of all."""
    broken = np.array([name == "palbok-01" for name in burning["device"].to_pylist()])
    wild = changed(
        burning, "pm25", np.where(broken, 9000.0 * (1 + 0.01 * np.arange(len(broken)) % 7), column(burning, "pm25"))
    )
    flag = encode_flags({"pm25": Flag("bad", (Reason("out-of-range", ()),))})
    flagged = wild.append_column("quality", pa.array([flag if is_broken else None for is_broken in broken]))
    silent = changed(burning, "pm25", np.where(broken, np.nan, column(burning, "pm25")))
    assert np.allclose(found(jeonju, flagged).probability, found(jeonju, silent).probability)


def test_flags_take_out_what_is_bad_or_stuck_and_leave_what_is_only_unusual() -> None:
    quality = [
        encode_flags({"pm25": Flag("bad", (Reason("too-large", ()),))}),
        encode_flags({"pm25": Flag("suspect", (Reason("stuck", ()),))}),
        encode_flags({"pm25": Flag("suspect", (Reason("step", ()),))}),
        encode_flags({"position": Flag("bad", (Reason("no-fix", ()),))}),
        "not readable",
        None,
    ]
    table = pa.table({"pm25": [1.0] * 6, "lat": [35.8] * 6, "lon": [127.1] * 6, "quality": quality})
    left = without_flagged(table)
    assert left["pm25"].to_pylist() == [None, None, 1.0, 1.0, 1.0, 1.0]
    assert left["lat"].to_pylist() == [35.8, 35.8, 35.8, None, 35.8, 35.8]


def test_sensor_that_sticks_in_a_plume_counts_until_it_sticks() -> None:
    values = np.array([[10.0], [80.0], [90.0], [85.0], [85.0], [85.0], [85.0], [10.0]])
    left = without_stuck(values, values - 10.0, 8.0)
    assert np.isnan(left[:, 0]).tolist() == [False, False, False, False, True, True, True, False]
    # What stands still near the baseline is a coarse instrument in clean air.
    assert np.isfinite(without_stuck(np.full((8, 1), 10.0), np.zeros((8, 1)), 8.0)).all()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_missing_or_wild_leaves_a_distribution(
    jeonju: Site, burning: pa.Table, data: st.DataObject
) -> None:
    """Any column of any device may be missing, infinite or huge from any minute on."""
    table = burning
    names = np.array(burning["device"].to_pylist())
    minute = (burning["time"].cast(pa.int64()).to_numpy() / 1e6 - NOTICED_S) / 60.0
    for _ in range(data.draw(st.integers(1, 4))):
        key = data.draw(st.sampled_from(["pm25", "wind_speed", "wind_direction", "lat", "lon"]))
        device = data.draw(st.sampled_from([*sorted(set(names.tolist())), "all"]))
        wild = data.draw(st.sampled_from([np.nan, np.inf, -1e6, 0.0, 89.0, 1e9]))
        hit = (minute >= data.draw(st.integers(-70, 5))) & ((names == device) | (device == "all"))
        table = changed(table, key, np.where(hit, wild, column(table, key)))
    found(jeonju, table, until_s=NOTICED_S + data.draw(st.sampled_from([0.0, 30.0, 60.0, 240.0])))
