"""What senders of SenML and LwM2M send besides the recorded messages: each line is a fact of a format, in its smallest message."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import cbor2
import pytest

from tests.decoders.variants import Case, check, decode, to

CASES: list[Case] = [
    # SenML
    (
        "levels below the base name belong to the device",
        "senml",
        "senml/a",
        [{"bn": "hall/", "n": "east/desk/temperature", "v": 20.5}, {"n": "west:humidity", "v": 41}],
        {},
        {"hall/east/desk": {"temperature": 20.5}, "hall/west": {"humidity": 41.0}},
    ),
    (
        "a base name that ends in the quantity means what its resolved form means",
        "senml",
        "senml/a",
        [{"bn": "urn:dev:x7:co2", "u": "ppb", "v": 415000}],
        {},
        {"urn:dev:x7": {"co2": 415.0}},
    ),
    (
        "name behind a base name without a separator",
        "senml",
        "senml/a",
        [{"bn": "desk", "n": "pm10", "u": "g/m3", "v": 2e-5}],
        {},
        {"desk": {"pm10": 20.0}},
    ),
    (
        "one bad record leaves the others",
        "senml",
        "senml/a",
        [None, {"v": 1}, {"bn": "desk/", "n": "humidity", "u": "/", "v": 0.5}],
        {},
        {"desk": {"humidity": 50.0}},
    ),
    (
        "mapped unknown name with its own unit",
        "senml",
        "senml/a",
        [{"bn": "desk/", "n": "t1", "u": "K", "v": 293.15}],
        {"mapping": [to("/t1", "temperature")]},
        {"desk": {"temperature": 20.0}},
    ),
    (
        "resolved name without a quantity",
        "senml",
        "s",
        [{"n": "urn:dev:ow:10e2073a01080063", "u": "Cel", "v": 23.1}],
        {},
        {"urn:dev:ow:10e2073a01080063": {"temperature": 23.1}},
    ),
    (
        "resolved names with quantities",
        "senml",
        "s",
        [{"n": "urn:dev:ow:1:temperature", "v": 3}, {"n": "urn:dev:ow:2_voc_index", "v": 5}],
        {},
        {"urn:dev:ow:1": {"temperature": 3.0}, "urn:dev:ow:2": {"voc_index": 5.0}},
    ),
    (
        "resolved name that the site file maps",
        "senml",
        "s",
        [{"n": "urn:dev:ow:1:temp", "v": 3}],
        {"mapping": [to("/temp", "temperature")]},
        {"urn:dev:ow:1": {"temperature": 3.0}},
    ),
    (
        "pointer into the pack",
        "senml",
        "s",
        [{"bn": "a:", "n": "x", "v": 1}, {"n": "y", "v": 2}],
        {"mapping": [to("/1/v", "co2")]},
        {"a": {"co2": 2.0}},
    ),
    (
        "units",
        "senml",
        "s",
        [
            {"bn": "a:", "n": "pressure", "u": "Pa", "v": 101325},
            {"n": "wind_speed", "u": "km/h", "v": 36},
            {"n": "humidity", "u": "/", "v": 0.5},
            {"n": "battery", "u": "/100", "v": 80},
        ],
        {},
        {"a": {"pressure": 1013.25, "wind_speed": 10.0, "humidity": 50.0, "battery": 80.0}},
    ),
    (
        "version with secondary units",
        "senml",
        "s",
        [{"bver": 26, "bn": "a:"}, {"n": "voltage", "u": "mV", "v": 3300}],
        {},
        {"a": {"voltage": 3.3}},
    ),
    (
        "numbers as text, a first record of base members only",
        "senml",
        "s",
        [{"bt": 1.7e9}, {"bn": "a:", "n": "co2", "v": "400"}, {"n": "pm25", "vs": "7"}],
        {},
        {"a": {"co2": 400.0, "pm25": 7.0}},
    ),
    (
        "decimal fraction and labels that nobody knows",
        "senml",
        "s",
        cbor2.dumps([{-2: "a:", 0: "temperature", 2: Decimal("21.5"), None: 1, 99: 1, b"x_": 1}]),
        {},
        {"a": {"temperature": 21.5}},
    ),
    (
        "unit that tells what it is, of a device that the site file names",
        "senml",
        "s",
        [{"u": "Cel", "v": 21.5}],
        {"device": "d"},
        {"d": {"temperature": 21.5}},
    ),
    (
        "object with a list of records, as before RFC 8428",
        "senml",
        "s",
        {"bn": "a/", "bt": 0, "ver": 1, "e": [{"n": "co2", "v": 400}, {"n": "open", "bv": True}]},
        {},
        {"a": {"co2": 400.0}},
    ),
    (
        "array of such objects",
        "senml",
        "s",
        [{"bn": "a/", "e": [{"n": "co2", "v": 400}]}, {"bn": "b/", "e": [{"n": "co2", "v": 500}]}],
        {},
        {"a": {"co2": 400.0}, "b": {"co2": 500.0}},
    ),
    ("no record at all", "senml", "s", [], {}, {}),
    ("text without a name", "senml", "s", [{"vs": "hello"}], {}, {}),
    # LwM2M
    (
        "voltages, radio signal and place of a device",
        "senml",
        "s",
        [
            {"bn": "/3/0/", "n": "7/0", "v": 3650},
            {"n": "7/1", "v": 12000},
            {"n": "9", "v": 71},
            {"bn": "/4/0/", "n": "2", "v": -88},
            {"bn": "/6/0/", "n": "2", "v": 41.5},
            {"n": "6", "v": 2.5},
        ],
        {"device": "d"},
        {"d": {"voltage": 3.65, "battery": 71.0, "rssi": -88.0, "altitude": 41.5, "speed": 2.5}},
    ),
    ("voltage of a sensor", "senml", "s", [{"bn": "d/3316/0/", "n": "5700", "v": 3.3}], {}, {"d": {"voltage": 3.3}}),
    (
        "unit of an object in the JSON of LwM2M 1.0",
        "senml",
        "s",
        {"bn": "/3303/0/", "e": [{"n": "5700", "v": 50}, {"n": "5701", "sv": "degF"}, {"n": "5750", "sv": "hall"}]},
        {"device": "d"},
        {"d": {"temperature": 10.0}},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case[1]}: {case[0]}" for case in CASES])
def test_variant(case: Case) -> None:
    check(case)


def test_times_of_senml_are_true_to_the_millisecond() -> None:
    """The sum of two doubles lies a little beside the millisecond it means; it must not be cut to the one before."""
    for step in range(0, 100_000, 77):
        pack = [{"bn": "a:", "bt": 1772439330.123, "n": "co2", "t": step / 1000, "v": 1}]
        (item,) = decode("senml", "s", pack).readings
        assert item.time == datetime(2026, 3, 2, 8, 15, 30, 123_000, UTC) + timedelta(milliseconds=step)
