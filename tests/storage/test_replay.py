"""Dead letters of a gateway that the site file described wrongly, taken once more by ingest after it was mended, in every store."""

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract.records import LONGEST_LETTER_BYTES, LONGEST_LETTER_TEXT, DeadLetter, LetterMark
from jeonju.contract.site import Site
from jeonju.decoders.message import Message
from jeonju.ingest import pipeline
from jeonju.ingest.quality.batch_rows import Rows
from jeonju.ingest.quality.checks import Checks
from jeonju.ingest.service import Ingest
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit, LetterChoice, Series, Store
from tests.ingest.test_gateways import with_gateways
from tests.ingest.test_service import leaving, sender
from tests.waiting import wait_until

ASKED = LetterChoice(is_asked=True)
T0 = datetime(2026, 3, 2, tzinfo=UTC)


def of_senml(site: Site) -> Site:
    return with_gateways(site, {"topic": "senml/#", "format": "senml"})


def wrong(site: Site) -> Site:
    return with_gateways(site, {"topic": "senml/#", "format": "chirpstack"})


def pack(value: float) -> bytes:
    return b'[{"bn": "roof/", "n": "temperature", "u": "Cel", "v": %g}]' % value


def stored(store: Store) -> list[tuple[datetime, float]]:
    series = Series(site="jeonju", start=datetime(2020, 1, 1, tzinfo=UTC), end=datetime(2190, 1, 1, tzinfo=UTC))
    return [(row["time"], row["temperature"]) for row in store.readings(series).to_pylist()]


def ask_for(store: Store, letters: list[DeadLetter], at: datetime = T0) -> None:
    store.mark_letters([LetterMark(letter.id, at, letter.replayed_at, letter.reason) for letter in letters])


def send_packs(site: Site, store: Store, broker: EmbeddedBroker, number: int) -> list[DeadLetter]:
    """Return the dead letters that packs with 0, 1 … become."""
    with Ingest(site, store, broker.url) as ingest, leaving(sender(broker)) as client:
        for value in range(number):
            client.publish("senml/roof", pack(value), qos=1)
        wait_until(lambda: ingest.stats().rejected == number, what="the dead letters")
    return store.letters_in_order(limit=1000)


def test_readings_are_there_once_in_order_with_their_time_of_arrival(
    jeonju: Site, store: Store, broker: EmbeddedBroker
) -> None:
    letters = send_packs(wrong(jeonju), store, broker, 40)
    assert stored(store) == []
    ask_for(store, letters)
    with Ingest(of_senml(jeonju), store, broker.url) as ingest:
        wait_until(lambda: not store.letters_in_order(ASKED, limit=1), what="the replay")
    assert (ingest.stats().messages, ingest.stats().rejected) == (40, 0)
    expected = [(letter.received_at, float(value)) for value, letter in enumerate(letters)]
    assert stored(store) == expected
    after = store.letters_in_order(limit=1000)
    assert all(letter.replayed_at is not None and letter.replayed_at > letter.received_at for letter in after)
    assert [letter._replace(replayed_at=None) for letter in after] == letters
    (entry,) = store.ledger("jeonju")
    assert (entry.device, entry.received, entry.repeated) == ("roof", 40, 0)


def test_letter_that_is_refused_again_stays_with_its_new_reason_and_is_no_second_one(
    jeonju: Site, store: Store, broker: EmbeddedBroker
) -> None:
    with Ingest(wrong(jeonju), store, broker.url) as ingest, leaving(sender(broker)) as client:
        client.publish("senml/roof", pack(1), qos=1)
        client.publish("senml/roof", b'[{"n": "x", "secret_": 1}]', qos=1)
        wait_until(lambda: ingest.stats().rejected == 2)
    good, bad = store.letters_in_order(limit=9)
    ask_for(store, [good, bad])
    with Ingest(of_senml(jeonju), store, broker.url) as ingest:
        wait_until(lambda: not store.letters_in_order(ASKED, limit=1), what="the replay")
    assert ingest.stats().messages == 2
    taken, refused = store.letters_in_order(limit=9)
    assert taken.replayed_at is not None
    assert (refused.id, refused.payload, refused.replayed_at) == (bad.id, bad.payload, None)
    assert refused.reason != bad.reason
    assert [value for _, value in stored(store)] == [1.0]


def test_letter_that_makes_ingest_fail_holds_up_no_other(
    jeonju: Site, store: DuckDBStore, broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = send_packs(wrong(jeonju), store, broker, 9)
    judge = Checks.judge

    def fails_at_5(checks: Checks, rows: Rows) -> Any:
        if (rows.values["temperature"] == 5).any():
            raise ZeroDivisionError("a fault of ours")
        return judge(checks, rows)

    monkeypatch.setattr(Checks, "judge", fails_at_5)
    ask_for(store, letters)
    with Ingest(of_senml(jeonju), store, broker.url):
        wait_until(lambda: not store.letters_in_order(ASKED, limit=1), what="the replay")
    assert [value for _, value in stored(store)] == [0, 1, 2, 3, 4, 6, 7, 8]
    after = store.letters_in_order(limit=9)
    assert [letter.replayed_at is None for letter in after] == [number == 5 for number in range(9)]
    assert after[5].reason == "made ingest fail: ZeroDivisionError: a fault of ours"


DYING = """
import os, signal, sys, threading
from jeonju.contract.gateways import Gateway
from jeonju.contract.site import load_site
from jeonju.ingest import committer
from jeonju.ingest.service import Ingest
from jeonju.storage.open import open_store
committer.REPLAYED_AT_ONCE = 3
store = open_store(sys.argv[1])
write, commits = store.write, []
def dying(commit):
    if commit.letter_marks:
        commits.append(commit)
        if len(commits) == 2 and sys.argv[3] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
    refused = write(commit)
    if len(commits) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return refused
store.write = dying
site = load_site("jeonju").model_copy(update={"gateways": [Gateway(topic="senml/#", format="senml")]})
with Ingest(site, store, sys.argv[2]):
    threading.Event().wait()
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_replay_that_is_killed_in_the_middle_goes_on_where_it_stopped(
    jeonju: Site, tmp_path: Path, broker: EmbeddedBroker, when: str
) -> None:
    path = tmp_path / "killed.duckdb"
    store = DuckDBStore(path)
    letters = send_packs(wrong(jeonju), store, broker, 10)
    ask_for(store, letters)
    store.close()
    killed = subprocess.run([sys.executable, "-c", DYING, str(path), broker.url, when], timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL
    store = DuckDBStore(path)
    asked = store.letters_in_order(ASKED, limit=100)
    assert [letter.id for letter in asked] == [letter.id for letter in letters[3 if when == "before" else 6 :]]
    assert len(stored(store)) == 10 - len(asked)
    with Ingest(of_senml(jeonju), store, broker.url) as ingest:
        wait_until(lambda: not store.letters_in_order(ASKED, limit=1), what="the rest")
    assert ingest.stats().messages == len(asked)
    assert [value for _, value in stored(store)] == list(range(10))
    (entry,) = store.ledger("jeonju")
    assert (entry.received, entry.repeated) == (10, 0)
    store.close()


def test_repeated_replay_after_a_kill_in_a_server_s_commit_writes_the_same_rows(
    jeonju: Site, store: Store, broker: EmbeddedBroker
) -> None:
    """InfluxDB has no transactions: readings may be in without their marks, and the letters are taken once more."""
    letters = send_packs(wrong(jeonju), store, broker, 5)
    for _ in range(2):
        ask_for(store, letters)
        with Ingest(of_senml(jeonju), store, broker.url):
            wait_until(lambda: not store.letters_in_order(ASKED, limit=1), what="the replay")
    assert stored(store) == [(letter.received_at, float(value)) for value, letter in enumerate(letters)]


def test_letter_of_which_only_the_beginning_was_kept_is_never_taken(
    jeonju: Site, store: DuckDBStore, broker: EmbeddedBroker
) -> None:
    (cut,) = pipeline.Pipeline(wrong(jeonju)).commit([Message("senml/x", b" " * 70_000, T0)]).dead_letters
    long = cut._replace(reason="x" * LONGEST_LETTER_TEXT)
    exact = cut._replace(reason="is no JSON")
    assert [letter.is_whole for letter in (cut, long, exact, long._replace(payload=b"[]"))] == [
        False,
        False,
        True,
        True,
    ]
    assert not exact._replace(topic="t" * LONGEST_LETTER_TEXT).is_whole
    store.write(Commit(dead_letters=[cut]))
    ask_for(store, store.letters_in_order(limit=1))
    with Ingest(of_senml(jeonju), store, broker.url):
        wait_until(lambda: not store.letters_in_order(ASKED, limit=1), what="ingest to look")
    (after,) = store.letters_in_order(limit=9)
    assert (after.replayed_at, after.reason) == (None, cut.reason)


def test_letters_that_are_kept_whole_are_listed_by_their_beginning_and_taken_a_commit_at_a_time(
    jeonju: Site, store: Store, broker: EmbeddedBroker
) -> None:
    """Three of 3 MB: lists hold 64 KiB of each, and no two of them are in memory at once."""
    large = b'[{"device": "a", "seq": %d, "values": {"pm25": 1}}' + b" " * 3_000_000 + b"]"
    letters = [DeadLetter(T0, "air/v1/jeonju/a/readings", large % n, "took longer than 1 s") for n in range(3)]
    store.write(Commit(dead_letters=letters))
    listed = store.dead_letters()
    assert [letter.payload for letter in listed] == [letter.payload[:LONGEST_LETTER_BYTES] for letter in listed]
    assert all(letter.is_whole for letter in listed)
    ids = [letter.id for letter in store.letters_in_order(limit=10, payloads=False)]
    assert [len(getattr(store.dead_letter(letter_id), "payload", b"")) for letter_id in ids] == [len(large % 1)] * 3
    ask_for(store, store.letters_in_order(limit=10, payloads=False))
    with Ingest(jeonju, store, broker.url) as ingest:
        wait_until(lambda: ingest.stats().messages == 3, what="the replay")
    assert ingest.stats().commits == 3
    assert store.letters_in_order(ASKED, limit=1) == []
