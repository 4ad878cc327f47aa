"""A city in a real InfluxDB, filled the way it always is: simulator, broker, ingest, store; alerts and indexes by the alert engine."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import paho.mqtt.client as mqtt
import pytest
import simpy
from paho.mqtt.enums import CallbackAPIVersion

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract.events import Fault
from jeonju.contract.records import IncidentRecord, JournalEntry
from jeonju.contract.site import Site
from jeonju.detection.engine import AlertEngine
from jeonju.detection.index_statistics import IndexStatistics
from jeonju.ingest import statistics as ingest_statistics
from jeonju.ingest.service import Ingest
from jeonju.messages.alerts import Labels, with_words
from jeonju.response.fleet.control import FleetControl
from jeonju.response.incidents.service import IncidentService
from jeonju.simulator.scenario import load_scenario
from jeonju.simulator.sinks.mqtt import MqttSink
from jeonju.simulator.sinks.truth import TruthSink
from jeonju.simulator.world import Cadence, World
from jeonju.storage.influx.store import InfluxStore
from jeonju.storage.port import Series
from tests.grafana.reader import Reader
from tests.storage.influx.servers import Influxd
from tests.waiting import wait_until

SCENARIO = load_scenario("palbok-recycler-fire")
# The index needs most of twelve hours, of which a reading a minute is enough; the fire burns in the last hour.
BEFORE = timedelta(hours=11)
BEGIN = SCENARIO.start - BEFORE
FINE_FROM = SCENARIO.start + timedelta(minutes=90)
END = SCENARIO.start + timedelta(minutes=150)
COARSE = Cadence(interval_s=60.0, tick_s=30.0, block_s=600.0)
FINE = Cadence(interval_s=10.0, tick_s=10.0, block_s=600.0)


@pytest.fixture(scope="session")
def reader(jeonju: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Who asks the database of the city as Grafana would, for the hour of the fire."""
    server = Influxd(tmp_path_factory.mktemp("grafana") / "influxd")
    try:
        with (
            closing(InfluxStore(server.url())) as store,
            EmbeddedBroker(tmp_path_factory.mktemp("broker"), kind="embedded", port=0) as broker,
        ):
            _live(jeonju, store, broker.url)
            _judge(jeonju, store)
            for _ in store.maintenance(END):
                pass
        yield Reader(server, start=FINE_FROM, end=END)
    finally:
        server.stop()


def _live(site: Site, store: InfluxStore, broker_url: str) -> None:
    env = simpy.Environment(initial_time=BEGIN.timestamp())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest_statistics, "EVERY_S", 0.1)
        with Ingest(site, store, broker_url, now=lambda: datetime.fromtimestamp(env.now, UTC)) as service:
            sink = TruthSink(MqttSink(broker_url, site=site.name), broker_url, site=site.name)
            world = World(
                site,
                env,
                sink,
                seed=SCENARIO.seed,
                weather=SCENARIO.weather,
                cadence=lambda now_s: FINE if now_s >= FINE_FROM.timestamp() else COARSE,
            )
            late = (FINE_FROM - BEGIN).total_seconds()
            for event in SCENARIO.events:
                world.add(event.model_copy(update={"after": event.after + BEFORE.total_seconds()}))
            faults = [("stuck", "palbok-05", 0.0), ("spike", "manseong-04", 9000.0), ("repeated", "manseong-01", 0.0)]
            for fault, device, size in faults:
                what = {"kind": "fault", "fault": fault, "device": device, "quantity": "pm25", "size": size}
                world.add(Fault.model_validate(what | {"after": late + 300, "duration": 3000}))
            env.run(until=END.timestamp() - 300)
            _send_nonsense(broker_url)
            wait_until(lambda: service.stats().rejected, within_s=300)
            env.run(until=END.timestamp() + 1e-6)
            sink.close()
            wait_until(lambda: _newest(store, site) >= END and not service.stats().waiting, within_s=300)
            commits = service.stats().commits
            wait_until(
                lambda: any(
                    row[1] >= commits
                    for part in store._server.query("SELECT commits FROM service")
                    for row in part.rows
                )
            )
        assert service.failure is None


def _send_nonsense(broker_url: str) -> None:
    host, _, port = broker_url.removeprefix("mqtt://").rpartition(":")
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect(host, int(port))
    client.loop_start()
    client.publish("air/v1/jeonju/palbok-01/readings", b"{ not JSON", qos=1).wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


def _newest(store: InfluxStore, site: Site) -> datetime:
    return max(store.latest(site.name)["time"].to_pylist(), default=BEGIN)


def _judge(site: Site, store: InfluxStore) -> None:
    """Do what the api does with what it hears, and what a person and the dispatcher do about the fire."""
    engine, statistics, published = AlertEngine(site), IndexStatistics(site, store), list[IncidentRecord]()
    labels = Labels(site)
    now = END - timedelta(minutes=1)
    fleet = FleetControl(site, store, lambda: now, lambda _message: None, automatic=False)
    incidents = IncidentService(site, store, lambda: now, published.append, fleet)
    places = {station.name: (station.lat, station.lon) for station in site.stations} | {
        robot.name: robot.dock for robot in site.robots
    }
    incidents.start()
    begin = BEGIN
    while begin < END:
        end = begin + timedelta(minutes=10)
        changed = engine.update(store.readings(Series(site=site.name, start=begin, end=end)))
        alerts = [with_words(alert, labels) for alert in changed]
        store.write_alerts(alerts)
        incidents.handle(alerts, places, end)
        statistics.write(engine.pollution.cai, end)
        begin = end
    wait_until(lambda: any(incident.radius_m for incident in published), what="where the fire is")
    fire = next(incident for incident in reversed(published) if incident.radius_m)
    incidents.act(fire.id, "acknowledge", "kim", "fire brigade called")
    incidents.stop()
    sent = JournalEntry(
        "sent", site.name, fire.opened_at, "system", "dispatch", "robot-2", json.dumps({"incident": fire.id})
    )
    store.write_journal([sent])
