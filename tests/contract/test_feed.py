import pyarrow as pa

from jeonju.contract.feed import MOST_RUNS, Gaps, Number, numbered

TABLE = pa.table({"x": [1]})


def test_message_that_is_missing_shows_in_the_next() -> None:
    gaps = Gaps()
    told = [gaps.follows(numbered(TABLE, Number("a", count))) for count in (7, 8, 9, 11, 12)]
    assert told == [True, True, True, False, True]
    gaps.forget()
    assert gaps.follows(numbered(TABLE, Number("a", 20)))


def test_another_ingest_may_have_said_more_and_several_do_not_disturb_each_other() -> None:
    gaps = Gaps()
    assert gaps.follows(numbered(TABLE, Number("a", 1)))
    assert not gaps.follows(numbered(TABLE, Number("b", 1)))
    assert gaps.follows(numbered(TABLE, Number("a", 2)))
    assert gaps.follows(numbered(TABLE, Number("b", 2)))


def test_what_is_not_numbered_follows_and_runs_are_bounded() -> None:
    gaps = Gaps()
    assert gaps.follows(TABLE)
    assert gaps.follows(TABLE.replace_schema_metadata({b"number": b"odd"}))
    for run in range(2 * MOST_RUNS):
        gaps.follows(numbered(TABLE, Number(str(run), 1)))
    assert len(gaps._last) <= MOST_RUNS
