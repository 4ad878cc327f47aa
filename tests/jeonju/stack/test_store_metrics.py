"""What the embedded store says of its memory."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from jeonju.contract.columns import readings_table
from jeonju.stack.store_metrics import StoreMetrics
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit

T0 = datetime(2026, 3, 2, tzinfo=UTC)


def taken(store: DuckDBStore) -> dict[str, float]:
    """Return the samples of the only metric, by use."""
    return {sample.labels["use"]: sample.value for metric in StoreMetrics(store).collect() for sample in metric.samples}


def test_pages_of_the_file_are_said_and_a_closed_store_says_nothing(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb")
    rows = [
        {
            "site": "jeonju",
            "device": "palbok-01",
            "time": T0 + timedelta(seconds=second),
            "received_at": T0,
            "pm25": 0.1 * second,
        }
        for second in range(5000)
    ]
    before = sum(taken(store).values())
    store.write(Commit(readings=readings_table(rows)))
    assert sum(taken(store).values()) > before
    store.close()
    assert taken(store) == {}
