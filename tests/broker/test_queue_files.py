"""Damaged queues: one line that names the file and says what to do, before the broker starts and drops them."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from jeonju.broker.client import Client
from jeonju.broker.embedded import EmbeddedBroker, Kind
from jeonju.common.errors import UserError
from tests.conftest import need_broker
from tests.waiting import wait_until


def filled(folder: Path, kind: Kind) -> Path:
    """Make a folder in which messages wait for a session."""
    need_broker(kind)
    with EmbeddedBroker(folder, kind=kind, port=0) as broker:
        granted = threading.Event()
        session = Client(broker.url, "session", clean_session=False, filters=[("a", 1)], on_subscribed=granted.set)
        session.begin()
        assert granted.wait(60)
        session.end()
        sender = Client(broker.url, "sender")
        sender.begin()
        for number in range(100):
            last = sender.publish("a", f"{number}".encode().ljust(500), qos=1)
        last.wait_for_publish(60)
        sender.end()
        # Acknowledgements of a consumer are written a moment later.
        wait_until(lambda: kind == "mosquitto" or list(folder.rglob("o.dat")))
    return folder


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("nats"), "embedded")


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("mosquitto"), "mosquitto")


def check_refused(folder: Path, kind: Kind, file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(
        UserError, match=r"is damaged, and the broker would drop what it holds.*move the folder"
    ) as refused:
        EmbeddedBroker(folder, kind=kind, port=0).start()
    assert str(file) in str(refused.value)
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["meta.inf", "meta.sum", "obs/*/meta.inf", "obs/*/o.dat", "msgs/1.blk"])
def test_damaged_files_of_nats(nats: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(nats, tmp_path / "data")
    file = next((tmp_path / "data").glob(f"nats/jetstream/*/streams/$MQTT_msgs/{name}"))
    file.write_bytes(bytes(byte ^ 0xFF for byte in file.read_bytes()))
    check_refused(tmp_path / "data", "embedded", file)


@pytest.mark.parametrize("size", [0, 10])
def test_damaged_file_of_mosquitto(mosquitto: Path, tmp_path: Path, size: int) -> None:
    shutil.copytree(mosquitto, tmp_path / "data")
    file = tmp_path / "data/mosquitto/mosquitto.db"
    os.truncate(file, size)
    check_refused(tmp_path / "data", "mosquitto", file)


@pytest.mark.parametrize("kind", ["embedded", "mosquitto"])
def test_whole_files_and_a_record_that_a_kill_cut_off_are_well(
    kind: Kind, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    shutil.copytree(request.getfixturevalue("nats" if kind == "embedded" else "mosquitto"), tmp_path / "data")
    for block in (tmp_path / "data").rglob("1.blk"):
        if size := block.stat().st_size:
            os.truncate(block, size - 100)
    for state in (tmp_path / "data").rglob("$MQTT_rmsgs/obs/*/o.dat"):
        os.truncate(state, 0)
    with EmbeddedBroker(tmp_path / "data", kind=kind, port=0) as broker:
        assert broker.pid is not None


def test_half_a_database_is_said_with_what_to_do(mosquitto: Path, tmp_path: Path) -> None:
    shutil.copytree(mosquitto, tmp_path / "data")
    file = tmp_path / "data/mosquitto/mosquitto.db"
    os.truncate(file, file.stat().st_size // 3)
    with pytest.raises(UserError, match=r"the broker did not start.*move .* away"):
        EmbeddedBroker(tmp_path / "data", kind="mosquitto", port=0).start()
