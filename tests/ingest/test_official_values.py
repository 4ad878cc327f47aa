"""Official values that are `-`, late, revised or in the future: what the store has of each (decoders/airkorea/README.md)."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jeonju.contract.site import Site
from jeonju.decoders.message import Message
from jeonju.ingest.pipeline import Pipeline
from jeonju.messages.quality import quality_in_words
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Series

ARRIVED = datetime(2026, 3, 2, 8, 12, tzinfo=UTC)
HOUR = datetime(2026, 3, 2, 8, tzinfo=UTC)


class Official:
    """Takes answers as ingest does, into a store."""

    def __init__(self, site: Site, store: DuckDBStore) -> None:
        self._pipeline, self._store = Pipeline(site), store

    def answers(self, at: str = "2026-03-02 17:00", arrived: datetime = ARRIVED, **values: str) -> None:
        item = {"sidoName": "전북", "stationName": "팔복동", "dataTime": at, **values}
        self._store.write(
            self._pipeline.commit(
                [Message("airkorea/전북", json.dumps({"response": {"body": {"items": [item]}}}).encode(), arrived)]
            )
        )

    def rows(self) -> list[dict[str, Any]]:
        wanted = Series(site="jeonju", start=HOUR - timedelta(days=40), end=HOUR + timedelta(days=40))
        assert not self._store.dead_letters()
        return self._store.readings(wanted).to_pylist()


@pytest.fixture
def official(jeonju: Site, store: DuckDBStore) -> Official:
    return Official(jeonju, store)


def test_dash_is_no_value_and_takes_none_away(official: Official) -> None:
    official.answers(pm10Value="-", pm25Value="-")
    assert official.rows() == []
    official.answers(pm10Value="41", pm25Value="-")
    official.answers(pm10Value="-", pm25Value="20")
    (row,) = official.rows()
    assert (row["device"], row["time"], row["pm10"], row["pm25"]) == ("airkorea-palbok", HOUR, 41.0, 20.0)


@pytest.mark.parametrize("late", [timedelta(hours=3), timedelta(days=20)])
def test_late_hour_stands_at_its_hour_without_a_flag(official: Official, late: timedelta) -> None:
    official.answers("2026-03-02 18:00", ARRIVED + timedelta(hours=1), pm10Value="50")
    official.answers(arrived=ARRIVED + late, pm10Value="41")
    assert [(row["time"], row["pm10"], row["quality"]) for row in official.rows()] == [
        (HOUR, 41.0, "{}"),
        (HOUR + timedelta(hours=1), 50.0, "{}"),
    ]


def test_revised_hour_takes_the_place_of_the_first_with_its_flag(official: Official) -> None:
    official.answers(pm10Value="41")
    official.answers(arrived=ARRIVED + timedelta(hours=1), pm10Value="38", pm10Flag="자료이상")
    (row,) = official.rows()
    assert (row["pm10"], row["received_at"]) == (38.0, ARRIVED + timedelta(hours=1))
    assert quality_in_words(row["quality"]) == {"pm10": ["bad", "AirKorea: 자료이상"]}


def test_hour_that_was_bad_and_is_revised_is_good(official: Official) -> None:
    official.answers(pm10Value="900", pm10Flag="자료이상")
    official.answers(arrived=ARRIVED + timedelta(hours=1), pm10Value="38")
    (row,) = official.rows()
    assert (row["pm10"], quality_in_words(row["quality"] or "{}")) == (38.0, {})


@pytest.mark.parametrize(
    ("at", "stored", "said"),
    [
        ("2026-03-02 19:00", HOUR + timedelta(hours=2), "clock 2 h ahead of arrival"),
        ("2026-04-02 17:00", ARRIVED, "impossible time, time of arrival taken"),
    ],
)
def test_hour_of_the_future_is_flagged(official: Official, at: str, stored: datetime, said: str) -> None:
    official.answers(at, pm10Value="41")
    (row,) = official.rows()
    assert (row["time"], row["pm10"]) == (stored, 41.0)
    assert quality_in_words(row["quality"]) == {"time": ["suspect", said]}
