"""Numbers in the forms in which devices send them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.contract.gateways import Gateway
from jeonju.decoders.gathered import Gathered
from jeonju.decoders.numbers import Amount, is_absent, number, read_amount


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (23.5, 23.5),
        (7, 7.0),
        ("23.5", 23.5),
        (" -.5 ", -0.5),
        ("1e3", 1000.0),
        ("+4.", 4.0),
        ("23,5", 23.5),
        ("-23,50", -23.5),
        ("1013,2", 1013.2),
        ("0,016", 0.016),
        ("1013,256", 1013.256),
        ("1,016.76", 1016.76),
        ("1.016,76", 1016.76),
        ("1,234,567", 1234567.0),
        ("1 016,76", 1016.76),
        ("1\u202f016.76", 1016.76),
        ("1'016.76", 1016.76),
        ("\u22124.5", -4.5),
        ("15\0", 15.0),
        ({"value": "12,5"}, 12.5),
        ({"Value": 12.5, "Valid": True}, 12.5),
    ],
)
def test_number(value: Any, expected: float) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "1,016",  # thousands in one country, thousandths in another
        "2026-03-02",
        "12:30",
        "7.5.2026",
        "192.168.1.7",
        "192.168.001.123",
        "1,2,3",
        "5 of 10",
        "0x1A",
        "1_000",
        "\u0661\u0662",
        "inf",
        "\u221e",
        "1e999",
        "3 V 4",
        "7.5 wombats",
        True,
        [1],
        {"value": {"value": 1}},
        float("inf"),
        10**400,
    ],
)
def test_in_doubt_no_number_but_not_absent_either(value: Any) -> None:
    assert read_amount(value) is None
    assert not is_absent(value)


@pytest.mark.parametrize("value", [None, "", " - ", "NaN", "n/a", "unavailable", float("nan"), {"value": None}])
def test_absent(value: Any) -> None:
    assert read_amount(value) is None
    assert is_absent(value)


@pytest.mark.parametrize(
    ("value", "key", "stored"),
    [
        ("3.3 V", "voltage", 3.3),
        ("59.9 \u00b0F", "temperature", 15.5),
        ("59,9\u2109", "temperature", 15.5),
        ({"unit": "oC", "value": 21.4}, "temperature", 21.4),
        ({"value": 294.55, "uom": "Kelvin"}, "temperature", 21.4),
        ("101.42 kPa", "pressure", 1014.2),
        ("1,016.76 mbar", "pressure", 1016.76),
        ("0.018 mg/m3", "pm25", 18.0),
        ("18 \u338d/\u33a5", "pm25", 18.0),
        ("18 \u03bcg/m^3", "pm25", 18.0),
        ("415000 ppb", "co2", 415.0),
        ("40 %RH", "humidity", 40.0),
        ("36 km/h", "wind_speed", 10.0),
    ],
)
def test_unit_beside_the_number_is_converted(value: Any, key: str, stored: float) -> None:
    gathered = Gathered()
    gathered.put_named("d", None, {key: value})
    (reading,) = gathered.decoding().readings
    assert reading.values[key] == pytest.approx(stored, rel=1e-6)


def test_a_unit_in_the_text_counts_before_that_of_the_mapping_and_only_once() -> None:
    gateway = Gateway.model_validate(
        {"topic": "x", "format": "json", "mapping": [{"pointer": "/t", "key": "temperature", "unit": "\u00b0F"}]}
    )
    for raw, celsius in (("59 \u00b0F", 15.0), (59, 15.0), ("15 \u00b0C", 15.0)):
        gathered = Gathered()
        gathered.put_mapped("d", None, gateway, lambda _pointer, raw=raw: raw)  # type: ignore[misc]
        assert gathered.decoding().readings[0].values == {"temperature": pytest.approx(celsius)}


@pytest.mark.parametrize("raw", ["12 hPa", {"value": 12, "unit": "bananas"}])
def test_a_unit_that_does_not_fit_gives_no_value_but_a_flag_and_an_extra(raw: Any) -> None:
    gathered = Gathered()
    gathered.put_named("d", None, {"pm25": raw})
    decoding = gathered.decoding()
    assert decoding.readings[0].values == {}
    assert decoding.flags[0]["pm25"].reasons[0].code in ("unit-does-not-fit", "not-a-number")
    assert decoding.extra == {0: {"pm25": raw}}


@pytest.mark.parametrize(("key", "unit"), [("humidity", "1"), ("pm25", "kg/m³"), ("co2", "%")])
def test_number_that_is_none_any_more_in_our_unit_is_flagged_and_kept(key: str, unit: str) -> None:
    mapping = [{"pointer": "/x", "key": key, "unit": unit}, {"pointer": "/y", "key": "noise", "scale": 1e9}]
    gateway = Gateway.model_validate({"topic": "x", "format": "json", "mapping": mapping})
    gathered = Gathered()
    gathered.put_mapped("d", None, gateway, lambda _pointer: 1e308)
    decoding = gathered.decoding()
    assert decoding.readings[0].values == {}
    assert set(decoding.flags[0]) == {key, "noise"}
    assert decoding.extra == {0: {key: 1e308, "noise": 1e308}}


@pytest.mark.parametrize("raw", [10**5000, object()], ids=["digits", "object"])
def test_what_json_cannot_say_is_kept_by_its_kind(raw: Any) -> None:
    gathered = Gathered()
    gathered.put_named("d", None, {"pm25": [raw]})
    assert gathered.decoding().extra == {0: {"pm25": "(list)"}}


def test_what_cannot_be_read_is_no_flag_where_another_member_gives_the_value() -> None:
    gathered = Gathered()
    gathered.put_raw("d", None, "temperature", "7.5")
    gathered.put_raw("d", None, "temperature", "2026-03-02")
    decoding = gathered.decoding()
    assert decoding.readings[0].values == {"temperature": 7.5}
    assert decoding.flags == {}
    assert decoding.extra == {0: {"temperature": "2026-03-02"}}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_that_python_writes_is_read(value: float) -> None:
    assert number(repr(value)) == value
    assert read_amount(f"{value!r} V") == Amount(value, "V")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "unit", "x"]), inner),
        max_leaves=5,
    )
)
def test_anything_is_read_or_not(value: Any) -> None:
    amount = read_amount(value)
    assert amount is None or isinstance(amount.value, float)
