"""A service does without pandas, which pyarrow would import wherever it is installed."""

import subprocess
import sys

CHILD = """
from jeonju.cli.options import leave_out_pandas
leave_out_pandas()
import sys
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
