"""Figures over time, which only dashboards read."""

from datetime import UTC, datetime, timedelta

from jeonju.contract.records import ForecastRecord, IndexRecord, ServiceStatistics
from jeonju.storage.influx.store import InfluxStore
from tests.storage.influx.servers import Influxd

T0 = datetime(2026, 3, 2, tzinfo=UTC)


def test_figures_are_points_of_their_instant_and_a_repeat_is_harmless(influxd: Influxd, database: str) -> None:
    store = InfluxStore(influxd.url(database))
    indexes = [
        IndexRecord("jeonju", "a", T0 + timedelta(minutes=n), 35.8, 127.1, 60.0 + n, "moderate", "pm25")
        for n in range(3)
    ]
    statistics = ServiceStatistics("jeonju", "ingest", T0, 9, 26, 1, 3, 0, None, 1, 0)
    for _ in range(2):
        store.write_statistics([*indexes, statistics])
    (series,) = influxd.ask("SELECT cai, grade, pollutant, lat, lon FROM \"index\" WHERE device = 'a'", database)
    assert [row[1:] for row in series["values"]] == [[60 + n, "moderate", "pm25", 35.8, 127.1] for n in range(3)]
    (series,) = influxd.ask('SELECT readings, store_available, lag_s, unset FROM "service" GROUP BY service', database)
    assert (series["tags"], series["values"]) == (
        {"service": "ingest"},
        [[int(T0.timestamp() * 1e6), 26, 0, 0, "lag_s"]],
    )
    store.close()


def test_a_later_forecast_of_an_hour_takes_the_place_of_the_earlier(influxd: Influxd, database: str) -> None:
    store = InfluxStore(influxd.url(database))
    for made, mean in ((T0, 30.0), (T0 + timedelta(hours=1), 40.0)):
        at = T0 + timedelta(hours=5)
        store.write_statistics([ForecastRecord("jeonju", "a", "pm25", at, mean, mean - 9, mean + 20, 4, 1, made)])
    (series,) = influxd.ask('SELECT mean, low, high FROM "forecast" GROUP BY device, quantity', database)
    assert (series["tags"], [row[1:] for row in series["values"]]) == (
        {"device": "a", "quantity": "pm25"},
        [[40.0, 31.0, 60.0]],
    )
    store.close()
