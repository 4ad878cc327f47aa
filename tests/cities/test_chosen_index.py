"""The index of the site file is what alerts, sentences and the public page speak of."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jeonju.airquality.index import Cai
from jeonju.airquality.schemes import SCHEMES
from jeonju.api.public.facts import PublicFacts, StationFacts
from jeonju.api.public.page import as_html
from jeonju.contract.details import IndexDetails, encode
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.detectors.pollution import PollutionDetector
from jeonju.detection.pollution import Pollution
from jeonju.messages.alerts import Labels, summaries
from jeonju.rules.at_home import at_home
from jeonju.rules.rules import load_rules, shipped_rules

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "value", "grade", "severity", "limit", "words"),
    [
        ("cai", 120.0, "bad", "warning", 100.0, "CAI 120 (Bad)"),
        ("us", 120.0, "sensitive", "warning", 100.0, "US AQI 120 (Unhealthy for sensitive groups)"),
        ("us", 210.0, "very-unhealthy", "critical", 100.0, "US AQI 210 (Very unhealthy)"),
        ("eu", 70.0, "poor", "warning", 60.0, "European AQI 70 (Poor)"),
        ("eu", 90.0, "very-poor", "critical", 60.0, "European AQI 90 (Very poor)"),
        ("eu", 50.0, "moderate", None, None, None),
        ("us", 90.0, "moderate", None, None, None),
    ],
)
def test_bad_air_is_an_alert_by_the_classes_of_the_chosen_index(
    jeonju: Site, key: str, value: float, grade: str, severity: str | None, limit: float | None, words: str | None
) -> None:
    scheme = SCHEMES[key]
    pollution = Pollution({"palbok": ["palbok-01"]}, scheme)
    detector = PollutionDetector(pollution)
    row = next(each for each in scheme.grades if each.key == grade)
    pollution.hour, pollution.cai = 10, {"palbok-01": Cai(value, row, "pm25", {"pm25": value})}
    detector._note_bad_air()
    conditions = list(detector.conditions(NOW) or ())
    if severity is None:
        assert not conditions
        return
    (condition,) = conditions
    assert (condition.severity, condition.limit) == (severity, limit)
    assert isinstance(condition.details, IndexDetails)
    assert condition.details.index == key
    alert = AlertRecord(
        id="a",
        site="jeonju",
        kind="cai",
        severity=condition.severity,
        device="palbok-01",
        zone=None,
        started_at=NOW,
        updated_at=NOW,
        ended_at=None,
        value=condition.value,
        limit=condition.limit,
        quantity=None,
        summary_ko="",
        summary_en="",
        details=encode(condition.details),
    )
    assert words is not None
    assert words in summaries(alert, Labels(jeonju))[1]


def test_shipped_rules_for_standards_are_of_the_country_and_ones_own_stay(tmp_path: Path) -> None:
    shipped = shipped_rules().thresholds
    assert at_home(shipped, SCHEMES["cai"]) == shipped
    american, european = (at_home(shipped, SCHEMES[key]) for key in ("us", "eu"))
    assert {name: rule.limit.name for name, rule in american.items()} == {
        "pm25-day": "us-24h",
        "no2-hour": "us-1h",
        "so2-hour": "us-1h",
    }
    # Europe has no standard for a day of PM2.5.
    assert {name: rule.limit.name for name, rule in european.items()} == {"no2-hour": "eu-1h", "so2-hour": "eu-1h"}
    assert all(rule.clear_level <= rule.level for rule in (*american.values(), *european.values()))
    own = tmp_path / "rules.toml"
    own.write_text(
        '[rules.pm25-day]\nquantity = "pm25"\nabove = "who-24h"\n[rules.mine]\nquantity = "no2"\nabove = "korea-1h"\n'
    )
    mine = at_home(load_rules(own).thresholds, SCHEMES["eu"])
    assert (mine["pm25-day"].limit.name, mine["mine"].limit.name) == ("who-24h", "korea-1h")


def test_the_public_page_shows_classes_advice_and_number_of_the_city(jeonju: Site) -> None:
    site = jeonju.model_copy(update={"index": "eu", "emergency_number": "112"})
    poor = next(grade for grade in SCHEMES["eu"].grades if grade.key == "poor")
    stations = tuple(
        StationFacts(station=station, index=Cai(71.0, poor, "pm25", {"pm25": 71.0}), values={}, measured_at=NOW)
        for station in site.stations
    )
    page = as_html(site, PublicFacts(stations=stations, hour=NOW), NOW + timedelta(minutes=10), "en")
    assert 'class="by-eu"' in page
    assert "The European Air Quality Index (European AQI), at" in page
    assert "Poor" in page
    assert "Avoid long or heavy exertion outdoors." in page
    assert "119" not in page.split("</style>", 1)[1]
