import os
import resource
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import paho.mqtt.client as mqtt
import psutil
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from jeonju.broker.client import Client
from jeonju.broker.embedded import EmbeddedBroker, free_port
from jeonju.common.errors import UserError
from tests.waiting import wait_until


def connected(broker: EmbeddedBroker, client_id: str, *, clean_session: bool = True) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=clean_session)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    wait_until(client.is_connected)
    return client


def leave(client: mqtt.Client) -> None:
    client.disconnect()
    client.loop_stop()


def test_messages_for_an_absent_subscriber_survive_a_kill_of_the_broker(broker: EmbeddedBroker) -> None:
    absent = connected(broker, "absent", clean_session=False)
    granted: list[int] = []
    absent.on_subscribe = lambda *_: granted.append(1)
    absent.subscribe("air/v1/x/+/readings", 1)
    wait_until(lambda: granted)
    leave(absent)
    sender = connected(broker, "sender")
    for number in range(50):
        sender.publish("air/v1/x/a/readings", f"message {number}", qos=1).wait_for_publish(60)
    leave(sender)
    if broker._kind == "mosquitto":
        # Mosquitto saves every second; what came after the last save is lost with a kill, which docs say.
        saved = broker._data_dir / "mosquitto.db"
        wait_until(lambda: saved.exists() and b"message 49" in saved.read_bytes(), what="the autosave")
    killed = broker.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: broker.pid not in (None, killed), what="the restart")
    got: list[bytes] = []
    back = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="absent", clean_session=False)
    back.on_message = lambda _c, _d, message: got.append(bytes(message.payload))

    def try_to_connect() -> bool:
        try:
            back.connect("127.0.0.1", broker.port)
        except OSError:
            return False
        return True

    wait_until(try_to_connect)
    back.loop_start()
    wait_until(lambda: len(set(got)) == 50, within_s=120, what="all 50 messages")
    leave(back)


def test_last_will_is_sent_when_a_client_vanishes(broker: EmbeddedBroker) -> None:
    watcher = connected(broker, "watcher")
    seen: list[bytes] = []
    watcher.on_message = lambda _c, _d, message: seen.append(bytes(message.payload))
    watcher.subscribe("air/v1/x/a/status", 1)
    doomed = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="doomed")
    doomed.will_set("air/v1/x/a/status", b"offline", qos=1, retain=True)
    doomed.connect("127.0.0.1", broker.port)
    doomed.loop_start()
    wait_until(doomed.is_connected)
    doomed.loop_stop()
    connection = doomed.socket()
    assert isinstance(connection, socket.socket)
    connection.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: b"offline" in seen, what="the last will")
    doomed.loop_read()
    leave(watcher)


def test_client_that_has_left_leaves_nothing_open(broker: EmbeddedBroker) -> None:
    before = psutil.Process().num_fds()
    client = Client(broker.url, "guest")
    client.begin()
    wait_until(client.is_connected)
    client.end()
    assert psutil.Process().num_fds() <= before


def test_port_in_use_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"cannot listen on 127\.0\.0\.1:{port}.*--mqtt-port"):
            EmbeddedBroker(tmp_path, port=port).start()


def test_no_port_is_given_twice() -> None:
    assert len({free_port() for _ in range(1000)}) == 1000


def test_missing_program_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jeonju.broker.embedded.sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr("jeonju.broker.embedded.shutil.which", lambda *_args, **_named: None)
    with pytest.raises(UserError, match="mosquitto is not installed; get it with: apt-get install mosquitto"):
        EmbeddedBroker(tmp_path, kind="mosquitto", port=0).start()


def test_unwritable_folder_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot keep its queues in .*; choose another --data"):
        EmbeddedBroker(tmp_path / "file", port=0).start()


def test_password_in_a_connect_that_cannot_be_read_does_not_stay_in_the_log(tmp_path: Path) -> None:
    secret = b'a-"password"-of-a-device'
    # The length of the protocol's name, and that of the client id, reach over all that follows.
    bodies = [
        b"\x00" + bytes([10 + len(secret)]) + b"MQTT\x04\xc2\x00\x1e\x00\x03" + secret + b"x" * 40,
        b"\x00\x04MQTT\x04\xc2\x00\x1e\x00"
        + bytes([3 + len(secret)])
        + b"\xff\x00\x04"
        + secret
        + b"\x00\x01u\x00\x01p",
    ]
    with EmbeddedBroker(tmp_path, port=0) as broker:
        log = tmp_path / "nats" / "broker.log"
        for body in bodies:
            with socket.create_connection(("127.0.0.1", broker.port)) as connection:
                connection.sendall(bytes([0x10, len(body)]) + body)
                connection.recv(10)
        wait_until(lambda: log.read_bytes().count(b"[ERR]") == len(bodies), what="both lines")
        wait_until(lambda: b"of-a-device" not in log.read_bytes(), what="the password to be made unreadable")
        assert log.read_bytes().count(b"*" * len(secret)) >= len(bodies)
    assert b"of-a-device" not in log.read_bytes()


def test_many_connections_are_counted_and_said(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jeonju.broker.crowd.MANY", 30)
    before = broker.connections
    assert broker.notices() == []
    with ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(socket.create_connection(("127.0.0.1", broker.port)))
        wait_until(lambda: broker.connections >= before + 50, what="the connections")
        (notice,) = broker.notices()
        assert "connections, of at most 10000" in notice
    wait_until(lambda: broker.notices() == [], what="their end")


def test_client_with_a_thousand_other_descriptors_reaches_its_broker(broker: EmbeddedBroker) -> None:
    """Which `select` cannot watch: the descriptor of its connection is above 1023."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2048)), hard))
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        last = 0
        while last < 1100:
            last = os.dup(0)
            stack.callback(os.close, last)
        heard: list[bytes] = []
        client = Client(broker.url, "late", filters=[("a/b", 1)])
        client.on_message = lambda _c, _d, message: heard.append(bytes(message.payload))
        client.begin()
        stack.callback(client.end)
        wait_until(lambda: client.is_subscribed, what="the subscription")
        client.publish("a/b", b"there", qos=1)
        wait_until(lambda: heard == [b"there"], what="its message")
