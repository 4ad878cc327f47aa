"""Courses of quantities: doubtful values, spikes, truth beside what was measured, and the names of limits."""

import re
from datetime import timedelta
from typing import Any

import pytest

from jeonju.airquality.limits import ADVISORY_LEVELS
from jeonju.airquality.pollutants import QUANTITY
from jeonju.airquality.standards import STANDARDS
from jeonju.grafana.fields import limits_of
from jeonju.grafana.language import LANGUAGES
from jeonju.grafana.variables import MEASURED
from jeonju.storage.influx.names import AIR_1H
from tests.grafana.reader import Reader, Series, panels
from tests.grafana.test_dashboards import BOARDS, ENGLISH, EVERY_BOARD, HOUR, panel_of


def test_doubtful_values_are_counted_with_one_query(reader: Reader) -> None:
    board = ENGLISH["dashboards/en/zone-station.json"]
    panel = panel_of(board, "Doubtful values")
    counts = {}
    for span in (HOUR, 4 * HOUR):
        shown = reader.over(span)
        chosen = {**shown.choices(board), "quantity": ["pm25"]}
        answered = [answer for answer in shown.panel(panel, chosen) if answer.series]
        assert len(answered) == 1, "of readings, minutes and hours one is answered"
        counts[span] = sum(row[1] for series in answered[0].series for row in series["values"])
    assert min(counts.values()) > 0


def test_a_single_spike_does_not_flatten_the_course(reader: Reader) -> None:
    board = ENGLISH["dashboards/en/zone-station.json"]
    (series,) = reader.ask(f"SELECT max(pm25) FROM raw.air WHERE device = 'palbok-06' AND time > {reader.start:%s}s")
    assert series["values"][0][1] == 900
    chosen = {**reader.choices(board), "quantity": ["pm25"], "device": ["palbok-06"]}
    answered = [answer.series for answer in reader.panel(panel_of(board, "${quantity:text}"), chosen)]
    (series,) = next(found for found in answered if found)
    assert max(row[1] for row in series["values"] if row[1] is not None) < 300


@pytest.mark.parametrize("span", [HOUR, 24 * HOUR])
def test_truth_and_measured_meet_in_every_row(span: timedelta, reader: Reader) -> None:
    board = ENGLISH["dashboards/en/scenario-review.json"]
    shown = reader.over(span)
    chosen = {**shown.choices(board), "device": ["palbok-10"], "quantity": ["temperature"]}
    answered = [answer.series for answer in shown.panel(panel_of(board, "All devices: ${quantity:text}"), chosen)]
    (table,) = [series for series in answered if series]
    stations = [_row(series) for series in table if series["tags"]["device"].startswith("palbok-")]
    assert len(stations) == 10
    for row in stations:
        assert row["difference"] == pytest.approx(row["measured"] - row["truth"])
    answers = [
        answer.series
        for answer in shown.panel(panel_of(board, "Difference: ${device}, ${quantity:text}"), chosen)
        if answer.series
    ]
    (series,) = answers[0]
    together = [row[1] for row in series["values"] if row[1] is not None]
    assert len(together) >= 28
    assert any(together)


def test_titles_name_the_limits_that_are_drawn() -> None:
    for language in LANGUAGES:
        board = BOARDS[f"dashboards/{language.code}/zone-station.json"]
        measured = panel_of(board, "${quantity:text}")
        lines = {key: _lines(measured, key) for key in MEASURED}
        assert lines["pm25"] == [15, 35, 75, 150]
        (variable,) = [each for each in board["templating"]["list"] if each["name"] == "quantity"]
        titles = {option["value"]: option["text"] for option in variable["options"]}
        limited = {row.quantity for row in STANDARDS if row.hours <= 24} | set(ADVISORY_LEVELS)
        for key in MEASURED:
            assert bool(lines[key]) == (key in limited), key
            assert lines[key] == sorted(lines[key])
            assert all(f"{value:g} {what}" in titles[key] for value, what, _ in limits_of(key, language))
            assert "," not in titles[key], "Grafana would take it for two"


def test_every_chart_of_a_chosen_quantity_has_its_unit() -> None:
    for board in BOARDS.values():
        for panel in panels(board):
            asked = "".join(target["query"] for target in panel.get("targets", []))
            if panel["type"] != "timeseries" or not re.search(r'(mean|median|max)\("\$\{quantity', asked):
                continue
            assert all(target["alias"].endswith(" $col") for target in panel["targets"]), panel["title"]
            assert all('AS "${quantity}"' in target["query"] for target in panel["targets"]), panel["title"]
            for key in MEASURED:
                unit = QUANTITY[key].unit
                assert _properties(panel, key)["unit"] == ("none" if unit == "1" else f"suffix:{unit}"), panel["title"]


@pytest.mark.parametrize("span", [2 * HOUR, 24 * HOUR], ids=["readings", "minutes"])
def test_a_line_is_broken_where_nothing_came(span: timedelta, reader: Reader) -> None:
    """Grafana breaks a line at an empty value, and nowhere else: half an hour without one would be a straight line."""
    panel = panel_of(ENGLISH["dashboards/en/city-now.json"], "PM2.5")
    later = reader.until(reader.end + timedelta(minutes=30)).over(span)
    answered = [answer.series for answer in later.panel(panel, {"site": ["jeonju"]}) if answer.series]
    for series in answered[0]:
        times = [row[0] for row in series["values"]]
        silent = [row[1] for row in series["values"][-10:]]
        assert silent == [None] * 10
        assert len(times) >= span / timedelta(minutes=2)
    bridged = panel["fieldConfig"]["defaults"]["custom"]["spanNulls"]
    assert timedelta(minutes=1) < timedelta(milliseconds=bridged) < timedelta(minutes=30)


@EVERY_BOARD
def test_means_of_hours_are_lines_too(board: dict[str, Any]) -> None:
    """Between two of them lie more minutes than elsewhere break a line."""
    for panel in panels(board):
        for target in panel.get("targets", []):
            if (
                panel["type"] != "timeseries"
                or "fill(null)" not in target["query"]
                or f'"{AIR_1H}"' not in target["query"]
            ):
                continue
            (bridged,) = [
                part["value"]
                for override in panel["fieldConfig"]["overrides"]
                if override["matcher"] == {"id": "byFrameRefID", "options": target["refId"]}
                for part in override["properties"]
            ]
            assert HOUR < timedelta(milliseconds=bridged) < 2 * HOUR, panel["title"]


@pytest.mark.parametrize("span", [HOUR, 24 * HOUR, 30 * 24 * HOUR])
def test_directions_of_the_wind_lie_on_their_axis(span: timedelta, reader: Reader) -> None:
    (panel,) = [
        panel
        for panel in panels(ENGLISH["dashboards/en/city-now.json"])
        if (panel["title"], panel["type"]) == ("Wind", "timeseries")
    ]
    answered = [a for a in reader.over(span).panel(panel, {"site": ["jeonju"]}) if a.target["alias"] == "from"]
    found = [row[1] for answer in answered for series in answer.series for row in series["values"]]
    assert len(found) > 20
    # It comes from about 300 degrees.
    assert 270 < min(found) <= max(found) < 330


def _properties(panel: dict[str, Any], key: str) -> dict[str, Any]:
    """How a series of a quantity looks."""
    return {
        part["id"]: part["value"]
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"]["id"] == "byRegexp" and re.search(override["matcher"]["options"].strip("/"), f"- {key}")
        for part in override["properties"]
    }


def _lines(panel: dict[str, Any], key: str) -> list[float]:
    steps = _properties(panel, key).get("thresholds", {"steps": []})["steps"]
    return [step["value"] for step in steps[1:]]


def _row(series: Series) -> dict[str, Any]:
    (values,) = series["values"]
    return dict(zip(series["columns"], values, strict=True))
