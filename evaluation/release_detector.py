"""The detector of `jeonju evaluate releases`: decides, minute by minute and from the past alone, when a release begins and ends.

It serves that evaluation alone: a few fixed sensors of one gas, one value a minute. Alerts are raised by `detection/`, which needs devices of
several quantities with a value a second.

A plume that passes a sensor is unsteady: turbulence lets it come and go. Air that fills up slowly on a calm night, or a sensor that drifts with the
temperature, rises just as high but smoothly. So a hit needs both: an excess, and unsteadiness well above what is usual for that sensor.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.localization.baseline import Baseline, Excess

# How many times its usual jump from minute to minute a sensor must show; 3 to 6 find the same releases of the METEC data.
UNSTEADY: Final = 4.0
# So many hits within so many minutes open an event, and keep it open.
HITS_NEEDED: Final = 3
HITS_WITHIN_MIN: Final = 10
# The wind may take a plume off all sensors for more than an hour while the release goes on.
QUIET_MIN: Final = 90


@dataclass
class Event:
    """A release as the sensors saw it; times are POSIX seconds. `ended_s` is None while it goes on."""

    started_s: float
    last_evidence_s: float
    reasons: list[str]
    ended_s: float | None = None
    hits: dict[str, int] = field(default_factory=dict)


class ReleaseDetector:
    """Detects releases from one quantity at several sensors, one value a minute.

    `least_excess` is the smallest excess that counts and `resolution` the smallest step of the sensors, both in the sensors' unit.
    """

    def __init__(self, sensors: Sequence[str], *, least_excess: float, resolution: float, unit: str) -> None:
        self._sensors = tuple(sensors)
        self._least_excess = least_excess
        self._unit = unit
        self._baseline = Baseline(len(sensors), resolution=resolution)
        self._recent: deque[NDArray[np.bool_]] = deque(maxlen=HITS_WITHIN_MIN)
        self.event: Event | None = None

    def update(self, time_s: float, values: NDArray[np.float64]) -> tuple[Excess, Event | None]:
        """Update with one minute; return the excess of every sensor, and the event that this minute closes, if it does."""
        now = self._baseline.update(values)
        with np.errstate(invalid="ignore"):
            hit = (now.excess > self._least_excess) & (now.unsteadiness > UNSTEADY)
        self._recent.append(hit)
        if sum(minute.any() for minute in self._recent) >= HITS_NEEDED:
            self._support(time_s, hit, now)
        elif self.event is not None and time_s - self.event.last_evidence_s >= 60.0 * QUIET_MIN:
            return now, self.finish()
        return now, None

    def finish(self) -> Event | None:
        """Close the event that is open, if one is."""
        event, self.event = self.event, None
        if event is not None:
            event.ended_s = event.last_evidence_s
        return event

    def _support(self, time_s: float, hit: NDArray[np.bool_], now: Excess) -> None:
        if self.event is None:
            self.event = Event(time_s, time_s, self._reasons(now))
        self.event.last_evidence_s = time_s
        for number in np.flatnonzero(hit):
            name = self._sensors[number]
            self.event.hits[name] = self.event.hits.get(name, 0) + 1

    def _reasons(self, now: Excess) -> list[str]:
        """Say of each sensor that helped to open the event why."""
        counts = np.sum(self._recent, axis=0)
        return [
            f"{self._sensors[number]}: {counts[number]} of the last {len(self._recent)} minutes more than {self._least_excess:g} {self._unit} "
            f"above its own last hour and the network, and {now.unsteadiness[number]:.0f} times as unsteady as usual"
            for number in np.flatnonzero(counts)
        ]
