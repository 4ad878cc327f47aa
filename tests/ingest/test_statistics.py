"""Statistics of ingest itself, with a real store that goes away and comes back."""

import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.common.errors import UnavailableError
from jeonju.contract.records import ServiceStatistics
from jeonju.contract.site import Site
from jeonju.ingest import statistics
from jeonju.ingest.service import Ingest
from jeonju.ingest.statistics import write_statistics
from jeonju.storage.influx.store import InfluxStore
from tests.ingest.test_service import T0, send, sender
from tests.storage.influx.servers import Influxd
from tests.waiting import wait_until


def written(server: Influxd) -> list[list[object]]:
    found = server.ask("SELECT readings, messages, lag_s, broker_connected, store_available FROM service")
    return [row[1:] for series in found for row in series["values"]]


def test_statistics_of_a_time_without_the_store_come_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "EVERY_S", 0.05)
    server = Influxd(tmp_path / "influxd")
    store, stopping, count = InfluxStore(server.url()), threading.Event(), 0

    def some_statistics() -> ServiceStatistics:
        nonlocal count
        count += 1
        return ServiceStatistics("jeonju", "ingest", T0 + timedelta(seconds=count), 0, count, 0, 0, 0, 1.0, 1, 1)

    writer = threading.Thread(target=write_statistics, args=(store, some_statistics, stopping))
    writer.start()
    try:
        wait_until(lambda: written(server))
        server.stop()
        with pytest.raises(UnavailableError):
            store.ledger("jeonju")
        away = count
        wait_until(lambda: count >= away + 3)
        server.start()
        wait_until(lambda: len(written(server)) >= away + 3)
        rows = written(server)  # once, for more of them come meanwhile
        assert [row[0] for row in rows] == list(range(1, len(rows) + 1)), "none was lost"
    finally:
        stopping.set()
        writer.join()
        store.close()
        server.stop()


# The newest was measured at 9 s. A clock that is behind those of devices, as that of a fast simulation may be, makes no reading younger than 0 s.
@pytest.mark.parametrize(("stored_s", "lag_s"), [(20, 11.0), (5, 0.0)])
def test_ingest_writes_what_it_did_and_how_old_readings_are(
    jeonju: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored_s: int, lag_s: float
) -> None:
    monkeypatch.setattr(statistics, "EVERY_S", 0.05)
    ticks = iter(range(1_000_000))
    with Influxd(tmp_path / "influxd") as server, closing(InfluxStore(server.url())) as store:
        with (
            EmbeddedBroker(tmp_path, kind="embedded", port=0) as broker,
            Ingest(jeonju, store, broker.url, now=lambda: T0 + timedelta(seconds=stored_s, microseconds=next(ticks))),
        ):
            client = sender(broker)
            send(client, 0, 10)
            # What is written in the midst of counting a commit has the lag of the one before.
            newest = [10, 10, pytest.approx(lag_s, abs=0.1)]
            wait_until(lambda: [row[:3] for row in written(server)][-1:] == [newest], what="all of it")
            client.disconnect()
            client.loop_stop()
        assert written(server)[-1] == [*newest, 1, 1]
