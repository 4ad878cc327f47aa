"""A service does without pandas, which pyarrow would import wherever it is installed, without memory that it has freed, and without a compiler."""

import platform
import subprocess
import sys

import pytest

CHILD = """
from jeonju.cli.lean import run_lean
run_lean()
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


def printed_mb(child: str, how: str) -> float:
    done = subprocess.run([sys.executable, "-c", child, how], capture_output=True, text=True, check=True)
    return float(done.stdout)


FREES = """
import sys, time
from jeonju.cli import lean
how = sys.argv[1]
if how == "lean":
    lean.TRIMMED_EVERY_S = 0.1
    lean.run_lean()

def resident_mb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024

kept, before = [], resident_mb()
for _ in range(3):
    # Small ones stay in use between them.
    large = []
    for _ in range(2000):
        large.append(bytearray(b"1") * 50_000)
        kept.append(bytes(2000))
    del large
until = time.monotonic() + (10 if how == "lean" else 0)
while (grown_mb := resident_mb() - before) > 20 and time.monotonic() < until:
    time.sleep(0.1)
print(grown_mb)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what other C libraries do with freed memory is theirs")
def test_freed_memory_between_small_pieces_goes_back_to_the_system() -> None:
    assert printed_mb(FREES, "lean") < 20
    # Holes stay, wherever the pieces lie; of larger ones glibc gives back some by itself, as it happens.
    assert printed_mb(FREES, "as it is") > 50


HAS_COMPILED = """
import sys, time
from jeonju.cli import lean
how = sys.argv[1]
if how == "lean":
    lean.TRIMMED_EVERY_S = 0.1
    lean.run_lean()

import numba

def of_files_mb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssFile")) / 1024

@numba.njit
def twice(number):
    return 2 * number

assert twice(21) == 42
until = time.monotonic() + (20 if how == "lean" else 0)
while of_files_mb() > 50 and time.monotonic() < until:
    time.sleep(0.1)
print(of_files_mb())
# What is needed again is there again, also while it is let go of.
assert [twice(1), twice(1.5), twice(1j)] == [2, 3.0, 2j]
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other systems keep what they like")
def test_compiler_goes_once_it_has_compiled_and_comes_back() -> None:
    assert printed_mb(HAS_COMPILED, "lean") < 50
    assert printed_mb(HAS_COMPILED, "as it is") > 80
