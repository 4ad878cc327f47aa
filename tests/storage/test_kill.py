"""A store whose process is killed keeps every commit that returned."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jeonju.contract.columns import readings_table
from jeonju.storage.duckdb import store as duckdb_store
from jeonju.storage.duckdb.file import CHECKPOINT_BYTES
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit, Series
from tests.waiting import wait_until

WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from jeonju.storage.duckdb import store as module
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from jeonju.contract.columns import readings_table
module.CHECKPOINT_BYTES = int(sys.argv[2])
store = DuckDBStore(sys.argv[1])
t0 = datetime(2026, 1, 1, tzinfo=UTC)
for number in range(100_000):
    rows = [{"site": "s", "device": f"d{d}", "time": t0 + timedelta(seconds=number), "received_at": t0, "pm25": float(number)} for d in range(20)]
    store.write(Commit(readings=readings_table(rows)))
    print(number, flush=True)
"""


@pytest.mark.parametrize("checkpoint_bytes", [CHECKPOINT_BYTES, 20_000])
def test_killed_writer_loses_no_commit_that_returned(tmp_path: Path, checkpoint_bytes: int) -> None:
    path = tmp_path / "air.duckdb"
    command = [sys.executable, "-c", WRITER, str(path), str(checkpoint_bytes)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    committed = -1
    for line in writer.stdout:
        committed = int(line)
        if committed >= 150:
            break
    writer.send_signal(signal.SIGKILL)
    committed = max([committed, *(int(line) for line in writer.stdout.read().split())])
    writer.wait()
    writer.stdout.close()
    store = DuckDBStore(path)
    t0 = datetime(2026, 1, 1, tzinfo=UTC)
    table = store.readings(Series(site="s", start=t0, end=t0 + timedelta(days=2)))
    store.close()
    assert table.num_rows % 20 == 0
    assert table.num_rows // 20 >= committed + 1


def test_log_is_moved_into_the_file_while_writes_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_store, "CHECKPOINT_BYTES", 20_000)
    path = tmp_path / "air.duckdb"
    store = DuckDBStore(path)
    size = path.stat().st_size
    t0 = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(100):
        at = t0 + timedelta(seconds=number)
        rows = [{"site": "s", "device": f"d{d}", "time": at, "received_at": at, "pm25": 1.0} for d in range(20)]
        store.write(Commit(readings=readings_table(rows)))
    wait_until(lambda: path.stat().st_size > size, what="the log being moved")
    store.close()
    store = DuckDBStore(path)
    assert store.readings(Series(site="s", start=t0, end=t0 + timedelta(days=1))).num_rows == 2000
    store.close()
