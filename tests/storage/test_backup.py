"""Every store to one file and back, also while it is written to."""

import gzip
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from jeonju.common.errors import UserError
from jeonju.contract.records import DeadLetter
from jeonju.storage import backup
from jeonju.storage.duckdb.file import StoreInUseError
from jeonju.storage.duckdb.schema import SCHEMA_VERSION
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.open import open_store
from jeonju.storage.port import Commit, Store
from tests.storage import older
from tests.storage.influx.examples import FOREVER, WHOLE
from tests.storage.influx.servers import Influxd
from tests.waiting import wait_until

T0 = FOREVER.start


def holds(store: Store) -> tuple[object, ...]:
    """Return all that a store shows."""
    at = WHOLE.readings["time"][0].as_py().replace(minute=0, second=0, microsecond=0)
    means = replace(FOREVER, start=at, end=at + timedelta(days=1), every_s=3600)
    return (
        store.readings(FOREVER).to_pylist(),
        store.readings(means).to_pylist(),
        store.devices("jeonju"),
        store.ledger("jeonju"),
        store.alerts("jeonju"),
        store.incidents("jeonju"),
        store.journal("jeonju"),
        store.dead_letters(),
    )


def fill(store: Store) -> None:
    store.write(WHOLE)
    at = WHOLE.readings["time"][0].as_py()
    store.write(
        Commit(dead_letters=[DeadLetter(at, 'a "strange\n# policy\ntopic', b"\x00\xff", "why, \\ and 'how'\n")])
    )
    for _ in store.maintenance(at + timedelta(days=1)):
        pass


def test_duckdb_comes_back_as_it_was(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "it's.duckdb")
    fill(store)
    file = store.back_up(tmp_path)
    before = holds(store)
    assert not (tmp_path / f"{file.name}.wal").exists()
    with pytest.raises(StoreInUseError):
        backup_in_another_process(tmp_path)
    store.close()
    target = f"duckdb://{tmp_path}/new/air.duckdb"
    backup.check_target(target, file.name)
    backup.restore(target, file)
    restored = open_store(target)
    assert holds(restored) == before
    # It is a whole store: keys and versions are there.
    restored.write(WHOLE)
    assert holds(restored)[0] == before[0]
    restored.close()
    with pytest.raises(UserError, match="is not overwritten; move it away"):
        backup.check_target(target, file.name)


def backup_in_another_process(folder: Path) -> None:
    """Let another process try to open what this one has."""
    import subprocess
    import sys

    program = "import sys; from jeonju.storage.backup import back_up; from pathlib import Path; back_up(sys.argv[1], Path('/tmp'))"
    done = subprocess.run([sys.executable, "-c", program, str(folder / "it's.duckdb")], capture_output=True, text=True)
    if "StoreInUseError" in done.stderr:
        raise StoreInUseError


def test_copy_is_of_one_instant_while_commits_go_on(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb")
    stop, counts = threading.Event(), []

    def write() -> None:
        moved = 0
        while not stop.is_set():
            moved += 1
            times = WHOLE.readings["time"].cast("int64").to_pylist()
            table = WHOLE.readings.set_column(2, "time", [[time + moved * 10**9 for time in times]]).cast(
                WHOLE.readings.schema
            )
            letter = DeadLetter(T0, str(moved), b"", "")
            store.write(Commit(readings=table, dead_letters=[letter]))

    assert WHOLE.readings.schema.names[2] == "time"
    writer = threading.Thread(target=write)
    writer.start()
    wait_until(store.dead_letters, what="the first commit")
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        with duckdb.connect(str(store.back_up(folder))) as copy:
            counts.append(
                copy.execute("SELECT (SELECT count(*) FROM readings), (SELECT count(*) FROM dead_letters)").fetchall()[
                    0
                ]
            )
    stop.set()
    writer.join()
    store.close()
    assert counts[-1][1] > 0
    assert all(readings == 30 * letters for readings, letters in counts)


def test_older_file_is_backed_up_as_it_is_and_brought_up_to_date_when_opened(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb")
    fill(store)
    before = holds(store)
    store.close()
    with duckdb.connect(str(tmp_path / "air.duckdb")) as connection:
        connection.execute("UPDATE meta SET schema_version = 2; DROP TABLE incidents; DROP TABLE journal")
        older.with_one_entry_per_device(connection)
    folder = tmp_path / "copy"
    folder.mkdir()
    file = backup.back_up(str(tmp_path / "air.duckdb"), folder)
    with duckdb.connect(str(file)) as connection:
        assert connection.execute("SELECT schema_version FROM meta").fetchall() == [(2,)]
    opened = DuckDBStore(file)
    assert holds(opened) == before
    opened.close()
    with duckdb.connect(str(file)) as connection:
        assert connection.execute("SELECT schema_version FROM meta").fetchall() == [(SCHEMA_VERSION,)]


@pytest.mark.parametrize("kind", ["influxdb1", "influxdb2"])
def test_influxdb_comes_back_as_it_was(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    url = influx_urls(kind, request, database)
    store = open_store(url("a"))
    fill(store)
    file = backup.back_up(url("a"), tmp_path)
    before = holds(store)
    store.close()
    backup.check_target(url("b"), file.name)
    backup.restore(url("b"), file)
    restored = open_store(url("b"))
    assert holds(restored) == before
    restored.close()
    second = tmp_path / "second"
    second.mkdir()
    again = backup.back_up(url("b"), second)
    assert lines(again) == lines(file)
    with pytest.raises(UserError, match="holds data already, and is not overwritten"):
        backup.check_target(url("b"), file.name)


def influx_urls(kind: str, request: pytest.FixtureRequest, database: str) -> Callable[[str], str]:
    if kind == "influxdb1":
        server: Influxd = request.getfixturevalue("influxd")
        return lambda name: server.url(f"{database}{name}")
    from tests.storage.influx.servers import real_influxdb_2

    address, options = real_influxdb_2().split("?", 1)
    return lambda name: f"{address}{database}{name}?{options}"


def lines(file: Path) -> list[str]:
    with gzip.open(file, "rt", newline="\n") as opened:
        return sorted(opened)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nothing of ours",
        gzip.compress(b"air value=1 1\n", mtime=0),
        gzip.compress(b"# policy raw\n", mtime=0)[:-6],
    ],
)
def test_broken_dump_is_said(content: bytes, influxd: Influxd, database: str, tmp_path: Path) -> None:
    file = tmp_path / backup.INFLUX_FILE
    file.write_bytes(content)
    if content == b"":
        backup.restore(influxd.url(database), file)
        return
    with pytest.raises(UserError, match=r"store.influx.gz is no dump of an InfluxDB, or is broken"):
        backup.restore(influxd.url(database), file)


def test_store_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot become the store"):
        backup.check_target(str(tmp_path / "air.duckdb"), backup.INFLUX_FILE)
    with pytest.raises(UserError, match=r"there is no store .*/none; name it with --store"):
        backup.back_up(str(tmp_path / "none"), tmp_path)
