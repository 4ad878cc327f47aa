"""Every message is stored once, whatever filters a site file names and named before, at brokers that deliver once for each subscription."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub
from paho.mqtt.enums import CallbackAPIVersion

from jeonju.broker.embedded import EmbeddedBroker, Kind
from jeonju.contract.site import Site
from jeonju.decoders.message import Message
from jeonju.ingest import handover
from jeonju.ingest.metrics import IngestMetrics
from jeonju.ingest.service import Ingest
from jeonju.ingest.subscriptions import Owners, Subscriptions, remembered_beside
from jeonju.ingest.wanted import NAME
from jeonju.storage.duckdb.store import DuckDBStore
from tests.broker.guarded import Ears
from tests.broker.test_filters import TOPICS, filters
from tests.conftest import need_broker
from tests.ingest.test_gateways import NOW, with_gateways
from tests.ingest.test_service import leaving, send, sender
from tests.ingest.test_subscriptions import site_with
from tests.waiting import wait_until

# It becomes a dead letter.
PAYLOAD = "x"


@pytest.fixture
def quick_handover(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "AT_LEAST_S", 5.0)
    monkeypatch.setattr(handover, "QUIET_S", 2.0)


@pytest.fixture
def client(broker: EmbeddedBroker) -> Iterator[mqtt.Client]:
    with leaving(sender(broker)) as made:
        yield made


def say(client: mqtt.Client, *topics: str, payload: str = PAYLOAD) -> None:
    for topic in topics:
        client.publish(topic, payload, qos=1).wait_for_publish(30)


def is_tidy(ingest: Ingest) -> bool:
    return not ingest._sessions._tidier.is_alive()


def counts(*services: Ingest) -> tuple[int, int]:
    """Return how many messages were taken, and how many left out."""
    return sum(item.stats().messages for item in services), sum(item.stats().left_out for item in services)


def test_filter_that_another_covers_stores_nothing_twice(
    broker: EmbeddedBroker, client: mqtt.Client, jeonju: Site, store: DuckDBStore
) -> None:
    names = ["zigbee2mqtt/plug", "zigbee2mqtt/+", "zigbee2mqtt/+"]
    site = with_gateways(jeonju, *({"topic": item, "format": "zigbee2mqtt"} for item in names))
    with Ingest(site, store, broker.url) as ingest:
        say(client, "zigbee2mqtt/plug", "zigbee2mqtt/other", "zigbee2mqtt/last")
        wait_until(lambda: ingest.stats().messages >= 3, what="all messages")
    assert counts(ingest) == (3, 0)


@pytest.mark.parametrize("wide", ["#", "air/#", "+/+/#", "+/v1/+/+/readings"])
def test_platforms_own_topics_are_subscribed_once_beside_wide_gateways(
    tmp_path: Path, jeonju: Site, store: DuckDBStore, wide: str
) -> None:
    site = site_with(jeonju, wide)
    with (
        EmbeddedBroker(tmp_path, port=0) as broker,
        leaving(sender(broker)) as client,
        Ingest(site, store, broker.url) as ingest,
    ):
        send(client, 0, 5)
        say(client, "air/v1/jeonju/x/readings")
        wait_until(lambda: ingest.stats().messages >= 6, what="all")
        assert counts(ingest) == (6, 0)


def test_filters_that_overlap_in_part_take_each_message_once_also_what_waited(
    broker: EmbeddedBroker, client: mqtt.Client, jeonju: Site, store: DuckDBStore, tmp_path: Path
) -> None:
    topics, file = ["a/b/b", "a/x/b", "a/b/x"], tmp_path / "remembered"
    with Ingest(site_with(jeonju, "a/+/b", "a/b/+"), store, broker.url, remembers=file) as ingest:
        say(client, *topics)
        wait_until(lambda: counts(ingest) == (3, 1), what="three messages, one of them twice")
    say(client, *topics)
    with Ingest(site_with(jeonju, "a/b/+", "a/+/b"), store, broker.url, remembers=file) as ingest:
        say(client, *topics)
        wait_until(lambda: counts(ingest) == (6, 2), what="what waited and what came")
        figures = {item.name: item.samples for item in IngestMetrics(ingest.stats, lambda: NOW).collect()}
        assert figures["jeonju_ingest_messages_left_out"][0].value == 2


def test_what_waits_for_a_filter_is_taken_though_a_new_one_stands_before_it(
    broker: EmbeddedBroker, client: mqtt.Client, jeonju: Site, store: DuckDBStore, tmp_path: Path
) -> None:
    file = tmp_path / "remembered"
    with Ingest(site_with(jeonju, "c/+", "a/b/+"), store, broker.url, remembers=file):
        pass
    say(client, "a/b/b")
    with Ingest(site_with(jeonju, "a/+/b", "a/b/+", "c/+"), store, broker.url, remembers=file) as ingest:
        say(client, "a/b/b")
        wait_until(lambda: counts(ingest) == (2, 1), what="what waited and what came")


def test_members_take_each_message_once(tmp_path: Path, jeonju: Site, store: DuckDBStore) -> None:
    need_broker("mosquitto")
    site = site_with(jeonju, "a/+/b", "a/b/+", "c/+", "c/d")
    with (
        EmbeddedBroker(tmp_path, kind="mosquitto", port=0) as broker,
        Ingest(site, store, broker.url, member="one") as item,
        Ingest(site, store, broker.url, member="two") as two,
        leaving(sender(broker)) as client,
    ):
        say(client, *["a/b/b", "c/d"] * 10)
        wait_until(lambda: counts(item, two) == (20, 10), what="all messages")


@pytest.mark.usefixtures("quick_handover")
def test_member_has_what_waits_for_filters_that_are_named_no_more(
    tmp_path: Path, jeonju: Site, store: DuckDBStore
) -> None:
    need_broker("mosquitto")
    file = tmp_path / "remembered"
    with EmbeddedBroker(tmp_path, kind="mosquitto", port=0) as broker, leaving(sender(broker)) as client:
        with Ingest(site_with(jeonju, "a/b"), store, broker.url, member="one", remembers=file):
            pass
        say(client, "a/b")
        with Ingest(site_with(jeonju, "a/+"), store, broker.url, member="one", remembers=file) as ingest:
            wait_until(lambda: is_tidy(ingest), what="the old session to be given up")
            say(client, "a/b", "a/c")
            wait_until(lambda: counts(ingest) == (3, 0), what="what waited and what came")


@pytest.mark.usefixtures("quick_handover")
def test_what_waits_for_a_filter_in_whose_place_a_wider_one_came_is_taken_once(
    broker: EmbeddedBroker, client: mqtt.Client, jeonju: Site, store: DuckDBStore, tmp_path: Path
) -> None:
    file = tmp_path / "remembered"
    with Ingest(site_with(jeonju, "a/b"), store, broker.url, remembers=file):
        pass
    say(client, "a/b", "a/b")
    with Ingest(site_with(jeonju, "a/+"), store, broker.url, remembers=file) as ingest:
        say(client, "a/b", "a/c")
        wait_until(lambda: is_tidy(ingest), what="the old session to be given up")
        wait_until(lambda: ingest.stats().messages >= 4, what="what waited and what came")
        assert counts(ingest) == (4, 1)
    with Ears(broker.url, NAME, clean_session=False) as old:
        assert not old.had_session
    with Ingest(site_with(jeonju, "a/+"), store, broker.url, remembers=file) as ingest:
        say(client, "a/b")
        wait_until(lambda: counts(ingest) == (1, 0), what="the message")
        assert not ingest._sessions._subscriptions.former


def test_filter_that_the_site_file_names_no_more_is_unsubscribed(
    broker: EmbeddedBroker, client: mqtt.Client, jeonju: Site, store: DuckDBStore, tmp_path: Path
) -> None:
    file = tmp_path / "remembered"
    with Ingest(site_with(jeonju, "a/b", "c/d"), store, broker.url, remembers=file):
        pass
    say(client, "c/d", "a/b")
    for number in (1, 2):
        with Ingest(site_with(jeonju, "a/b"), store, broker.url, remembers=file) as ingest:
            say(client, "c/d", "a/b")
            wait_until(lambda n=3 - number, i=ingest: i.stats().messages >= n, what="the messages")  # type: ignore[misc]
    assert {letter.topic for letter in store.dead_letters()} == {"a/b"}


def test_session_of_an_earlier_version_stores_nothing_twice(
    broker: EmbeddedBroker, client: mqtt.Client, jeonju: Site, store: DuckDBStore, tmp_path: Path
) -> None:
    """It had every filter of the site file in one session."""
    old = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=NAME, clean_session=False)
    granted: list[object] = []
    old.on_subscribe = lambda *_: granted.append(_)
    old.connect("127.0.0.1", broker.port)
    with leaving(old):
        old.loop_start()
        old.subscribe([("a/b", 1), ("a/+", 1)])
        wait_until(lambda: granted, what="the subscription")
    say(client, "a/c")
    site = site_with(jeonju, "a/b", "a/+")
    with Ingest(site, store, broker.url, remembers=remembered_beside(tmp_path / "client-id")) as ingest:
        say(client, "a/b", "a/c")
        wait_until(lambda: ingest.stats().messages >= 3, what="all messages")
        assert counts(ingest) == (3, 0)


@pytest.mark.parametrize("kind", ["embedded", "mosquitto"])
def test_message_says_that_the_broker_had_kept_it(tmp_path: Path, jeonju: Site, store: DuckDBStore, kind: Kind) -> None:
    need_broker(kind)
    heard: list[Message] = []
    with EmbeddedBroker(tmp_path, kind=kind, port=0) as broker, leaving(sender(broker)) as client:
        client.publish("tele/one/SENSOR", "kept", qos=1, retain=True).wait_for_publish(30)
        for number in (1, 2):
            ingest = Ingest(site_with(jeonju, "tele/#"), store, broker.url)
            gather = ingest._inbox.gather

            def note(gather=gather) -> list[object]:  # type: ignore[no-untyped-def]
                arrived = gather()
                heard.extend(each.message for each in arrived)
                return list(arrived)

            ingest._inbox.gather = note  # type: ignore[method-assign, assignment]
            with ingest:
                wait_until(lambda n=number: len(heard) == 2 * n - 1, what="what is kept")  # type: ignore[misc]
                client.publish("tele/one/SENSOR", "new", qos=1, retain=True).wait_for_publish(30)
                wait_until(lambda n=number: len(heard) == 2 * n, what="what is new")  # type: ignore[misc]
    assert [(item.payload, item.retained) for item in heard] == [
        (b"kept", True),
        (b"new", False),
        (b"new", True),
        (b"new", False),
    ]


FEW = [topic for topic in TOPICS if topic.count("/") < 3]
SITES = st.lists(st.lists(filters(), min_size=1, max_size=5), min_size=1, max_size=4)


@settings(max_examples=40)
@given(SITES, st.booleans())
def test_each_topic_counts_over_one_session_and_old_filters_before_new_ones(
    sites: Sequence[Sequence[str]], same_for_all: bool
) -> None:
    before = None
    for wanted in sites:
        plan = Subscriptions.of(wanted, same_for_all=same_for_all, before=before)
        groups, owners = plan.now.groups, Owners(plan.now.groups)
        assert all(groups)
        for topic in FEW:
            matching = [at for at, group in enumerate(groups) for item in group if topic_matches_sub(item, topic)]
            assert len(matching) == len(set(matching))
            assert owners.group_of(topic) == min(matching, default=None)
            assert bool(matching) == any(topic_matches_sub(item, topic) for item in wanted)
        if before is not None and plan.now.number == before[0].number:
            old = before[0].groups
            for group, filters_ in enumerate(old):
                for item in filters_:
                    assert item in groups[group] or item in plan.gone
            for topic in FEW:
                had = Owners(old).group_of(topic)
                # What waits for a wanted topic counts over the session in which it waits.
                if had is not None and owners.group_of(topic) is not None:
                    assert owners.group_of(topic) == had
        elif before is not None:
            assert before[0] in plan.former
        before = plan.now, plan.former
