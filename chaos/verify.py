"""Compare what the broker has acknowledged with what the store holds."""

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from chaos import plans
from chaos.testbed import Acknowledged, Testbed
from jeonju.ingest.quality.flags import is_possible
from jeonju.storage.open import open_store
from jeonju.storage.port import Series, Store

MOST_MEMORY_MB: Final = 512
OTHERS_LATE_S: Final = 5.0
# Mosquitto saves when more than its interval of one whole second has passed; what it took since may go with it when it is killed.
MOSQUITTO_SAVES_EVERY_S: Final = 2.5
# An acknowledgement that was under way when the broker was killed reaches the sender after the kill.
UNDER_WAY_S: Final = 0.2
ARRIVAL_TOLERANCE: Final = timedelta(milliseconds=10)

Key = tuple[str, int]
Row = tuple[datetime, datetime]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What came of one experiment."""

    experiment: str
    broken: str
    sent: int = 0
    acknowledged: int = 0
    found: int = 0
    missing: int = 0
    duplicates: int = 0
    times_right: bool = True
    recovered_s: float | None = None
    caught_up_s: float | None = None
    peak_mb: float = 0.0
    dead_letters: int = 0
    ended_by_itself: int = 0
    verdict: str = ""
    passed: bool = True


def verify(experiment: str, broken: str, testbed: Testbed, *, ends_allowed: bool = False) -> Finding:
    """Return what came of an experiment that has settled."""
    acknowledged = testbed.acknowledged()
    with closing(open_store(testbed.store_url)) as store:
        rows = _rows(store)
        dead_letters = len(store.dead_letters(limit=100_000))
    missing = {key: acknowledged[key] for key in acknowledged.keys() - rows.keys()}
    duplicates = sum(len(found) - 1 for key, found in rows.items() if key in acknowledged)
    wrong_times = sum(
        not _is_right(key, acknowledged[key], row, testbed)
        for key in acknowledged.keys() & rows.keys()
        for row in rows[key]
    )
    faults = [f"{duplicates} duplicates"] if duplicates else []
    faults += [f"{wrong_times} wrong times"] if wrong_times else []
    faults += [f"{testbed.ingest.peak_mb:.0f} MB of memory"] if testbed.ingest.peak_mb > MOST_MEMORY_MB else []
    if testbed.ingest.ended_by_itself and not ends_allowed:
        faults.append(f"ingest ended by itself {testbed.ingest.ended_by_itself} times")
    late_s = _late_s(testbed, acknowledged)
    if late_s > OTHERS_LATE_S:
        faults.append(f"others late by {late_s:.1f} s")
    excuse = _excuse(testbed, missing)
    if missing and not excuse:
        faults.append(f"{len(missing)} lost")
    return Finding(
        experiment=experiment,
        broken=broken,
        sent=sum(sender.messages for sender in testbed.senders),
        acknowledged=len(acknowledged),
        found=len(acknowledged) - len(missing),
        missing=len(missing),
        duplicates=duplicates,
        times_right=not wrong_times,
        recovered_s=_recovered_s(testbed, acknowledged),
        caught_up_s=_caught_up_s(testbed, acknowledged),
        peak_mb=round(testbed.ingest.peak_mb, 1),
        dead_letters=dead_letters,
        ended_by_itself=testbed.ingest.ended_by_itself,
        verdict="; ".join(faults) or excuse or _praise(late_s),
        passed=not faults,
    )


def _rows(store: Store) -> dict[Key, list[Row]]:
    """Return (time, received_at) of every row, by device and seq."""
    whole = Series(
        site=plans.SITE,
        start=datetime(1970, 1, 1, tzinfo=UTC),
        end=datetime(2100, 1, 1, tzinfo=UTC),
        limit=100_000_000,
    )
    table = store.readings(whole)
    rows: dict[Key, list[Row]] = {}
    columns = (table[name].to_pylist() for name in ("device", "seq", "time", "received_at"))
    for device, seq, time, received_at in zip(*columns, strict=True):
        rows.setdefault((device, seq), []).append((time, received_at))
    return rows


def _is_right(key: Key, acknowledged: Acknowledged, row: Row, testbed: Testbed) -> bool:
    """Return whether a reading is stored at the time it claims, or, where that cannot be, at that of its arrival."""
    time, received_at = row
    claimed = plans.claimed_time(acknowledged.plan, testbed.start, key[1])
    if is_possible(claimed, received_at):
        return time == claimed
    return abs(time - received_at) <= ARRIVAL_TOLERANCE


def _recovered_s(testbed: Testbed, acknowledged: dict[Key, Acknowledged]) -> float | None:
    """Return the longest time from the end of a trouble until something sent after it was in the store."""
    seen = testbed.feed.seen
    waits = [
        min(
            (seen[key] for key, reading in acknowledged.items() if reading.sent >= mended and key in seen), default=None
        )
        for mended in testbed.mended_at
    ]
    known = [round(at - mended, 1) for at, mended in zip(waits, testbed.mended_at, strict=True) if at is not None]
    return max(known, default=None)


def _caught_up_s(testbed: Testbed, acknowledged: dict[Key, Acknowledged]) -> float | None:
    """Return how long after the last trouble all that had been sent before its end was in the store."""
    if not testbed.mended_at:
        return None
    mended = testbed.mended_at[-1]
    before = [
        testbed.feed.seen[key]
        for key, reading in acknowledged.items()
        if reading.sent < mended and key in testbed.feed.seen
    ]
    return round(max(max(before) - mended, 0.0), 1) if before else None


def _late_s(testbed: Testbed, acknowledged: dict[Key, Acknowledged]) -> float:
    """Return by how much the readings of those who had to share with a flood were late at most; 0 where there was none."""
    if not any(device.startswith("flood-") for device, _ in acknowledged):
        return 0.0
    others = {
        key: reading
        for key, reading in acknowledged.items()
        if key[0].startswith("others-") and key in testbed.feed.seen
    }
    return max((testbed.feed.seen[key] - reading.sent for key, reading in others.items()), default=float("inf"))


def _excuse(testbed: Testbed, missing: dict[Key, Acknowledged]) -> str:
    """Return what can be said for Mosquitto where it lost only what it had not saved yet."""
    if not missing or not testbed.may_lose_unsaved or not testbed.broker_killed_at:
        return ""
    ages = [
        min(
            (kill - reading.at for kill in testbed.broker_killed_at if kill + UNDER_WAY_S >= reading.at),
            default=float("inf"),
        )
        for reading in missing.values()
    ]
    if max(ages) > MOSQUITTO_SAVES_EVERY_S:
        return ""
    return f"{len(missing)} lost, acknowledged at most {max(ages):.1f} s before a kill"


def _praise(late_s: float) -> str:
    return "nothing lost" + (f"; others late by {late_s:.1f} s at most" if late_s else "")
