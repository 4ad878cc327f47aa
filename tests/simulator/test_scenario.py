import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jeonju.common.errors import UserError
from jeonju.contract.events import EVENT
from jeonju.simulator.scenario import examples, load_scenario

GOOD = """\
title_ko = "가"
title_en = "a"
start = 2026-01-01T00:00:00+09:00
duration = "1h"

[weather]
wind_speed_m_s = 2

[[events]]
kind = "fire"
after = "10m"
lat = 35.85
lon = 127.09
"""
EVENT_TEXT = GOOD[GOOD.index('kind = "fire"') :]


@pytest.mark.parametrize("path", examples(), ids=lambda path: path.stem)
def test_every_example_is_good_and_explains_itself(path: Path) -> None:
    scenario = load_scenario(path)
    assert scenario.title_ko
    assert scenario.title_en
    assert path.read_text(encoding="utf-8").startswith("# ")
    assert all(event.after < scenario.duration for event in scenario.events)


def test_examples_cover_what_a_city_meets() -> None:
    names = {path.stem for path in examples()}
    assert names >= {
        "winter-day",
        "palbok-recycler-fire",
        "waste-plant-night-fire",
        "asian-dust-day",
        "voc-h2s-release",
        "livestock-odour-night",
        "sensor-fault-day",
        "robot-breakdown",
    }


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        (
            'duration = "1h"',
            'duration = "an hour"',
            4,
            "duration is no duration; write it like 90s, 15m, 1h30m or 2d (got 'an hour')",
        ),
        ("wind_speed_m_s = 2", "wind_speed = 2", 7, "weather.wind_speed is not a known setting (got 2)"),
        ("wind_speed_m_s = 2", "wind_speed_m_s = -2", 7, "greater than or equal to 0 (got -2)"),
        ('kind = "fire"', 'kind = "meteor"', 9, "'meteor'"),
        ("lat = 35.85\n", "", 9, "lat is missing"),
        ('after = "10m"', 'after = "10m"\nfuel = "lava"', 12, "fuel is no known fuel; known are waste-paper"),
        ("+09:00", "", 3, "should have timezone info"),
        ('title_en = "a"', 'title_en = "a"\ntitle_en = "b"', None, "is not valid TOML"),
        (
            EVENT_TEXT,
            'kind = "fault"\ndevice = "palbok-99"\nfault = "stuck"',
            9,
            "names 'palbok-99'; jeonju has palbok-01",
        ),
        (
            EVENT_TEXT,
            'kind = "breakdown"\ndevice = "palbok-01"\nduration = "1m"',
            9,
            "names 'palbok-01'; jeonju has robot-1",
        ),
    ],
    ids=[
        "duration-in-words",
        "misspelt-setting",
        "negative-wind",
        "unknown-event",
        "place-missing",
        "unknown-fuel",
        "start-without-zone",
        "key-twice",
        "unknown-device",
        "breakdown-of-a-station",
    ],
)
def test_fault_in_a_scenario_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, at: int | None, message: str
) -> None:
    assert old in GOOD
    path = tmp_path / "scenario.toml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_scenario(path)
    assert message in str(caught.value)
    if at is not None:
        assert str(caught.value).startswith(f"{path}:{at}: ")


def test_unknown_scenario_says_which_there_are() -> None:
    with pytest.raises(UserError, match=r"no scenario is named 'doom'; there are: .*winter-day"):
        load_scenario("doom")


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 500)
    | st.floats()
    | st.sampled_from(["fire", "leak", "dust", "5m", "silent", "wood", "palbok-01", ""])
)


@given(
    st.dictionaries(
        st.sampled_from(["kind", "after", "lat", "lon", "fuel", "peak_heat_mw", "duration", "device", "fault", "size"]),
        VALUES,
    )
)
def test_any_event_is_understood_or_refused(event: dict[str, object]) -> None:
    try:
        understood = EVENT.validate_python(event)
    except ValidationError:
        return
    assert understood.after >= 0
    assert math.isfinite(understood.after)
