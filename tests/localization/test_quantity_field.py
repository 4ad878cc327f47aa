"""A quantity over the site: which readings have part in it, and its grid."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from jeonju.airquality.interpolation import TooFewError
from jeonju.contract.columns import readings_table
from jeonju.contract.quality import Flag, encode_flags
from jeonju.contract.site import Site
from jeonju.localization.quantity_field import MOST_CELLS, QuantityField, field_of

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def readings(site: Site, *odd: dict[str, Any]) -> pa.Table:
    """Ten stations with 20 µg/m³ a minute ago, and others."""
    usual = [{"device": station.name, "pm25": 20.0 + number % 2} for number, station in enumerate(site.stations[:10])]
    about = {"site": site.name, "time": NOW - timedelta(minutes=1), "received_at": NOW}
    return readings_table([about | row for row in (*usual, *odd)])


def field(site: Site, *odd: dict[str, Any]) -> QuantityField:
    return field_of(site, readings(site, *odd), "pm25", NOW)


def test_grid_lies_around_all_stations_and_is_bounded(jeonju: Site) -> None:
    found = field(jeonju)
    rows, columns = found.between.value.shape
    assert max(rows, columns) == MOST_CELLS
    assert found.devices == 10
    north, east = found.south + (rows - 1) * found.step_lat, found.west + (columns - 1) * found.step_lon
    assert all(found.south < one.lat < north and found.west < one.lon < east for one in jeonju.stations)
    assert found.between.value == pytest.approx(20.5, abs=0.5)
    assert (found.between.low < found.between.value).all()


@pytest.mark.parametrize(
    "odd",
    [
        {"quality": encode_flags({"pm25": Flag.of("bad", "too-large", limit=1)})},
        {"quality": encode_flags({"pm25": Flag.of("suspect", "stuck", for_s=900)})},
        {"time": NOW - timedelta(hours=1)},
        {"time": NOW + timedelta(hours=1)},
        {"lat": 0.0, "lon": 0.0},
        {"lat": -35.0, "lon": 127.1},
        {"device": "nobody-knows"},
        {"pm25": None},
        {"pm25": 1e30},
    ],
)
def test_worthless_stale_and_misplaced_values_have_no_part_in_it(jeonju: Site, odd: dict[str, Any]) -> None:
    found = field(jeonju, {"device": jeonju.stations[10].name, "pm25": 900.0} | odd)
    assert found.devices == 10
    assert found.between.value.max() < 22


def test_robots_count_where_they_are_and_a_step_is_no_reason_to_leave_a_value_out(jeonju: Site) -> None:
    station = jeonju.stations[10]
    stepped = encode_flags({"pm25": Flag.of("suspect", "step", before=20, after=900, within_s=10)})
    robots = [
        {"device": f"robot-{n}", "pm25": 900.0, "lat": station.lat, "lon": station.lon, "quality": stepped}
        for n in range(1, 4)
    ]
    found = field(jeonju, *robots)
    assert found.devices == 13
    assert found.between.value.max() > 300
    row, column = np.unravel_index(int(found.between.value.argmax()), found.between.value.shape)
    there = found.south + row * found.step_lat, found.west + column * found.step_lon
    assert there == pytest.approx((station.lat, station.lon), abs=0.003)


def test_two_devices_are_not_enough(jeonju: Site) -> None:
    with pytest.raises(
        TooFewError, match=r"not enough devices: 2 measured PM2\.5 in the last 15 minutes, 3 are needed"
    ):
        field_of(jeonju, readings(jeonju).slice(0, 2), "pm25", NOW)
    with pytest.raises(TooFewError, match="0 measured"):
        field_of(jeonju, readings(jeonju), "no2", NOW)
