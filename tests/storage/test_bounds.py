"""Files into which earlier versions wrote readings with extra content of any size."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from jeonju.contract.columns import readings_table
from jeonju.contract.records import DeviceRecord, LedgerEntry
from jeonju.storage import backup
from jeonju.storage.duckdb.schema import SCHEMA_VERSION
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit, Retention, Series

T0 = datetime(2026, 3, 2, tzinfo=UTC)
KEPT = Retention(None, None, None)
OLD_QUERY = "SELECT * FROM readings QUALIFY row_number() OVER (PARTITION BY site, device ORDER BY time DESC) = 1"


def names(number: int) -> list[str]:
    return [f"made-up-{number}-{n}" for n in range(60_000)]


def texts(number: int) -> dict[str, str]:
    """Return what stood beside a reading with 60 000 unknown names."""
    values = ",".join(f'"{name}":1' for name in names(number))
    flags = ",".join(f'"{name}":["suspect","unknown quantity, kept as extra"]' for name in names(number))
    return {"extra": f'{{"values":{{{values}}}}}', "quality": f'{{"pm25":["bad","stuck"],{flags}}}'}


def row(device: str, second: int, **more: Any) -> dict[str, Any]:
    time = T0 + timedelta(seconds=second)
    return {"site": "jeonju", "device": device, "time": time, "received_at": time, "pm25": float(second), **more}


def as_before(path: Path) -> None:
    """Make a file what the version before left: the tables were the same."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE meta SET schema_version = 4")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with good rows, and among some of them 30 readings of 30 devices that hold 60 000 names each."""
    path = tmp_path_factory.mktemp("filled") / "air.duckdb"
    store = DuckDBStore(path, KEPT)
    good = [row("palbok-03", n, quality='{"pm25": ["suspect", "humid"]}', extra='{"x": 1}') for n in range(9000)]
    store.write(Commit(readings=readings_table(good)))
    for number in range(30):
        rows = [row(f"device-{number}", number, **texts(number), boot="b")]
        rows += [row("palbok-04", second) for second in range(10 * number, 10 * number + 10)]
        store.write(Commit(readings=readings_table(rows)))
    store.close()
    as_before(path)
    return path


def test_file_that_a_few_messages_made_impossible_to_open_is_opened_kept_up_and_backed_up(
    filled: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    limits = {"memory_limit": "128MB", "threads": 1}
    with duckdb.connect(str(filled), config=limits) as plain, pytest.raises(duckdb.OutOfMemoryException):
        plain.execute(OLD_QUERY).fetchall()
    path = backup.back_up(str(filled), tmp_path)
    assert path.read_bytes() == filled.read_bytes()
    store = DuckDBStore(path, KEPT)
    assert caplog.text.count("more unknown members than are kept") == 1
    assert store._connection.execute("SELECT current_setting('memory_limit')").fetchall() == [("122.0 MiB",)]
    check(store)
    list(store.maintenance(T0 + timedelta(days=1)))
    (tmp_path / "after").mkdir()
    again = DuckDBStore(store.back_up(tmp_path / "after"), KEPT)
    check(again)
    again.close()
    # A late reading is merged into rows that stood beside the large ones.
    store.write(Commit(readings=readings_table([row("palbok-04", 5, co=0.4), row("device-3", 3, co=0.4)])))
    assert latest(store)["device-3"]["co"] == 0.4
    store.close()
    DuckDBStore(path, KEPT).close()
    assert caplog.text.count("more unknown members than are kept") == 1


def check(store: DuckDBStore) -> None:
    table = store.readings(Series(site="jeonju", start=T0, end=T0 + timedelta(days=1)))
    assert table.num_rows == 9000 + 300 + 30
    rows = table.to_pylist()
    assert [item["time"] for item in rows if item["device"] == "palbok-03"] == [
        T0 + timedelta(seconds=n) for n in range(9000)
    ]
    good = {(item["quality"], item["extra"]) for item in rows if item["device"] == "palbok-03"}
    assert good == {('{"pm25": ["suspect", "humid"]}', '{"x": 1}')}
    for number in range(30):
        item = latest(store)[f"device-{number}"]
        assert (item["pm25"], item["boot"]) == (float(number), "b")
        flags = json.loads(item["quality"])
        assert list(json.loads(item["extra"])["values"]) == names(number)[:64]
        assert flags["pm25"] == ["bad", "stuck"]
        assert flags["extra"] == ["suspect", [["members-dropped", {"count": 59936}]]]
        assert len(flags) == 66


def latest(store: DuckDBStore) -> dict[str, dict[str, Any]]:
    return {item["device"]: item for item in store.latest("jeonju").to_pylist()}


def test_texts_that_cannot_be_read_at_all_are_dropped_and_flagged(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = backup.back_up(str(filled), tmp_path)
    monkeypatch.setattr("jeonju.storage.duckdb.bounds._text_bytes", lambda *_: None)
    store = DuckDBStore(path, KEPT)
    rows = latest(store)
    assert {rows[f"device-{n}"]["pm25"] for n in range(30)} == set(map(float, range(30)))
    assert all("unreadable" in rows[f"device-{n}"]["quality"] for n in range(30))
    assert {rows[f"device-{n}"]["extra"] for n in range(30)} == {None}
    table = store.readings(Series(site="jeonju", start=T0, end=T0 + timedelta(days=1)))
    assert table.num_rows == 9000 + 300 + 30
    store.close()


def test_devices_of_which_there_is_a_name_only_are_dropped(tmp_path: Path) -> None:
    """They were registered by messages that were then rejected; whoever has spoken, told a status or was adopted stays."""
    path = tmp_path / "air.duckdb"
    store = DuckDBStore(path)
    name_only = DeviceRecord("jeonju", "", "", "", "real", "online", T0)
    made_up = [name_only._replace(device=f"made-up-{n}") for n in range(5000)]
    real = [
        name_only._replace(device="a-counted"),
        name_only._replace(device="b-read"),
        name_only._replace(device="c-adopted", zone="palbok"),
        name_only._replace(device="d-status", kind="station"),
        name_only._replace(device="e-offline", state="offline"),
        name_only._replace(device="f-long", kind="k" * 100_000),
    ]
    counted = LedgerEntry("jeonju", "a-counted", "1", 1, 1, 0, 0, 0, 0)
    rejected = LedgerEntry("jeonju", "made-up-7", None, None, 0, 0, 0, 0, 1)
    store.write(
        Commit(readings=readings_table([row("b-read", 1)]), devices=[*made_up, *real], ledger=[counted, rejected])
    )
    store.close()
    as_before(path)
    store = DuckDBStore(path)
    assert store.devices("jeonju") == [*real[:-1], real[-1]._replace(kind="k" * 64)]
    store.close()
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("SELECT schema_version FROM meta").fetchall() == [(SCHEMA_VERSION,)]
