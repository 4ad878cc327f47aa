"""Real measurements go through the whole pipe and come back to the last digit."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.cli.replay import WIND_DEVICE, kept_for, recorded, replay
from jeonju.common.errors import UserError
from jeonju.contract.reading import Reading, encode
from jeonju.contract.site import Site
from jeonju.ingest.service import Ingest
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import local_client
from tests.conftest import SHARED_DATA
from tests.waiting import wait_until

RELEASES = SHARED_DATA / "controlled_release"


def expected() -> dict[str, dict[str, dict[str, float]]]:
    """Device → time → quantity → value, read independently of the code under test."""
    out: dict[str, dict[str, dict[str, float]]] = {}
    with (RELEASES / "observations.csv").open() as file:
        for row in csv.DictReader(file):
            time = row.pop("time")
            wind = {"wind_direction": row.pop("wind_from_deg"), "wind_speed": row.pop("wind_speed_m_s")}
            for device, text in row.items():
                if text:
                    out.setdefault(device, {})[time] = {"ch4": float(text)}
            if any(wind.values()):
                out.setdefault(WIND_DEVICE, {})[time] = {key: float(text) for key, text in wind.items() if text}
    return out


@pytest.mark.skipif(
    not RELEASES.exists(), reason="the measured releases are not beside the project (../shared/data/controlled_release)"
)
def test_controlled_releases_come_back_from_the_api_exactly(jeonju: Site, tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb")
    wanted = expected()
    total = sum(len(times) for times in wanted.values())
    with EmbeddedBroker(tmp_path, port=0) as broker, Ingest(jeonju, store, broker.url) as ingest:
        assert replay([RELEASES], broker.url) == total
        wait_until(lambda: ingest.stats().readings == total, within_s=180)
        with local_client(api_app(jeonju, store, broker.url)) as client:
            for device, times in wanted.items():
                found: dict[str, dict[str, float]] = {}
                start = datetime.fromisoformat(min(times))
                while start <= datetime.fromisoformat(max(times)):
                    end = start + timedelta(days=3)
                    query = {
                        "site": "controlled_release",
                        "device": device,
                        "every": "raw",
                        "start": start.isoformat(),
                        "end": end.isoformat(),
                    }
                    columns = client.get("/api/v1/series", params=query).json()["devices"].get(device, {"time": []})
                    for row, time in enumerate(columns["time"]):
                        found[time] = {
                            key: columns[key][row]
                            for key in ("ch4", "wind_direction", "wind_speed")
                            if key in columns and columns[key][row] is not None
                        }
                    start = end
                assert found == times, device
    assert {entry.device: (entry.received, entry.missing) for entry in store.ledger("controlled_release")} == {
        d: (len(t), 0) for d, t in wanted.items()
    }
    store.close()


def test_recording_of_a_run_is_published_as_it_was(jeonju: Site, tmp_path: Path) -> None:
    from jeonju.simulator.sinks.parquet import ParquetSink
    from jeonju.storage.port import Series
    from tests.simulator.test_world import simulate

    sink = ParquetSink(tmp_path / "run", site="jeonju")
    simulate(jeonju, 60, sink=sink)
    sink.close()
    store = DuckDBStore(tmp_path / "air.duckdb")
    with EmbeddedBroker(tmp_path, port=0) as broker, Ingest(jeonju, store, broker.url) as ingest:
        assert replay([tmp_path / "run"], broker.url) == 60 * 26
        wait_until(lambda: ingest.stats().readings == 60 * 26)
    begin = datetime(2026, 3, 4, tzinfo=UTC)
    rows = store.readings(Series(site="jeonju", start=begin, end=begin + timedelta(hours=1))).to_pylist()
    by_key = {(row["device"], row["time"]): row for row in rows}
    for _, reading in recorded(tmp_path / "run"):
        row = by_key[reading.device, reading.time]
        assert {key: row[key] for key in reading.values} == reading.values
        assert (row["seq"], row["boot"]) == (reading.seq, reading.boot)
    store.close()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("x.parquet", b"PAR1 not really", "cannot be read as Parquet"), ("x.txt", b"", "is no recording")],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(recorded(tmp_path / name))


def test_broken_number_in_a_recording_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "sensors.csv").write_text("name,lat,lon,x_m,y_m,height_m\nN,40.5,-105.1,0,0,2\n")
    (tmp_path / "observations.csv").write_text("time,N\n2022-05-09T00:00:00Z,1.8\n2022-05-09T00:01:00Z,much\n")
    with pytest.raises(UserError, match=r"observations\.csv:3: could not convert string to float: 'much'"):
        list(recorded(tmp_path))


def test_missing_sensor_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "sensors.csv").write_text("name,lat,lon\nN,40.5,-105.1\nS,40.4,-105.1\n")
    (tmp_path / "observations.csv").write_text("time,N\n")
    with pytest.raises(UserError, match=r"observations\.csv has no column S"):
        list(recorded(tmp_path))


def test_recording_older_than_the_retention_of_stores_is_reported_before_it_is_replayed(tmp_path: Path) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    paths = []
    for days in (29, 300):
        paths.append(tmp_path / f"{days}.jsonl")
        reading = Reading(device="a", time=now - timedelta(days=days), values={"pm25": 1.0})
        paths[-1].write_bytes(encode(reading) + b"\n")
    (line,) = kept_for(paths, now)
    assert line.startswith(
        f"{paths[1]} begins on 2025-05-06, 300 days ago, and stores keep readings for 30 days by default"
    )
    assert "--keep-raw 330d" in line
