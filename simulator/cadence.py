"""Time steps of a world: how often it reads, how often it computes the air, and how much of time it does at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from jeonju.contract.events import Dust, Event, Fault, Fire, Leak, LostLink
from jeonju.simulator.fires import lifetime_s
from jeonju.simulator.scenario import Scenario


@dataclass(kw_only=True)
class Cadence:
    """Time steps [s]: a reading every `interval_s`, the air every `tick_s`, a block every `block_s`, which both others divide.

    Raises ValueError where they do not divide it."""

    interval_s: float = 1.0
    tick_s: float = 5.0
    block_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse a cadence that does not divide evenly."""
        for small, large in ((self.interval_s, self.block_s), (self.tick_s, self.block_s)):
            if small <= 0 or abs(large / small - round(large / small)) > 1e-9:
                raise ValueError(f"a block of {large} s cannot be cut into steps of {small} s")


OFFLINE: Final = Cadence()
LIVE: Final = Cadence(interval_s=1.0, tick_s=1.0, block_s=1.0)
QUIET_TICK_S: Final = 20.0
QUIET_BLOCK_S: Final = 600.0
# What a city measured before it was started: minute by minute, as many networks do, and every ten seconds in the last hour.
HISTORY_INTERVAL_S: Final = 60.0
LAST_HOUR_S, LAST_HOUR_INTERVAL_S = 3600.0, 10.0
# What was released beside a device has passed it by then.
GONE_AFTER_S: Final = 600.0


def catching_up(now_s: float, missing_s: float, *, is_live: bool) -> Cadence:
    """Return the cadence of a block that begins at `now_s`, where so much is missing up to the clock: that of history, or live.

    Blocks of history begin at whole minutes, so that the truth of each minute is among them. A city that `is_live` falls back on it only where it is
    behind by ten minutes: after sleep of its computer, or because it cannot keep up.
    """
    block_s = QUIET_BLOCK_S if is_live or missing_s > QUIET_BLOCK_S else OFFLINE.block_s
    if now_s % HISTORY_INTERVAL_S or missing_s <= block_s:
        return LIVE
    interval_s = HISTORY_INTERVAL_S if missing_s > LAST_HOUR_S + block_s else LAST_HOUR_INTERVAL_S
    return Cadence(interval_s=interval_s, tick_s=QUIET_TICK_S, block_s=block_s)


def unattended(scenario: Scenario) -> Callable[[float], Cadence]:
    """Return the cadence of a run of a scenario whose robots get no orders: coarser while nothing happens.

    Fires, leaks and dust may be close to a device, where plumes are narrow. Stacks, yards and roads are wide where they reach one: there a tick of
    20 s departs at stations from one of 1 s by half of what instruments add at most (docs/performance.md). Where devices
    may fall silent blocks are of a minute: silence is judged by when others were heard.
    """
    start_s, end_s = scenario.start_s, scenario.start_s + scenario.duration
    busy = [(start_s + event.after, start_s + _over_s(event)) for event in scenario.events if _over_s(event)]
    may_be_silent = any(isinstance(event, Fault | LostLink) for event in scenario.events)
    longest_s = OFFLINE.block_s if may_be_silent else QUIET_BLOCK_S

    def cadence(now_s: float) -> Cadence:
        if any(begins_s <= now_s < ends_s for begins_s, ends_s in busy):
            return OFFLINE
        until_s = min([begins_s for begins_s, _ in busy if begins_s > now_s] + [end_s])
        minutes = min(until_s - now_s, longest_s) // OFFLINE.block_s
        return Cadence(tick_s=QUIET_TICK_S, block_s=minutes * OFFLINE.block_s) if minutes else OFFLINE

    return cadence


def _over_s(event: Event) -> float:
    """Return after how many seconds from the start of a scenario an event needs fine steps no more; 0 where it never does."""
    if isinstance(event, Fire):
        return event.after + lifetime_s(event) + GONE_AFTER_S
    return event.after + event.duration + GONE_AFTER_S if isinstance(event, Leak | Dust) else 0.0
