"""Answers of AirKorea beyond the recorded ones."""

from typing import Any

import pytest

from jeonju.common.errors import RejectedError
from jeonju.contract.quality import Flag
from tests.decoders.reading import read, times, values

ITEM = {
    "sidoName": "전북",
    "stationName": "팔복동",
    "dataTime": "2026-03-02 17:00",
    "pm10Value": "41",
    "pm25Value": "-",
}


def answer(items: Any) -> dict[str, Any]:
    return {"response": {"header": {"resultCode": "00"}, "body": {"items": items}}}


@pytest.mark.parametrize("items", [[ITEM], ITEM, {"item": ITEM}, {"item": [ITEM]}])
def test_items_as_a_list_or_below_item_as_turned_from_xml(items: Any) -> None:
    assert values(read("airkorea", answer(items))) == {"전북/팔복동": {"pm10": 41.0}}


@pytest.mark.parametrize("content", [ITEM, [ITEM], {"items": [ITEM]}, answer([ITEM])["response"]])
def test_part_of_an_answer_as_a_bridge_passes_it_on(content: Any) -> None:
    assert values(read("airkorea", content)) == {"전북/팔복동": {"pm10": 41.0}}


@pytest.mark.parametrize(
    "content",
    [
        [],
        answer([]),
        answer(""),
        answer(None),
        {"response": {"header": {"resultCode": "03", "resultMsg": "NODATA_ERROR"}}},
        {"list": []},
        answer([{"dataTime": "2026-03-02 17:00", "pm10Value": "-", "pm10Flag": "통신장애"}]),
    ],
)
def test_answer_without_values_is_no_reject(content: Any) -> None:
    assert read("airkorea", content).readings == []


def test_refusal_in_xml_is_rejected() -> None:
    with pytest.raises(RejectedError, match="JSON"):
        read("airkorea", "<OpenAPI_ServiceResponse/>")


def test_station_without_province_has_the_name_that_the_site_file_gives_else_its_own() -> None:
    content = answer([{**ITEM, "sidoName": None}])
    assert values(read("airkorea", content)) == {"팔복동": {"pm10": 41.0}}
    assert values(read("airkorea", content, device="전북/팔복동")) == {"전북/팔복동": {"pm10": 41.0}}


@pytest.mark.parametrize("pointer", ["/windSpeed", "/response/body/items/1/windSpeed"])
def test_mapping_begins_at_the_item_or_at_the_answer(pointer: str) -> None:
    content = answer([ITEM, {**ITEM, "stationName": "송천동", "pm10Value": "-", "windSpeed": "1.2"}])
    mapping = [{"pointer": pointer, "key": "wind_speed"}]
    found = values(read("airkorea", content, mapping=mapping))
    assert found == {"전북/팔복동": {"pm10": 41.0}, "전북/송천동": {"wind_speed": 1.2}}


def test_what_is_mapped_is_not_read_by_its_name_as_well() -> None:
    mapping = [{"pointer": "/pm10Value", "key": "pm25"}]
    assert values(read("airkorea", answer([ITEM]), mapping=mapping)) == {"전북/팔복동": {"pm25": 41.0}}


@pytest.mark.parametrize("flag", ["점검및교정", "장비점검", "자료이상", "통신장애"])
def test_flag_beside_a_number_makes_it_bad(flag: str) -> None:
    decoding = read("airkorea", answer([{**ITEM, "pm10Flag": flag}]))
    assert [reading.values for reading in decoding.readings] == [{"pm10": 41.0}]
    assert decoding.flags == {0: {"pm10": Flag.of("bad", "sender", sender="AirKorea", says=flag)}}


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2025-12-31 24:00", "2025-12-31T15:00:00.000+00:00"),
        ("2026-03-02 01:00", "2026-03-01T16:00:00.000+00:00"),
        ("9999-12-31 24:00", None),
        ("2026-03-02 99999999999999999999:00", None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_korean(text: Any, at: str | None) -> None:
    assert times(read("airkorea", answer([{**ITEM, "dataTime": text}]))) == [at]
