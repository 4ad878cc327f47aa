"""A span in pieces is all of it, once, whatever lies in it: bursts, holes of years, and intervals that no window may divide."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeonju.contract.columns import readings_table
from jeonju.export import pieces
from jeonju.export.pieces import pieces_of
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit, Series

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class Kept:
    """A store with rows at some instants: as every store, it gives the earliest rows first, as many as are asked for."""

    def __init__(self, table: pa.Table) -> None:
        self.table, self.largest, self.asked = table, 0, 0

    def readings(self, series: Series) -> pa.Table:
        since, until = pa.scalar(series.start), pa.scalar(series.end)
        rows = self.table.filter(
            pc.and_(pc.greater_equal(self.table["time"], since), pc.less(self.table["time"], until))
        )
        self.asked += 1
        self.largest = max(self.largest, min(rows.num_rows, series.limit))
        return rows.slice(0, series.limit)


def rows_at(marks: list[tuple[int, int]], every_s: int) -> pa.Table:
    return readings_table(
        {"site": "jeonju", "device": f"d-{device}", "time": NOW + timedelta(seconds=mark * every_s), "received_at": NOW}
        for mark, device in sorted(marks)
    )


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5)), unique=True, max_size=60),
    st.sampled_from([1, 60, 100_000]),
    st.integers(1, 9),
)
def test_pieces_of_a_span_are_all_of_it_once(marks: list[tuple[int, int]], every_s: int, most: int) -> None:
    store = Kept(rows_at(marks, every_s))
    wanted = Series(site="jeonju", start=NOW, end=NOW + timedelta(seconds=41 * every_s))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "MOST_ROWS", most)
        found = list(pieces_of(store, wanted))  # type: ignore[arg-type]
    tables = [piece.rows for piece in found if piece.rows is not None]
    assert pa.concat_tables([store.table.slice(0, 0), *tables]).to_pylist() == store.table.to_pylist()
    assert [piece.reached for piece in found] == sorted(piece.reached for piece in found)
    assert found[-1].reached == wanted.end


def test_a_century_with_an_hour_of_readings_is_asked_for_a_few_times() -> None:
    store = Kept(rows_at([(second, 0) for second in range(3600)], 1))
    wanted = Series(site="jeonju", start=NOW - timedelta(days=20_000), end=NOW + timedelta(days=16_000))
    found = list(pieces_of(store, wanted))  # type: ignore[arg-type]
    assert sum(piece.rows.num_rows for piece in found if piece.rows is not None) == 3600
    assert store.asked < 150


@pytest.mark.parametrize("every_s", [60, 604_800])
def test_means_are_those_of_one_question(store: DuckDBStore, every_s: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {
            "site": "jeonju",
            "device": "d",
            "time": NOW + timedelta(seconds=37 * step),
            "received_at": NOW,
            "pm25": float(step % 11),
        }
        for step in range(900)
    ]
    store.write(Commit(readings=readings_table(rows)))
    wanted = Series(site="jeonju", start=NOW + timedelta(seconds=3), end=NOW + timedelta(hours=9), every_s=every_s)
    monkeypatch.setattr(pieces, "MOST_ROWS", 50)
    tables = [piece.rows for piece in pieces_of(store, wanted) if piece.rows is not None]
    whole = store.readings(wanted)
    assert whole.num_rows
    columns = ["time", "device", "pm25"]
    assert pa.concat_tables(tables).select(columns).to_pylist() == whole.select(columns).to_pylist()
