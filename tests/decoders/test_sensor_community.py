"""sensor.community: answers of the interface, which hold many sensors, besides the push of one station."""

from typing import Any

import pytest

from jeonju.common.errors import RejectedError
from tests.decoders.reading import read, times, values


def item(kind: str = "SDS011", **more: Any) -> dict[str, Any]:
    listed = [{"value_type": "P1", "value": "31.5"}, {"value_type": "P2", "value": "12.25"}]
    return {
        "timestamp": "2026-03-02 08:15:00",
        "sensor": {"id": 4711, "sensor_type": {"name": kind}},
        "location": {"latitude": "35.8", "longitude": "127.1"},
        "sensordatavalues": listed,
        **more,
    }


def test_answer_of_the_interface_is_read_sensor_by_sensor() -> None:
    other = item("BME280", sensor={"id": 4712}, sensordatavalues=[{"value_type": "pressure", "value": "99800"}])
    decoding = read("sensor_community", [item(), other])
    assert values(decoding) == {"4711": {"pm10": 31.5, "pm25": 12.25}, "4712": {"pressure": pytest.approx(998.0)}}
    assert times(decoding) == ["2026-03-02T08:15:00.000+00:00"] * 2
    assert decoding.readings[0].position == (35.8, 127.1)


def test_counts_of_particles_are_no_masses() -> None:
    assert not read("sensor_community", [item("PPD42NS", location=None)]).readings


def test_site_file_names_the_device_before_the_interface() -> None:
    assert set(values(read("sensor_community", [item()], device="roof"))) == {"roof"}


def test_item_that_cannot_be_read_is_a_part_of_its_own() -> None:
    decoding = read("sensor_community", [item(), 7, item(sensor=None)])
    assert set(values(decoding)) == {"4711"}
    assert len(decoding.rejected) == 2


@pytest.mark.parametrize("content", [7, "text", [7]])
def test_what_is_no_object_is_rejected(content: Any) -> None:
    with pytest.raises(RejectedError):
        read("sensor_community", content if not isinstance(content, str) else f'"{content}"')


def test_of_two_sensors_of_a_quantity_the_first_that_has_a_value_counts() -> None:
    listed = [
        ("temperature", "nan"),
        ("BMP280_temperature", "3.5"),
        ("BME280_temperature", "4.5"),
        ("HTU21D_humidity", "81"),
    ]
    push = {"esp8266id": "7", "sensordatavalues": [{"value_type": kind, "value": text} for kind, text in listed]}
    assert values(read("sensor_community", push)) == {"esp8266-7": {"temperature": 3.5, "humidity": 81.0}}
