"""Dashboards of a city whose site file chooses another index: its classes, colours, limits and names, and queries that are answered."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jeonju.airquality.schemes import SCHEMES, Scheme
from jeonju.contract import site as sites
from jeonju.grafana import city
from jeonju.grafana.__main__ import generated
from tests.grafana.reader import Reader
from tests.grafana.test_dashboards import ENGLISH, HOUR, _queries, panel_of

CITY, ZONE = "dashboards/en/city-now.json", "dashboards/en/zone-station.json"


@pytest.fixture(params=["us", "eu"])
def made(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The dashboards of the built-in city, had it chosen another index."""
    text = (Path(sites.__file__).parent / "sites" / "jeonju.toml").read_text(encoding="utf-8")
    assert "index" not in tomllib.loads(text)
    file = tmp_path / "jeonju.toml"
    file.write_text(f'index = "{request.param}"\n{text}', encoding="utf-8")
    monkeypatch.setattr(city, "SITE", str(file))
    city.site.cache_clear()
    try:
        yield SCHEMES[request.param], {path: json.loads(each) for path, each in generated().items()}
    finally:
        city.site.cache_clear()


def steps_of(field: dict[str, Any]) -> list[tuple[float | None, str]]:
    return [(step["value"], step["color"]) for step in field["thresholds"]["steps"]]


def test_classes_colours_and_names_are_those_of_the_index(made: tuple[Scheme, dict[str, Any]], reader: Reader) -> None:
    scheme, boards = made
    colours = [grade.colour for grade in scheme.grades]
    worst = panel_of(boards[CITY], f"Highest {scheme.label_en}")
    assert steps_of(worst["fieldConfig"]["defaults"]) == [
        *zip([None, *(end + 1 for end in scheme.index_upper[:-1])], colours, strict=True)
    ]
    dust = steps_of(panel_of(boards[CITY], "PM2.5, city mean")["fieldConfig"]["defaults"])
    assert [value for value, _ in dust[1:]] == pytest.approx(scheme.upper["pm25"][:-1])
    assert [colour for _, colour in dust] == colours[: len(dust)]
    named = panel_of(boards[ZONE], f"{scheme.label_en} class")["fieldConfig"]["defaults"]["mappings"][0]["options"]
    assert {key: (each["text"], each["color"]) for key, each in named.items()} == {
        grade.key: (grade.label_en, grade.colour) for grade in scheme.grades
    }
    said = [
        each["options"]["result"]["text"]
        for each in panel_of(boards[CITY], "Air quality")["fieldConfig"]["defaults"]["mappings"]
        if each["type"] == "range"
    ]
    assert said[:-1] == [grade.label_en for grade in scheme.grades]
    assert "CAI" not in json.dumps([boards[CITY], boards[ZONE]])

    # The limits are those of the country, and what is asked about them is answered.
    body = {"us": "US", "eu": "EU"}[scheme.key]
    judged = [each for each in scheme.standards if each.body == scheme.key and each.hours <= 24]
    panel = panel_of(boards[ZONE], f"Exceedances, {body}")
    assert len(panel["targets"]) == len(judged) + 1
    shown = reader.over(30 * 24 * HOUR)
    assert all(answer.series for answer in shown.panel(panel, shown.choices(boards[ZONE])))
    assert {rule["uid"] for rule in boards["alerting/jeonju-air.json"]["groups"][1]["rules"]} == {
        f"jeonju-air-{level.quantity}-{level.key}" for levels in scheme.advisories.values() for level in levels
    }
    # All other questions are those which the committed dashboards ask.
    asked = {query for target in panel["targets"] for query in [target["query"]]}
    assert set(_queries(boards[ZONE])) - asked <= set(_queries(ENGLISH[ZONE]))
    assert set(_queries(boards[CITY])) == set(_queries(ENGLISH[CITY]))
