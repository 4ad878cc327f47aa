"""Ingest between a real broker and a real store, with things broken on purpose."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pyarrow as pa
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from jeonju.broker import configuration
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode
from jeonju.contract.records import DeviceRecord
from jeonju.contract.site import Site
from jeonju.ingest.quality.batch_rows import Rows
from jeonju.ingest.quality.checks import Checks
from jeonju.ingest.service import Ingest
from jeonju.ingest.session import Session
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit, Series
from tests.waiting import wait_until

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def sender(broker: EmbeddedBroker) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="sender")
    client.max_inflight_messages_set(500)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    return client


def send(client: mqtt.Client, first: int, last: int, device: str = "palbok-01") -> list[int]:
    """Publish readings numbered `first` to `last` - 1 and return the numbers of their messages."""
    infos = [
        client.publish(
            topics.readings("jeonju", device),
            encode(
                Reading(
                    device=device,
                    seq=number,
                    boot="1",
                    time=T0 + timedelta(seconds=number),
                    values={"pm25": float(number)},
                )
            ),
            qos=1,
        )
        for number in range(first, last)
    ]
    return [info.mid for info in infos]


def safe(client: mqtt.Client) -> set[int]:
    """Return the set in which the numbers of messages appear that the broker has acknowledged."""
    acknowledged: set[int] = set()

    def note(_client: Any, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        acknowledged.add(mid)

    client.on_publish = note
    return acknowledged


def stored_seqs(store: DuckDBStore) -> list[int]:
    table = store.readings(Series(site="jeonju", start=T0, end=T0 + timedelta(days=9)))
    return [int(seq) for seq in table["seq"].to_pylist()]


@contextmanager
def leaving(client: mqtt.Client) -> Iterator[mqtt.Client]:
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def test_readings_arrive_in_the_store_and_on_the_committed_feed(
    broker: EmbeddedBroker, store: DuckDBStore, jeonju: Site
) -> None:
    fed: list[bytes] = []
    with Ingest(jeonju, store, broker.url) as ingest, leaving(sender(broker)) as client:
        client.on_message = lambda _c, _d, message: fed.append(bytes(message.payload))
        granted = threading.Event()
        client.on_subscribe = lambda *_: granted.set()
        client.subscribe(topics.committed("jeonju"), 0)
        wait_until(granted.is_set, what="the subscription")
        send(client, 0, 300)
        wait_until(lambda: ingest.stats().readings == 300)
        wait_until(lambda: sum(pa.ipc.open_stream(part).read_all().num_rows for part in fed) == 300, what="the feed")
    assert stored_seqs(store) == list(range(300))
    (entry,) = store.ledger("jeonju")
    assert (entry.received, entry.missing, entry.repeated) == (300, 0, 0)


def test_poison_between_good_messages_becomes_dead_letters(
    broker: EmbeddedBroker, store: DuckDBStore, jeonju: Site
) -> None:
    with Ingest(jeonju, store, broker.url) as ingest, leaving(sender(broker)) as client:
        send(client, 0, 5)
        client.publish(topics.readings("jeonju", "palbok-01"), b"", qos=1)
        for poison in (b"{", b"\xff\xfe\xfd", b"[" * 50_000, b"null", b"x" * 5_000_000):
            client.publish(topics.readings("jeonju", "palbok-01"), poison, qos=1)
        send(client, 5, 10)
        wait_until(lambda: ingest.stats().readings == 10 and ingest.stats().rejected == 5)
        assert ingest.stats().nothing == {("native", "empty"): 1}
    assert stored_seqs(store) == list(range(10))
    assert len(store.dead_letters()) == 5


def test_message_that_makes_ingest_fail_ends_as_a_dead_letter_and_everything_else_is_stored_and_counted_once(
    broker: EmbeddedBroker, store: DuckDBStore, jeonju: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = Checks.judge

    def fails_at_666(checks: Checks, rows: Rows) -> Any:
        if (rows.values["pm25"] == 666).any():
            raise ZeroDivisionError("a fault of ours")
        return judge(checks, rows)

    monkeypatch.setattr(Checks, "judge", fails_at_666)
    with Ingest(jeonju, store, broker.url) as ingest, leaving(sender(broker)) as client:
        send(client, 0, 40)
        send(client, 666, 667, "palbok-02")
        send(client, 40, 100)
        wait_until(lambda: ingest.stats().readings == 100 and ingest.stats().rejected == 1)
        assert ingest.failure is None
        send(client, 100, 110)
        wait_until(lambda: ingest.stats().readings == 110)
    assert stored_seqs(store) == list(range(110))
    (letter,) = store.dead_letters()
    assert letter.reason == "made ingest fail: ZeroDivisionError: a fault of ours"
    assert b"666.0" in letter.payload
    counted = {
        entry.device: (entry.received, entry.missing, entry.repeated, entry.rejected)
        for entry in store.ledger("jeonju")
    }
    assert counted == {"palbok-01": (110, 0, 0, 0), "palbok-02": (0, 0, 0, 1)}


def test_kill_of_the_broker_loses_nothing_that_the_sender_was_told_is_safe(
    store: DuckDBStore, jeonju: Site, tmp_path: Path
) -> None:
    with (
        EmbeddedBroker(tmp_path, port=0) as broker,
        Ingest(jeonju, store, broker.url) as ingest,
        leaving(sender(broker)) as client,
    ):
        send(client, 0, 2000)
        wait_until(lambda: ingest.stats().readings > 200)
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        told = safe(client)
        infos = send(client, 2000, 2500)
        wait_until(lambda: told >= set(infos), what="the sender's acknowledgements")
        # What was on its way to ingest when the broker died is sent again after its ack_wait of 30 s.
        wait_until(lambda: len(stored_seqs(store)) == 2500, within_s=120, what="all readings")
    assert stored_seqs(store) == list(range(2500))


INGEST = """
import sys, threading
from jeonju.contract.site import load_site
from jeonju.ingest.service import Ingest
from jeonju.storage.duckdb.store import DuckDBStore
with Ingest(load_site("jeonju"), DuckDBStore(sys.argv[1]), sys.argv[2]):
    print("ready", flush=True)
    threading.Event().wait()
"""


def test_kill_of_ingest_loses_nothing_and_repeats_are_harmless(
    tmp_path: Path, jeonju: Site, broker: EmbeddedBroker
) -> None:
    path = tmp_path / "killed.duckdb"
    with leaving(sender(broker)) as client:
        for round_number in range(3):
            process = subprocess.Popen(
                [sys.executable, "-c", INGEST, str(path), broker.url], stdout=subprocess.PIPE, text=True
            )
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            told = safe(client)
            infos = send(client, 1000 * round_number, 1000 * (round_number + 1))
            wait_until(lambda: told >= set(infos), what="the sender's acknowledgements")  # noqa: B023
            process.kill()
            process.wait()
            process.stdout.close()
        store = DuckDBStore(path)
        with Ingest(jeonju, store, broker.url):
            wait_until(lambda: len(stored_seqs(store)) == 3000, within_s=120, what="all readings")
        assert stored_seqs(store) == list(range(3000))
        (entry,) = store.ledger("jeonju")
        assert (entry.missing, entry.gaps) == (0, "")
        # Numbers before the first one heard count as repeats, so there may be fewer of the others.
        assert entry.received - entry.repeated <= 3000 <= entry.received
        store.close()


class _Faltering(DuckDBStore):
    """A real store whose disk is away for as long as one wants it to be."""

    is_away = True

    def write(self, commit: Commit) -> Mapping[tuple[str, str], int]:
        if self.is_away:
            raise UnavailableError("the disk is away")
        return super().write(commit)


def test_store_that_is_away_delays_and_loses_nothing(broker: EmbeddedBroker, jeonju: Site, tmp_path: Path) -> None:
    store = _Faltering(tmp_path / "air.duckdb")
    with Ingest(jeonju, store, broker.url) as ingest, leaving(sender(broker)) as client:
        send(client, 0, 50)
        wait_until(lambda: not ingest.stats().store_available, what="the outage being noticed")
        store.is_away = False
        wait_until(lambda: ingest.stats().readings == 50 and ingest.stats().store_available)
    assert stored_seqs(store) == list(range(50))
    store.close()


class _Refusing(DuckDBStore):
    """A real store that takes every reading for too old, as a server does that keeps hours for a short time only."""

    def write(self, commit: Commit) -> Mapping[tuple[str, str], int]:
        super().write(replace(commit, readings=commit.readings.slice(0, 0)))
        return {("jeonju", "palbok-01"): commit.readings.num_rows} if commit.readings.num_rows else {}


def test_readings_too_old_for_the_store_are_in_the_ledger(broker: EmbeddedBroker, jeonju: Site, tmp_path: Path) -> None:
    path = tmp_path / "air.duckdb"
    store = _Refusing(path)
    with Ingest(jeonju, store, broker.url) as ingest, leaving(sender(broker)) as client:
        send(client, 0, 20)
        wait_until(lambda: ingest.stats().messages == 20)
        assert ingest.stats().rejected == 20
        (entry,) = store.ledger("jeonju")
        assert (entry.received, entry.rejected) == (20, 20)
    store.close()


def test_stop_while_the_store_is_away_acknowledges_nothing(
    broker: EmbeddedBroker, jeonju: Site, tmp_path: Path
) -> None:
    store = _Faltering(tmp_path / "air.duckdb")
    with Ingest(jeonju, store, broker.url) as ingest, leaving(sender(broker)) as client:
        told = safe(client)
        infos = send(client, 0, 20)
        wait_until(lambda: told >= set(infos) and not ingest.stats().store_available)
    store.is_away = False
    with Ingest(jeonju, store, broker.url) as ingest:
        wait_until(lambda: len(stored_seqs(store)) == 20, within_s=120, what="the redelivery")
    store.close()


@pytest.mark.parametrize("url", ["mqtt://127.0.0.1:1"])
def test_absent_broker_is_said_in_one_line(url: str, store: DuckDBStore, jeonju: Site) -> None:
    with pytest.raises(
        UnavailableError, match=r"no broker answers at 127\.0\.0\.1:1: .*; start it, or name another with --broker"
    ):
        Ingest(jeonju, store, url).start()


def test_unacknowledged_messages_of_an_old_connection_are_not_acknowledged_over_the_new_one(
    jeonju: Site, store: DuckDBStore
) -> None:
    ingest = Ingest(jeonju, store, "mqtt://127.0.0.1:1")
    acknowledged: list[Any] = []
    session = ingest._sessions.first
    session.acknowledge = acknowledged.extend  # type: ignore[assignment, method-assign]
    message = mqtt.MQTTMessage(mid=7, topic=b"air/v1/jeonju/a/readings")
    message.payload, message.qos = b"{}", 1
    ingest._inbox.put(session, message)
    (over_the_old,) = ingest._inbox.gather()
    ingest._sessions._lost(session)
    ingest._inbox.put(session, message)
    ingest._acknowledge([over_the_old, *ingest._inbox.gather()])
    assert acknowledged == [7]


def test_members_split_the_messages_and_together_lose_none(tmp_path: Path, jeonju: Site) -> None:
    if shutil.which("mosquitto", path="/usr/sbin:/usr/bin") is None:
        pytest.skip("mosquitto is not installed; get it with: apt-get install mosquitto")
    store = DuckDBStore(tmp_path / "air.duckdb")
    with (
        EmbeddedBroker(tmp_path, kind="mosquitto", port=0) as broker,
        Ingest(jeonju, store, broker.url, member="one") as one,
        Ingest(jeonju, store, broker.url, member="two") as two,
    ):
        with leaving(sender(broker)) as client:
            told = safe(client)
            infos = send(client, 0, 2000)
            wait_until(lambda: told >= set(infos), what="the sender's acknowledgements")
        wait_until(lambda: one.stats().readings + two.stats().readings == 2000, what="all readings")
        assert one.stats().readings > 200
        assert two.stats().readings > 200
    assert stored_seqs(store) == list(range(2000))
    assert store.ledger("jeonju") == []
    store.close()


def test_member_is_told_in_one_line_that_the_broker_has_no_mqtt_5(tmp_path: Path, jeonju: Site) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb")
    with EmbeddedBroker(tmp_path, port=0) as broker, pytest.raises(UserError, match=r"refuses|closed"):
        Ingest(jeonju, store, broker.url, member="one").start()
    store.close()


def test_names_that_a_store_holds_of_rejected_messages_take_no_room(
    broker: EmbeddedBroker,
    store: DuckDBStore,
    jeonju: Site,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of a store that was filled by an earlier version, as an InfluxDB still is; beyond the bound one line says so, and the figures count."""
    monkeypatch.setattr("jeonju.ingest.devices.MOST_DEVICES", 3)
    made_up = [DeviceRecord("jeonju", f"made-up-{n}", "", "", "real", "online", T0) for n in range(100)]
    adopted = DeviceRecord("jeonju", "adopted", "palbok", "station", "real", "online", T0)
    store.write(Commit(devices=[*made_up, adopted]))
    with Ingest(jeonju, store, broker.url) as ingest, leaving(sender(broker)) as client:
        for number in range(4):
            send(client, 0, 1, f"new-{number}")
        wait_until(lambda: ingest.stats().messages == 4)
        assert (ingest.stats().readings, ingest.stats().turned_away, ingest.stats().devices) == (2, 2, 3)
    assert caplog.text.count("there is no room for new devices") == 1


def test_what_a_slow_store_keeps_waiting_is_taken_once_however_often_it_comes(
    tmp_path: Path, store: DuckDBStore, jeonju: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(configuration.ALONE, "ack_wait", "500ms")
    may_write, repeated, take, write = threading.Event(), list[int](), Session.take, store.write

    def noted(session: Session, message: Any) -> None:
        if message.dup:
            repeated.append(message.mid)
        take(session, message)

    def slow(commit: Commit) -> Mapping[tuple[str, str], int]:
        may_write.wait(60)
        return write(commit)

    monkeypatch.setattr(Session, "take", noted)
    monkeypatch.setattr(store, "write", slow)
    with (
        EmbeddedBroker(tmp_path, port=0) as broker,
        Ingest(jeonju, store, broker.url) as ingest,
        leaving(sender(broker)) as client,
    ):
        send(client, 0, 200)
        wait_until(lambda: len(repeated) > 600, what="the same messages three times more")
        assert ingest.stats().waiting <= 200
        may_write.set()
        wait_until(lambda: ingest.stats().readings >= 200, what="the readings")
        # Whatever came twice would be counted by now: messages are taken in their order.
        send(client, 200, 201)
        wait_until(lambda: stored_seqs(store)[-1:] == [200], what="the one after them")
    assert stored_seqs(store) == list(range(201))
    (entry,) = store.ledger("jeonju")
    # Once more at most: those that were on their way when they were acknowledged.
    assert entry.repeated <= 200
    assert entry.received == ingest.stats().messages == 201 + entry.repeated
