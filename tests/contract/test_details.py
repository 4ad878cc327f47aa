"""Details of alerts: what is written stays readable, by older and newer versions."""

import json

import pytest

from jeonju.contract.details import (
    AdvisoryDetails,
    Details,
    FaultDetails,
    IndexDetails,
    OdourDetails,
    SilentDetails,
    SmokeDetails,
    ThresholdDetails,
    decode,
    encode,
)


def test_members_are_those_of_earlier_versions() -> None:
    assert {"class", "classes", "confidence", "reasons_ko", "reasons_en", "rises", "supported_by"} <= json.loads(
        encode(SmokeDetails())
    ).keys()
    assert json.loads(encode(OdourDetails(area="other"))) == {"class": "industrial", "area": "other"}
    assert json.loads(encode(SilentDetails(offline=True)))["offline"] is True
    assert json.loads(encode(IndexDetails(grade="bad", sub_indices={"o3": 101.0}))) == {
        "grade": "bad",
        "sub_indices": {"o3": 101.0},
    }
    assert json.loads(encode(ThresholdDetails(limit="who-24h", missing=True))) == {"limit": "who-24h", "missing": True}
    assert json.loads(encode(AdvisoryDetails(level="alert"))) == {"level": "alert"}
    assert encode(Details()) == encode(FaultDetails()) == "{}"


def test_details_of_an_earlier_version_are_read_and_members_of_a_later_one_left_aside() -> None:
    old = '{"class": "fire", "classes": {"fire": 0.99}, "rises": {"pm25": 40.0}, "of 2030": [1]}'
    assert decode(old, SmokeDetails) == SmokeDetails(of_class="fire", classes={"fire": 0.99}, rises={"pm25": 40.0})


@pytest.mark.parametrize("text", ["", "null", "[]", '{"rises": "high"}', "{"])
def test_what_does_not_fit_says_nothing(text: str) -> None:
    assert decode(text, SmokeDetails) == SmokeDetails()
