import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.contract.records import LedgerEntry
from jeonju.ingest.ledger import Ledger, from_ranges, to_ranges


def account(seqs: list[int | tuple[str, int]], ledger: Ledger | None = None) -> LedgerEntry:
    ledger = ledger or Ledger()
    for seq in seqs:
        boot, number = seq if isinstance(seq, tuple) else ("1", seq)
        ledger.count("s", "a", boot, number)
    return ledger.changes()[0]


@pytest.mark.parametrize(
    ("seqs", "repeated", "missing", "late"),
    [
        ([0, 1, 2], 0, 0, 0),
        ([5, 6, 9], 0, 2, 0),
        ([0, 1, 1, 2], 1, 0, 0),
        ([0, 3, 1, 2], 0, 0, 2),
        ([0, 3, 1, 1], 1, 1, 1),
        ([("1", 0), ("1", 1), ("2", 0), ("2", 1)], 0, 0, 0),  # a restart is no loss
        ([("1", 0), ("2", 0), ("1", 1)], 0, 0, 0),  # the last word of the boot before
        ([0, 10_000_000], 0, 9_999_999, 0),  # a wild number costs no memory
    ],
)
def test_gaps_repeats_and_late_arrivals_are_told_apart(
    seqs: list[int | tuple[str, int]], repeated: int, missing: int, late: int
) -> None:
    entry = account(seqs)
    assert (entry.received, entry.repeated, entry.missing, entry.late) == (len(seqs), repeated, missing, late)


@given(st.permutations(range(30)), st.lists(st.integers(0, 29), max_size=10))
def test_whatever_the_order_nothing_is_missing_when_all_have_come(order: list[int], again: list[int]) -> None:
    first = order[0]
    entry = account([*order, *again])
    # Numbers before the first one heard are not known to be missing; they count as repeats when they come.
    assert entry.missing == 0
    assert entry.repeated == len(again) + first
    assert entry.received == 30 + len(again)


def test_totals_go_on_after_a_restart_of_ingest() -> None:
    ledger = Ledger()
    ledger.restore([account([0, 1, 5])])
    entry = account([6, 7], ledger)
    assert (entry.received, entry.missing, entry.last_seq) == (5, 3, 7)


def test_numbers_missing_before_a_restart_are_known_after_it() -> None:
    ledger = Ledger()
    ledger.restore([account([0, 1, 5, 9])])
    entry = account([3, 7, 3, 10], ledger)
    assert (entry.missing, entry.late, entry.repeated, entry.gaps) == (4, 2, 1, "2,4,6,8")


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["1", "2", None]), st.none() | st.integers(0, 12)),
        min_size=1,
        max_size=40,
    )
)
def test_batch_is_counted_as_its_readings_one_by_one(readings: list[tuple[str, str | None, int | None]]) -> None:
    one_by_one, together = Ledger(), Ledger()
    repeated = [bool(one_by_one.count("s", *reading)) for reading in readings]
    devices, boots, seqs = zip(*readings, strict=True)
    found = together.count_batch(
        [("s", "a"), ("s", "b")],
        np.array([int(device == "b") for device in devices]),
        pa.array(boots, pa.string()),
        pa.array(seqs, pa.int64()),
    )
    assert found.tolist() == repeated
    assert together.changes() == one_by_one.changes()


@given(st.sets(st.integers(-1000, 1000), max_size=60))
def test_numbers_come_back_from_their_ranges(numbers: set[int]) -> None:
    assert from_ranges(to_ranges(numbers)) == numbers


def test_gaps_that_are_written_down_are_bounded() -> None:
    assert len(to_ranges(set(range(0, 10_000, 2))).split(",")) == 500


def test_reading_without_a_number_is_only_counted() -> None:
    ledger = Ledger()
    ledger.count("s", "a", None, None)
    assert ledger.changes()[0].received == 1
    assert ledger.changes() == []


def test_totals_stay_within_what_a_store_can_count() -> None:
    wild: list[int | tuple[str, int]] = [(str(boot), number) for boot in range(3) for number in (0, 2**62)]
    assert account(wild).missing == 2**63 - 1


def test_repeat_is_certain_only_where_every_number_is_known() -> None:
    ledger = Ledger()
    ledger.restore([LedgerEntry("s", "a", "1", 10, 10, 0, 0, 0, 0)])
    assert not ledger.count("s", "a", "1", 9)  # it may have been missing in the earlier run
    assert not ledger.count("s", "a", "1", 13)
    assert not ledger.count("s", "a", "1", 12)  # late
    assert ledger.count("s", "a", "1", 12)
    assert not ledger.count("s", "a", "1", 10_000_000)  # a gap too wide to remember
    assert not ledger.count("s", "a", "1", 13)
    assert ledger.count("s", "a", "1", 10_000_000)
