"""The index on its way to a real store."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jeonju.airquality.index import Cai, cai
from jeonju.contract.site import Site
from jeonju.detection.index_statistics import IndexStatistics
from jeonju.storage.influx.store import InfluxStore
from tests.storage.influx.servers import Influxd

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)


def index(pm25: float) -> Cai:
    found = cai({"pm10": 20.0, "pm25": pm25, "no2": 0.01, "o3": 0.02})
    assert found is not None
    return found


def test_index_of_each_station_is_kept_once_a_minute(jeonju: Site, tmp_path: Path) -> None:
    with Influxd(tmp_path / "influxd") as server, closing(InfluxStore(server.url())) as store:
        figures = IndexStatistics(jeonju, store)
        for second in range(0, 150, 10):
            figures.write({"palbok-01": index(40.0 + second), "stranger": index(9.0)}, T0 + timedelta(seconds=second))
        # A scenario that begins anew goes back in time.
        figures.write({"palbok-02": index(10.0)}, T0 - timedelta(hours=1))
        found = server.ask('SELECT cai, grade, pollutant, lat FROM "index" GROUP BY device')
        assert [series["tags"]["device"] for series in found] == ["palbok-01", "palbok-02"]
        station = jeonju.stations[0]
        assert found[0]["values"] == [
            [
                int((T0 + timedelta(seconds=second)).timestamp() * 1e6),
                index(40.0 + second).value,
                grade,
                "pm25",
                station.lat,
            ]
            for second, grade in ((0, "bad"), (60, "very-bad"), (120, "very-bad"))
        ]
