"""A message of the feed that was lost: what it held is read from the store."""

from collections.abc import Sequence

from jeonju.contract.columns import readings_table
from jeonju.contract.feed import Number, numbered
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.storage.duckdb.store import DuckDBStore
from tests.detection.feeding import CLEAN, STATIONS
from tests.detection.test_clock_steps import City, as_stream


def test_detection_goes_on_from_the_store_once_where_a_message_is_missing(jeonju: Site, store: DuckDBStore) -> None:
    city = City(jeonju, store)
    restored: list[Sequence[AlertRecord]] = []
    city.alerts.restore = restored.append  # type: ignore[method-assign, assignment]

    def hear(place: int) -> None:
        rows = [{"site": jeonju.name, "device": STATIONS[0], "time": city.now(), "received_at": city.now(), **CLEAN}]
        city.detection._judge(as_stream(numbered(readings_table(rows), Number("run", place))))
        city.wait(20)

    hear(1)
    hear(2)
    assert not restored
    hear(4)
    assert len(restored) == 1
    hear(5)
    assert len(restored) == 1
