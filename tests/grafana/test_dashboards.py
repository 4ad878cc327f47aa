"""Dashboards as they are committed: every query answered by a real InfluxDB, every name known, every panel full."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest

from jeonju.airquality.pollutants import KEYS
from jeonju.contract import records as schema
from jeonju.grafana.__main__ import DASHBOARDS, PROVISIONING, generated
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
BOARDS = {
    path: json.loads(text)
    for path, text in generated().items()
    if path.startswith("dashboards/") and "runbook" not in path
}
ENGLISH = {path: board for path, board in BOARDS.items() if path.startswith("dashboards/en/")}
EVERY_BOARD = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
HOUR = timedelta(hours=1)
# It is good news when these are empty.
MAY_BE_EMPTY = {"Doubtful values"}


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


def test_no_query_of_the_show_kind_names_a_retention_policy() -> None:
    """InfluxDB 2.x answers SHOW from the default retention policy only, and nothing at all for another."""
    asked = {
        query for text in generated().values() for query in _texts(json.loads(text)) if re.match(r"\s*SHOW\s", query)
    }
    assert asked
    for query in asked:
        assert not re.search(r"""["\w]\s*\.\s*["\w/]|\.\.""", query), query
        named = re.findall(r'\bFROM\s+"([^"]+)"', query)
        assert named
        assert not set(named) & set(influx_names.POLICY_OF), query


def test_boards_can_stand_side_by_side() -> None:
    uids = [board["uid"] for board in BOARDS.values()]
    assert len(set(uids)) == len(uids) == len(DASHBOARDS) * len(LANGUAGES)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", uid) for uid in uids)


def test_both_languages_show_the_same_and_speak_their_own() -> None:
    for path, korean in BOARDS.items():
        if not path.startswith("dashboards/ko/"):
            continue
        english = BOARDS[path.replace("/ko/", "/en/")]
        assert _queries(korean) == [query.replace("summary_en", "summary_ko") for query in _queries(english)]
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
        schema.ForecastRecord,
    )
    known = {value for name, value in vars(influx_names).items() if name.isupper() and isinstance(value, str)} | set(
        KEYS
    )
    known |= {field for record in records for field in record._fields} | {
        "lat",
        "lon",
        "received_at",
        "quality",
        "reading_count",
    }
    for query in _queries(board):
        without_texts = re.sub(r"=~ /(?:\\.|[^/])*/|'[^']*'", "", query)
        own = set(re.findall(r'AS "([^"]+)"', without_texts)) | {"last", "${quantity}"}
        known_ = known | {
            f"{key}{end}" for key in (*KEYS, "${quantity}") for end in ("_max", "_min", "_sin", "_cos", "_count")
        }
        assert set(re.findall(r'"([^"]+)"', without_texts)) - own <= known_, query


@pytest.mark.parametrize("span", [HOUR, 24 * HOUR, 30 * 24 * HOUR], ids=["hour", "day", "month"])
@pytest.mark.parametrize("board", ENGLISH.values(), ids=ENGLISH)
def test_every_panel_is_full_whatever_the_time_shown(board: dict[str, Any], span: timedelta, reader: Reader) -> None:
    """The queries of the Korean ones are the same (`test_both_languages_show_the_same_and_speak_their_own`)."""
    shown = reader.over(span)
    chosen = shown.choices(board)
    for panel in panels(board):
        if panel["type"] == "text":
            continue
        for quantity in _repeats(panel, chosen):
            asked = [*shown.panel(panel, {**chosen, "quantity": [quantity]})]
            assert asked, panel["title"]
            assert panel["title"] in MAY_BE_EMPTY or any(answer.series for answer in asked), (
                panel["title"],
                quantity,
                [a.target["query"] for a in asked],
            )
            # A standard of days has no column before the first whole day.
            if (
                panel["type"] == "table"
                and not panel["title"].startswith("Exceedances")
                and not {"groupBy", "extractFields"} & {s["id"] for s in panel["transformations"]}
            ):
                shown_ = panel["transformations"][-1]["options"]["indexByName"]
                assert set(shown_) <= set().union(*(_columns(answer.series) for answer in asked)), panel["title"]
            for answer in asked:
                if answer.series:
                    SHAPES[panel["type"]](answer)


def test_incidents_are_regions_and_alerts_lines(reader: Reader) -> None:
    board = ENGLISH["dashboards/en/city-now.json"]
    reader = reader.over(4 * HOUR)
    chosen = reader.choices(board)
    found = {}
    for annotation in board["annotations"]["list"]:
        target = annotation["target"]
        assert target["query"] == annotation["query"]
        (series,) = reader.ask(reader.expand(target["query"], chosen, {}))
        assert {"time", target["textColumn"], target["tagsColumn"], target["timeEndColumn"]} - {""} == set(
            series["columns"]
        )
        found[annotation["name"]] = (annotation["iconColor"], series)
    # What lasts ends where the time shown ends, and not in 1970.
    _, lasting = found["Open incidents"]
    assert {row[lasting["columns"].index("end")] for row in lasting["values"]} == {reader.end.timestamp() * 1000}
    colour, notices = found["Notices"]
    _, alerts = found["Alerts"]
    assert colour != found["Alerts"][0]
    # Twenty stations have an advisory each: as many regions would hide what was measured. Grafana draws none that ends where it begins, and
    # knows the end of incidents only if the first event of all has one.
    for series in (notices, alerts):
        end = series["columns"].index("end")
        assert [row[end] * 1000 for row in series["values"]] == [row[0] for row in series["values"]]


def test_every_quantity_can_be_chosen(reader: Reader) -> None:
    board = BOARDS["dashboards/en/zone-station.json"]
    chosen = reader.choices(board)
    measured = panel_of(board, "${quantity:text}")
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


def panel_of(board: dict[str, Any], title: str) -> dict[str, Any]:
    return next(panel for panel in panels(board) if panel["title"] == title)


def _repeats(panel: dict[str, Any], chosen: dict[str, list[str]]) -> list[str]:
    """Panels of a row that is there once for each quantity ask once for each; two stand for all."""
    return chosen["quantity"][:2] if "${quantity}" in json.dumps(panel["targets"]) else [""]


def _queries(board: dict[str, Any]) -> list[str]:
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
        assert re.sub(r"\$(tag_)?\w+", "", asked.target["alias"]) or set(series.get("tags", {}))
    assert any(_numbers(series) for series in asked.series)


def _is_number(asked: Asked) -> None:
    for series in asked.series:
        assert len(series["columns"]) == 2
        assert _numbers(series)


def _is_state(asked: Asked) -> None:
    mapping, unknown = asked.panel["fieldConfig"]["defaults"]["mappings"]
    assert unknown["options"] == {"match": "null", "result": {"color": "transparent", "text": ""}}, "in the legend"
    states = {str(row[1]) for series in asked.series for row in series["values"] if row[1] is not None}
    assert states
    assert states <= set(mapping["options"]), "a state without a name and colour"


def _is_grid(asked: Asked) -> None:
    assert all(_numbers(series) for series in asked.series)


def _is_table(asked: Asked) -> None:
    assert asked.target["resultFormat"] == "table"
    columns = _columns(asked.series)
    organize = [step["options"] for step in asked.panel["transformations"] if step["id"] == "organize"][-1]
    if len(asked.panel["transformations"]) == 1:
        assert set(organize["indexByName"]) <= columns, asked.target["query"]
    names = set(organize["renameByName"].values())
    assert {override["matcher"]["options"] for override in asked.panel["fieldConfig"].get("overrides", [])} <= names


def _is_map(asked: Asked) -> None:
    columns = _columns(asked.series)
    assert {"lat", "lon"} <= columns
    layers = [
        layer
        for layer in asked.panel["options"]["layers"]
        if layer.get("filterData", {}).get("options") == asked.target["refId"]
    ]
    assert layers
    for layer in layers:
        style = layer["config"]["style"]
        wanted = {
            style[part]["field"] for part in ("color", "text", "rotation", "size") if "field" in style.get(part, {})
        }
        assert wanted <= columns, (wanted, columns)


def _columns(series: list[Series]) -> set[str]:
    found: set[str] = set()
    for table in series:
        found |= {"Time" if name == "time" else name for name in table["columns"]} | set(table.get("tags", {}))
    return found


SHAPES = {
    "timeseries": _is_course,
    "stat": _is_number,
    "state-timeline": _is_state,
    "status-history": _is_grid,
    "table": _is_table,
    "geomap": _is_map,
}
