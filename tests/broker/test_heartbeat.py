"""Whether a device that connects now is heard: with a broker of each kind, one that stands still, accounts without the right, and a full disk."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from jeonju.broker.client import Client
from jeonju.broker.embedded import EmbeddedBroker, Kind
from jeonju.broker.heartbeat import Heartbeat, NotAllowedError, try_broker
from jeonju.broker.security import Security
from jeonju.contract import topics
from jeonju.contract.site import Site
from tests.broker.guarded import NOW
from tests.conftest import need_broker
from tests.disks import small_disk
from tests.waiting import wait_until

TOPIC = topics.heartbeat("jeonju")


def test_broker_that_is_well_brings_the_message_back(broker: EmbeddedBroker) -> None:
    assert try_broker(broker.url, TOPIC, 60) is None


def test_broker_that_stands_still_takes_no_messages(broker: EmbeddedBroker) -> None:
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        assert "takes no messages" in (try_broker(broker.url, TOPIC, 0.2) or "")
    finally:
        os.kill(broker.pid, signal.SIGCONT)


def test_broker_that_is_away_is_said(tmp_path: Path) -> None:
    assert "no broker answers" in (try_broker("mqtt://127.0.0.1:1", TOPIC) or "")


@pytest.mark.parametrize("kind", ["embedded", "mosquitto"])
def test_api_has_the_right_and_others_cannot_be_judged_by(tmp_path: Path, jeonju: Site, kind: Kind) -> None:
    need_broker(kind)
    security = Security(tmp_path / "security")
    security.setup((), [jeonju], NOW)
    with EmbeddedBroker(tmp_path, kind=kind, port=0, security=security) as broker:
        assert try_broker(broker.url_for("api"), TOPIC, 60) is None
        with pytest.raises(NotAllowedError):
            try_broker(broker.url_for("airkorea"), TOPIC, 2)


def test_account_without_the_right_is_no_trouble() -> None:
    """Accounts of an earlier version do not have it."""
    asked = threading.Semaphore(0)

    def refused() -> str | None:
        asked.release()
        raise NotAllowedError("refused")

    heartbeat = Heartbeat("mqtt://127.0.0.1:1", TOPIC, every_s=0.001)
    heartbeat._attempt = refused
    with heartbeat:
        for _ in range(3):
            assert asked.acquire(timeout=60)
        assert heartbeat.trouble is None


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "40m") as folder:
        yield folder


@pytest.mark.parametrize("kind", ["embedded", "mosquitto"])
def test_broker_takes_messages_again_when_a_full_disk_has_room(disk: Path, kind: Kind) -> None:
    """The heartbeat says what devices see, NATS is started again once there is room, and what was acknowledged is still there."""
    need_broker(kind)
    granted, found = threading.Event(), set[bytes]()
    with EmbeddedBroker(disk / "data", kind=kind, port=0) as broker:
        session = Client(
            broker.url, "session", clean_session=False, filters=[("readings", 1)], on_subscribed=granted.set
        )
        session.begin()
        assert granted.wait(60)
        session.end()
        sent: dict[int, bytes] = {}
        acknowledged: set[int] = set()
        device = Client(broker.url, "device")
        device.on_publish = lambda _client, _data, mid, *_: acknowledged.add(mid)
        device.begin()

        def send() -> None:
            payload = f"{len(sent):06d}".encode().ljust(4000)
            sent[device.publish("readings", payload, qos=1).mid] = payload

        with Heartbeat(broker.url, TOPIC, on_trouble=broker.revive, every_s=0.1, within_s=1) as heartbeat:
            ballast = disk / "ballast"
            with ballast.open("ab", buffering=0) as file, suppress(OSError):
                while file.write(bytes(4096)):
                    pass
            for _ in range(20):
                send()
            if kind == "embedded":
                wait_until(lambda: heartbeat.trouble, what="the trouble")
            before = broker.pid
            ballast.unlink()
            if kind == "embedded":
                wait_until(lambda: broker.pid not in (None, before), what="the broker's new start")
            wait_until(lambda: heartbeat.trouble is None, what="the end of the trouble")
        send()
        wait_until(lambda: len(acknowledged) == len(sent), what="the acknowledgements of all")
        device.end()
        session.on_message = lambda _client, _data, message: found.add(bytes(message.payload))
        session.begin()
        wait_until(lambda: set(sent.values()) <= found, what="all that was acknowledged")
        session.end()
