"""Which broker a city gets, and that a space in one topic is no trouble for others, or is said."""

import json
import logging
import os
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from jeonju.broker.embedded import EmbeddedBroker, folder_of
from jeonju.cli.doctor import notices
from jeonju.common.errors import UserError
from jeonju.contract.site import Site, load_site
from jeonju.stack import broker_choice
from jeonju.stack.broker_choice import choose_broker
from jeonju.stack.city import UpSettings, running_city
from jeonju.stack.http_server import HttpSettings
from tests.conftest import need_broker
from tests.ingest.test_gateways import with_gateways
from tests.waiting import wait_until

TASMOTA = '[[gateways]]\ntopic = "tele/#"\nformat = "tasmota"\n'
NAMES = ["aa-1", "living room", "bb-1"]


@pytest.fixture
def no_mosquitto(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_kind: str) -> str:
        raise UserError("mosquitto is not installed; get it with: apt-get install mosquitto")

    monkeypatch.setattr(broker_choice, "find_program", none)


@pytest.fixture
def mosquitto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_choice, "find_program", lambda _kind: "/usr/sbin/mosquitto")


@pytest.fixture
def with_tasmota(jeonju: Site) -> Site:
    return with_gateways(jeonju, {"topic": "tele/#", "format": "tasmota"})


def started(data: Path, kind: str, at: float) -> None:
    folder = folder_of("mosquitto" if kind == "mosquitto" else "embedded", data)
    folder.mkdir()
    (folder / "broker.conf").touch()
    os.utime(folder / "broker.conf", (at, at))


@pytest.mark.usefixtures("mosquitto")
def test_site_with_gateways_of_others_gets_mosquitto(
    tmp_path: Path, jeonju: Site, with_tasmota: Site, caplog: pytest.LogCaptureFixture
) -> None:
    assert choose_broker("embedded", with_tasmota, tmp_path) == "mosquitto"
    # Its one gateway is our own program.
    assert [gateway.format for gateway in jeonju.gateways] == ["airkorea"]
    assert choose_broker("embedded", jeonju, tmp_path) == "embedded"
    assert not caplog.text


@pytest.mark.usefixtures("no_mosquitto")
def test_where_mosquitto_is_not_installed_the_start_says_what_happens_and_what_helps(
    tmp_path: Path, with_tasmota: Site, caplog: pytest.LogCaptureFixture
) -> None:
    assert choose_broker("embedded", with_tasmota, tmp_path) == "embedded"
    (said,) = caplog.messages
    assert "disconnects whoever publishes on a topic with a space" in said
    assert "apt-get install mosquitto" in said


@pytest.mark.usefixtures("mosquitto")
@pytest.mark.parametrize(("had", "gets"), [(["nats"], "embedded"), (["mosquitto"], "mosquitto")])
@pytest.mark.parametrize("has_gateways", [False, True])
def test_data_folder_keeps_the_broker_in_which_messages_may_wait(
    tmp_path: Path,
    jeonju: Site,
    with_tasmota: Site,
    caplog: pytest.LogCaptureFixture,
    had: Sequence[str],
    gets: str,
    has_gateways: bool,
) -> None:
    for number, kind in enumerate(had):
        started(tmp_path, kind, number)
    assert choose_broker("embedded", with_tasmota if has_gateways else jeonju, tmp_path) == gets
    assert ("stays with NATS" in caplog.text) is (gets == "embedded" and has_gateways)


@pytest.mark.usefixtures("mosquitto")
def test_of_two_brokers_a_data_folder_keeps_the_one_that_was_started_last(tmp_path: Path, with_tasmota: Site) -> None:
    started(tmp_path, "mosquitto", 2)
    started(tmp_path, "nats", 1)
    assert choose_broker("embedded", with_tasmota, tmp_path) == "mosquitto"


@pytest.mark.parametrize(("asked", "gets"), [("nats", "embedded"), ("mosquitto", "mosquitto"), ("mqtt://x:1", None)])
def test_choice_of_the_user_counts(
    tmp_path: Path, with_tasmota: Site, caplog: pytest.LogCaptureFixture, asked: str, gets: str | None
) -> None:
    started(tmp_path, "nats", 1)
    assert choose_broker(asked, with_tasmota, tmp_path) == gets
    assert not caplog.text


def settings_of(tmp_path: Path, broker: str) -> UpSettings:
    file = tmp_path / "site.toml"
    built_in = Path(str(load_site.__globals__["__file__"])).parent / "sites" / "jeonju.toml"
    file.write_text(f"{built_in.read_text(encoding='utf-8')}\n{TASMOTA}", encoding="utf-8")
    return UpSettings(
        sites=(str(file),),
        simulate=False,
        data=tmp_path / "data",
        mqtt_port=0,
        broker=broker,
        http=HttpSettings(port=0),
        security=tmp_path / "none",
    )


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as response:
        return str(response.read().decode())


def publish_all(port: int) -> None:
    """Publish for each device, at QoS 0 over one connection, as gateways do; without waiting for the broker in between."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="gateway", reconnect_on_failure=False)
    client.connect("127.0.0.1", port)
    client.loop_start()
    wait_until(client.is_connected, what="the connection")
    for name in NAMES:
        client.publish(f"tele/{name}/SENSOR", '{"BME280": {"Temperature": 20}}')
    client.disconnect()
    client.loop_stop()


def test_space_in_one_topic_is_no_trouble_for_the_others(tmp_path: Path) -> None:
    need_broker("mosquitto")
    with running_city(settings_of(tmp_path, "embedded")) as city:
        publish_all(int(city.broker_url.rpartition(":")[2]))
        wait_until(lambda: city.ingest.stats().readings == 3, what="the readings")
        assert {"aa-1", "bb-1"} < set(city.store.latest("jeonju")["device"].to_pylist())
        assert json.loads(page(f"{city.url}/readyz")) == {"status": "ready"}
        assert notices(city.broker_url, tmp_path / "data") == []


def test_nats_that_disconnects_a_sender_for_a_space_is_named_everywhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_of(tmp_path, "nats")
    with caplog.at_level(logging.WARNING), running_city(settings) as city:
        publish_all(int(city.broker_url.rpartition(":")[2]))

        def ready() -> dict[str, object]:
            answer: dict[str, object] = json.loads(page(f"{city.url}/readyz"))
            return answer

        wait_until(lambda: "notices" in ready(), what="the notice")
        assert "the client 'gateway': it published on a topic with a space" in str(ready())
        assert "--broker mosquitto" in str(ready())
        assert json.loads(page(f"{city.url}/api/v1/health"))["notices"] == ready()["notices"]
        assert "jeonju_broker_senders_refused_total 1.0" in page(f"{city.url}/metrics")
        general, named = notices(city.broker_url, settings.data)
        assert "a topic with a space" in general
        assert "'gateway'" in named
    assert caplog.text.count("the client 'gateway'") == 1


def test_what_stands_in_the_log_of_an_earlier_start_is_no_news(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path, port=0) as broker:
        publish_all(broker.port)
        refused = broker.refused_senders
        assert refused is not None
        wait_until(lambda: refused.number == 1, what="the line in the log")
    with EmbeddedBroker(tmp_path, port=0) as broker:
        assert broker.refused_senders is not None
        assert notices(broker.url, tmp_path) == notices(broker.url, tmp_path / "elsewhere")
        assert not broker.refused_senders.notices()
