"""A vendor's own JSON beyond the recorded messages."""

import contextlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.decoders.lists import MOST_ELEMENTS
from tests.decoders.reading import read, times, values

MAPPING = [{"pointer": "/t", "key": "temperature"}]


def test_message_without_device_and_without_anything_mapped_is_no_reject() -> None:
    assert not read("json", {"status": "booting"}, device="/id", mapping=MAPPING).readings
    with pytest.raises(RejectedError, match="names no device"):
        read("json", {"t": 21.5}, device="/id", mapping=MAPPING)


def test_pointers_with_escapes_lists_and_documents_in_strings() -> None:
    content = [{"a/b": {"m~n": ["-", "21.5 °C"]}, "inner": '{"rh": "nan", "id": 7}'}]
    mapping = [
        {"pointer": "/0/a~1b/m~0n/1", "key": "temperature"},
        {"pointer": "/0/a~1b/m~0n/0", "key": "pm25"},
        {"pointer": "/0/inner/rh", "key": "humidity"},
    ]
    assert values(read("json", content, device="/0/inner/id", mapping=mapping)) == {"7": {"temperature": 21.5}}


def test_empty_pointer_leads_to_a_message_that_is_one_number() -> None:
    mapping = [{"pointer": "", "key": "pm25"}]
    for content in ("12.5", '"12.5 µg/m³"'):
        assert values(read("json", content, "roof/pm25", device="roof", mapping=mapping)) == {"roof": {"pm25": 12.5}}
    with pytest.raises(RejectedError, match="JSON"):
        read("json", "nan", "roof/pm25", device="roof", mapping=mapping)


def test_time_of_a_clock_without_zone_counts_with_the_zone_of_the_site_file() -> None:
    content = {"t": 1, "at": "2026/03/02 17:15:30"}
    site: dict[str, Any] = {"device": "a", "time": "/at", "mapping": MAPPING}
    assert times(read("json", content, timezone="Asia/Seoul", **site)) == ["2026-03-02T08:15:30.000+00:00"]
    assert times(read("json", content, **site)) == [None]


LISTS: dict[str, Any] = {
    "device": "/list/*/id",
    "time": "/at",
    "mapping": [{"pointer": "/list/*/t", "key": "temperature"}, {"pointer": "/hpa", "key": "pressure"}],
}


def test_element_without_a_device_is_a_dead_letter_that_can_be_replayed_and_the_others_are_stored() -> None:
    content = {
        "at": "2026-03-02T08:15:30Z",
        "hpa": 1013,
        "list": [{"id": "a", "t": 1}, {"t": 2}, {"id": "c", "t": "3"}, {"x": 0}, "?"],
    }
    decoding = read("json", content, **LISTS)
    assert values(decoding) == {
        "a": {"temperature": 1.0, "pressure": 1013.0},
        "c": {"temperature": 3.0, "pressure": 1013.0},
    }
    ((reason, payload),) = decoding.rejected
    assert "element 1 of /list names no device" in reason
    assert json.loads(payload) == {"list": [{"t": 2}], "at": "2026-03-02T08:15:30Z", "hpa": 1013}
    again = read("json", payload, **{**LISTS, "device": "yard"})
    assert values(again) == {"yard": {"temperature": 2.0, "pressure": 1013.0}}
    assert times(again) == ["2026-03-02T08:15:30.000+00:00"]


def test_message_is_one_dead_letter_where_no_element_can_be_read_and_none_where_nothing_is_in_them() -> None:
    with pytest.raises(RejectedError, match="element 0 of /list names no device"):
        read("json", {"list": [{"t": 1}, {"t": 2}]}, **LISTS)
    empty: list[Any] = [{}, {"list": []}, {"list": {"t": 1}}, {"list": [{}, None, 7]}, [], 7]
    for nothing in empty:
        assert not read("json", nothing, **LISTS).readings


def test_no_more_elements_are_read_than_gateways_send_and_the_rest_can_be_replayed() -> None:
    rows = [{"id": f"d{number}", "t": number} for number in range(MOST_ELEMENTS + 2)]
    decoding = read("json", {"list": rows}, **LISTS)
    assert len(decoding.readings) == MOST_ELEMENTS
    ((reason, payload),) = decoding.rejected
    assert f"more than {MOST_ELEMENTS} elements" in reason
    assert list(values(read("json", payload, **LISTS))) == ["d10000", "d10001"]


def test_outer_element_with_too_many_inner_ones_is_rejected_and_the_next_one_read() -> None:
    content = [{"s": "a", "v": [1] * (MOST_ELEMENTS + 1)}, {"s": "b", "v": [5, 6]}]
    site: dict[str, Any] = {"device": "/*/s", "mapping": [{"pointer": "/*/v/*", "key": "pm25"}]}
    decoding = read("json", content, **site)
    # Of values of one device and instant the last counts.
    assert values(decoding) == {"b": {"pm25": 6.0}}
    assert len(decoding.rejected) == 1


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=3)
        | st.just("[1]"),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abi"), inner, max_size=3),
        max_leaves=20,
    )
)
def test_any_content_is_read_or_rejected(content: Any) -> None:
    mapping = [{"pointer": pointer, "key": "pm25"} for pointer in ("/a/*/b", "/a/*/a/*/b", "/b", "/a/*/a/*")]
    for site in ({"device": "/a/*/i", "time": "/b"}, {"device": "x", "time": "/a/*/a/*/b"}):
        with contextlib.suppress(RejectedError):
            for part in read("json", content, mapping=mapping, **site).rejected:
                assert json.loads(part.payload)


@pytest.mark.parametrize(
    ("content", "device", "pointer", "found"),
    [
        ([{"i": "a", "v": 1}], "/*/i", "/*/v", {"a": 1.0}),
        ([[{"i": "a", "v": 1}], [{"i": "b", "v": 2}]], "/*/*/i", "/*/*/v", {"a": 1.0, "b": 2.0}),
        ({"x": [{"l": [{"i": "a"}, {"i": "b"}], "v": 2}]}, "/x/*/l/*/i", "/x/*/v", {"a": 2.0, "b": 2.0}),
        ({"a/b": [{"i": 7, "m~n": [0, 4]}]}, "/a~1b/*/i", "/a~1b/*/m~0n/1", {"7": 4.0}),
        ({"d": '[{"i": "a", "v": "{\\"w\\": 3}"}]'}, "/d/*/i", "/d/*/v/w", {"a": 3.0}),
        ([{"l": [{"i": "a", "v": 1}]}, {"l": [{"i": "b", "v": 2}]}], "/1/l/*/i", "/1/l/*/v", {"b": 2.0}),
    ],
)
def test_star_stands_for_every_element_wherever_the_list_is(
    content: Any, device: str, pointer: str, found: dict[str, float]
) -> None:
    decoding = read("json", content, device=device, mapping=[{"pointer": pointer, "key": "pm25"}])
    assert values(decoding) == {name: {"pm25": value} for name, value in found.items()}


def test_lists_and_lone_members_of_one_device_are_read_side_by_side() -> None:
    content = {"id": "a", "t": 20, "samples": [{"at": 1772439330, "pm": 5}, {"at": 1772439331, "pm": 6}]}
    mapping = [{"pointer": "/t", "key": "temperature"}, {"pointer": "/samples/*/pm", "key": "pm25"}]
    decoding = read("json", content, device="/id", mapping=mapping)
    assert values(decoding) == {"a": {"temperature": 20.0, "pm25": 6.0}}
    timed = read("json", content, device="/id", time="/samples/*/at", mapping=mapping[1:])
    assert [item.values for item in timed.readings] == [{"pm25": 5.0}, {"pm25": 6.0}]
    assert len(set(times(timed))) == 2


@pytest.mark.parametrize(
    ("site", "says"),
    [
        (
            {"format": "json", "device": "/a/*/i", "mapping": [{"pointer": "/b/*/v", "key": "pm25"}]},
            "lead into different lists",
        ),
        ({"format": "json", "device": "{1}-{/a/*/i}"}, "cannot be part of a template"),
        (
            {"format": "tasmota", "mapping": [{"pointer": "/a/*/v", "key": "pm25"}]},
            "is read in json and onem2m, not in tasmota",
        ),
    ],
)
def test_pointers_that_cannot_be_read_together_are_refused_in_the_site_file(site: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(says)):
        Gateway.model_validate({"topic": "x", **site})


@pytest.mark.parametrize(
    ("held", "value", "flagged"),
    [
        (4, 4.0, False),
        ("4", 4.0, False),
        ("4.10", 4.1, False),
        (3.1, 3.1, False),
        ("1e3", 1000.0, False),
        (9223372036854775807, 2.0**63, False),
        (None, None, False),
        (True, None, True),
        ("true", None, True),
        ("0x1F", None, True),
        ([4], None, True),
    ],
)
def test_what_counts_as_a_number(held: Any, value: float | None, flagged: bool) -> None:
    decoding = read("json", {"t": held}, device="a", mapping=MAPPING)
    assert [item.values.get("temperature") for item in decoding.readings] == ([value] if value or flagged else [])
    assert bool(decoding.flags) is flagged
