"""A city in a real InfluxDB, drawn by hand once for all tests: how readings come into a store is tested elsewhere."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from benchmarks import _city
from jeonju.contract.records import DeadLetter
from jeonju.contract.site import Site
from jeonju.storage.influx.line_protocol import table_lines
from jeonju.storage.influx.names import AIR, AIR_1H, AIR_1M, HOURS, MINUTES, RAW
from jeonju.storage.influx.store import InfluxStore
from jeonju.storage.port import Commit
from tests.grafana.reader import Reader
from tests.storage.influx.servers import Influxd

# The past that dashboards look back on, as means of hours, and the last hours as readings.
END = datetime(2026, 1, 20, 3, 0, tzinfo=UTC)
PAST = END - timedelta(days=30)
BEGIN = END - timedelta(hours=5)
FINE_FROM = END - timedelta(minutes=60)
FIRE = END - timedelta(minutes=50)


@pytest.fixture(scope="session")
def reader(jeonju: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Who asks the database of the city as Grafana would, for the hour of the fire."""
    with Influxd(tmp_path_factory.mktemp("grafana") / "influxd") as server:
        with closing(InfluxStore(server.url())) as store:
            _fill(jeonju, store)
        yield Reader(server, start=FINE_FROM, end=END)


def _fill(site: Site, store: InfluxStore) -> None:
    coarse = _city.readings(site, BEGIN, FINE_FROM, 60, fire_at=FIRE)
    fine = _city.readings(site, FINE_FROM, END, 10, fire_at=FIRE)
    past = _city.readings(site, PAST, BEGIN, 3600, fire_at=FIRE)
    true = _city.truth(site, FINE_FROM, END, fire_at=FIRE)
    letter = DeadLetter(END - timedelta(minutes=5), "air/v1/jeonju/palbok-01/readings", b"{ not JSON", "not JSON")
    write = store._server.write
    official = _city.official(site, PAST, END)
    for rows in (coarse, fine, true, official):
        write(table_lines(AIR, rows), "us", RAW)
        write(table_lines(AIR_1M, _city.rolled_up(rows, 60)), "us", MINUTES)
    for rows in (pa.concat_tables([past, coarse, fine]), true, official):
        write(table_lines(AIR_1H, _city.rolled_up(rows, 3600)), "us", HOURS)
    store.write(Commit(devices=_city.devices(site, FIRE), ledger=_city.ledger(site), dead_letters=[letter]))
    store.write_alerts(_city.alerts(site, FIRE))
    store.write_incidents(_city.incidents(site, FIRE))
    store.write_journal(_city.journal(site, FIRE))
    store.write_statistics([*_city.indexes(site, END - timedelta(hours=26), END, timedelta(minutes=10))])
    store.write_statistics([*_city.forecasts(site, END)])
    store.write_statistics([*_city.services(site, FINE_FROM, END, timedelta(seconds=10))])
