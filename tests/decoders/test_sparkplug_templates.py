"""Sparkplug B: templates, and the devices that their instances stand for."""

from typing import Any

import pytest

from jeonju.decoders.decoded import DeviceUpdate
from jeonju.decoders.sparkplug_b import births
from tests.decoders.reading import values
from tests.decoders.sparkplug import AT_MS, BD_SEQ, INT8, PM25, WARM, Session, definition, instance, properties


@pytest.mark.parametrize("aliased", [False, True])
def test_members_of_a_lone_instance_are_metrics_of_the_device(aliased: bool) -> None:
    session = Session()
    names: list[dict[str, Any]] = [{"alias": 1}, {"alias": 2}, {"alias": 3}] if aliased else [{}, {}, {}]
    born = session.send(
        "NBIRTH",
        BD_SEQ,
        definition("station", PM25, WARM),
        instance(
            "air-1", {**WARM, **names[1]}, {"name": "rssi", "datatype": INT8, "int_value": 0xF6, **names[2]}, **names[0]
        ),
    )
    assert values(born) == {"air/gw": {"temperature": 7.5, "rssi": -10.0}}
    assert born.updates == [DeviceUpdate("air/gw", "online")]
    called = [{"alias": 1}, {"alias": 3}] if aliased else [{"name": "air-1"}, {"name": "rssi"}]
    sent = session.send("NDATA", {"template_value": {"metrics": [{**called[1], "int_value": 0xF7}]}, **called[0]})
    assert values(sent) == {"air/gw": {"rssi": -9.0}}


def test_instances_that_give_the_same_quantity_are_devices_of_their_own() -> None:
    session = Session()
    fan = {"name": "fan", "double_value": 9.0}
    two = [instance("air-1", PM25, fan, alias=1), instance("air-2", {**PM25, "double_value": 20.0}, alias=2)]
    born = session.send("NBIRTH", BD_SEQ, *two, WARM)
    assert values(born) == {
        "air/gw": {"temperature": 7.5},
        "air/gw/air-1": {"pm25": 18.0, "fan": 9.0},
        "air/gw/air-2": {"pm25": 20.0},
    }
    names = ["air/gw", "air/gw/air-1", "air/gw/air-2"]
    assert born.updates == [DeviceUpdate(name, "online") for name in names]
    # One alone in a message keeps its name.
    sent = session.send("NDATA", {"alias": 2, "template_value": {"metrics": [{**PM25, "double_value": 21.0}]}})
    assert values(sent) == {"air/gw/air-2": {"pm25": 21.0}}
    assert session.send("NDEATH", BD_SEQ).updates == [DeviceUpdate(name, "offline") for name in names]


def test_instance_that_is_a_device_no_longer_goes_offline() -> None:
    session = Session()
    session.send("NBIRTH", BD_SEQ, instance("air-1", PM25), instance("air-2", PM25))
    updates = session.send("NBIRTH", BD_SEQ, instance("air-1", PM25)).updates
    assert dict(update[:2] for update in updates) == {
        "air/gw": "online",
        "air/gw/air-1": "offline",
        "air/gw/air-2": "offline",
    }


def test_many_unread_instances_make_one_dead_letter() -> None:
    decoding = Session().send("NDATA", *(instance(f"air-{number}", PM25) for number in range(500)))
    assert len(decoding.rejected) == 1


def test_instance_in_an_instance_and_a_mapping_by_path_or_by_name() -> None:
    mapping = [{"pointer": "/air-1/opc/dust", "key": "pm10"}, {"pointer": "/T1", "key": "temperature", "unit": "°F"}]
    inner = instance("opc", {"name": "dust", "double_value": 30.0}, {"name": "pm25", "double_value": 18.0})
    decoding = Session(mapping=mapping).send("NBIRTH", instance("air-1", inner, {"name": "T1", "double_value": 50.0}))
    assert values(decoding) == {"air/gw": {"pm10": 30.0, "pm25": 18.0, "temperature": pytest.approx(10.0)}}


def test_instance_takes_datatype_and_unit_of_its_definition() -> None:
    session = Session()
    members = [{"name": "temperature", "datatype": INT8, "int_value": 0, **properties(engUnit="°F")}]
    session.send("NBIRTH", definition("_types_/station", *members))
    born = session.send("DBIRTH", instance("a", {"name": "temperature", "int_value": 0xFF}), device="d")
    assert values(born)["air/gw/d"]["temperature"] == pytest.approx(-18.3333333)


def test_quality_of_an_instance_is_that_of_its_members() -> None:
    decoding = Session().send("NBIRTH", instance("a", PM25, **properties(Quality=500)))
    assert decoding.flags[0]["pm25"].severity == "suspect"


def test_instance_that_no_birth_has_named_is_a_dead_letter_beside_what_is_read() -> None:
    session = Session()
    for birth in (False, True):
        if birth:
            session.send("NBIRTH", instance("air-2", PM25))
        decoding = session.send("NDATA", WARM, instance("air-1", PM25), timestamp=AT_MS)
        assert values(decoding) == {"air/gw": {"temperature": 7.5}}
        assert [part.reason for part in decoding.rejected] == [
            "holds template instances that no birth has named: 1, the first is 'air-1'"
        ]
    fresh = Session()
    fresh.send("NBIRTH", instance("air-2", PM25))
    assert fresh.send("NDATA", instance("air-1", PM25)).answers


def nested(depth: int) -> dict[str, Any]:
    held = PM25
    for _ in range(depth):
        held = instance("a", held)
    return held


def test_templates_deep_in_one_another_are_read_to_a_bound_and_said() -> None:
    assert values(Session().send("NBIRTH", nested(births.DEEPEST))) == {"air/gw": {"pm25": 18.0}}
    decoding = Session().send("NBIRTH", nested(births.DEEPEST + 1), WARM)
    assert values(decoding) == {"air/gw": {"temperature": 7.5}}
    assert [part.reason for part in decoding.rejected] == [
        f"holds templates more than {births.DEEPEST} deep in one another: 1"
    ]
    deepest = nested(30)
    assert Session().send("NBIRTH", deepest).rejected
    assert not Session().send("NBIRTH", definition("a", deepest)).readings
