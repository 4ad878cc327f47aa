"""`make bench-check` says what has become slower."""

import pytest

from benchmarks._check import table, worse

MACHINE = {"processor": "x", "cores": 2, "python": "3.11", "load": 0.0}


def measured(**ratios: float) -> dict[str, dict[str, object]]:
    return {
        "machine": MACHINE,
        **{name: {"ratio": ratio, "of": "ours", "against": "bare"} for name, ratio in ratios.items()},
    }


@pytest.mark.parametrize(("ratio", "is_worse"), [(1.0, False), (2.0, False), (2.39, False), (2.41, True), (9.0, True)])
def test_a_fifth_slower_is_worse(ratio: float, *, is_worse: bool) -> None:
    assert bool(worse(measured(store=ratio), {"store": 2.0})) is is_worse


def test_what_was_not_measured_is_said() -> None:
    assert worse(measured(store=1.0), {"store": 1.0, "puffs": 0.1}) == ["puffs was not measured"]


def test_table_has_a_row_for_each_part() -> None:
    rows = table(measured(store=1.5, puffs=0.04), {"store": 1.6}).splitlines()
    assert rows[-2:] == ["| store | ours | bare | 1.5 | 1.6 |", "| puffs | ours | bare | 0.04 | – |"]
