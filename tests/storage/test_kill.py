"""A store whose process is killed keeps every commit that returned."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.duckdb import DuckDBStore
from storage.port import Series

WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from storage.duckdb import DuckDBStore
from storage.port import Commit
from storage.schema import readings_table
store = DuckDBStore(sys.argv[1])
t0 = datetime(2026, 1, 1, tzinfo=UTC)
for number in range(100_000):
    rows = [{"site": "s", "device": f"d{d}", "time": t0 + timedelta(seconds=number), "received_at": t0, "pm25": float(number)} for d in range(20)]
    store.write(Commit(readings=readings_table(rows)))
    print(number, flush=True)
"""


def test_killed_writer_loses_no_commit_that_returned(tmp_path: Path) -> None:
    path = tmp_path / "air.duckdb"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
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
