"""`jeonju evaluate smoke`: what it makes of a small recorded network, and of broken files."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jeonju.cli.app import app
from jeonju.common.errors import UserError
from jeonju.evaluation.recorded_network import read_network
from jeonju.evaluation.smoke_score import evaluate_smoke

T0 = datetime(2022, 3, 1, tzinfo=UTC)
SENSORS = {"a": (40.0, -105.20), "b": (40.0, -105.25), "c": (40.04, -105.20), "d": (40.04, -105.25)}
Adds = Callable[[str, int], float]


def write(path: Path, rows: list[dict[str, object]], head: str = "") -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, head.split(",") if head else list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def recording(folder: Path, adds: Adds, *, fires: tuple[tuple[int, int], ...] = (), hours: int = 12) -> Path:
    """Clean, dry air every ten minutes, and what `adds` puts on top at a sensor and minute; fires by first and last hour."""
    rng = np.random.default_rng(5)
    rows: list[dict[str, object]] = []
    for minute in range(0, hours * 60, 10):
        for name in SENSORS:
            pm = 4.0 + 0.3 * rng.random() + adds(name, minute)
            at = f"{T0 + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}"
            row = {"time": at, "sensor": name, "pm25_cf1_a": round(pm, 1), "pm25_cf1_b": round(pm + 0.4, 1)}
            rows.append(row | {"pm25_atm_a": round(pm, 1), "pm10_atm_a": round(1.15 * pm, 1), "humidity_pct": 40.0})
    write(folder / "observations.csv", rows)
    write(folder / "sensors.csv", [{"sensor": n, "lat": lat, "lon": lon} for n, (lat, lon) in SENSORS.items()])
    events: list[dict[str, object]] = [
        {
            "name": f"fire-{first}",
            "start": f"{T0 + timedelta(hours=first):%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{T0 + timedelta(hours=last):%Y-%m-%dT%H:%M:%SZ}",
        }
        for first, last in fires
    ]
    write(folder / "events.csv", events, "name,start,end")
    return folder


def smoke_at_a(name: str, minute: int) -> float:
    return 35.0 + 0.1 * (minute - 300) if name == "a" and 300 <= minute < 400 else 0.0


def test_fire_is_found_within_ten_minutes_of_the_first_affected_sensor(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["evaluate", "smoke", str(recording(tmp_path, smoke_at_a, fires=((4, 6),)))])
    assert done.exit_code == 0, done.output
    score = json.loads(done.stdout)
    assert (score["events"], score["detected"], score["false_alerts"]) == (1, 1, 0)
    assert score["delay_min"] == 10.0
    assert score["event_list"][0] | {"delay_min": None} == {
        "name": "fire-4",
        "first_affected": "2022-03-01T05:00Z",
        "affected_sensor": "a",
        "detected": True,
        "detected_at": "2022-03-01T05:10Z",
        "detected_by": "a",
        "delay_min": None,
    }


def test_alert_where_nothing_burnt_is_false_and_counted_per_26_devices_and_week(tmp_path: Path) -> None:
    score = evaluate_smoke(recording(tmp_path, smoke_at_a))
    assert (score["events"], score["detected"], score["delay_min"], score["false_alerts"]) == (0, 0, None, 1)
    assert score["device_weeks"] == pytest.approx(4 / 14, abs=0.01)
    assert score["false_per_26_device_weeks"] == pytest.approx(26 * 14 / 4, rel=0.01)
    assert score["false_list"] == [{"at": "2022-03-01T05:10Z", "device": "a", "rise": pytest.approx(34, abs=2)}]


@pytest.mark.parametrize(
    "adds",
    [
        lambda _name, minute: 40.0 if minute >= 300 else 0.0,  # everywhere: weather
        lambda name, minute: 45.0 if name == "a" and minute == 300 else 0.0,  # a car beside the sensor
    ],
    ids=["weather", "burst"],
)
def test_quiet_air_raises_nothing(tmp_path: Path, adds: Adds) -> None:
    assert evaluate_smoke(recording(tmp_path, adds))["false_alerts"] == 0


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_gaps_and_lasers_that_disagree_are_left_out(tmp_path: Path) -> None:
    recording(tmp_path, lambda _name, _minute: 0.0)
    lines = (tmp_path / "observations.csv").read_text().splitlines()
    del lines[9:40]
    lines[1] = "2022-03-01T00:00:00Z,a,90.0,1.0,90.0,99.0,"
    lines[2] = "2022-03-01T00:00:00Z,b,,,,,"
    (tmp_path / "observations.csv").write_text("\n".join(lines))
    network = read_network(tmp_path)
    assert network.disagreements == 1
    assert np.isnan(network.values["pm25"][0, :2]).all()
    assert evaluate_smoke(tmp_path)["false_alerts"] == 0


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("observations.csv", "pm25_atm_a", "pm25", "observations.csv has no column pm25_atm_a"),
        ("observations.csv", ":00Z,a,4", ":00Z,a,-4", "observations.csv:2: pm25_cf1_a is -4"),
        ("observations.csv", ":00Z,a,", ":00Z,z,", "observations.csv:2: sensor 'z' is not in"),
        ("observations.csv", ":00Z,a,4", ":00Z,a,?4", "which is no number"),
        ("observations.csv", "2022-03-01T00:00:00Z", "noon", "observations.csv:2: time is 'noon', which is no time"),
        ("observations.csv", "00:10:00Z,a,", "00:00:00Z,a,", "observations.csv:6: sensor 'a' has this time already in"),
        ("observations.csv", "2022-03-01T00:00:00Z", "2022-03-01T00:00:00", "time has no time zone; write for example"),
        ("sensors.csv", "a,40.0", "a,", "sensors.csv:2: lat is empty; it needs a number"),
        ("sensors.csv", "a,40.0", "a,940.0", "sensors.csv:2: 940, -105.2 is no place on earth"),
        ("sensors.csv", "b,", "a,", "sensors.csv:3: sensor 'a' stands there twice"),
        ("events.csv", "2022-03-01T06", "2022-03-01T03", "events.csv:2: fire-4 ends before it starts"),
        ("events.csv", "name,start", "name,begin", "events.csv has no column start"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, file: str, old: str, new: str, message: str) -> None:
    recording(tmp_path, smoke_at_a, fires=((4, 6),), hours=1)
    edit(tmp_path / file, old, new)
    with pytest.raises(UserError, match=r"(?s).") as error:
        read_network(tmp_path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_order_of_the_lines_does_not_matter(tmp_path: Path) -> None:
    (sorted_folder := tmp_path / "sorted").mkdir()
    (mixed := tmp_path / "mixed").mkdir()
    for folder in (sorted_folder, mixed):
        recording(folder, smoke_at_a, fires=((4, 6),))
    head, *lines = (mixed / "observations.csv").read_text().splitlines()
    (mixed / "observations.csv").write_text("\n".join([head, *reversed(lines)]))
    assert evaluate_smoke(mixed) == evaluate_smoke(sorted_folder)


@pytest.mark.parametrize("name", ["sensors.csv", "observations.csv", "events.csv"])
def test_file_in_a_korean_encoding_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    recording(tmp_path, smoke_at_a, fires=((4, 6),), hours=1)
    text = (tmp_path / name).read_text()
    (tmp_path / name).write_bytes(text.replace("a", "\uc804\uc8fc", 1).encode("cp949"))
    with pytest.raises(UserError, match="UTF-8") as error:
        read_network(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("height", "false"), [(30.0, 0), (80.0, 1)])
def test_single_sensor_raises_what_is_strong_alone(tmp_path: Path, height: float, false: int) -> None:
    """Whether a moderate rise is weather nobody can tell."""
    recording(tmp_path, lambda name, minute: height if name == "a" and minute >= 300 else 0.0)
    head, *lines = (tmp_path / "observations.csv").read_text().splitlines()
    (tmp_path / "observations.csv").write_text("\n".join([head, *(line for line in lines if ",a," in line)]))
    (tmp_path / "sensors.csv").write_text("sensor,lat,lon\na,40.0,-105.2\n")
    assert evaluate_smoke(tmp_path)["false_alerts"] == false


@pytest.mark.parametrize("file", ["sensors.csv", "observations.csv", "events.csv"])
def test_missing_file_is_named(tmp_path: Path, file: str) -> None:
    recording(tmp_path, smoke_at_a, hours=1)
    (tmp_path / file).unlink()
    with pytest.raises(UserError, match=f"{file}: cannot be read"):
        read_network(tmp_path)
