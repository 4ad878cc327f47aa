"""What can be seen wrong in the JSON alone: each of these was once seen in a real Grafana."""

import base64
import io
import json
import re
from typing import Any, get_args
from urllib.parse import unquote

import pytest

from jeonju.airquality.pollutants import QUANTITY
from jeonju.airquality.schemes import SCHEMES
from jeonju.contract.journal import JOURNAL_ACTIONS
from jeonju.detection.smoke.classes import CLASSES
from jeonju.grafana import city, fields, maps, tables, words
from jeonju.grafana.language import ENGLISH, KOREAN, LANGUAGES
from jeonju.response.fleet.mission import Outcome
from jeonju.response.incidents.incident import TRANSITIONS
from jeonju.rules.rules import shipped_rules
from tests.grafana.reader import panels
from tests.grafana.test_dashboards import BOARDS, EVERY_BOARD

HANGUL = re.compile("[가-힣]")
# Kinds of devices and of incidents.
KINDS_OF_OTHERS = ("Devices", "장비 목록", "Incidents", "사건", "Open incidents", "진행 중인 사건")
SERIES = ("timeseries", "state-timeline", "status-history")


@EVERY_BOARD
def test_every_panel_says_what_it_shows_in_its_language(board: dict[str, Any]) -> None:
    is_korean = board["uid"].endswith("-ko")
    for panel in panels(board):
        assert panel["description"], panel["title"]
        assert bool(HANGUL.search(panel["description"])) == is_korean, panel["title"]


@EVERY_BOARD
def test_no_panel_has_the_thresholds_that_nobody_set(board: dict[str, Any]) -> None:
    for panel in panels(board):
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert steps[0]["value"] is None, panel["title"]
        if len(steps) == 1:
            assert steps[0]["color"] == "text"


@EVERY_BOARD
def test_one_column_of_a_table_takes_what_is_left(board: dict[str, Any]) -> None:
    for panel in panels(board):
        if panel["type"] != "table":
            continue
        widths = {
            override["matcher"]["options"]: part["value"]
            for override in panel["fieldConfig"]["overrides"]
            for part in override["properties"]
            if part["id"] in ("custom.width", "custom.minWidth")
        }
        titles = panel["transformations"][-1]["options"]["renameByName"].values()
        flexible = sum(
            part == {"id": "custom.minWidth", "value": tables.LEAST_WIDE}
            for override in panel["fieldConfig"]["overrides"]
            for part in override["properties"]
        )
        assert set(titles) <= set(widths), "Grafana would take 150 pixels"
        assert flexible <= 1, panel["title"]
        # A column of 24 is 66 pixels at a width of 1600; what is left must hold a name.
        room = panel["gridPos"]["w"] * 66 - 16
        assert sum(widths.values()) <= room, (panel["title"], sum(widths.values()))


@EVERY_BOARD
def test_a_column_is_as_wide_as_its_title(board: dict[str, Any]) -> None:
    """Grafana cuts what is longer; a Latin letter has about 7.5 pixels, a Korean one 13."""
    for panel in panels(board):
        if panel["type"] != "table":
            continue
        titles = set(panel["transformations"][-1]["options"]["renameByName"].values()) - {"id"}
        for override in panel["fieldConfig"]["overrides"]:
            for part in override["properties"]:
                title = override["matcher"]["options"]
                if part["id"] == "custom.width" and title in titles:
                    letters = sum(13 if HANGUL.match(letter) else 7.5 for letter in title)
                    assert letters + 12 <= part["value"], (panel["title"], title)


@EVERY_BOARD
def test_no_value_has_not_the_colour_of_the_lowest(board: dict[str, Any]) -> None:
    for panel in panels(board):
        for override in panel["fieldConfig"]["overrides"] if panel["type"] == "table" else []:
            look = {part["id"]: part["value"] for part in override["properties"]}
            if look.get("custom.displayMode") != "color-background" or "thresholds" not in look:
                continue
            matches = [each["options"].get("match") for each in look.get("mappings", [])]
            lowest = look["thresholds"]["steps"][0]["color"]
            assert lowest == "transparent" or "null" in matches, (panel["title"], override["matcher"]["options"])


@EVERY_BOARD
def test_only_a_map_of_places_has_a_scale(board: dict[str, Any]) -> None:
    for panel in panels(board):
        if panel["type"] == "geomap":
            view, controls = panel["options"]["view"], panel["options"]["controls"]
            assert controls["showScale"] == ((view["lat"], view["lon"]) != (0, 0)), panel["title"]


@pytest.mark.parametrize("code", ["ko", "en"])
def test_the_journal_is_in_words(code: str) -> None:
    """An incident is called by its place, and a request is not there beside what it did."""
    table = next(
        panel
        for panel in panels(BOARDS[f"dashboards/{code}/smoke-incidents.json"])
        if panel["title"] in ("Journal", "조치 기록")
    )
    assert "\"action\" != 'request'" in table["targets"][0]["query"]
    titles = table["transformations"][-1]["options"]["renameByName"]
    by_name, by_pattern = next(
        part["value"]
        for override in table["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == titles["subject"]
        for part in override["properties"]
        if part["id"] == "mappings"
    )
    assert "robot-3" in by_name["options"]
    pattern = by_pattern["options"]["pattern"].strip("/")
    assert re.sub(pattern, r"\1", "jeonju-20231005T041550-palbok-03") == "palbok-03"
    assert not re.search(pattern, "robot-3")


@EVERY_BOARD
def test_many_series_have_no_legend_and_states_have_one(board: dict[str, Any]) -> None:
    for panel in panels(board):
        aliases = [target.get("alias", "") for target in panel.get("targets", [])]
        if panel["type"] == "timeseries" and any("$tag_device" in alias for alias in aliases):
            is_small = (
                any(word in panel["title"] for word in ("official", "공식"))
                or "6" in board["title"]
                or board["uid"].startswith("jeonju-air-robots")
            )
            assert panel["options"]["legend"]["showLegend"] == is_small, panel["title"]
            assert panel["fieldConfig"]["defaults"]["custom"]["fillOpacity"] == 0
        if panel["type"] == "state-timeline":
            assert panel["options"]["legend"]["showLegend"]


@EVERY_BOARD
def test_maps_ask_no_other_server_and_have_ground(board: dict[str, Any]) -> None:
    for panel in panels(board):
        if panel["type"] != "geomap":
            continue
        options = panel["options"]
        assert options["basemap"]["type"] == "xyz"
        assert options["basemap"]["config"]["url"].startswith("data:image/png")
        ground = [layer for layer in options["layers"] if layer["type"] == "geojson"]
        assert len(ground) == 1
        head, _, content = ground[0]["config"]["src"].partition(",")
        assert head == "data:application/geo+json"
        kinds = {feature["properties"]["kind"] for feature in json.loads(unquote(content))["features"]}
        assert kinds == {rule["check"]["value"] for rule in ground[0]["config"]["rules"]}
        # The first column is shown whatever is hidden: it must not be the start of the time shown.
        assert panel["transformations"][0]["options"]["excludeByName"]["Time"]


def test_the_ground_is_that_of_the_site_file() -> None:
    (ground,) = maps.ground(ENGLISH)
    config: Any = ground.config
    features = json.loads(unquote(config["src"].partition(",")[2]))["features"]
    names = {feature["properties"].get("label") for feature in features}
    assert {zone.label_en for zone in city.site().zones} <= names
    assert {"Ongoeul-ro", "Chucheon-ro"} <= names


@EVERY_BOARD
def test_the_whole_city_is_on_a_map_as_it_opens(board: dict[str, Any]) -> None:
    """On a laptop, where a column of the dashboard has 55 pixels; the middle of the city is that of the panel."""
    south_to_north_m, west_to_east_m = city.extent_m()
    for panel in panels(board):
        if panel["type"] != "geomap" or not panel["options"]["controls"]["showScale"]:
            continue
        view, place = panel["options"]["view"], panel["gridPos"]
        assert (view["lat"], view["lon"]) == city.middle()
        high, wide = (maps.metres_as_pixels(metres, view["zoom"]) for metres in (south_to_north_m, west_to_east_m))
        assert high < place["h"] * 38 - 45
        assert wide < place["w"] * 55
        assert max(high / (place["h"] * 38 - 45), wide / (place["w"] * 55)) > 0.8, "nor is it lost in it"


def test_numbers_on_a_map_can_be_read_on_every_class() -> None:
    for scheme in SCHEMES.values():
        for grade in scheme.grades:
            ink = fields.ink_on(grade.colour)
            assert _contrast(ink, grade.colour) >= 1.9, (scheme.key, grade.key, ink)
    assert (fields.ink_on("#ffff00"), fields.ink_on("#7e0023")) == ("#111111", "#ffffff")
    board = BOARDS["dashboards/en/city-now.json"]
    panel = next(panel for panel in panels(board) if panel["type"] == "geomap")
    inks = {
        layer["config"]["style"]["color"].get("field")
        for layer in panel["options"]["layers"]
        if "text" in layer["config"].get("style", {})
    }
    for column in inks - {None}:
        (steps,) = [
            part["value"]["steps"]
            for override in panel["fieldConfig"]["overrides"]
            if override["matcher"]["options"] == column
            for part in override["properties"]
            if part["id"] == "thresholds"
        ]
        assert {step["color"] for step in steps} <= {"#ffffff", "#111111"}
    assert inks >= {"ink", "dust"}


def _contrast(first: str, second: str) -> float:
    """The contrast of two colours by WCAG 2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def test_nothing_lies_under_the_ground() -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    picture = imread(io.BytesIO(base64.b64decode(maps._NOTHING.partition(",")[2])), format="png")
    assert picture.shape == (1, 1, 4)
    assert picture[0, 0, 3] == 0


def test_a_sensor_that_reads_nonsense_does_not_flatten_the_others() -> None:
    for code in ("en", "ko"):
        for name, title in (("city-now", "PM2.5"), ("smoke-incidents", "PM2.5"), ("robots", "PM2.5")):
            courses = [
                target["query"]
                for panel in panels(BOARDS[f"dashboards/{code}/{name}.json"])
                if panel["type"] == "timeseries" and panel["title"] in (title, "초미세먼지")
                for target in panel["targets"]
            ]
            assert courses, name
            for query in courses:
                assert re.search(rf'"pm25(_max)?" <= {QUANTITY["pm25"].maximum:g} ', query), query


def test_a_sensor_that_reads_nonsense_is_not_in_the_means_of_the_report() -> None:
    """One that sent 9000 for minutes would have the worst mean of the month, and exceed every standard."""
    report = BOARDS["dashboards/en/air-report.json"]
    asked = [
        target["query"]
        for panel in panels(report)
        if panel["type"] in ("stat", "table", "status-history") and "$__" not in str(panel["title"])
        for target in panel.get("targets", [])
        if 'mean("pm25")' in target["query"]
    ]
    assert len(asked) >= 5
    for query in asked:
        assert f'"pm25_max" <= {QUANTITY["pm25"].maximum:g}' in query, query


@EVERY_BOARD
def test_bands_of_states_are_coloured_by_what_the_states_are_called(board: dict[str, Any]) -> None:
    """Where thresholds colour, Grafana shows the bands of numbers by those alone, and has those in the legend in place of the states."""
    for panel in panels(board):
        if panel["type"] == "state-timeline":
            assert panel["fieldConfig"]["defaults"]["color"]["mode"] == "fixed", panel["title"]


@EVERY_BOARD
def test_lines_between_powers_have_no_names(board: dict[str, Any]) -> None:
    """Grafana shows the lines of a logarithmic axis that have no number as a panel shows no value."""
    for panel in panels(board):
        defaults = panel["fieldConfig"]["defaults"]
        if defaults.get("custom", {}).get("scaleDistribution", {}).get("type") == "log":
            assert defaults["noValue"] == "", panel["title"]


@EVERY_BOARD
def test_a_device_that_does_not_say_something_has_a_dash(board: dict[str, Any]) -> None:
    """A table that says "no devices" while it has no rows would say so in every empty cell."""
    for panel in panels(board):
        if panel["type"] != "table" or panel["fieldConfig"]["defaults"]["noValue"] == "–":
            continue
        mapped = {
            override["matcher"]["options"]
            for override in panel["fieldConfig"]["overrides"]
            for part in override["properties"]
            if part["id"] == "mappings"
        }
        titles = panel["transformations"][-1]["options"]["renameByName"]
        assert {titles[name] for name in ("battery", "rssi", "pm25") if name in titles} <= mapped, panel["title"]


@EVERY_BOARD
def test_what_is_turned_has_a_tip(board: dict[str, Any]) -> None:
    """Grafana's triangle looks the same every 120 degrees."""
    for panel in panels(board):
        for layer in panel["options"].get("layers", []) if panel["type"] == "geomap" else []:
            style = layer["config"].get("style", {})
            if "field" in style.get("rotation", {}):
                mark = style["symbol"]["fixed"]
                # Grafana takes it for an SVG by its end, and for a whole address by a colon before a slash.
                assert mark.startswith("data:image/svg+xml,")
                assert mark.endswith(".svg")
                assert ":/" in mark
                assert maps.ARROW in unquote(mark) or maps.POINTER in unquote(mark)


@EVERY_BOARD
def test_values_in_words_have_a_word_for_each(board: dict[str, Any]) -> None:
    """Kinds, states, severities, devices and zones are shown by their names in the board's language."""
    language = next(each for each in LANGUAGES if board["uid"].endswith(each.code))
    wanted = {
        "device": set(dict(words.devices(language))),
        "zone": set(dict(words.zones(language))),
        "severity": {"critical", "warning", "info"},
        "action": set(dict(words.actions(language))),
        "kind": shipped_rules().kinds,
    }
    for panel in panels(board):
        if panel["type"] != "table":
            continue
        titles = panel["transformations"][-1]["options"]["renameByName"]
        mapped = {
            override["matcher"]["options"]: set(part["value"][0]["options"])
            for override in panel["fieldConfig"]["overrides"]
            for part in override["properties"]
            if part["id"] == "mappings" and part["value"][0]["type"] == "value"
        }
        for column, values in wanted.items():
            if column in titles and not (column == "kind" and panel["title"] in KINDS_OF_OTHERS):
                assert values <= mapped[titles[column]], (panel["title"], column)


def test_whatever_is_stored_has_a_word() -> None:
    """Each list is that of the code which writes the values, spelt as they are stored."""
    for shown, written in (
        (words.actions(KOREAN), {"", *JOURNAL_ACTIONS}),
        (words.outcomes(KOREAN), set(get_args(Outcome))),
        (words.incident_classes(KOREAN), set(CLASSES)),
        (words.incident_states(KOREAN), {"open", *(state for state, _ in TRANSITIONS.values())}),
    ):
        named = dict(shown)
        assert set(named) == written
        assert all(word == "–" or HANGUL.search(word) for word in named.values()), named


@EVERY_BOARD
def test_each_board_leads_to_itself_in_the_other_language(board: dict[str, Any]) -> None:
    stem, _, code = board["uid"].rpartition("-")
    other = next(each for each in LANGUAGES if each.code != code)
    (link,) = [link for link in board["links"] if link["type"] == "link"]
    assert (link["title"], link["url"], link["keepTime"], link["includeVars"]) == (
        other.name,
        f"/d/{stem}-{other.code}",
        True,
        True,
    )


@EVERY_BOARD
def test_nothing_reads_an_instant_of_its_own(board: dict[str, Any]) -> None:
    """Grafana 9 would put `now()` into $timeFilter, and the answers of a panel would be of different instants."""
    text = json.dumps(board)
    assert "$timeFilter" not in text
    assert "now()" not in text


@pytest.mark.parametrize("code", ["ko", "en"])
def test_incidents_lead_to_their_report_where_the_page_is(code: str) -> None:
    board = BOARDS[f"dashboards/{code}/smoke-incidents.json"]
    table = next(panel for panel in panels(board) if panel["type"] == "table")
    links = [
        part["value"][0]["url"]
        for override in table["fieldConfig"]["overrides"]
        for part in override["properties"]
        if part["id"] == "links"
    ]
    assert f"${{page}}/api/v1/incidents/${{__data.fields.id}}/report.html?language={code}" in links
    (page,) = [variable for variable in board["templating"]["list"] if variable["name"] == "page"]
    assert page["type"] == "textbox"
