"""What is known of the feed of committed batches."""

from datetime import UTC, datetime, timedelta

from jeonju.detection.snapshot import FeedState

T0 = datetime(2026, 3, 4, tzinfo=UTC)


def test_the_newest_reading_is_never_younger_than_now() -> None:
    assert FeedState().lag_s(T0) is None
    assert FeedState(last_reading_at=T0).lag_s(T0 + timedelta(seconds=2.5)) == 2.5
    assert FeedState(last_reading_at=T0).lag_s(T0 - timedelta(seconds=30)) == 0.0
