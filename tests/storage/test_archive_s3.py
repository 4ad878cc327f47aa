"""An archive on S3, by a real server on this machine; and a folder whose disk is full."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as pds
import pyarrow.fs as pfs
import pytest

from jeonju.common.errors import UnavailableError
from jeonju.storage.archive import Archive
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Series
from tests.disks import enlarge, small_disk
from tests.storage.test_archive import (
    A_DAY,
    ASKED,
    DAY,
    DAYS,
    KEPT,
    T0,
    assert_same,
    fill,
    maintain,
    stored_rows,
    whole,
)
from tests.waiting import wait_until

PLACE = "s3://city/air"


class Server:
    """An S3 server over a folder, which the test may stop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "city").mkdir(parents=True)
        command = [sys.executable, "-m", "nanio", "serve", "--data-dir", str(folder), "--host", "127.0.0.1"]
        login = {"NANIO_ACCESS_KEY": "city", "NANIO_SECRET_KEY": "of air and smoke"}
        self._process = subprocess.Popen(
            [*command, "--port", str(self.port), "--no-access-log"],
            env=os.environ | login,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._answers, what="the S3 server")

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server(tmp_path / "s3")
    for name, value in {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "city",
        "AWS_SECRET_ACCESS_KEY": "of air and smoke",
        "AWS_EC2_METADATA_DISABLED": "true",
        # This server takes the checksums of newer clients for a part of the file.
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    }.items():
        monkeypatch.setenv(name, value)
    yield server
    server.stop()


def test_readings_move_to_s3_and_are_read_from_there(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "air.duckdb"
    with closing(DuckDBStore(path, KEPT, Archive(PLACE))) as store:
        fill(store)
        before = {name: whole(store, **asked) for name, asked in ASKED.items()}
        maintain(store)
        assert store.notices() == []
        for name, asked in ASKED.items():
            assert_same(whole(store, **asked), before[name])
    assert stored_rows(path) == A_DAY
    files = pfs.S3FileSystem(
        access_key="city", secret_key="of air and smoke", endpoint_override=server.url, region="us-east-1"
    )
    assert pds.dataset("city/air", filesystem=files, partitioning="hive").count_rows() == (DAYS - 1) * A_DAY
    with closing(DuckDBStore(path, KEPT, Archive(PLACE))) as store:
        assert whole(store).to_pylist() == before["all"].to_pylist()
        server.stop()
        with pytest.raises(UnavailableError, match=rf"^the archive {PLACE} cannot be reached: check AWS_ENDPOINT_URL"):
            whole(store)
        # What is in the store is there all the same.
        assert store.readings(Series(site="s", start=T0 + 2 * DAY, end=T0 + 3 * DAY)).num_rows == A_DAY


REFUSALS = {
    "no such bucket": ("s3://nowhere/air", {}, "has no such bucket: make it, or name another --archive"),
    "no rights": (PLACE, {"AWS_SECRET_ACCESS_KEY": "wrong"}, "refuses this key: check AWS_SECRET_ACCESS_KEY"),
    "unknown key": (PLACE, {"AWS_ACCESS_KEY_ID": "who"}, "does not know this key: check AWS_ACCESS_KEY_ID"),
    "away": (PLACE, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be reached: check AWS_ENDPOINT_URL"),
    "what it takes is not what it keeps": (
        PLACE,
        {"AWS_REQUEST_CHECKSUM_CALCULATION": "when_supported"},
        "holds a damaged file",
    ),
}


def test_a_place_that_refuses_gets_one_line_and_nothing_is_forgotten(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "air.duckdb"
    with closing(DuckDBStore(path, KEPT)) as store:
        fill(store)
    for what, (place, environment, said) in REFUSALS.items():
        with monkeypatch.context() as context, closing(_opened(path, place, environment, context)) as store:
            with pytest.raises(UnavailableError, match=re.escape(f"the archive {place} {said}")) as raised:
                maintain(store, rounds=1)
            assert "\n" not in str(raised.value), what
            assert str(raised.value) in store.notices()[0]
        assert stored_rows(path) == DAYS * A_DAY, what
    with closing(DuckDBStore(path, KEPT, Archive(PLACE))) as store:
        maintain(store)
        assert whole(store).num_rows == DAYS * A_DAY
    assert stored_rows(path) == A_DAY


def _opened(path: Path, place: str, environment: dict[str, str], context: pytest.MonkeyPatch) -> DuckDBStore:
    for name, value in environment.items():
        context.setenv(name, value)
    return DuckDBStore(path, KEPT, Archive(place))


def test_a_full_disk_gets_one_line_and_nothing_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "air.duckdb"
    with small_disk(tmp_path / "disk", "16k") as disk:
        with closing(DuckDBStore(path, KEPT, Archive(str(disk)))) as store:
            fill(store)
            before: pa.Table = whole(store)
            with pytest.raises(UnavailableError, match=rf"^the archive {disk} is full: free some space$"):
                maintain(store)
            assert whole(store).to_pylist() == before.to_pylist()
            enlarge(disk, "10m")
            maintain(store)
            assert store.notices() == []
            assert whole(store).to_pylist() == before.to_pylist()
        assert stored_rows(path) == A_DAY
