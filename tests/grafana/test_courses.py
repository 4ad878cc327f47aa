"""Courses of quantities: doubtful values, spikes, truth beside what was measured, and the names of limits."""

from datetime import timedelta
from typing import Any

import pytest

from jeonju.airquality.limits import ADVISORY_LEVELS
from jeonju.airquality.standards import STANDARDS
from jeonju.grafana.fields import limits_of
from jeonju.grafana.language import LANGUAGES
from jeonju.grafana.variables import MEASURED
from tests.grafana.reader import Reader, Series
from tests.grafana.test_dashboards import BOARDS, ENGLISH, HOUR, panel_of


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
    assert max(row[1] for row in series["values"]) < 300


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
        lines = {
            override["matcher"]["options"]: [
                step["value"]
                for part in override["properties"]
                if part["id"] == "thresholds"
                for step in part["value"]["steps"][1:]
            ]
            for override in measured["fieldConfig"]["overrides"]
        }
        assert lines["/ pm25$/"] == [15, 35, 75, 150]
        (variable,) = [each for each in board["templating"]["list"] if each["name"] == "quantity"]
        titles = {option["value"]: option["text"] for option in variable["options"]}
        limited = {row.quantity for row in STANDARDS if row.hours <= 24} | set(ADVISORY_LEVELS)
        for key in MEASURED:
            assert bool(lines[f"/ {key}$/"]) == (key in limited), key
            assert lines[f"/ {key}$/"] == sorted(lines[f"/ {key}$/"])
            assert all(f"{value:g} {what}" in titles[key] for value, what, _ in limits_of(key, language))
            assert "," not in titles[key], "Grafana would take it for two"


def _row(series: Series) -> dict[str, Any]:
    (values,) = series["values"]
    return dict(zip(series["columns"], values, strict=True))
