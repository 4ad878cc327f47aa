"""A process that is killed at any step of a move leaves every reading, once."""

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from jeonju.storage.archive import Archive
from jeonju.storage.duckdb.store import DuckDBStore
from tests.storage.test_archive import A_DAY, DAYS, KEPT, fill, maintain, stored_rows, whole

# Ends itself, as by kill -9, at the n-th call of any function that changes something on the way of a day.
MOVER = """
import os, signal, sys
from pathlib import Path
import pyarrow.parquet as pq
from jeonju.storage.archive import Archive
from jeonju.storage.duckdb import archived
from jeonju.storage.duckdb.store import DuckDBStore
from tests.storage.test_archive import KEPT, NOW

left = int(sys.argv[3])

def deadly(owner, name):
    does = getattr(owner, name)
    def step(*args, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return does(*args, **named)
    setattr(owner, name, step)

store = DuckDBStore(sys.argv[1], KEPT, Archive(sys.argv[2]))
for owner, name in (
    (pq.ParquetWriter, "write_table"), (Path, "replace"), (pq, "read_metadata"), (archived, "note"), (archived, "forget")
):
    deadly(owner, name)
for _ in store.maintenance(NOW):
    pass
store.close()
"""
# For each day: two hours are written, the file is read back, renamed, noted, two hours are forgotten.
STEPS_OF_A_DAY = 7


def test_killed_at_every_step_nothing_is_missing_or_double(tmp_path: Path) -> None:
    path, place = tmp_path / "air.duckdb", tmp_path / "archive"
    with closing(DuckDBStore(path, KEPT)) as store:
        fill(store)
        before = whole(store)
    for step in range(1, STEPS_OF_A_DAY + 1):
        ended = subprocess.run([sys.executable, "-c", MOVER, str(path), str(place), str(step)], check=False)
        assert ended.returncode == -signal.SIGKILL, step
        with closing(DuckDBStore(path, KEPT, Archive(str(place)))) as store:
            assert whole(store).to_pylist() == before.to_pylist(), step
            assert whole(store, limit=7).to_pylist() == before.slice(0, 7).to_pylist(), step
    with closing(DuckDBStore(path, KEPT, Archive(str(place)))) as store:
        maintain(store)
        assert whole(store).to_pylist() == before.to_pylist()
    # In one place each, and no more beside the files than one that was not finished.
    assert stored_rows(path) == A_DAY
    assert Archive(str(place)).rows(sorted(Archive(str(place)).days())) == (DAYS - 1) * A_DAY
    assert not any((place / ".moving").iterdir())
