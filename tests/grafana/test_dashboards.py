"""Dashboards as they are committed: every question answered by a real InfluxDB, every name known, every panel full."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from jeonju.airquality.limits import ADVISORY_LEVELS
from jeonju.airquality.pollutants import KEYS, QUANTITY
from jeonju.airquality.standards import STANDARDS
from jeonju.contract import records as schema
from jeonju.grafana.__main__ import DASHBOARDS, PROVISIONING, generated
from jeonju.grafana.fields import limits_of
from jeonju.grafana.language import LANGUAGES
from jeonju.grafana.variables import MEASURED, OF_ITSELF
from jeonju.storage.influx import names as influx_names
from tests.grafana.reader import Asked, Reader, Series, panels

CORE = {
    "bargauge",
    "barchart",
    "dashlist",
    "gauge",
    "geomap",
    "heatmap",
    "histogram",
    "logs",
    "nodeGraph",
    "piechart",
    "row",
    "stat",
    "state-timeline",
    "status-history",
    "table",
    "text",
    "timeseries",
}
BOARDS = {path: json.loads(text) for path, text in generated().items() if path.startswith("dashboards/")}
EVERY_BOARD = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
# What is good news when it is empty; the fixture's faults fill some of it.
MAY_BE_EMPTY = {"bad", "suspect", "estimated", "불량", "의심", "추정"}


def test_committed_files_are_the_generated_ones() -> None:
    committed = {
        str(path.relative_to(PROVISIONING)): path.read_text(encoding="utf-8") for path in PROVISIONING.rglob("*.json")
    }
    assert committed == generated(), "run `make dashboards` and commit what it wrote"


@EVERY_BOARD
def test_only_core_panels_each_in_its_place(board: dict[str, Any]) -> None:
    assert {panel["type"] for panel in board["panels"]} <= CORE
    for first, second in combinations([panel["gridPos"] for panel in board["panels"]], 2):
        apart = (
            first["x"] + first["w"] <= second["x"]
            or second["x"] + second["w"] <= first["x"]
            or first["y"] + first["h"] <= second["y"]
            or second["y"] + second["h"] <= first["y"]
        )
        assert apart, (first, second)
    assert all(panel["options"] for panel in panels(board)), "Grafana takes no options for none, not null"
    assert [panel["id"] for panel in board["panels"]] == list(range(1, len(board["panels"]) + 1))
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in board["panels"])


@EVERY_BOARD
def test_no_two_variables_share_an_id_or_a_name(board: dict[str, Any]) -> None:
    # Grafana 9 keys variables by their ids, and by their names where they have none.
    keys = [variable.get("id", variable["name"]) for variable in board["templating"]["list"]]
    assert keys
    assert len(set(keys)) == len(keys)


def test_no_question_of_the_show_kind_names_a_retention_policy() -> None:
    """InfluxDB 2.x answers SHOW from the default retention policy only, and nothing at all for another."""
    asked = {
        question
        for text in generated().values()
        for question in _texts(json.loads(text))
        if re.match(r"\s*SHOW\s", question)
    }
    assert asked
    for question in asked:
        assert not re.search(r"""["\w]\s*\.\s*["\w/]|\.\.""", question), question
        named = re.findall(r'\bFROM\s+"([^"]+)"', question)
        assert named
        assert not set(named) & set(influx_names.POLICY_OF), question


def test_boards_can_stand_side_by_side() -> None:
    uids = [board["uid"] for board in BOARDS.values()]
    assert len(set(uids)) == len(uids) == len(DASHBOARDS) * len(LANGUAGES)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", uid) for uid in uids)


def test_both_languages_show_the_same_and_speak_their_own() -> None:
    for path, korean in BOARDS.items():
        if not path.startswith("dashboards/ko/"):
            continue
        english = BOARDS[path.replace("/ko/", "/en/")]
        assert _questions(korean) == [question.replace("summary_en", "summary_ko") for question in _questions(english)]
        assert re.search("[가-힣]", korean["title"])
        assert not re.search("[가-힣]", json.dumps([panel["title"] for panel in panels(english)], ensure_ascii=False))
        titles = [panel["title"] for panel in panels(korean) if not panel["title"].startswith("${")]
        assert all(re.search("[가-힣]", title) for title in titles), titles


@EVERY_BOARD
def test_names_are_those_of_the_store(board: dict[str, Any]) -> None:
    records = (
        schema.DeviceRecord,
        schema.LedgerEntry,
        schema.AlertRecord,
        schema.IncidentRecord,
        schema.JournalEntry,
        schema.IndexRecord,
        schema.ServiceStatistics,
    )
    known = {value for name, value in vars(influx_names).items() if name.isupper() and isinstance(value, str)} | set(
        KEYS
    )
    known |= {field for record in records for field in record._fields} | {"lat", "lon", "received_at", "quality"}
    for question in _questions(board):
        without_texts = re.sub(r"=~ /(?:\\.|[^/])*/|'[^']*'", "", question)
        own = set(re.findall(r'AS "([^"]+)"', without_texts)) | {"last", "${quantity}"}
        assert set(re.findall(r'"([^"]+)"', without_texts)) - own <= known, question


@EVERY_BOARD
def test_every_question_of_the_demo_is_answered(board: dict[str, Any], reader: Reader) -> None:
    chosen = reader.choices(board)
    for panel in panels(board):
        asked = [
            answer
            for quantity in _repeats(panel, chosen)
            for answer in reader.panel(panel, {**chosen, "quantity": [quantity]})
        ]
        assert asked, panel["title"]
        for answer in asked:
            if not answer.series:
                assert answer.target.get("alias") in MAY_BE_EMPTY, (panel["title"], answer.target["query"])
            SHAPES[panel["type"]](answer)


@EVERY_BOARD
def test_every_alert_is_an_annotation_where_there_are_any(board: dict[str, Any], reader: Reader) -> None:
    for annotation in board["annotations"].get("list", []):
        target = annotation["target"]
        assert target["query"] == annotation["query"]
        (series,) = reader.ask(reader.expand(target["query"], reader.choices(board), {}))
        assert {"time", target["textColumn"], target["tagsColumn"], target["timeEndColumn"]} == set(series["columns"])


def test_every_quantity_can_be_chosen(reader: Reader) -> None:
    board = BOARDS["dashboards/en/zone-station.json"]
    chosen = reader.choices(board)
    measured = next(panel for panel in panels(board) if panel["title"] == "${quantity:text}")
    assert set(MEASURED) | set(OF_ITSELF) >= set(KEYS)
    found = {
        key for key in MEASURED for answer in reader.panel(measured, {**chosen, "quantity": [key]}) if answer.series
    }
    of_site = {
        "pm1",
        "pm25",
        "pm10",
        "no2",
        "o3",
        "co",
        "so2",
        "h2s",
        "nh3",
        "tvoc",
        "voc_index",
        "temperature",
        "humidity",
        "wind_speed",
        "noise",
        "thermal_max",
    }
    assert of_site <= found


def test_suspect_and_bad_values_are_counted(reader: Reader) -> None:
    board = BOARDS["dashboards/en/zone-station.json"]
    chosen = {**reader.choices(board), "quantity": ["pm25"]}
    panel = next(panel for panel in panels(board) if panel["title"] == "Quality flags")
    counts = {
        answer.target["alias"]: sum(row[1] for series in answer.series for row in series["values"])
        for answer in reader.panel(panel, chosen)
    }
    assert counts["all values"] > counts["suspect"] > 0
    assert counts["bad"] > 0


def test_truth_and_measured_meet_at_the_same_instants(reader: Reader) -> None:
    board = BOARDS["dashboards/en/scenario-review.json"]
    panel = next(panel for panel in panels(board) if panel["title"] == "Difference")
    chosen = {**reader.choices(board), "device": ["palbok-10"], "quantity": ["temperature"]}
    measured, truth = (dict(answer.series[0]["values"]) for answer in reader.panel(panel, chosen))
    together = measured.keys() & truth.keys()
    assert len(together) >= 55
    # Thermometers of these stations are off by a few tenths of a degree.
    assert all(abs(measured[time] - truth[time]) < 2 for time in together)
    assert any(measured[time] != truth[time] for time in together)


def test_lines_are_the_limits() -> None:
    board = BOARDS["dashboards/en/zone-station.json"]
    measured = next(panel for panel in panels(board) if panel["title"] == "${quantity:text}")
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
    limited = {row.quantity for row in STANDARDS if row.hours <= 24} | set(ADVISORY_LEVELS)
    for key in MEASURED:
        assert bool(lines[f"/ {key}$/"]) == (key in limited), key
        assert lines[f"/ {key}$/"] == sorted(lines[f"/ {key}$/"])
        assert all(f"{value:g} {QUANTITY[key].unit}" in measured["description"] for value, _, _ in limits_of(key))


def _repeats(panel: dict[str, Any], chosen: dict[str, list[str]]) -> list[str]:
    """Panels of a row that is there once for each quantity ask once for each."""
    return chosen["quantity"] if "${quantity}" in json.dumps(panel["targets"]) else [""]


def _questions(board: dict[str, Any]) -> list[str]:
    asked = [target["query"] for panel in panels(board) for target in panel.get("targets", [])]
    asked += [annotation["query"] for annotation in board["annotations"].get("list", [])]
    return asked + [variable["query"] for variable in board["templating"]["list"] if variable["type"] == "query"]


def _texts(content: Any) -> Iterator[str]:
    """Every text, wherever it stands."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list):
        for part in content.values() if isinstance(content, dict) else content:
            yield from _texts(part)


def _numbers(series: Series) -> list[float]:
    return [value for row in series["values"] for value in row[1:] if isinstance(value, int | float)]


def _is_course(asked: Asked) -> None:
    assert asked.target["resultFormat"] == "time_series"
    for series in asked.series:
        assert len(series["columns"]) == 2
        assert _numbers(series)
        assert re.sub(r"\$(tag_)?\w+", "", asked.target["alias"]) or set(series.get("tags", {}))
    assert not asked.series or max(len(series["values"]) for series in asked.series) >= 1


def _is_number(asked: Asked) -> None:
    for series in asked.series:
        assert len(series["columns"]) == 2
        assert _numbers(series)


def _is_state(asked: Asked) -> None:
    (mapping,) = asked.panel["fieldConfig"]["defaults"]["mappings"]
    states = {str(row[1]) for series in asked.series for row in series["values"]}
    assert states
    assert states <= set(mapping["options"]), "a state without a name and colour"


def _is_calendar(asked: Asked) -> None:
    for series in asked.series:
        assert len(series["values"]) >= 1
        assert _numbers(series)


def _is_table(asked: Asked) -> None:
    assert asked.target["resultFormat"] == "table"
    columns = _columns(asked.series)
    (organize,) = [step["options"] for step in asked.panel["transformations"] if step["id"] == "organize"]
    if not any(step["id"] == "merge" for step in asked.panel["transformations"]):
        assert set(organize["indexByName"]) <= columns, asked.target["query"]
    names = set(organize["renameByName"].values())
    assert {override["matcher"]["options"] for override in asked.panel["fieldConfig"].get("overrides", [])} <= names


def _is_map(asked: Asked) -> None:
    columns = _columns(asked.series)
    assert {"lat", "lon"} <= columns
    layers = [
        layer for layer in asked.panel["options"]["layers"] if layer["filterData"]["options"] == asked.target["refId"]
    ]
    assert layers
    for layer in layers:
        style = layer["config"]["style"]
        wanted = {style[part]["field"] for part in ("color", "text", "rotation") if "field" in style.get(part, {})}
        assert wanted <= columns, (wanted, columns)
    for series in asked.series:
        for row in series["values"]:
            place = dict(zip(series["columns"], row, strict=True))
            assert 35 < place["lat"] < 36, asked.target["query"]
            assert 126 < place["lon"] < 128


def _is_bar(asked: Asked) -> None:
    assert {"CAI", "device"} <= _columns(asked.series)


def _columns(series: list[Series]) -> set[str]:
    found: set[str] = set()
    for table in series:
        found |= {"Time" if name == "time" else name for name in table["columns"]} | set(table.get("tags", {}))
    return found


SHAPES = {
    "timeseries": _is_course,
    "stat": _is_number,
    "state-timeline": _is_state,
    "status-history": _is_calendar,
    "table": _is_table,
    "geomap": _is_map,
    "bargauge": _is_bar,
}
