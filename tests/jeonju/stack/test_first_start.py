"""A brand-new stack loses nothing that its broker has acknowledged: the session of ingest is there before devices are let in."""

import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from jeonju.broker.embedded import EmbeddedBroker, Kind, Preparation, free_port
from jeonju.broker.mosquitto_db import prepare_mosquitto
from jeonju.cli.app import app
from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode
from jeonju.contract.site import Site
from jeonju.ingest.service import Ingest
from jeonju.ingest.stats import Stats
from jeonju.ingest.wanted import Wanted
from jeonju.stack.city import UpSettings, running_city
from jeonju.stack.http_server import HttpSettings
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Series
from tests.broker.guarded import Ears
from tests.broker.test_server_conf import DEVICES, TOPIC, running_server
from tests.conftest import need_broker
from tests.folders import let_others_in
from tests.ingest.test_gateways import with_gateways
from tests.waiting import wait_until

BOTH = ["nats", "mosquitto"]
ENOUGH = 50
SITE = "jeonju"


class Eager:
    """A device that tries to connect without a pause, and sends readings from the first moment on."""

    def __init__(self, port: int, topic: str = topics.readings(SITE, "eager")) -> None:
        self.acknowledged: set[int] = set()
        self.enough = threading.Event()
        self._port, self._topic = port, topic
        self._stop = threading.Event()
        self._numbers: dict[int, int] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="eager")
        self._client.on_publish = self._note
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _note(self, _client: Any, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        self.acknowledged.add(self._numbers.pop(mid))
        if len(self.acknowledged) >= ENOUGH:
            self.enough.set()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self._client.connect("127.0.0.1", self._port)
                break
            except OSError:
                self._stop.wait(0.001)
        for seq in range(100_000):
            if self._stop.is_set():
                break
            reading = Reading(device="eager", seq=seq, boot="1", time=datetime.now(UTC), values={"pm25": 1.0})
            self._numbers[self._client.publish(self._topic, encode(reading), qos=1).mid] = seq
            while self._numbers and not self._stop.is_set():
                if self._client.loop(0.1) != mqtt.MQTT_ERR_SUCCESS:
                    return
            self._stop.wait(0.01)
        self._client.disconnect()


def stored(store: Any) -> set[int]:
    table = store.readings(
        Series(site=SITE, start=datetime(2020, 1, 1, tzinfo=UTC), end=datetime(2100, 1, 1, tzinfo=UTC))
    )
    return {
        seq
        for seq, device in zip(table["seq"].to_pylist(), table["device"].to_pylist(), strict=True)
        if device == "eager"
    }


@pytest.mark.parametrize("kind", BOTH)
def test_device_that_is_there_first_loses_nothing(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    need_broker("mosquitto" if kind == "mosquitto" else "embedded")
    port = free_port()
    settings = UpSettings(
        data=tmp_path,
        broker=kind,
        mqtt_port=port,
        simulate=False,
        history_s=0,
        http=HttpSettings(port=0),
        security=tmp_path / "none",
    )
    begin = Ingest.start

    def late(ingest: Ingest) -> None:
        assert device.enough.wait(60)
        begin(ingest)

    monkeypatch.setattr(Ingest, "start", late)
    with Eager(port) as device, running_city(settings) as city:
        device.stop()
        assert len(device.acknowledged) >= ENOUGH
        wait_until(lambda: device.acknowledged <= stored(city.store), what="all that was acknowledged")


@pytest.mark.parametrize("kind", ["embedded", "mosquitto"])
def test_topics_that_were_added_to_the_site_are_subscribed_before_devices_are_let_in_again(
    tmp_path: Path, jeonju: Site, kind: Kind
) -> None:
    need_broker(kind)
    added = {"topic": "plant/+/up", "format": "json", "device": "{2}", "mapping": [{"pointer": "/pm25", "key": "pm25"}]}
    client_id, remembers = "ingest-0", tmp_path / "subscribed"
    made: list[str] = []

    def broker_for(site: Site) -> EmbeddedBroker:
        wanted = Wanted(site, client_id, remembers=remembers)

        def make(url: str) -> None:
            made.append(url)
            wanted.make(url)

        preparation = Preparation("ingest", repr(wanted.sessions()), make)
        return EmbeddedBroker(tmp_path, kind=kind, port=0, preparation=preparation)

    wider = with_gateways(jeonju, added)
    with closing(DuckDBStore(tmp_path / "air.duckdb")) as store:
        for _ in range(2):
            with (
                broker_for(jeonju) as broker,
                Ingest(jeonju, store, broker.url, client_id=client_id, remembers=remembers),
            ):
                pass
        assert len(made) == 1, "what is there is not made again"
        with broker_for(wider) as broker:
            assert len(made) == 2
            assert made[1] != broker.url
            client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="plant")
            client.connect("127.0.0.1", broker.port)
            client.loop_start()
            client.publish("plant/one/up", b'{"pm25": 3}', qos=1).wait_for_publish(60)
            client.disconnect()
            client.loop_stop()
            with Ingest(wider, store, broker.url, client_id=client_id, remembers=remembers) as ingest:
                wait_until(lambda: ingest.stats().readings == 1, what="what came before ingest")


@pytest.mark.parametrize("member", [None, "a"])
def test_mosquitto_keeps_what_comes_before_ingest_was_ever_there(
    tmp_path: Path, jeonju: Site, store: DuckDBStore, member: str | None
) -> None:
    """As `jeonju setup --mosquitto` prepares it, with the configuration of a server."""
    let_others_in(tmp_path)
    wanted = Wanted(jeonju, "ingest-0", member)

    def prepare(data: Path, port: int) -> None:
        assert prepare_mosquitto(data, "ingest", wanted.sessions(), port)
        assert not prepare_mosquitto(data, "ingest", [], port), "what is there stays"

    with running_server(tmp_path, jeonju, prepare) as server:
        with Ears(server.url(DEVICES, server.one), "one") as one:
            for number in range(3):
                one.say(TOPIC, f'{{"device":"one","seq":{number},"values":{{"pm25":1}}}}')
        with Ingest(jeonju, store, server.service("ingest"), client_id="ingest-0", member=member) as ingest:
            wait_until(lambda: ingest.stats().readings == 3, what="what came before ingest")
            assert ingest._sessions.first.had_session


def test_member_without_mosquitto_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["setup", "--secrets", str(tmp_path), "--member", "a"])
    assert done.exit_code != 0
    assert "--member goes with --mosquitto" in str(done.exception)


@pytest.mark.parametrize("kind", ["embedded", "mosquitto"])
def test_session_that_the_broker_has_forgotten_is_said_and_counted(
    tmp_path: Path, jeonju: Site, store: DuckDBStore, kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    need_broker(kind)
    with (
        EmbeddedBroker(tmp_path, kind=kind, port=0) as broker,
        Ingest(jeonju, store, broker.url, client_id="ingest-0", remembers=tmp_path / "subscribed") as ingest,
    ):
        assert ingest.stats().sessions_forgotten == 0
        # As an expiry or a broker that was made anew would.
        with Ears(broker.url, "ingest-0", clean_session=True):
            pass
        wait_until(lambda: ingest.stats().sessions_forgotten, what="the loss to be noticed")
        wait_until(lambda: ingest.stats().trouble_now is None, what="the new session")
    assert "has forgotten the session of ingest" in caplog.text


def test_ingest_is_not_ready_before_the_broker_has_answered_its_subscriptions() -> None:
    stats = Stats(connected=True, subscribed=False)
    assert stats.trouble_now == "the broker has not answered the subscriptions of ingest yet"
    stats.subscribed = True
    assert stats.trouble_now is None
