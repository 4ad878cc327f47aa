"""Libraries do not take all cores for what is small."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info

ASKED = """
import jeonju.__main__, numpy, json, threadpoolctl
print(json.dumps([library["num_threads"] for library in threadpoolctl.threadpool_info()]))
"""


@pytest.mark.parametrize(("given", "threads"), [({}, 1), ({"OPENBLAS_NUM_THREADS": "2"}, 2)])
def test_linear_algebra_has_one_core_unless_it_is_told_otherwise(given: dict[str, str], threads: int) -> None:
    if threads > (os.cpu_count() or 1):
        pytest.skip("this machine has one core")
    rest = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", ASKED], env=rest | given, capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) == {threads}


def test_tests_are_no_exception() -> None:
    np.linalg.inv(np.eye(2))
    assert {library["num_threads"] for library in threadpool_info()} == {1}
