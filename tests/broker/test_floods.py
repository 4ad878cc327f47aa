"""A client that sends without end: what bounds it, and that nothing that was acknowledged is lost."""

import os
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from jeonju.broker.embedded import EmbeddedBroker, Kind
from jeonju.contract.site import Site
from tests.broker.guarded import Ears, security_with, url_of
from tests.conftest import need_broker
from tests.waiting import wait_until

TOPIC = "air/v1/jeonju/{}/readings"
BOTH: list[Kind] = ["embedded", "mosquitto"]
BOUND_BYTES = 8_000_000
PAYLOAD_BYTES = 20_000


@pytest.mark.parametrize("kind", BOTH)
def test_full_broker_refuses_more_keeps_what_it_took_and_is_emptied_after_a_restart(
    tmp_path: Path, jeonju: Site, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_broker(kind)
    monkeypatch.setattr("jeonju.broker.embedded.QUEUE_ON_DISK_BYTES", BOUND_BYTES)
    monkeypatch.setattr("jeonju.broker.embedded.MOSQUITTO_MEMORY_BYTES", BOUND_BYTES)
    security, secrets = security_with(tmp_path / "security", jeonju, "one")
    with EmbeddedBroker(tmp_path, kind=kind, port=0, security=security) as broker:
        with Ears(broker.url_for("ingest"), "ingest", TOPIC.format("+"), clean_session=False):
            pass
        begun = broker.pid
        acknowledged: list[int] = []
        flooder = Ears(url_of(broker, security, secrets["one"]), "one")
        refused = threading.Event()
        flooder.on_publish = lambda _c, _d, mid, _r, _p: acknowledged.append(mid)
        flooder.on_disconnect = lambda *_: refused.set()
        with flooder:
            for _ in range(3 * BOUND_BYTES // PAYLOAD_BYTES):
                flooder.publish(TOPIC.format("one"), os.urandom(PAYLOAD_BYTES), qos=1)
            wait_until(refused.is_set, what="the broker's refusal")
        assert 0 < len(acknowledged) < 2 * BOUND_BYTES // PAYLOAD_BYTES
        assert broker.pid == begun
        assert begun is not None
        assert psutil.Process(begun).memory_info().rss < 100_000_000
    kept = sum(file.stat().st_size for file in broker._data_dir.rglob("*") if file.is_file())
    assert kept < 2 * BOUND_BYTES
    with (
        EmbeddedBroker(tmp_path, kind=kind, port=0, security=security) as broker,
        Ears(broker.url_for("ingest"), "ingest", clean_session=False) as ingest,
    ):
        wait_until(lambda: len(ingest.heard) >= len(acknowledged), what="all that was acknowledged")


@pytest.mark.parametrize("kind", BOTH)
def test_flood_does_not_keep_others_from_being_heard(tmp_path: Path, jeonju: Site, kind: Kind) -> None:
    need_broker(kind)
    security, secrets = security_with(tmp_path / "security", jeonju, "one", "two")
    with EmbeddedBroker(tmp_path, kind=kind, port=0, security=security) as broker:
        flooder = Ears(url_of(broker, security, secrets["one"]), "one")
        with (
            Ears(broker.url_for("ingest"), "ingest", TOPIC.format("+")) as ingest,
            Ears(url_of(broker, security, secrets["two"]), "two") as two,
            flooder,
        ):
            more = threading.Event()

            def flood(*_: Any) -> None:
                if not more.is_set():
                    flooder.publish(TOPIC.format("one"), bytes(PAYLOAD_BYTES), qos=1)

            flooder.on_publish = flood
            for _ in range(20):
                flood()
            wait_until(lambda: len(ingest.heard) > 500, what="the flood")
            two.say(TOPIC.format("two"), "here I am")
            wait_until(lambda: b"here I am" in ingest.payloads(), what="the other device")
            assert not more.is_set()
            more.set()


@pytest.mark.parametrize("kind", BOTH)
def test_message_beyond_the_limit_costs_only_its_sender_the_connection(
    tmp_path: Path, jeonju: Site, kind: Kind
) -> None:
    need_broker(kind)
    security, secrets = security_with(tmp_path / "security", jeonju, "one", "two")
    with EmbeddedBroker(tmp_path, kind=kind, port=0, security=security) as broker:
        begun = broker.pid
        sender = Ears(url_of(broker, security, secrets["one"]), "one")
        dropped = threading.Event()
        sender.on_disconnect = lambda *_: dropped.set()
        with Ears(broker.url_for("ingest"), "ingest", TOPIC.format("+")) as ingest, sender:
            sender.publish(TOPIC.format("one"), bytes(9 * 1024 * 1024), qos=0)
            wait_until(dropped.is_set, what="the end of the connection")
            with Ears(url_of(broker, security, secrets["two"]), "two") as two:
                two.say(TOPIC.format("two"), "here I am")
                wait_until(lambda: ingest.heard, what="the other device")
            assert ingest.payloads() == [b"here I am"]
        assert broker.pid == begun
