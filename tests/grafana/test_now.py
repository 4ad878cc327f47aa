"""What is now: open incidents whenever they began, dead data that looks dead, a city without an index, a device without a place."""

from datetime import timedelta
from typing import Any

import pytest

from jeonju.grafana import words
from tests.grafana.reader import Asked, Reader
from tests.grafana.test_dashboards import ENGLISH, panel_of

CITY = ENGLISH["dashboards/en/city-now.json"]
QUARTER = timedelta(minutes=15)
OFFICIAL = {"airkorea-palbok", "airkorea-jungang", "airkorea-samcheon", "kma-62-89"}


def asked(reader: Reader, board: dict[str, Any], title: str, **chosen: list[str]) -> list[Asked]:
    return [*reader.panel(panel_of(board, title), reader.choices(board) | chosen)]


def number(reader: Reader, board: dict[str, Any], title: str) -> float | None:
    """Return what a panel of one number shows; two queries are one that may have no answer and one that is always 0."""
    panel = panel_of(board, title)
    (calculation,) = panel["options"]["reduceOptions"]["calcs"]
    values = [answer.series[0]["values"][0][1] for answer in asked(reader, board, title) if answer.series]
    assert len(values) < 2 or calculation == "sum"
    return sum(values) if values else None


@pytest.mark.parametrize("span", [QUARTER, timedelta(hours=24)])
def test_open_incidents_and_alerts_are_there_whenever_they_began(span: timedelta, reader: Reader) -> None:
    shown = reader.over(span)
    assert number(shown, CITY, "Open incidents") == 1
    assert number(shown, CITY, "Active alerts") == 3
    smoke = ENGLISH["dashboards/en/smoke-incidents.json"]
    for board, title, at_least in ((smoke, "Incidents", 1), (smoke, "Alerts", 3)):
        (answer,) = asked(shown, board, title)
        assert sum(len(series["values"]) for series in answer.series) >= at_least


def test_the_map_shows_open_incidents_with_their_radius(reader: Reader) -> None:
    (sources,) = [answer for answer in asked(reader.over(QUARTER), CITY, "Map") if answer.target["refId"] == "F"]
    (series,) = sources.series
    (row,) = [dict(zip(series["columns"], values, strict=True)) for values in series["values"]]
    assert (row["kind"], row["radius_m"], row["radius_90_m"]) == ("fire", 240, 600)
    circles = [
        layer["config"]["style"]["size"]["field"]
        for layer in panel_of(CITY, "Map")["options"]["layers"]
        if layer.get("filterData", {}).get("options") == "F" and "field" in layer["config"]["style"]["size"]
    ]
    assert circles == ["radius_90_m", "radius_m"], "the larger one lies below"


def test_dead_data_looks_dead(reader: Reader) -> None:
    assert number(reader, CITY, "Newest reading") == pytest.approx(9.8)
    # Received after the end of what is shown, as what a fast simulation sends is.
    assert number(reader.until(reader.end - timedelta(seconds=9.9)), CITY, "Newest reading") == 0
    later = reader.until(reader.end + timedelta(minutes=8))
    age = number(later, CITY, "Newest reading")
    assert age == pytest.approx(489.8)
    steps = panel_of(CITY, "Newest reading")["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["color"] for step in steps if step["value"] is None or step["value"] <= age][-1] == "#d7322d"
    for title in ("PM2.5, city mean", "Wind", "From"):
        assert number(later, CITY, title) is None, title
    assert not [
        answer for answer in asked(later, CITY, "Devices heard") if answer.target["refId"] == "A" and answer.series
    ]
    network = ENGLISH["dashboards/en/network-health.json"]
    assert number(later, network, "Lag") is None
    (broker, _store) = asked(later, network, "Broker and store")
    assert broker.series[0]["values"][-1][1] is None, "a band ends where ingest said nothing more"


def test_without_an_index_the_stations_are_on_the_map_all_the_same(reader: Reader) -> None:
    """The index of the city began 26 hours ago; readings of hours are older."""
    layers = {
        layer["filterData"]["options"]
        for layer in panel_of(CITY, "Map")["options"]["layers"]
        if layer["type"] == "markers"
    }
    by_readings = next(answer for answer in asked(reader, CITY, "Map") if answer.target["refId"] == "B")
    assert {series["tags"]["device"] for series in by_readings.series} >= {"palbok-01", "manseong-01", "innovation-01"}
    assert "B" in layers
    values = next(answer for answer in asked(reader, CITY, "Map") if answer.target["refId"] == "G")
    inside = {
        series["tags"]["device"]: dict(zip(series["columns"], series["values"][0], strict=True))
        for series in values.series
    }
    assert inside["palbok-01"]["dust"] == round(inside["palbok-01"]["dust"])
    without = reader.until(reader.end - timedelta(days=3))
    assert number(without, CITY, "Air quality") == 0
    assert _shown_as(panel_of(CITY, "Air quality"), 0) == "no index: needs 9 h of data"


def test_nothing_open_is_0_and_a_store_that_does_not_answer_is_a_dash(reader: Reader) -> None:
    before = reader.until(reader.end - timedelta(days=3))
    for title in ("Open incidents", "Active alerts"):
        assert number(before, CITY, title) == 0
        assert panel_of(CITY, title)["fieldConfig"]["defaults"]["noValue"] == "–"
    tables = [panel for board in ENGLISH.values() for panel in board["panels"] if panel["type"] == "table"]
    without_rows = {panel["fieldConfig"]["defaults"]["noValue"] for panel in tables}
    assert without_rows == {"–", "No devices", "No robots"}, "what could be taken for all is well"


def _shown_as(panel: dict[str, Any], value: float) -> str:
    spans = [each["options"] for each in panel["fieldConfig"]["defaults"]["mappings"] if each["type"] == "range"]
    return next(str(span["result"]["text"]) for span in spans if span["from"] <= value <= span["to"])


def test_a_device_that_fell_silent_is_still_in_the_tables(reader: Reader) -> None:
    later = reader.until(reader.end + timedelta(minutes=8))
    network = ENGLISH["dashboards/en/network-health.json"]
    known, ages, _itself = asked(later, network, "Devices")
    assert len(known.series) == 26
    assert {round(series["values"][0][1]) for series in ages.series} == {490}


def test_shares_of_time_are_more_than_all_or_nothing(reader: Reader) -> None:
    """Of two whole numbers the server makes a whole number where the query is within another."""
    network = ENGLISH["dashboards/en/network-health.json"]
    assert number(reader, network, "Complete") == pytest.approx(1, abs=0.02)
    # Half an hour in which nothing came, of one hour; the last two minutes are not asked for.
    later = reader.until(reader.end + timedelta(minutes=30))
    assert number(later, network, "Complete") == pytest.approx(30 / 58, abs=0.03)
    _known, shares, _of_hours, _ages = asked(later, ENGLISH["dashboards/en/zone-station.json"], "Completeness")
    assert [series["values"][0][1] for series in shares.series] == pytest.approx([30 / 58] * 26, abs=0.03)


def test_no_cell_that_cannot_be_full_yet_is_shown(reader: Reader) -> None:
    network = ENGLISH["dashboards/en/network-health.json"]
    uneven = reader.until(reader.end - timedelta(minutes=10, seconds=37))
    (answer,) = asked(uneven, network, "What arrived of each device")
    assert len(answer.series) == 26
    for series in answer.series:
        assert len(series["values"]) >= 20
        assert {row[1] for row in series["values"]} == {100}, series["tags"]


def test_official_stations_are_judged_by_hours(reader: Reader) -> None:
    """Their values are up to 73 minutes old while all is well, and one minute of sixty has one."""
    network = ENGLISH["dashboards/en/network-health.json"]
    panel = panel_of(network, "Official stations")
    (steps,) = [
        part["value"]["steps"]
        for override in panel["fieldConfig"]["overrides"]
        for part in override["properties"]
        if part["id"] == "thresholds"
    ]
    for minutes, colour in ((59, words.GOOD), (59 + 61, "#ff9830"), (59 + 150, words.BAD)):
        shown = reader.until(reader.end + timedelta(minutes=minutes - 47)).over(timedelta(hours=5))
        ages, hours = asked(shown, network, "Official stations")
        assert {series["tags"]["device"] for series in ages.series} == OFFICIAL
        for series in ages.series:
            age = series["values"][0][1]
            assert age == pytest.approx(minutes, abs=1)
            assert [step["color"] for step in steps if step["value"] is None or step["value"] <= age][-1] == colour
        assert {series["values"][0][1] for series in hours.series} <= {2, 3, 4, 5}
    # Wherever devices are judged by minutes, they are not among them.
    for board, title in ((network, "Devices"), (network, "What arrived of each device"), (CITY, "PM2.5")):
        for answer in asked(reader, board, title):
            assert not OFFICIAL & {series["tags"]["device"] for series in answer.series}, title
    assert number(reader.over(timedelta(minutes=15)), network, "Complete") == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(("zone", "is_there"), [("palbok", True), ("innovation", False)])
def test_zone_and_device_hold_for_incidents_and_alerts(zone: str, is_there: bool, reader: Reader) -> None:
    smoke = ENGLISH["dashboards/en/smoke-incidents.json"]
    chosen = {"zone": [zone], "device": [f"{zone}-01", f"{zone}-04"]}
    (incidents,) = asked(reader, smoke, "Incidents", **chosen)
    (alerts,) = asked(reader, smoke, "Alerts", **chosen)
    assert bool(incidents.series) == bool(alerts.series) == is_there


def test_where_no_robot_is_chosen_nothing_is_asked_wrongly(reader: Reader) -> None:
    robots = ENGLISH["dashboards/en/robots.json"]
    for title in ("Fleet", "Track and PM2.5", "State", "Missions"):
        assert asked(reader, robots, title, device=[""])


def test_exceedances_count_days_with_enough_hours(reader: Reader) -> None:
    board = ENGLISH["dashboards/en/air-report.json"]
    month = reader.over(timedelta(days=30))
    panel = panel_of(board, "Exceedances, WHO")
    title = panel["transformations"][-1]["options"]["renameByName"]
    assert title["pm25_who_24"] == "PM2.5 24h"
    answers = asked(month, board, "Exceedances, WHO")
    who = next(answer for answer in answers if '"pm25_who_24"' in answer.target["query"])
    counts = {series["tags"]["device"]: series["values"][0][1] for series in who.series}
    days = reader.ask(
        "SELECT mean(pm25) AS v, count(pm25) AS n FROM hours.air_1h WHERE device = 'palbok-01' AND site = 'jeonju' "
        f"AND time >= {month.start.timestamp():.0f}s AND time <= {month.end.timestamp():.0f}s GROUP BY time(1d, -9h) fill(none)"
    )[0]["values"]
    assert counts["palbok-01"] == sum(mean > 15 and count >= 18 for _, mean, count in days) > 20
    korea = asked(month, board, "Exceedances, Korea")
    never = next(answer for answer in korea if '"co_korea_8"' in answer.target["query"])
    assert {series["values"][0][1] for series in never.series} == {0}


def test_hours_of_the_week_are_those_of_the_city(reader: Reader) -> None:
    board = ENGLISH["dashboards/en/air-report.json"]
    (answer,) = asked(reader, board, "By hour and day of the week, last 4 weeks")
    (series,) = answer.series
    weekday, hour = series["columns"].index("weekday"), series["columns"].index("hour")
    seen = set()
    for row in series["values"]:
        at = reader.local(row[0])
        assert (row[weekday], row[hour]) == (at.weekday(), at.hour)
        seen.add((row[weekday], row[hour]))
    assert len(seen) == 168


def test_five_hundred_devices_fit_into_a_query(reader: Reader) -> None:
    names = [f"sensor-{number:03}" for number in range(500)] + ["palbok-01"]
    zone = ENGLISH["dashboards/en/zone-station.json"]
    answer, *_ = asked(reader, zone, "CAI class", device=names)
    assert [series["tags"]["device"] for series in answer.series] == ["palbok-01"]


def test_a_device_without_a_place_is_in_the_tables_and_not_on_the_map(reader: Reader) -> None:
    for title, where in (("Map", CITY), ("Track and PM2.5", ENGLISH["dashboards/en/robots.json"])):
        for layer in panel_of(where, title)["options"]["layers"]:
            if layer["type"] == "markers":
                assert (layer["location"]["latitude"], layer["location"]["longitude"]) == ("lat", "lon")
    known, *_ = asked(reader, ENGLISH["dashboards/en/network-health.json"], "Devices")
    assert '"lat"' not in known.target["query"]
