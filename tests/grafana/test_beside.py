"""Official stations and the forecast beside a city's own values: drawn from a real database, marked as what they are."""

import re
from datetime import timedelta
from typing import Any

import pytest

from benchmarks._city import USUAL
from jeonju.contract.official import official_stations
from jeonju.contract.site import Site
from jeonju.grafana import words
from jeonju.grafana.language import LANGUAGES
from tests.grafana.reader import Reader, Series
from tests.grafana.test_dashboards import BOARDS, ENGLISH, HOUR, panel_of

BOARD = ENGLISH["dashboards/en/zone-station.json"]


def answered(reader: Reader, title: str, quantity: str, **chosen: list[str]) -> dict[str, list[Series]]:
    """What a panel is answered, by the alias of its queries."""
    found: dict[str, list[Series]] = {}
    for answer in reader.panel(panel_of(BOARD, title), reader.choices(BOARD) | {"quantity": [quantity]} | chosen):
        found.setdefault(answer.target["alias"], []).extend(answer.series)
    return found


def looks_of(panel: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for override in panel["fieldConfig"]["overrides"]:
        is_regexp = override["matcher"]["id"] == "byRegexp"
        wanted = override["matcher"]["options"]
        if re.search(wanted.strip("/"), name) if is_regexp else wanted == name:
            found |= {part["id"]: part["value"] for part in override["properties"]}
    return found


def _valid(series: Series) -> list[Any]:
    return [row[1] for row in series["values"] if row[1] is not None]


@pytest.mark.parametrize("span", [HOUR * 2, HOUR * 24, HOUR * 24 * 30])
def test_official_stations_stand_beside_own_values(span: timedelta, reader: Reader, jeonju: Site) -> None:
    found = answered(reader.over(span), "Own and official: ${quantity:text}", "pm25")
    assert [len(found[alias]) for alias in found] == [1, 3]
    assert {series["tags"]["device"] for series in found["$tag_device $col"]} == set(official_stations(jeonju))
    (own,) = found["own: mean of the chosen devices $col"]
    assert len(_valid(own)) > 10
    assert all(len(_valid(series)) >= 2 for series in found["$tag_device $col"])


def test_official_weather_stands_beside_own_weather(reader: Reader) -> None:
    found = answered(reader.over(HOUR * 6), "Own and official: ${quantity:text}", "temperature")
    assert [series["tags"]["device"] for series in found["$tag_device $col"]] == ["kma-62-89"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_official_values_are_marked_wherever_they_are(language: Any, jeonju: Site) -> None:
    board = BOARDS[f"dashboards/{language.code}/zone-station.json"]
    title = language("자체와 공식: ${quantity:text}", "Own and official: ${quantity:text}")
    panel = panel_of(board, title)
    mark = language("공식", "official")
    for device in (*official_stations(jeonju), "kma-62-89"):
        looks = looks_of(panel, f"{device} pm25")
        assert mark in looks["displayName"]
        assert (looks["custom.lineStyle"]["fill"], looks["custom.lineInterpolation"]) == ("dash", "stepBefore")
    assert panel["options"]["legend"]["showLegend"]
    # In every other chart and table a device's name says it too.
    named = dict(words.devices(language))
    assert all(mark in named[device] for device in official_stations(jeonju))
    devices = panel_of(
        BOARDS[f"dashboards/{language.code}/network-health.json"], language("공식 측정소", "Official stations")
    )
    by_name, by_custom = looks_of(devices, language("장비", "Device"))["mappings"]
    assert all(mark in by_name["options"][device]["text"] for device in official_stations(jeonju))
    assert re.search(by_custom["options"]["pattern"].strip("/"), "kma-62-89")
    assert mark in by_custom["options"]["result"]["text"]


@pytest.mark.parametrize("to_is_of", ["the dashboard", "the panel"])
def test_the_next_24_hours_are_foreseen_with_their_interval(to_is_of: str, reader: Reader) -> None:
    """Grafana before 10 puts the end of the dashboard's time into the query, and others may put that of the panel, a day later."""
    ahead = timedelta(hours=24)
    shown = reader if to_is_of == "the dashboard" else reader.until(reader.end + ahead)
    panel = panel_of(BOARD, "Forecast, 24 hours")
    assert panel["timeFrom"] == "+24h"
    found = answered(shown, panel["title"], "pm10", device=["palbok-03"])
    courses = {}
    for alias, (series,) in found.items():
        at = {row[0]: row[1] for row in series["values"]}
        courses[alias] = [at[int((reader.end + timedelta(hours=hour)).timestamp() * 1e6)] for hour in range(1, 24)]
    mean, low, high = (courses[f"{name} $col"] for name in ("forecast", "low end of 90 %", "high end of 90 %"))
    usual = USUAL["pm10"][0]
    assert mean == [usual] * 23
    assert low == pytest.approx([usual * (1 - 0.02 * hour) for hour in range(1, 24)])
    assert high == pytest.approx([usual * (1 + 0.03 * hour) for hour in range(1, 24)])
    band = looks_of(panel, "high end of 90 % pm10")
    assert band["custom.fillBelowTo"] == "low end of 90 %"
    assert not any(answered(shown, panel["title"], "co").values()), "what is not forecast has no curve"


def test_it_says_how_the_forecast_was_made_and_when(reader: Reader) -> None:
    found = answered(reader, "Forecast by", "pm25")
    values = {alias: series["values"][0][1] for alias, (series,) in found.items()}
    assert values == {"made": 1, "age": 0}
    before = answered(reader.until(reader.end - timedelta(hours=2)), "Forecast by", "pm25")
    assert not any(before.values()), "what was made later has no age"
    words_ = {
        span["options"]["result"]["text"]: (span["options"]["from"], span["options"]["to"])
        for span in looks_of(panel_of(BOARD, "Forecast by"), "made")["mappings"]
    }
    assert words_["learnt here"][0] <= 1 <= words_["learnt here"][1]
    assert words_["persistence, not learnt"][0] <= 0 <= words_["persistence, not learnt"][1]
