"""All that a site names is subscribed, at brokers that grant few subscriptions to a session; and what is refused is said."""

import logging
import shutil
from contextlib import closing
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from jeonju.broker.client import Client
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.cli.doctor import diagnoses
from jeonju.common.errors import UserError
from jeonju.contract.site import Site
from jeonju.ingest import sessions
from jeonju.ingest.metrics import IngestMetrics
from jeonju.ingest.service import Ingest
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import local_client
from tests.ingest.test_gateways import NOW, with_gateways
from tests.ingest.test_service import leaving, sender
from tests.waiting import wait_until


class Narrow(EmbeddedBroker):
    """NATS with room for one subscription in a session, and none for a filter that ends in `#`, which counts twice."""

    share = 40_000

    def _configuration(self) -> str:
        text = super()._configuration()
        assert text.count("max_ack_pending: 10000") == 1
        return text.replace("max_ack_pending: 10000", f"max_ack_pending: {self.share}")


def filters(number: int) -> list[str]:
    usual = ["zigbee2mqtt/#", "tele/+/SENSOR", "application/+/device/+/event/+", "airkorea/+", "v1/+/+", "senml/#"]
    return [*usual, *(f"more-{item}/#" for item in range(number))][:number]


def site_with(jeonju: Site, *topics: str) -> Site:
    return with_gateways(jeonju, *({"topic": item, "format": "airkorea"} for item in topics))


def say_on(client: mqtt.Client, topic: str) -> None:
    client.publish(topic.replace("+", "x").replace("#", "x/y"), f"from {topic}", qos=1).wait_for_publish(30)


@pytest.mark.parametrize("number", [1, 6, 20, 60])
def test_every_gateway_is_heard_and_goes_on_being_heard_after_a_restart(
    tmp_path: Path, jeonju: Site, store: DuckDBStore, number: int
) -> None:
    site, expected = site_with(jeonju, *filters(number)), {f"from {item}".encode() for item in filters(number)}
    with EmbeddedBroker(tmp_path, port=0) as broker, leaving(sender(broker)) as client:
        for round_number in (1, 2):
            with Ingest(site, store, broker.url) as ingest:
                assert ingest.stats().trouble_now is None
                for item in filters(number):
                    say_on(client, item)
                wait_until(lambda: ingest.stats().messages >= number, what="all messages")
            letters = [letter.payload for letter in store.dead_letters(limit=1000)]
            assert set(letters) == expected
            # Nothing comes over two sessions.
            assert len(letters) == round_number * number


def test_what_waits_for_one_big_session_is_not_lost_when_gateways_are_added(
    tmp_path: Path, jeonju: Site, store: DuckDBStore
) -> None:
    """The first six subscriptions are where they were before there were several sessions, with what waits there, wherever the new ones stand in the file."""
    with EmbeddedBroker(tmp_path, port=0) as broker, leaving(sender(broker)) as client:
        with Ingest(site_with(jeonju, "old/+", "older/+"), store, broker.url):
            pass
        say_on(client, "older/+")
        site = site_with(jeonju, *filters(6), "old/+", "older/+")
        with Ingest(site, store, broker.url) as ingest:
            say_on(client, "zigbee2mqtt/#")
            say_on(client, "older/+")
            wait_until(lambda: ingest.stats().messages >= 3, what="what waited, and what came then")
    letters = sorted(letter.payload for letter in store.dead_letters())
    assert letters == [b"from older/+", b"from older/+", b"from zigbee2mqtt/#"]


def test_members_hear_every_gateway(tmp_path: Path, jeonju: Site, store: DuckDBStore) -> None:
    if shutil.which("mosquitto", path="/usr/sbin:/usr/bin") is None:
        pytest.skip("mosquitto is not installed; get it with: apt-get install mosquitto")
    site = site_with(jeonju, *filters(20))
    with (
        EmbeddedBroker(tmp_path, kind="mosquitto", port=0) as broker,
        Ingest(site, store, broker.url, member="one") as item,
        Ingest(site, store, broker.url, member="two") as two,
        leaving(sender(broker)) as client,
    ):
        for topic in filters(20):
            say_on(client, topic)
        wait_until(lambda: item.stats().messages + two.stats().messages == 20, what="all messages")


def test_start_fails_with_the_name_of_a_filter_that_is_refused(
    tmp_path: Path, jeonju: Site, store: DuckDBStore
) -> None:
    with (
        Narrow(tmp_path, port=0) as broker,
        pytest.raises(UserError, match=r"the broker at .* refuses the subscription to 'tele/#' \(.*\): nothing sent"),
    ):
        Ingest(site_with(jeonju, "airkorea/+", "tele/#"), store, broker.url).start()


def test_a_broker_that_gives_a_session_one_subscription_is_no_obstacle(
    tmp_path: Path, jeonju: Site, store: DuckDBStore
) -> None:
    with (
        Narrow(tmp_path, port=0) as broker,
        Ingest(site_with(jeonju, "airkorea/+"), store, broker.url) as ingest,
        leaving(sender(broker)) as client,
    ):
        say_on(client, "airkorea/+")
        wait_until(lambda: ingest.stats().messages == 1, what="the message")


def test_refusal_at_a_reconnection_is_logged_shown_and_asked_again(
    tmp_path: Path,
    jeonju: Site,
    store: DuckDBStore,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sessions, "ASK_AGAIN_AFTER_S", 0.2)
    site = site_with(jeonju, "tele/#")
    with EmbeddedBroker(tmp_path, port=0) as broker:
        port = broker.port
        ingest = Ingest(site, store, broker.url)
        ingest.start()
        assert ingest.stats().trouble_now is None
    try:
        # It comes back without its data and with less room.
        shutil.rmtree(tmp_path / "nats")
        with caplog.at_level(logging.ERROR), Narrow(tmp_path, port=port):
            wait_until(lambda: "'tele/#'" in str(ingest.stats().trouble_now), what="the refusal to be known")
            wait_until(lambda: caplog.text.count("refuses the subscription to 'tele/#'") >= 2, what="a second attempt")
            figures = {item.name: item.samples for item in IngestMetrics(ingest.stats, lambda: NOW).collect()}
            assert figures["jeonju_ingest_subscriptions_refused"][0].value == 1
    finally:
        ingest.stop()


def test_api_that_is_refused_is_not_ready_and_says_why(
    tmp_path: Path, jeonju: Site, caplog: pytest.LogCaptureFixture
) -> None:
    class Refusing(Narrow):
        share = 65_535

    with (
        Refusing(tmp_path, port=0) as broker,
        closing(DuckDBStore(tmp_path / "air.duckdb")) as store,
        caplog.at_level(logging.ERROR),
        local_client(api_app(jeonju, store, broker.url)) as client,
    ):
        wait_until(lambda: "refuses the subscription" in client.get("/readyz").json()["status"], what="the refusal")
        assert client.get("/readyz").status_code == 503
        assert "jeonju_api_subscriptions_refused 2.0" in client.get("/metrics").text
    assert "refuses the subscription" in caplog.text


def test_doctor_says_what_is_refused(tmp_path: Path, jeonju: Site) -> None:
    with Narrow(tmp_path, port=0) as broker, pytest.raises(UserError, match="refuses the subscription to 'tele/#'"):
        next(diagnoses(jeonju, broker.url, "tele/#", lambda _wait: False))


def test_client_says_what_is_refused_to_whoever_uses_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Narrow(tmp_path, port=0) as broker, caplog.at_level(logging.ERROR):
        client = Client(broker.url, "some", filters=[("one/+", 1), ("all/#", 1)])
        client.begin()
        try:
            wait_until(lambda: client.refused, what="the answer")
        finally:
            client.end()
        assert list(client.refused) == ["all/#"]
    assert "refuses the subscription to 'all/#'" in caplog.text
