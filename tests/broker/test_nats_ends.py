"""However NATS ends while sessions are cleared and devices publish, its queue keeps what it has acknowledged.

NATS that shuts down in an orderly way forgets its consumers first; where a session is cleared at that moment, it purges the queue. The first test
provokes that moment, by messages so large that the stream is nearly always locked; the log says whether NATS went that way at all.
"""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from jeonju.broker.embedded import LOOK_EVERY_S, EmbeddedBroker
from tests.processes import started
from tests.waiting import wait_until

TOPIC = "air/v1/x/a/readings"
LARGE = 500_000
MOST_UNACKNOWLEDGED = 8
# A client that is killed with the broker's parent, as the api is with `jeonju up`; its sessions are cleared.
PARENT = """
import sys, time
from pathlib import Path
from jeonju.broker.embedded import EmbeddedBroker
from tests.broker.test_nats_ends import passing_clients
broker = EmbeddedBroker(Path(sys.argv[1]), port=0)
broker.start()
clients = passing_clients(broker.port)
print(broker.port, flush=True)
time.sleep(600)
"""


def client(port: int, name: str, *, clean_session: bool = True, filters: tuple[str, ...] = ()) -> mqtt.Client:
    made = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=name, clean_session=clean_session, reconnect_on_failure=False
    )
    granted = threading.Event()
    made.on_subscribe = lambda *_: granted.set()
    made.connect("127.0.0.1", port)
    made.loop_start()
    wait_until(made.is_connected)
    if filters:
        made.subscribe([(topic, 1) for topic in filters])
        assert granted.wait(60)
    return made


def passing_clients(port: int) -> list[mqtt.Client]:
    """Each of their subscriptions is a consumer that NATS deletes when they are gone."""
    return [
        client(port, f"passing-{name}", filters=tuple(f"air/v1/x/{name}-{kind}/command" for kind in range(6)))
        for name in range(5)
    ]


def leave_a_session(port: int) -> None:
    absent = client(port, "absent", clean_session=False, filters=(TOPIC,))
    absent.disconnect()
    absent.loop_stop()


class Publisher:
    """Publishes until the broker is gone; `acknowledged` are the numbers of what the broker has said it has."""

    def __init__(self, port: int) -> None:
        self._client = client(port, "publisher")
        self._sent: dict[int, int] = {}
        self._mids: set[int] = set()
        self._client.on_publish = lambda _client, _data, mid, *_: self._mids.add(mid)
        self._gone = threading.Event()
        self._client.on_disconnect = lambda *_: self._gone.set()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._gone.is_set():
            if len(self._sent) - len(self._mids) >= MOST_UNACKNOWLEDGED:
                self._gone.wait(0.001)
                continue
            self._sent[self._client.publish(TOPIC, f"{number:08d}".encode().ljust(LARGE), qos=1).mid] = number
            number += 1

    @property
    def acknowledged(self) -> set[int]:
        return {self._sent[mid] for mid in tuple(self._mids)}

    def finish(self) -> set[int]:
        self._thread.join(60)
        self._client.loop_stop()
        return self.acknowledged


@contextmanager
def parent(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, "-c", PARENT, str(folder)]
    with started(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def check_queue(folder: Path, acknowledged: set[int]) -> None:
    assert "Shutdown" not in (folder / "nats/broker.log").read_text()
    found: set[int] = set()
    with EmbeddedBroker(folder, port=0) as broker:
        absent = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="absent", clean_session=False)
        absent.on_message = lambda _client, _data, message: found.add(int(message.payload))
        absent.connect("127.0.0.1", broker.port)
        absent.loop_start()
        wait_until(lambda: acknowledged <= found, what=f"{len(acknowledged)} messages in the queue")
        absent.disconnect()
        absent.loop_stop()


def test_queue_survives_the_kill_of_its_parent(tmp_path: Path) -> None:
    with parent(tmp_path) as (process, port):
        leave_a_session(port)
        publisher = Publisher(port)
        wait_until(lambda: len(publisher.acknowledged) >= 20)
        process.kill()
        acknowledged = publisher.finish()
    check_queue(tmp_path, acknowledged)


def test_queue_survives_the_end_of_the_broker(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path, port=0) as broker:
        leave_a_session(broker.port)
        passing = passing_clients(broker.port)
        publisher = Publisher(broker.port)
        wait_until(lambda: len(publisher.acknowledged) >= 20)
        for one in passing:
            connection = one.socket()
            assert isinstance(connection, socket.socket)
            connection.shutdown(socket.SHUT_RDWR)
        broker.stop()
        acknowledged = publisher.finish()
        for one in passing:
            one.loop_stop()
    check_queue(tmp_path, acknowledged)


def test_broker_that_was_started_again_ends_in_its_own_way(tmp_path: Path) -> None:
    """The system takes a process along when the thread that started it ends, so that thread must not end first."""
    with EmbeddedBroker(tmp_path, port=0) as broker:
        killed, process = broker.pid, broker._process
        assert process is not None
        process.kill()
        wait_until(lambda: broker.pid not in (None, killed), what="the restart")
        broker._stopping.set()
        broker._watcher.join(2 * LOOK_EVERY_S)
        assert broker._watcher.is_alive()
    broker._watcher.join(60)
    assert not broker._watcher.is_alive()
