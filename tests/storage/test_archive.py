"""Readings moved to an archive are read as before, by us and by others; nothing is missing or double, whatever ends the move."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as pds
import pyarrow.parquet as pq
import pytest

from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.columns import readings_table
from jeonju.storage.archive import Archive
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.open import open_store
from jeonju.storage.port import Commit, Retention, Series, Store

T0 = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS = 3
IN_A_DAY = 90  # minutes
A_DAY = 2 * IN_A_DAY  # rows
KEPT = Retention(DAY.total_seconds(), 400 * DAY.total_seconds(), None)
NOW = T0 + DAYS * DAY


def row(number: int, device: str, **more: Any) -> dict[str, Any]:
    day, minute = divmod(number, IN_A_DAY)
    at = T0 + day * DAY + timedelta(minutes=minute)
    quality = '{"pm25":["suspect","spike"]}' if number % 7 == 0 else None
    values = {"pm25": float(number), "wind_direction": (number * 13) % 360.0, "lat": 35.8, "lon": 127.1}
    return {"site": "s", "device": device, "time": at, "received_at": at, "quality": quality, **values, **more}


def rows(first: int = 0, last: int = DAYS * IN_A_DAY) -> list[dict[str, Any]]:
    return [row(number, device) for number in range(first, last) for device in ("a", "b's")]


def fill(store: Store) -> None:
    store.write(Commit(readings=readings_table(rows())))


def maintain(store: Store, now: datetime = NOW, rounds: int = 3) -> None:
    for _ in range(rounds):
        for _ in store.maintenance(now):
            pass


def whole(store: Store, **more: Any) -> pa.Table:
    return store.readings(Series(site="s", start=T0 - DAY, end=NOW + DAY, **more))


def assert_same(table: pa.Table, other: pa.Table) -> None:
    """Numbers are the same to within rounding, as means are summed in another order."""
    assert table.num_rows == other.num_rows
    for name in table.column_names:
        ours, theirs = table[name].to_pylist(), other[name].to_pylist()
        assert ours == (pytest.approx(theirs) if pa.types.is_floating(table[name].type) else theirs), name


def stored_rows(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        return int(connection.execute("SELECT count(*) FROM readings").fetchall()[0][0])


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "archive")


@pytest.fixture
def opened(tmp_path: Path, place: str) -> Iterator[Callable[..., DuckDBStore]]:
    stores: list[DuckDBStore] = []

    def open_it(retention: Retention = KEPT) -> DuckDBStore:
        for store in stores:
            store.close()
        stores[:] = [DuckDBStore(tmp_path / "air.duckdb", retention, Archive(place))]
        return stores[0]

    yield open_it
    for store in stores:
        store.close()


ASKED: dict[str, dict[str, Any]] = {
    "all": {},
    "of one device": {"devices": ("b's",)},
    "one quantity": {"quantities": ("pm25",)},
    "the earliest": {"limit": 301},
    "means of half minutes": {"every_s": 30},
    "means of minutes": {"every_s": 600},
    "means of hours": {"every_s": 3600},
    "means over intervals across midnight": {"every_s": 7 * 3601},
}


def test_answers_are_the_same_from_the_archive(opened: Callable[..., DuckDBStore], tmp_path: Path) -> None:
    store = opened()
    fill(store)
    before = {name: whole(store, **asked) for name, asked in ASKED.items()}
    maintain(store)
    assert {day.day.day for day in Archive(str(tmp_path / "archive")).days()} == {1, 2}
    for name, asked in ASKED.items():
        assert_same(whole(store, **asked), before[name])
    part: dict[str, Any] = {
        "start": T0 + timedelta(minutes=20),
        "end": T0 + DAY + timedelta(minutes=70),
        "devices": ("a",),
    }
    wanted = [r for r in before["all"].to_pylist() if r["device"] == "a" and part["start"] <= r["time"] < part["end"]]
    assert store.readings(Series(site="s", **part)).to_pylist() == wanted
    store = opened()
    assert whole(store).equals(before["all"])
    store.close()
    assert stored_rows(tmp_path / "air.duckdb") == A_DAY


def test_means_of_minutes_outlive_the_minutes(opened: Callable[..., DuckDBStore], tmp_path: Path) -> None:
    store = opened(Retention(DAY.total_seconds(), 1.5 * DAY.total_seconds(), None))
    fill(store)
    before = whole(store, every_s=60)
    maintain(store)
    with store._connection.cursor() as cursor:
        kept = cursor.execute("SELECT count(*) FROM readings_1m WHERE time < ?", [T0 + DAY]).fetchall()
    assert kept == [(0,)]
    after = whole(store, every_s=60)
    assert_same(after, before)


def test_late_readings_of_an_archived_day_join_the_others(opened: Callable[..., DuckDBStore], tmp_path: Path) -> None:
    store = opened()
    fill(store)
    maintain(store)
    count, received = whole(store).num_rows, T0 + 2 * DAY + timedelta(minutes=10)
    late = [
        row(3, "a", received_at=received, pm25=None, no2=0.5, quality=None),
        row(5, "late", received_at=received),
        row(7, "a", received_at=received, pm25=-1.0),
    ]
    store.write(Commit(readings=readings_table(late)))

    def joined() -> None:
        table = whole(store)
        found = {(r["device"], r["time"]): r for r in table.to_pylist()}
        assert len(found) == table.num_rows == count + 1
        assert (found["a", late[0]["time"]]["pm25"], found["a", late[0]["time"]]["no2"]) == (3.0, 0.5)
        assert found["a", late[2]["time"]]["pm25"] == -1.0
        assert found["late", late[1]["time"]]["pm25"] == 5.0

    joined()
    maintain(store, NOW + 2 * DAY)
    joined()
    assert pq.read_metadata(tmp_path / "archive/site=s/day=2026-03-01/readings.parquet").num_rows == A_DAY + 1


def test_others_read_the_files_without_us(opened: Callable[..., DuckDBStore], place: str) -> None:
    store = opened()
    fill(store)
    maintain(store)
    expected = [r for r in whole(store, quantities=("pm25",)).to_pylist() if r["time"] < T0 + 2 * DAY]
    asked = "SELECT site, device, day, time, pm25, quality FROM read_parquet(?, hive_partitioning = true) ORDER BY time, device"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(asked, [f"{place}/**/*.parquet"]).fetchall()
    assert [(r["site"], r["device"], r["time"].date(), r["time"], r["pm25"], r["quality"]) for r in expected] == [
        (site, device, day, time.astimezone(UTC), pm25, quality) for site, device, day, time, pm25, quality in found
    ]
    table = pds.dataset(place, partitioning="hive").to_table(columns=["site", "device", "time", "pm25"])
    assert table.num_rows == len(expected)
    assert table["site"].unique().to_pylist() == ["s"]

    import dask.dataframe

    warnings.simplefilter("ignore")  # of Dask about Pandas
    frame = dask.dataframe.read_parquet(place, columns=["device", "pm25"])
    assert frame.groupby("device")["pm25"].sum().compute().to_dict() == {
        name: sum(r["pm25"] for r in expected if r["device"] == name) for name in ("a", "b's")
    }
    day = dask.dataframe.read_parquet(place, filters=[("site", "==", "s"), ("day", ">=", "2026-03-02")])
    assert set(day.compute()["time"]) == {r["time"] for r in expected if r["time"] >= T0 + DAY}


def test_files_say_their_units(opened: Callable[..., DuckDBStore], place: str) -> None:
    store = opened()
    fill(store)
    maintain(store)
    schema = pq.read_schema(f"{place}/site=s/day=2026-03-02/readings.parquet")
    assert schema.field("pm25").metadata[b"unit"].decode() == "µg/m³"
    assert b"flag" in schema.field("quality").metadata[b"description"]
    assert b'"no2": "ppm"' in schema.metadata[b"units"]


def test_days_that_others_put_there_are_read_without_a_restart(tmp_path: Path, place: str) -> None:
    with closing(DuckDBStore(tmp_path / "first.duckdb", KEPT, Archive(place))) as first:
        fill(first)
        maintain(first)
    with closing(DuckDBStore(tmp_path / "second.duckdb", KEPT, Archive(place))) as second:
        assert whole(second).num_rows == 0
        maintain(second, rounds=1)
        assert whole(second).num_rows == 2 * A_DAY


def test_files_of_other_versions_are_read(opened: Callable[..., DuckDBStore], place: str) -> None:
    """They lack a column that came later, and have one that is gone."""
    store = opened()
    fill(store)
    maintain(store)
    expected = whole(store)
    path = f"{place}/site=s/day=2026-03-02/readings.parquet"
    table = pq.ParquetFile(path).read()
    assert table["snr"].null_count == table.num_rows
    pq.write_table(table.drop_columns(["snr"]).append_column("gone", table["seq"]), path)
    assert whole(store).equals(expected)


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    """Characters that mean several files elsewhere mean themselves."""
    for name in ("a[b]*", "a[b]c", "ab*"):
        with closing(DuckDBStore(tmp_path / f"{name}.duckdb", KEPT, Archive(str(tmp_path / name)))) as store:
            fill(store)
            maintain(store)
            assert whole(store).num_rows == DAYS * A_DAY


def test_an_empty_place_is_told_and_nothing_is_forgotten(
    opened: Callable[..., DuckDBStore], tmp_path: Path, place: str
) -> None:
    store = opened()
    fill(store)
    maintain(store, NOW - DAY)
    Path(place).rename(tmp_path / "away")
    store = opened()
    with pytest.raises(
        UnavailableError, match="is empty, and readings of 1 days were moved to it: is its disk mounted"
    ):
        maintain(store)
    assert "readings stay in the store until it takes them" in store.notices()[0]
    with pytest.raises(UnavailableError, match="is its disk mounted"):
        whole(store)
    assert store.readings(Series(site="s", start=T0 + DAY, end=NOW)).num_rows == 2 * A_DAY
    (tmp_path / "away").rename(place)
    maintain(store)
    assert store.notices() == []
    assert whole(store).num_rows == DAYS * A_DAY


@pytest.mark.parametrize(
    ("place_", "said"),
    [("gs://x/y", "neither a folder nor s3"), ("s3:///x", "names no bucket"), ("s3://", "names no bucket")],
)
def test_a_place_of_another_kind_is_refused(tmp_path: Path, place_: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        open_store(str(tmp_path / "air.duckdb"), KEPT, place_)


def test_influxdb_takes_no_archive(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--archive goes with a DuckDB file"):
        open_store("influxdb://127.0.0.1:8086/air", KEPT, str(tmp_path))


def test_a_file_that_cannot_be_written_holds_up_forgetting_alone(
    opened: Callable[..., DuckDBStore], tmp_path: Path, place: str
) -> None:
    Path(place).write_text("a file where the folder should be")
    store = opened()
    fill(store)
    with pytest.raises(
        UnavailableError, match=r"^the archive \S+ does not \w+ what it should: .*Not a directory|exists"
    ):
        maintain(store)
    assert store.notices()
    assert whole(store).num_rows == DAYS * A_DAY
    assert whole(store, every_s=3600).num_rows == DAYS * 2 * 2
    store.close()
    assert stored_rows(tmp_path / "air.duckdb") == DAYS * A_DAY
