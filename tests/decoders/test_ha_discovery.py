"""Home Assistant's discovery: configs, templates, availability, and the bounds of what is remembered."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.contract.quality import Flag
from jeonju.contract.site import Site
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.ha_discovery import decoder as ha
from jeonju.decoders.ha_discovery.config import component_of
from jeonju.decoders.ha_discovery.decoder import HomeAssistant
from jeonju.decoders.ha_discovery.template import DEEPEST, LONGEST_TEMPLATE, parse
from jeonju.decoders.ha_discovery.values import MISSING, Scope, TemplateError
from jeonju.decoders.message import Message
from jeonju.ingest.diagnosis import Doctor
from jeonju.ingest.pipeline import Pipeline
from jeonju.ingest.routing import Router, read
from jeonju.ingest.service import Ingest
from jeonju.storage.duckdb.store import DuckDBStore
from tests.decoders.reading import NOW, values
from tests.ingest.test_gateways import with_gateways
from tests.ingest.test_service import leaving, sender
from tests.waiting import wait_until

GATEWAY = Gateway(topic="#", format="ha_discovery")
DEVICE = {"identifiers": ["a1b2"], "name": "Porch"}
CONFIG = "homeassistant/sensor/porch/pm25/config"
PM25 = {
    "device": DEVICE,
    "device_class": "pm25",
    "state_topic": "home/porch",
    "unit_of_measurement": "µg/m³",
    "value_template": "{{ value_json.dust }}",
    "unique_id": "porch-pm25",
}


class Home:
    """A decoder that is given one message after the other."""

    def __init__(self, **site: Any) -> None:
        self.decode = HomeAssistant()
        self.gateway = Gateway.model_validate({"topic": "#", "format": "ha_discovery", **site})

    def hear(self, topic: str, content: Any, *, retained: bool = False) -> Decoding:
        payload = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        return read(Message(topic, payload, NOW, retained), self.gateway, self.decode)

    def states(self, topic: str, content: Any, *, retained: bool = False) -> dict[str, str | None]:
        return {update.device: update.state for update in self.hear(topic, content, retained=retained).updates}


def value_of(**config: Any) -> dict[str, dict[str, float | None]]:
    """Return what one value means by a config."""
    home, payload = Home(), config.pop("payload")
    home.hear(CONFIG, PM25 | config)
    return values(home.hear("home/porch", payload))


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


def test_device_bundle_shares_what_stands_at_its_root() -> None:
    home = Home()
    config = {
        "dev": {"cns": [["mac", "02:aa"]]},
        "~": "yard",
        "avty_t": "~/status",
        "cmps": {
            "t": {"p": "sensor", "stat_t": "~/t", "dev_cla": "temperature", "unit_of_meas": "°F"},
            "gone": {"p": "sensor"},
            "led": {"p": "light", "stat_t": "~/led"},
            "broken": 7,
        },
    }
    home.hear("homeassistant/device/yard/config", config)
    assert values(home.hear("yard/t", "50")) == {"02:aa": {"temperature": pytest.approx(10.0)}}
    assert home.states("yard/status", "offline") == {"02:aa": "offline"}
    assert home.hear("yard/led", "ON").nothing == "no-config"


@pytest.mark.parametrize(
    ("levels", "component"),
    [
        ("homeassistant/sensor/a/config", "sensor"),
        ("homeassistant/sensor/node/a/config", "sensor"),
        ("homeassistant/device/a/config", "device"),
        ("city/ha/sensor/node/a/config", "sensor"),
        ("homeassistant/sensor/light/a/config", "sensor"),
        ("homeassistant/status", None),
        ("a/b/c/config", None),
        ("config", None),
    ],
)
def test_topics_of_configs(levels: str, component: str | None) -> None:
    assert component_of(levels.split("/")) == component


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ({"identifiers": "x1"}, "x1"),
        ({"ids": [7, "b"]}, "7"),
        ({"cns": [["mac", "02:aa"]], "name": "Porch"}, "02:aa"),
        ({"name": "Porch"}, "Porch"),
        (None, "home"),
        ({}, "home"),
    ],
)
def test_device_is_the_identifier_else_address_else_name_else_level(device: Any, name: str) -> None:
    assert value_of(device=device, payload={"dust": 1}) == {name: {"pm25": 1}}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"device_class": "carbon_monoxide", "unit_of_measurement": "mg/m³"}, {"co": pytest.approx(0.8734, rel=1e-3)}),
        ({"device_class": "volatile_organic_compounds_parts", "unit_of_measurement": "ppb"}, {"tvoc": 1.0}),
        ({"device_class": "atmospheric_pressure", "unit_of_measurement": "kPa"}, {"pressure": 10.0}),
        ({"device_class": "wind_speed", "unit_of_measurement": "km/h"}, {"wind_speed": pytest.approx(1 / 3.6)}),
        ({"device_class": "sound_pressure", "unit_of_measurement": "dBA"}, {"noise": 1.0}),
        (
            {"device_class": "signal_strength", "unit_of_measurement": "dBm", "entity_category": "diagnostic"},
            {"rssi": 1},
        ),
        ({"device_class": "temperature", "entity_category": "diagnostic"}, None),
        ({"device_class": "power", "unit_of_measurement": "W"}, None),
        ({"device_class": None, "value_template": "{{ value_json['PM2.5'] }}"}, {"pm25": 3.0}),
        ({"device_class": None, "value_template": "{{ value_json.PM10 }}", "unit_of_measurement": "lx"}, None),
        ({"device_class": None, "name": "Yard CO2", "unit_of_measurement": "ppm", "unique_id": "x"}, {"co2": 1.0}),
    ],
)
def test_what_is_measured(config: dict[str, Any], expected: dict[str, Any] | None) -> None:
    home = Home()
    home.hear("homeassistant/sensor/abc/config", {key: value for key, value in (PM25 | config).items() if value})
    found = values(home.hear("home/porch", {"dust": 1, "PM2.5": 3, "PM10": 4}))
    assert found == ({} if expected is None else {"a1b2": expected})


def test_unit_that_does_not_fit_is_flagged_and_kept() -> None:
    home = Home()
    home.hear(CONFIG, PM25 | {"device_class": "volatile_organic_compounds"})
    decoding = home.hear("home/porch", {"dust": 12})
    assert decoding.flags[0]["tvoc"] == Flag.of("bad", "unit-does-not-fit", unit="µg/m³")
    assert decoding.extra[0]["tvoc"] == {"value": 12, "unit": "µg/m³"}


def test_of_two_thermometers_of_a_device_one_counts_whatever_comes_first() -> None:
    for order in ([0, 1], [1, 0]):
        home = Home()
        for number in order:
            topic = f"homeassistant/sensor/t{number}/config"
            home.hear(topic, {"device": DEVICE, "device_class": "temperature", "state_topic": f"t/{number}"})
        assert values(home.hear("t/0", "10")) == {"a1b2": {"temperature": 10}}
        assert home.hear("t/1", "30").is_empty


def test_mapping_names_entities_and_members() -> None:
    mapping = [
        {"pointer": "/odd", "key": "pm10"},
        {"pointer": "/raw/1", "key": "voltage", "scale": 0.5},
    ]
    home = Home(mapping=mapping)
    config = {"device": DEVICE, "unique_id": "odd", "state_topic": "home/porch", "value_template": "{{ value_json.d }}"}
    home.hear("homeassistant/sensor/x/config", config)
    assert values(home.hear("home/porch", {"d": 5, "raw": [0, 6]})) == {"a1b2": {"pm10": 5, "voltage": 3}}


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


def test_light_is_no_device_of_ours() -> None:
    home = Home()
    config = {"device": DEVICE, "state_topic": "l/state", "availability_topic": "l/lwt"}
    home.hear("homeassistant/light/l/config", config)
    home.hear("homeassistant/sensor/power/config", config | {"device_class": "power"})
    assert home.states("l/lwt", "online") == {}


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


PAYLOAD = json.dumps(
    {"x": 23.456, "t": "7,5", "a": {"b.c": 3, "l": [1, 2]}, "n": None, "s": "12.5 °C", "one": 1, "z": 0}
)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ value_json.x }}", 23.456),
        ("{{- value_json.x -}}", 23.456),
        ("{{value_json['a']['b.c']}}", 3),
        ("{{ value_json.x | float | round(1) }}", 23.5),
        ("{{ value_json.x | round(1, 'floor') }}", 23.4),
        ("{{ (value_json.x * 0.1) | round(2) }}", 2.35),
        ("{{ value_json.x*0.1|round(2) }}", 2.3456),
        ("{{ -value_json.x|abs }}", 23.456),
        ("{{ value_json.missing | default(value_json.x) }}", 23.456),
        ("{{ value_json.a.l[1] }}", 2),
        ("{{ value_json.a.l.0 }}", 1),
        ("{{ value_json.get('x') | int }}", 23),
        ("{{ ((float(value_json.one) * 99)|round(0)) + 1 }}", 100),
        ("{{ 100 if value_json.one == 1 else 10 }}", 100),
        ("{{ value_json.t|replace(',','.')|float }}", 7.5),
        ("{{ value_json.s }}", "12.5 °C"),
        ("{{ value_json.one }} °C", "1 °C"),
        ("{{ value.split(':')[1] | trim }}", '23.456, "t"'),
        ("{% set v = value_json.x %}{{ v / 2 }}", 11.728),
        ("{% if value_json.x is defined %}{{ value_json.x }}{% endif %}", 23.456),
        ("{% if value_json.z %}{{ 1 }}{% elif 'x' in value_json %}{{ value_json.x }}{% else %}2{% endif %}", 23.456),
        ("{{ value_json.z or 0 }}", 0),
        ("{{ (value_json.x|float(0) - 32) * 5 / 9 }}", -4.74666666),
        ("{{ value_json.x | multiply(2) | add(1) }}", 47.912),
        ("{# nothing #}{{ value_json.one }}", 1),
    ],
)
def test_template(template: str, expected: Any) -> None:
    assert parse(template).render(Scope(PAYLOAD)) == (
        pytest.approx(expected) if not isinstance(expected, str) else expected
    )


@pytest.mark.parametrize(
    "template",
    [
        "{{ value_json.missing }}",
        "{{ value_json.n }}",
        "{{ value_json.missing.deeper[3] * 2 }}",
        "{{ value_json.missing | float(0) }}",
        "{{ value_json.missing | float(default=0) | round(1) }}",
        "{{ value_json.missing | default(0) }}",
        "{{ value_json.get('missing', 0) }}",
        "{{ value_json.missing or 0 }}",
        "{{ value_json.x if value_json.missing is defined else 0 }}",
        "{% if value_json.missing is defined %}{{ value_json.missing }}{% else %}0{% endif %}",
        "",
    ],
)
def test_filler_for_a_missing_value_is_none(template: str) -> None:
    assert parse(template).render(Scope(PAYLOAD)) is MISSING


@pytest.mark.parametrize(
    "template",
    [
        "{{ states('sensor.x') }}",
        "{{ that.state }}",
        "{{ value_json.x ** 9 }}",
        "{% for x in value_json %}{{ x }}{% endfor %}",
        "{{ ''.__class__.__mro__ }}{{ cycler() }}",
        "{{ value_json.__class__() }}",
        "{{ value.format(1) }}",
        "{{ value_json.x | unknown }}",
        "{{ value_json.x is prime }}",
        "{{ value_json.x ",
        "{{ value_json. }}",
        "{{ ( }}",
        "{{ 'x }}",
        "{{ }}",
        "{% if value %}",
        "{% if value %}{% else %}",
        "{% endif %}",
        "{% set 3 = 4 %}",
        "{{ " + "(" * (DEEPEST + 1) + "1" + ")" * (DEEPEST + 1) + " }}",
        "{{ " + "+".join(["value"] * 100) + " }}",
        "x" * (LONGEST_TEMPLATE + 1),
    ],
)
def test_template_that_is_not_understood(template: str) -> None:
    with pytest.raises(TemplateError):
        parse(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ value_json.x / 0 }}",
        "{{ value_json.s * 2 }}",
        "{{ value_json.x | round(99) }}",
        "{{ value.replace('2', '22') }}",
        "{{ 1e999 }}",
        "{{ value_json.a < value_json.x }}",
        "{{ value.split('') }}",
    ],
)
def test_template_that_cannot_be_applied(template: str) -> None:
    with pytest.raises(TemplateError):
        parse(template).render(Scope(PAYLOAD))


def words() -> Iterator[str]:
    yield from (
        "value",
        "value_json",
        ".x",
        "['a']",
        "|",
        "float",
        "round",
        "(",
        ")",
        "0",
        "1.5",
        "+",
        "-",
        "*",
        "/",
        "%",
    )
    yield from (
        "if",
        "else",
        "is",
        "defined",
        "not",
        "and",
        "or",
        "in",
        "{{",
        "}}",
        "{%",
        "%}",
        "{% if",
        "{% endif %}",
        "'",
        "[",
    )
    yield from ("default", ",", "==", "<", "]", "set", "=", "none", ".split", ".get", "replace", " ")


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(list(words())), max_size=40).map(" ".join) | st.text(max_size=60), st.text(max_size=30))
@example("{{ value_json.x }}", "[" * 3000)
@example("{{ - " * 150, "1")
@example("{{ " + "not " * 200 + "value }}", "1")
def test_any_template_gives_a_value_or_one_error(template: str, payload: str) -> None:
    with suppress(TemplateError, RejectedError):
        parse(template).render(Scope(payload))


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


@pytest.mark.parametrize(
    ("template", "payload"),
    [
        ("{{ '%.1f' | format(value_json.t | float) }}", {"t": "4.52"}),
        ("{{ '%0.1f' % (value_json.t | float / 10) }}", {"t": 45.2}),
        ("{{ iif(value_json.t > 0x7FFF, value_json.t - 0x10000, value_json.t) / 10 }}", {"t": 45}),
        ("{{ value_json.ok | iif(value_json.t, 0) }}", {"t": 4.5, "ok": True}),
        ("{{ value_json.t if value_json.t not in ['', 'nan', None] else none }}", {"t": 4.5}),
        ("{{ value_json.t if value_json else this.state }}", {"t": 4.5}),
        ("{{ max(value_json.t, value_json.least) }}", {"t": 4.5, "least": -1}),
        ("{{ [value_json.t, value_json.most] | min }}", {"t": 4.5, "most": 100}),
        ("{{ value_json.whole ~ '.' ~ value_json.part }}", {"whole": 4, "part": 5}),
    ],
)
def test_more_of_jinja(template: str, payload: Any) -> None:
    assert value_of(value_template=template, payload=payload) == {"a1b2": {"pm25": pytest.approx(4.5)}}


@pytest.mark.parametrize(
    ("template", "payload"),
    [
        ("{{ iif(value_json.t is defined, value_json.t, 0) }}", {}),
        ("{{ value_json.t ~ '0' }}", {}),
        ("{{ '%.1f' % value_json.t }}", {"t": None}),
        ("{{ max(value_json.t, 0) }}", {}),
        ("{{ value_json.t if value_json.t not in ['nan'] else none }}", {"t": "nan"}),
        ("{{ this.state }}", {"t": 4}),
    ],
)
def test_what_is_missing_stays_so(template: str, payload: Any) -> None:
    assert value_of(value_template=template, payload=payload) == {}


@pytest.mark.parametrize(
    "template",
    [
        "{{ '%s' | format(value_json.t) }}",
        "{{ '%1000f' % value_json.t }}",
        "{{ iif(value_json.t) }}",
        "{{ value_json.t ~ value }}",
    ],
)
def test_format_that_is_no_number_gives_no_value(template: str) -> None:
    home = Home()
    home.hear(CONFIG, PM25 | {"value_template": template})
    decoding = home.hear("home/porch", {"t": 1})
    assert not any(item.values for item in decoding.readings)
    assert decoding.flags


def test_name_for_people_says_what_is_measured() -> None:
    config = {"device": DEVICE, "name": "Wind Direction", "unit_of_measurement": "°", "state_topic": "home/porch"}
    home = Home()
    home.hear("homeassistant/sensor/porch/x/config", config)
    assert values(home.hear("home/porch", 270)) == {"a1b2": {"wind_direction": 270.0}}


@pytest.mark.parametrize(
    "config",
    [
        {"name": "Water Temperature", "unique_id": "x"},
        {"name": "Water Temperature", "unique_id": "x", "device_class": None},
        {"unique_id": "spa_0123_water_temp"},
        {"object_id": "greenhouse-soil-temperature-1", "unique_id": "x"},
        {"name": "Soil humidity", "unique_id": "x", "device_class": "humidity", "unit_of_measurement": "%"},
        {"name": "T", "unique_id": "x", "value_template": "{{ value_json.cpu_temp }}"},
        {"name": "T", "unique_id": "x", "value_template": "{{ value_json.waterTemperature }}"},
    ],
)
def test_temperature_of_another_thing_than_the_air_is_left_aside(config: dict[str, Any]) -> None:
    said = {"device": DEVICE, "device_class": "temperature", "unit_of_measurement": "°C", "state_topic": "home/porch"}
    home = Home()
    home.hear("homeassistant/sensor/porch/x/config", {key: item for key, item in (said | config).items() if item})
    payload = {"cpu_temp": 50, "waterTemperature": 50} if "value_template" in config else 50
    assert values(home.hear("home/porch", payload)) == {}


@pytest.mark.parametrize(
    "name",
    ["Pool House Temperature", "Water Tower: Temperature", "Ground floor temperature", "Underground Temperature"],
)
def test_place_in_a_name_is_no_medium(name: str) -> None:
    config = {"device": DEVICE, "device_class": "temperature", "name": name, "state_topic": "home/porch"}
    home = Home()
    home.hear("homeassistant/sensor/porch/x/config", config)
    assert values(home.hear("home/porch", 21)) == {"a1b2": {"temperature": 21.0}}
