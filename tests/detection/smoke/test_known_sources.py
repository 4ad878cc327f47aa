"""Places that people have marked."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from jeonju.contract.known_source import MARKED, REMOVED, SUBJECT, KnownSource, known_sources
from jeonju.contract.records import JournalEntry
from jeonju.contract.site import Site
from jeonju.detection.smoke.classes import CLASSES
from jeonju.detection.smoke.known_sources import KnownSources

FRIDAY_EVENINGS = KnownSource(lat=35.8546, lon=127.0976, radius_m=150.0, weekdays=(4,), from_hour=17, to_hour=2)


@pytest.mark.parametrize(
    ("local", "applies"),
    [
        ("2026-03-06T16:59", False),  # a Friday
        ("2026-03-06T17:00", True),
        ("2026-03-07T01:59", True),  # the night belongs to the evening before
        ("2026-03-07T02:00", False),
        ("2026-03-06T01:00", False),
        ("2026-03-07T18:00", False),
    ],
)
def test_hours_go_over_midnight(local: str, applies: bool) -> None:
    assert FRIDAY_EVENINGS.applies(datetime.fromisoformat(f"{local}+09:00")) is applies


def test_always_is_always() -> None:
    place = KnownSource(lat=35.8, lon=127.1)
    assert all(place.applies(datetime(2026, 3, day, hour, tzinfo=UTC)) for day in range(1, 8) for hour in (0, 12, 23))


def test_devices_near_the_place_are_marked_in_local_time(jeonju: Site) -> None:
    x, y = (float(v) for v in jeonju.map.to_xy(35.8546, 127.0976))
    xy = np.array([[x, y + 100], [x, y + 200], [np.nan, np.nan]])
    evening = datetime(2026, 3, 6, 9, 0, tzinfo=UTC).timestamp()  # 18:00 in Korea
    marked = KnownSources([FRIDAY_EVENINGS], jeonju).at(evening, xy)
    assert marked[:, CLASSES.index("fire")].tolist() == [True, False, False]
    assert not np.delete(marked, CLASSES.index("fire"), axis=1).any()
    assert not KnownSources([FRIDAY_EVENINGS], jeonju).at(evening - 7200, xy).any()


def entry(name: str, action: str, details: str) -> JournalEntry:
    return JournalEntry(name, "jeonju", datetime(2026, 3, 1, tzinfo=UTC), "kim", action, SUBJECT, details)


def test_journal_gives_the_sources_that_are_marked_now() -> None:
    grill, yard = FRIDAY_EVENINGS.model_dump_json(), json.dumps({"lat": 35.86, "lon": 127.09, "of_class": "dust"})
    entries = [
        entry("1", MARKED, grill),
        entry("2", MARKED, yard),
        entry("3", "acknowledge", "{}"),
        entry("4", REMOVED, '{"nuisance": "1"}'),
        entry("5", REMOVED, '{"nuisance": "never-there"}'),
    ]
    assert known_sources(entries) == {"2": KnownSource(lat=35.86, lon=127.09, of_class="dust")}


@pytest.mark.parametrize(
    "details",
    ["", "{}", "[]", "null", '{"lat": 95, "lon": 127}', '{"lat": 35, "lon": 127, "of_class": "traffic"}', "\x00"],
)
def test_what_cannot_be_read_marks_nothing(details: str) -> None:
    assert known_sources([entry("1", MARKED, details)]) == {}
