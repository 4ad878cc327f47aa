"""Identifiers that rise."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from jeonju.common import rising_ids
from jeonju.common.rising_ids import rising_id


def test_each_is_above_the_one_before_even_if_the_clock_stands_still_or_is_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = [rising_id() for _ in range(1000)]
    for year in (2024, 2024, 2023):
        monkeypatch.setattr(rising_ids, "utc_now", lambda year=year: datetime(year, 1, 1, tzinfo=UTC))
        made += [rising_id() for _ in range(10)]
    assert made == sorted(set(made))


def test_threads_and_processes_never_make_the_same_one() -> None:
    program = "from jeonju.common.rising_ids import rising_id\nfor _ in range(5000): print(rising_id())"
    with ThreadPoolExecutor(4) as threads:
        others = [threads.submit(subprocess.check_output, [sys.executable, "-c", program], text=True) for _ in "ab"]
        own = [threads.submit(lambda: [rising_id() for _ in range(5000)]) for _ in "ab"]
        made = [one for task in own for one in task.result()]
        made += [one for task in others for one in task.result().split()]
    assert len(set(made)) == len(made) == 20_000
    assert {len(one) for one in made} == {32}


def test_one_of_a_later_start_is_above_all_of_an_earlier_one() -> None:
    earlier = rising_id()
    program = "from jeonju.common.rising_ids import rising_id; print(rising_id())"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() > earlier
