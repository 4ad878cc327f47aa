"""Own stations beside official ones: gains and offsets that were put in are found, and nothing is proposed where nothing is known."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jeonju.common.errors import UserError
from jeonju.contract.columns import readings_table
from jeonju.contract.correction import ACCEPTED, SUBJECT
from jeonju.contract.records import JournalEntry
from jeonju.contract.site import Site
from jeonju.evaluation.network import as_csv, compared, evaluate_network, line, official_stations
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit, Retention

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def stations(tmp_path: Path, jeonju: Site) -> Path:
    near, far = jeonju.stations[0], jeonju.stations[-1]
    file = tmp_path / "stations.csv"
    file.write_text(
        "province,station,lat,lon,network,address\n"
        f"전북,팔복동,{near.lat + 0.003},{near.lon},도시대기,\n전북,먼곳,{far.lat + 1},{far.lon},도시대기,\n",
        encoding="utf-8",
    )
    return file


def air(days: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.exp(3.2 + np.repeat(0.5 * rng.standard_normal(days), 24) + 0.2 * rng.standard_normal(24 * days))


def filled(store: DuckDBStore, values: dict[str, Callable[[float], float]], days: int) -> None:
    """Write hours; each device measures what it makes of the air."""
    rows = [
        {
            "site": "jeonju",
            "device": device,
            "time": START + timedelta(hours=hour),
            "received_at": START + timedelta(hours=hour),
            "pm25": make(float(value)),
        }
        for device, make in values.items()
        for hour, value in enumerate(air(days))
    ]
    store.write(Commit(readings=readings_table(rows)))


def test_gain_and_offset_are_found_with_an_interval_that_holds_them(
    tmp_path: Path, jeonju: Site, stations: Path
) -> None:
    rng = np.random.default_rng(2)
    store = DuckDBStore(tmp_path / "air.duckdb", Retention(None, None, None))
    own, other = jeonju.stations[0].name, jeonju.stations[1].name
    filled(
        store,
        {
            "airkorea-palbok": lambda value: value + float(rng.normal(0, 2)),
            own: lambda value: 1.4 * value + 5 + float(rng.normal(0, 2.8)),
            other: lambda _value: float(rng.uniform(5, 50)),
        },
        30,
    )
    result = evaluate_network(jeonju, store, stations, START + timedelta(days=31))
    store.close()
    rows = {row["device"]: row for row in result["rows"]}
    found = rows[own]
    assert (found["official"], found["hours"], found["days"]) == ("airkorea-palbok", 720, 30)
    assert found["distance_m"] == pytest.approx(333, abs=5)
    assert found["gain_90"][0] < 1.4 < found["gain_90"][1]
    assert found["offset_90"][0] < 5 < found["offset_90"][1]
    assert found["proposed"] == {"gain": found["gain"], "offset": found["offset"]}
    assert rows[other]["proposed"] is None
    assert "do not measure the same air" in rows[other]["why_not"]
    assert (result["proposed"], result["applied"]) == (1, 0)
    as_csv(result, tmp_path / "rows.csv")
    assert (tmp_path / "rows.csv").read_text(encoding="utf-8").count(",airkorea-palbok,") == 2


def test_nothing_is_proposed_where_it_is_too_little_too_far_or_right() -> None:
    reference = air(40)
    day = np.repeat(np.arange(40), 24)
    assert "13 days" in compared(reference[: 13 * 24], reference[: 13 * 24], day[: 13 * 24], "pm25", 100.0)["why_not"]
    assert "nothing to correct" in compared(reference, reference, day, "pm25", 100.0)["why_not"]
    far = compared(2 * reference, reference, day, "pm25", 25_000.0)
    assert far["proposed"] is None
    assert far["why_not"].startswith("25.0 km apart")
    flat = compared(np.full(960, 3.0), reference, day, "pm25", 100.0)
    assert flat["proposed"] is None
    assert line(2 * reference + 3, reference) == pytest.approx((2.0, 3.0))


def test_list_of_stations_takes_the_names_of_the_site_and_errors_name_the_line(
    jeonju: Site, stations: Path, store: DuckDBStore
) -> None:
    assert [one.device for one in official_stations(jeonju, stations)] == ["airkorea-palbok", "전북/먼곳"]
    with pytest.raises(UserError, match=r"no hours of an official station .airkorea-palbok, 전북/먼곳"):
        evaluate_network(jeonju, store, stations, START)
    stations.write_text("province,station,lat,lon\n전북,팔복동,-,127\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"stations.csv:2: lat is '-', which is no number"):
        official_stations(jeonju, stations)


def agreed(store: DuckDBStore, device: str, gain: float, offset: float, at: datetime) -> None:
    details = {"device": device, "quantity": "pm25", "gain": gain, "offset": offset, "reason": "seen"}
    store.write_journal([JournalEntry(device, "jeonju", at, "kim", ACCEPTED, SUBJECT, json.dumps(details))])


def test_proposal_on_top_of_a_correction_is_of_what_was_measured_since_it_began(
    jeonju: Site, stations: Path, store: DuckDBStore
) -> None:
    own, at = jeonju.stations[0].name, START + timedelta(days=10)
    filled(store, {"airkorea-palbok": lambda value: value, own: lambda value: 1.2 * value + 3}, 30)
    agreed(store, own, 1.5, 4.0, at)
    result = evaluate_network(jeonju, store, stations, START + timedelta(days=31))
    (row,) = [row for row in result["rows"] if row["device"] == own]
    assert (row["hours"], row["applied"]) == (20 * 24 - 1, {"gain": 1.5, "offset": 4.0})
    assert row["proposed"] == pytest.approx({"gain": 1.8, "offset": 8.5})
    reason = f"--reason '{row['days']} days beside airkorea-palbok, 333 m apart'"
    assert row["accept"] == f"jeonju correction accept {own} pm25 --gain=1.8 --offset=8.5 {reason}"
    assert result["applied"] == 1


def test_robot_that_passes_is_a_reference_only_where_a_person_has_agreed_to_it(
    jeonju: Site, stations: Path, store: DuckDBStore
) -> None:
    station, robot = jeonju.stations[0], jeonju.robots[0].name
    values = air(20)
    passes = [
        (START + timedelta(days=day, hours=9, minutes=minute), float(values[24 * day + minute]), minute)
        for day in range(20)
        for minute in range(10)
    ]
    rows = [
        {
            "site": "jeonju",
            "device": device,
            "time": at,
            "received_at": at,
            "pm25": value,
            "lat": lat,
            "lon": station.lon,
        }
        for at, air_now, minute in passes
        for device, value, lat in (
            (station.name, 1.5 * air_now, station.lat),
            # Away in the last five minutes, in other air.
            (robot, air_now if minute < 5 else 400.0, station.lat + (0.0003 if minute < 5 else 0.01)),
        )
    ]
    store.write(Commit(readings=readings_table(rows)))
    filled(store, {"airkorea-palbok": lambda value: value}, 1)

    def beside() -> dict[str, Any]:
        found = evaluate_network(jeonju, store, stations, START + timedelta(days=21))
        (row,) = [row for row in found["rows"] if row["robot"] == robot]
        return row

    row = beside()
    assert (row["device"], row["official"], row["minutes"], row["days"]) == (station.name, None, 100, 20)
    assert row["distance_m"] == pytest.approx(33, abs=2)
    assert (row["gain"], row["proposed"]) == (1.5, None)
    assert "nobody has agreed" in row["why_not"]
    agreed(store, robot, 1.0, 0.0, START - timedelta(days=1))
    assert beside()["proposed"] == {"gain": 1.5, "offset": 0.0}
