"""Damaged, cut off and foreign files: one line that names the file and says what to do, and not a byte of them is changed."""

import logging
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from jeonju.common.errors import UserError
from jeonju.contract.columns import readings_table
from jeonju.storage.duckdb.file import StoreInUseError
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def commit(store: DuckDBStore, begin: int) -> None:
    rows = [
        {"site": "x", "device": f"d{n}", "time": NOW + timedelta(seconds=n), "received_at": NOW, "pm25": float(n)}
        for n in range(begin, begin + 5000)
    ]
    store.write(Commit(readings=readings_table(rows)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "air.duckdb"
    with closing(DuckDBStore(path)) as store:
        commit(store, 0)
    return path


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a log, as after a kill."""
    folder = tmp_path_factory.mktemp("killed")
    with closing(DuckDBStore(folder / "open.duckdb")) as store:
        commit(store, 0)
        commit(store, 5000)
        for end in ("", ".wal"):
            shutil.copy(f"{folder}/open.duckdb{end}", f"{folder}/air.duckdb{end}")
    return folder / "air.duckdb"


def copy_of(path: Path, folder: Path) -> Path:
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, folder)
    return folder / path.name


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    for position in range(at, at + 8):
        content[position] ^= 0xFF
    file.write_bytes(content)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def check_refused(path: Path) -> str:
    before = contents(path.parent)
    with pytest.raises(UserError) as refused:
        DuckDBStore(path)
    assert contents(path.parent) == before
    assert not isinstance(refused.value, StoreInUseError)
    said = str(refused.value)
    assert path.name in said
    assert "name another --store" in said
    assert "\n" not in said
    return said


@pytest.mark.parametrize("at", [0, 8, 100, 4096, 8192, 12288, 20_000])
def test_flipped_bytes(whole: Path, tmp_path: Path, at: int) -> None:
    path = copy_of(whole, tmp_path)
    flip(path, at)
    check_refused(path)


def test_readings_that_cannot_be_read(whole: Path, tmp_path: Path) -> None:
    """The beginning of the file is whole, so that DuckDB opens it."""
    path = copy_of(whole, tmp_path)
    flip(path, 274_432)
    with pytest.raises(UserError, match=r"air\.duckdb is damaged: .*restore a backup"):
        DuckDBStore(path)


@pytest.mark.parametrize("size", [0, 10, 4096, 12_288, 100_000])
def test_file_that_was_cut_off(whole: Path, tmp_path: Path, size: int) -> None:
    path = copy_of(whole, tmp_path)
    path.write_bytes(path.read_bytes()[:size])
    check_refused(path)


def make_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE a (b)")
        connection.commit()


def make_foreign(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE a (b INTEGER)")


@pytest.mark.parametrize("make", [make_sqlite, make_foreign, lambda path: path.write_text("hello\n" * 1000)])
def test_file_of_something_else(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "air.duckdb")
    check_refused(tmp_path / "air.duckdb")


@pytest.mark.parametrize("at", [0, 20, 200, 20_000])
def test_flipped_bytes_of_the_log(killed: Path, tmp_path: Path, at: int) -> None:
    path = copy_of(killed, tmp_path)
    flip(tmp_path / "air.duckdb.wal", at)
    check_refused(path)


def test_log_that_was_cut_off_is_said(killed: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """That is what a kill leaves: what is whole is there, and the rest was never acknowledged."""
    path = copy_of(killed, tmp_path)
    log_file = tmp_path / "air.duckdb.wal"
    log_file.write_bytes(log_file.read_bytes()[:-1000])
    with caplog.at_level(logging.WARNING), closing(DuckDBStore(path)) as store:
        assert store.latest("x").num_rows == 5000
    assert "air.duckdb.wal are not whole" in caplog.text


def test_whole_log_is_no_news(killed: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = copy_of(killed, tmp_path)
    with caplog.at_level(logging.WARNING), closing(DuckDBStore(path)) as store:
        assert store.latest("x").num_rows == 10_000
    assert not caplog.text


def test_file_is_for_its_owner_only(whole: Path, tmp_path: Path) -> None:
    path = copy_of(whole, tmp_path)
    path.chmod(0o644)
    DuckDBStore(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
