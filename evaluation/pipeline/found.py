"""What is there after a scenario: asked of the API while the platform runs, of its store after it was stopped."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from jeonju.api.reading_json import reading_json
from jeonju.common.clock import utc_now
from jeonju.evaluation.pipeline.platform_process import SITE, Platform
from jeonju.ingest.quality.flags import EARLIEST, FURTHEST_AHEAD
from jeonju.storage.open import open_store
from jeonju.storage.port import Series

MOST_LETTERS: Final = 1000
# The API answers for at most 400 days at once.
_SPAN: Final = timedelta(days=400)
_MARGIN: Final = timedelta(days=1)


class Heard(NamedTuple):
    """A message that a listener received."""

    topic: str
    payload: bytes


@dataclass(frozen=True, kw_only=True)
class Found:
    """The newest reading of each device, as the API shows it, names of devices, dead letters as texts, and how to count readings of a device."""

    alive: bool
    readings: dict[str, dict[str, Any]] = field(default_factory=dict)
    devices: frozenset[str] = frozenset()
    letters: tuple[str, ...] = ()
    rows: Callable[[str], int] = lambda _device: 0
    heard: tuple[Heard, ...] = ()

    def has_trace(self, device: str) -> bool:
        """Return whether a reading, a device or a dead letter is there at all."""
        return device in self.readings or device in self.devices or any(device in letter for letter in self.letters)


def find(platform: Platform, heard: tuple[Heard, ...]) -> Found:
    """Return what is there now. Raises UnavailableError where the platform does not answer, or has ended by itself."""
    return _in_the_store(platform.store, heard) if platform.is_stopped else _at_the_api(platform, heard)


def _at_the_api(platform: Platform, heard: tuple[Heard, ...]) -> Found:
    letters = platform.ask(f"/api/v1/dead-letters?limit={MOST_LETTERS}")
    return Found(
        alive=platform.is_alive(),
        readings={reading["device"]: reading for reading in platform.ask("/api/v1/latest")},
        devices=frozenset(record["device"] for record in platform.ask("/api/v1/devices")),
        letters=tuple(f"{letter['topic']} {letter['payload']} {letter['reason']}" for letter in letters),
        rows=lambda device: sum(_rows(platform, device, start, end) for start, end in _spans()),
        heard=heard,
    )


def _rows(platform: Platform, device: str, start: datetime, end: datetime) -> int:
    asked = urlencode({"device": device, "every": "raw", "start": start.isoformat(), "end": end.isoformat()})
    answer = platform.ask(f"/api/v1/series?{asked}", known=False)
    return 0 if answer is None else sum(len(columns["time"]) for columns in answer["devices"].values())


def _spans() -> list[tuple[datetime, datetime]]:
    """Return all times at which a reading may be, in pieces that the API answers for."""
    last = utc_now() + FURTHEST_AHEAD + _MARGIN
    starts = [EARLIEST - _MARGIN]
    while starts[-1] + _SPAN < last:
        starts.append(starts[-1] + _SPAN)
    return list(zip(starts, [*starts[1:], last], strict=True))


def _in_the_store(path: str, heard: tuple[Heard, ...]) -> Found:
    with closing(open_store(path)) as store:
        stored = store.readings(Series(site=SITE, start=datetime.min.replace(tzinfo=UTC), end=_END))
        names = stored["device"].to_pylist()
        letters = store.dead_letters(limit=MOST_LETTERS)
        return Found(
            alive=False,
            readings={row["device"]: reading_json(row) for row in store.latest(SITE).to_pylist()},
            devices=frozenset(record.device for record in store.devices(SITE)),
            letters=tuple(
                f"{letter.topic} {letter.payload.decode('utf-8', 'replace')} {letter.reason}" for letter in letters
            ),
            rows=names.count,
            heard=heard,
        )


_END: Final = datetime(2200, 1, 1, tzinfo=UTC)
