"""Home Assistant's discovery: configs, templates, availability, and the bounds of what is remembered."""

import json
from pathlib import Path

import pytest

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.contract.site import Site
from jeonju.decoders.ha_discovery import decoder as ha
from jeonju.decoders.message import Message
from jeonju.ingest.diagnosis import Doctor
from jeonju.ingest.pipeline import Pipeline
from jeonju.ingest.routing import Router
from jeonju.ingest.service import Ingest
from jeonju.storage.duckdb.store import DuckDBStore
from tests.decoders.discovery import CONFIG, GATEWAY, PM25, Home
from tests.decoders.reading import NOW, values
from tests.ingest.test_gateways import with_gateways
from tests.ingest.test_service import leaving, sender
from tests.waiting import wait_until


def test_value_is_read_by_its_config() -> None:
    home = Home()
    assert home.hear(CONFIG, PM25).nothing == "config"
    assert values(home.hear("home/porch", {"dust": 12.5})) == {"a1b2": {"pm25": 12.5}}


def test_value_before_its_config_says_nothing_and_is_counted(jeonju: Site) -> None:
    pipeline = Pipeline(with_gateways(jeonju, {"topic": "home/+", "format": "ha_discovery"}))
    commit = pipeline.commit([Message("home/porch", b"12.5", NOW)])
    assert not commit.dead_letters
    assert pipeline.nothing == {("ha_discovery", "no-config"): 1}


def test_config_and_values_may_come_by_two_gateways(jeonju: Site) -> None:
    site = with_gateways(
        jeonju,
        {"topic": "homeassistant/#", "format": "ha_discovery"},
        {"topic": "home/#", "format": "ha_discovery", "names": {"a1b2": "porch"}},
    )
    config = Message(CONFIG, json.dumps(PM25).encode(), NOW, retained=True)
    commit = Pipeline(site).commit([config, Message("home/porch", b'{"dust": 12.5}', NOW)])
    assert [(row["device"], row["pm25"]) for row in commit.readings.to_pylist()] == [("porch", 12.5)]


def test_formats_that_remember_nothing_of_each_other_have_decoders_of_their_own() -> None:
    router = Router([GATEWAY, Gateway(topic="spBv1.0/#", format="sparkplug_b")])
    assert router.route("a").decoder is not Router([GATEWAY]).route("a").decoder


def test_topic_of_values_may_be_a_filter() -> None:
    home = Home()
    assert home.hear("home/gw1/BT/a1", {"dust": 1}).nothing == "no-config"
    home.hear(CONFIG, PM25 | {"state_topic": "+/+/BT/a1", "availability_topic": "home/+/LWT"})
    assert values(home.hear("home/gw1/BT/a1", {"dust": 2})) == {"a1b2": {"pm25": 2}}
    assert home.states("home/gw1/LWT", "offline") == {"a1b2": "offline"}
    assert home.hear("home/gw1/BT/b2", {"dust": 2}).nothing == "no-config"
    home.hear(CONFIG, "")
    assert home.hear("home/gw1/BT/a1", {"dust": 3}).nothing == "no-config"
    assert not home.decode._wild


def test_empty_config_removes_its_sensors() -> None:
    home = Home()
    home.hear(CONFIG, PM25)
    assert home.hear(CONFIG, "").nothing == "config-removed"
    assert home.hear("home/porch", {"dust": 12.5}).nothing == "no-config"
    assert not any((home.decode._by_topic, home.decode._by_availability, home.decode._rivals))
    assert home.hear("home/porch", "").nothing == "empty"


def test_topic_of_availability_may_be_listed_twice() -> None:
    home = Home()
    home.hear(CONFIG, PM25 | {"availability": [{"topic": "a"}, {"topic": "a", "payload_available": "up"}]})
    assert home.hear(CONFIG, "").nothing == "config-removed"
    assert not home.decode._by_availability


def test_config_that_comes_again_replaces_the_earlier() -> None:
    home = Home()
    for _ in range(3):
        home.hear(CONFIG, PM25)
    home.hear(CONFIG, PM25 | {"state_topic": "home/other"})
    assert home.hear("home/porch", {"dust": 1}).nothing == "no-config"
    assert values(home.hear("home/other", {"dust": 2})) == {"a1b2": {"pm25": 2}}
    assert home.decode._count == 1


def test_retained_value_without_a_time_is_no_new_one() -> None:
    home = Home()
    home.hear(CONFIG, PM25, retained=True)
    decoding = home.hear("home/porch", {"dust": 12.5}, retained=True)
    assert (decoding.readings, decoding.nothing) == ([], "retained")


@pytest.mark.parametrize("payload", ["unavailable", "unknown", "None", "nan", " "])
def test_no_value_is_none(payload: str) -> None:
    home = Home()
    home.hear(CONFIG, PM25)
    assert home.hear("home/porch", payload).is_empty


def test_payload_that_is_not_json_is_rejected() -> None:
    home = Home()
    home.hear(CONFIG, PM25)
    with pytest.raises(RejectedError, match="is not JSON"):
        home.hear("home/porch", "hello")


def test_template_that_is_not_understood_is_a_dead_letter_that_names_it() -> None:
    home = Home()
    (part,) = home.hear(CONFIG, PM25 | {"value_template": "{{ states('sun.sun') }}"}).rejected
    assert "states('sun.sun')" in part.reason
    assert b"home/porch" in part.payload
    decoding = home.hear("home/porch", {"dust": 1})
    assert decoding.is_empty
    assert decoding.nothing == "template"


def test_template_that_is_not_understood_is_no_dead_letter_where_it_is_of_no_quantity() -> None:
    assert not Home().hear(CONFIG, PM25 | {"device_class": "power", "value_template": "{{ now() }}"}).rejected


def test_template_that_cannot_be_applied_is_flagged_and_kept() -> None:
    home = Home()
    home.hear(CONFIG, PM25 | {"value_template": "{{ value_json.dust * 2 }}"})
    decoding = home.hear("home/porch", {"dust": "much"})
    assert not decoding.readings[0].values
    assert decoding.extra[0]["pm25"]["template"] == "{{ value_json.dust * 2 }}"
    assert "pm25" in decoding.flags[0]


# Availability


def test_availability_by_the_words_of_the_config() -> None:
    home = Home()
    home.hear(CONFIG, PM25 | {"avty_t": "home/lwt", "pl_avail": "Online", "pl_not_avail": "Offline"})
    assert home.states("home/lwt", "Online") == {"a1b2": "online"}
    assert home.states("home/lwt", "Offline") == {"a1b2": "offline"}
    assert home.states("home/lwt", "offline") == {}


def test_availability_by_a_template_in_a_list() -> None:
    home = Home()
    listed = [{"t": "z/state", "val_tpl": "{{ value_json.state }}"}]
    home.hear(CONFIG, PM25 | {"avty": listed})
    assert home.states("z/state", {"state": "offline"}) == {"a1b2": "offline"}
    assert home.states("z/state", "garbage") == {}


@pytest.mark.parametrize(
    ("mode", "first", "both"), [("all", None, "offline"), ("any", "online", "online"), ("latest", "online", "offline")]
)
def test_availability_of_several_topics(mode: str, first: str | None, both: str) -> None:
    home = Home()
    home.hear(CONFIG, PM25 | {"availability": [{"topic": "a"}, {"topic": "b"}], "availability_mode": mode})
    assert home.states("a", "online").get("a1b2") == first
    assert home.states("b", "offline").get("a1b2") == both


def test_retained_availability_before_its_config_is_not_lost() -> None:
    home = Home()
    assert home.states("home/lwt", "online", retained=True) == {}
    assert home.states(CONFIG, PM25 | {"availability_topic": "home/lwt"}, retained=True) == {"a1b2": "online"}


# Bounds


def test_entities_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ha, "MOST_ENTITIES", 2)
    home = Home()
    parts = {name: {"p": "sensor", "stat_t": f"x/{name}", "dev_cla": "pm25"} for name in "ab"}
    home.hear("homeassistant/device/x/config", {"cmps": parts})
    with pytest.raises(RejectedError, match="more than 2 entities"):
        home.hear(CONFIG, PM25)
    # Those that are known stay, and may be replaced.
    home.hear("homeassistant/device/x/config", {"cmps": parts})
    assert values(home.hear("x/a", "5")) == {"x": {"pm25": 5}}


def test_entities_of_one_topic_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ha, "MOST_OF_TOPIC", 2)
    home = Home()
    parts = {name: {"p": "sensor", "stat_t": "x/all", "dev_cla": "pm25"} for name in "abcd"}
    decoding = home.hear("homeassistant/device/x/config", {"cmps": parts})
    assert [part.reason[:20] for part in decoding.rejected] == ["more than 2 entities"] * 2
    assert values(home.hear("x/all", "5")) == {"x": {"pm25": 5}}


def test_what_is_remembered_of_retained_messages_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ha, "MOST_SAID", 3)
    home = Home()
    for number in range(100):
        home.hear(f"x/{number}", "online", retained=True)
    home.hear("long", "x" * 1000, retained=True)
    home.hear("x/" * 1000, "online", retained=True)
    assert len(home.decode._said) <= 3


def test_device_config_without_components_says_nothing() -> None:
    assert Home().hear("homeassistant/device/x/config", {"dev": {"ids": "x"}}).nothing == "config"


def test_config_with_texts_too_long_is_rejected() -> None:
    with pytest.raises(RejectedError, match="state_topic of more than 1000"):
        Home().hear(CONFIG, PM25 | {"state_topic": "x" * 1001})


# With a broker


def test_configs_that_the_broker_keeps_hold_after_a_restart(tmp_path: Path, jeonju: Site, store: DuckDBStore) -> None:
    site = with_gateways(
        jeonju, {"topic": "homeassistant/#", "format": "ha_discovery"}, {"topic": "home/#", "format": "ha_discovery"}
    )
    config = json.dumps(PM25 | {"availability_topic": "home/lwt"})
    with EmbeddedBroker(tmp_path, port=0) as broker, leaving(sender(broker)) as client:
        client.publish("home/lwt", "online", qos=1, retain=True).wait_for_publish(30)
        client.publish(CONFIG, config, qos=1, retain=True).wait_for_publish(30)
        for value in (12.5, 13.5):
            with Ingest(site, store, broker.url) as ingest:
                wait_until(lambda: ingest.stats().nothing["ha_discovery", "config"] >= 1, what="the config")
                client.publish("home/porch", json.dumps({"dust": value}), qos=1).wait_for_publish(30)
                wait_until(lambda: ingest.stats().readings >= 1, what="the value")
    (row,) = (row for row in store.latest("jeonju").to_pylist() if row["device"] == "a1b2")
    assert row["pm25"] == 13.5
    (device,) = (record for record in store.devices("jeonju") if record.device == "a1b2")
    assert device.state == "online"
    assert not store.dead_letters()


# The doctor


def test_doctor_names_the_topics_of_values_that_never_arrive(jeonju: Site) -> None:
    doctor = Doctor(with_gateways(jeonju, {"topic": "homeassistant/#", "format": "ha_discovery"}))
    found = doctor.look_at(Message(CONFIG, json.dumps(PM25).encode(), NOW))
    assert found.suggestion == '[[gateways]]\ntopic = "home/#"\nformat = "ha_discovery"'
    both = Doctor(
        with_gateways(
            jeonju,
            {"topic": "homeassistant/#", "format": "ha_discovery"},
            {"topic": "home/+", "format": "ha_discovery"},
        )
    )
    wild = PM25 | {"state_topic": "+/+/BT/a1"}
    found = doctor.look_at(Message(CONFIG, json.dumps(wild).encode(), NOW))
    assert found.suggestion is not None
    assert 'topic = "+/+/BT/a1"' in found.suggestion
    assert both.look_at(Message(CONFIG, json.dumps(PM25).encode(), NOW)).suggestion is None


def test_doctor_proposes_the_format_for_a_config(jeonju: Site) -> None:
    found = Doctor(with_gateways(jeonju)).look_at(Message(CONFIG, json.dumps(PM25).encode(), NOW))
    assert found.suggestion is not None
    assert 'topic = "homeassistant/#"\nformat = "ha_discovery"' in found.suggestion
