"""What the senders say: each plan is an endless, seeded stream of messages whose readings and times the verify can compute again."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode

SITE: Final = "jeonju"
STEP: Final = timedelta(milliseconds=50)
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
PHASE_LENGTH: Final = 20
# What the clock of the sender is off by, phase after phase; None is a clock that starts again in 1970.
CLOCKS: Final = (timedelta(0), timedelta(hours=1), timedelta(0), None, timedelta(0), timedelta(days=3))
POISON_EVERY: Final = 5
_ODD: Final = b'{"device":"odd-00",'
POISON: Final = (
    b"",
    b"null",
    b"\xff\xfe\x00garbage",
    b"\x00" * 1000,
    b'{"device":',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"x" * 5_000_000,
    _ODD + b'"seq":1' + b"0" * 30 + b"}",
    _ODD + b'"seq":9223372036854775808}',
    _ODD + b'"time":"9999-12-31T23:59:59-14:00"}',
    _ODD + rb'"boot":"\ud800"}',
    _ODD + rb'"boot":"a\u0000b","values":{"x\u0000":1}}',
    _ODD + b'"values":{"pm25":1e400}}',
    _ODD + b'"foo":' + b"[" * 900 + b"]" * 900 + b"}",
)


class Said(NamedTuple):
    """One message and the (device, seq) of the readings in it that must arrive."""

    topic: str
    payload: bytes
    readings: list[tuple[str, int]]


def claimed_time(plan: str, start: datetime, seq: int) -> datetime:
    """Return the time that a reading says it was taken at."""
    time = start + seq * STEP
    if plan != "clock":
        return time
    ahead = CLOCKS[seq // PHASE_LENGTH % len(CLOCKS)]
    return NEVER + seq * STEP if ahead is None else time + ahead


def messages(plan: str, devices: list[str], start: datetime, seed: int) -> Iterator[Said]:
    """Return the endless stream of a plan's messages."""
    return PLANS[plan](devices, start, random.Random(seed))


def _reading(plan: str, device: str, start: datetime, seq: int) -> Reading:
    values: dict[str, float | None] = {"pm25": float(seq % 500), "temperature": 20.0}
    return Reading(device=device, seq=seq, boot="1", time=claimed_time(plan, start, seq), values=values)


def _steady(devices: list[str], start: datetime, _rng: random.Random) -> Iterator[Said]:
    seq = 0
    while True:
        for device in devices:
            payload = encode(_reading("steady", device, start, seq))
            yield Said(topics.readings(SITE, device), payload, [(device, seq)])
        seq += 1


def _clock(devices: list[str], start: datetime, rng: random.Random) -> Iterator[Said]:
    """Readings one by one and, as after a gap in the network, several in one message."""
    upcoming = dict.fromkeys(devices, 0)
    while True:
        device = rng.choice(devices)
        seqs = range(upcoming[device], upcoming[device] + rng.choice((1, 5)))
        upcoming[device] = seqs.stop
        payload = encode([_reading("clock", device, start, seq) for seq in seqs])
        yield Said(topics.readings(SITE, device), payload, [(device, seq) for seq in seqs])


def _poison(devices: list[str], start: datetime, rng: random.Random) -> Iterator[Said]:
    bodies = list(POISON)
    for number, good in enumerate(_steady(devices, start, rng)):
        yield good
        if number % POISON_EVERY == 0:
            if not bodies:
                bodies = list(POISON)
            body = bodies.pop(rng.randrange(len(bodies)))
            kind = rng.choice((topics.readings, topics.readings, topics.status, topics.adopt))
            yield Said(kind(SITE, "odd-00"), body, [])


# Of the plan "live" each episode lasts so long; in every second one the first device of each site measures what is too high.
EPISODE_S: Final = 10
HIGH, LOW = 200.0, 10.0


def _live(devices: list[str], _start: datetime, _rng: random.Random) -> Iterator[Said]:
    """Readings of now of several sites, from devices that are named `site/device`."""
    firsts = {sites[0] for sites in _by_site(devices).values()}
    seq = 0
    while True:
        for place in devices:
            site, device = place.split("/")
            now = datetime.now(UTC)
            is_high = place in firsts and int(now.timestamp()) // EPISODE_S % 2
            values: dict[str, float | None] = {"pm25": HIGH if is_high else LOW + seq % 5}
            payload = encode(Reading(device=device, seq=seq, boot="1", time=now, values=values))
            yield Said(topics.readings(site, device), payload, [(place, seq)])
        seq += 1


def _by_site(devices: list[str]) -> dict[str, list[str]]:
    sites: dict[str, list[str]] = {}
    for place in devices:
        sites.setdefault(place.split("/")[0], []).append(place)
    return sites


PLANS: Final[dict[str, Callable[[list[str], datetime, random.Random], Iterator[Said]]]] = {
    "steady": _steady,
    "clock": _clock,
    "poison": _poison,
    "live": _live,
}
