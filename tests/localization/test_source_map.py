"""The map of a source in the city: found from what devices report, wide and without NaN from poor data."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from jeonju.contract.site import Site
from jeonju.localization import source_map as module
from jeonju.localization.source_map import SourceMap, locate_source
from tests.localization.plume import NOTICED_S, RATE_G_S, UNTIL_S, Rows, readings, upwind_of


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


@pytest.fixture
def coarse_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the answer is not a place, a coarse grid does."""
    monkeypatch.setattr(module, "CELL_M", 250.0)


@pytest.mark.usefixtures("coarse_grid")
@pytest.mark.parametrize("change", [_no_wind, _calm, _nothing, _no_places])
def test_poor_readings_get_a_wide_answer(jeonju: Site, change: Callable[[Rows], Rows]) -> None:
    assert found(jeonju, readings(jeonju, upwind_of(jeonju, "palbok-03", 300.0), change)).is_unsure


@pytest.mark.usefixtures("coarse_grid")
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


@pytest.mark.usefixtures("coarse_grid")
def test_empty_table_and_single_device_answer_unsure(jeonju: Site) -> None:
    table = readings(jeonju, upwind_of(jeonju, "palbok-03", 300.0))
    assert found(jeonju, table.slice(0, 0)).is_unsure
    one = table.filter(pc.equal(table["device"], "palbok-03"))
    assert found(jeonju, one).probability.max() < 0.5


@pytest.mark.usefixtures("coarse_grid")
def test_quiet_city_has_no_sure_source(jeonju: Site) -> None:
    assert found(jeonju, readings(jeonju, None)).is_unsure
