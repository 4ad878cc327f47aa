"""A service does without pandas, which pyarrow would import wherever it is installed."""

import subprocess
import sys

import pytest

CHILD = """
from jeonju.cli.options import leave_out_pandas
leave_out_pandas()
import sys

import pytest
import pyarrow as pa
import duckdb
rows = pa.Table.from_pylist([{"a": 1}, {"a": None}])
assert duckdb.sql("SELECT count(*), sum(a) FROM rows").fetchall() == [(2, 1)]
assert duckdb.sql("SELECT * FROM rows").to_arrow_table() == rows
print("pandas" in sys.modules)
"""


def test_lists_and_tables_work_without_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("command", [["up", "--site=nowhere"], ["api", "--site=nowhere"], ["ingest", "--site=nowhere"]])
def test_commands_leave_it_out_before_they_import_anything(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "jeonju", *command], capture_output=True, text=True, check=False
    )
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "pyarrow.dataset" in imported
    # That of pandas itself is listed too, though it is refused.
    assert "pandas.core" not in imported
