"""Rows from outside the file are taken, and leave nothing in memory."""

import ctypes
import gc

import duckdb
import pyarrow as pa
import pytest

from jeonju.storage.duckdb.incoming import execute_with

ROWS = pa.table({"a": [1, 2, 3]})
TIMES = 2000


class MallInfo(ctypes.Structure):
    """What `mallinfo2` of the C library tells."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in [
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        ]
    )


def test_a_statement_names_the_rows() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE taken (a BIGINT)")
        execute_with(connection, ROWS, "INSERT INTO taken SELECT a FROM incoming WHERE a > ?", [1])
        assert connection.execute("FROM taken ORDER BY a").fetchall() == [(2,), (3,)]


def test_no_memory_is_taken_for_good() -> None:
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallinfo2"):
        pytest.skip("the C library does not tell what it has given out")
    libc.mallinfo2.restype = MallInfo
    with duckdb.connect(config={"threads": 1}) as connection:

        def taken() -> int:
            for _ in range(TIMES):
                execute_with(connection, ROWS, "SELECT count(*) FROM incoming")
            gc.collect()
            return int(libc.mallinfo2().uordblks)

        before = taken()
        assert taken() - before < 60 * TIMES
