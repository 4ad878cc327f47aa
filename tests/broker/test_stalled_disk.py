"""A disk that stands still for seconds, as SD cards and disks under backup do: on a real file system that is frozen."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jeonju.broker.client import Client
from jeonju.broker.embedded import EmbeddedBroker
from tests.waiting import wait_until

# NATS by itself sends a device away after 5 s.
STALL_S = 6.5


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, for what is frozen is frozen for all."""
    image, folder = tmp_path / "image", tmp_path / "disk"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    make, mount = ["mkfs.ext4", "-q", str(image)], ["mount", "-o", "loop", str(image), str(folder)]
    if os.geteuid() != 0 or any(
        subprocess.run(do, capture_output=True, check=False).returncode for do in (make, mount)
    ):
        pytest.skip("only root can make a disk, and not on every system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def freeze(disk: Path) -> subprocess.Popen[bytes]:
    """Freeze it; who thaws it does so whatever becomes of the test."""
    subprocess.run(["fsfreeze", "--freeze", str(disk)], check=True)
    thaw = f'sleep {STALL_S}; exec fsfreeze --unfreeze "$0"'
    return subprocess.Popen(["sh", "-c", thaw, str(disk)], start_new_session=True)


def test_devices_stay_connected_while_the_disk_stands_still_and_nothing_is_there_twice(disk: Path) -> None:
    came: list[bytes] = []
    acknowledged: set[int] = set()
    with EmbeddedBroker(disk / "data", kind="embedded", port=0) as broker:
        reader = Client(broker.url, "reader", filters=[("readings", 1)])
        reader.on_message = lambda _client, _data, message: came.append(bytes(message.payload))
        reader.begin()
        wait_until(lambda: reader.is_subscribed, what="the subscription")
        lost: list[float] = []
        device = Client(broker.url, "device", on_lost=lambda: lost.append(time.monotonic()))
        device.on_publish = lambda _client, _data, mid, *_: acknowledged.add(mid)
        device.begin()
        before = device.publish("readings", b"before", qos=1).mid
        wait_until(lambda: before in acknowledged, what="the first message")
        with freeze(disk):
            during = {device.publish("readings", f"{number}".encode(), qos=1).mid for number in range(5)}
        wait_until(lambda: during <= acknowledged, what="the acknowledgements")
        after = device.publish("readings", b"after", qos=1).mid
        wait_until(lambda: after in acknowledged and b"after" in came, what="the last message")
        assert not lost, "it was not sent away"
        assert came == [b"before", *(f"{number}".encode() for number in range(5)), b"after"]
        device.end()
        reader.end()
