"""The detector of `jeonju evaluate releases`: decides, minute by minute and from the past alone, when a release begins and ends.

It serves that evaluation alone: a few fixed sensors of one gas, one value a minute. Alerts are raised by `detection/`, which needs devices of
several quantities with a value a second.

A plume that passes a sensor is unsteady: turbulence lets it come and go. Air that fills up slowly on a calm night, or a sensor that drifts with the
temperature, rises just as high but smoothly. So a hit needs both: an excess, and unsteadiness well above what is usual for that sensor.

How large an excess must be follows from the sensor: what it says changes by steps and noise of its own, which are learnt from its changes.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats
from jeonju.localization.baseline import Baseline, Excess

# How many times its usual jump from minute to minute a sensor must show; 3 to 6 find the same releases of the METEC data.
UNSTEADY: Final = 4.0
# So many hits within so many minutes open an event, and keep it open.
HITS_NEEDED: Final = 3
HITS_WITHIN_MIN: Final = 10
# The wind may take a plume off all sensors for more than an hour while the release goes on.
QUIET_MIN: Final = 90
# The noise of one reading is learnt from the changes of the last day; many sensors hold a value for an hour, so minutes without a change say nothing.
NOISE_OVER_MIN: Final = 1440
NOISE_EVERY_MIN: Final = 10
NOISE_KNOWN_AFTER_MIN: Final = 60
# So many changes say how large the noise is; while there are fewer, the largest of them is taken.
LEAST_CHANGES: Final = 10
# Of two readings that are compared, a difference of so many standard deviations of one is surely there (detection limit of paired observations,
# Currie 1968, Anal. Chem. 40, 586).
DETECTION_LIMIT: Final = 4.65
# Standard deviation of a normal variable over the median of the absolute difference of two of its values.
_SIGMA_PER_MEDIAN_CHANGE: Final = 1.4826 / np.sqrt(2.0)


@dataclass
class Event:
    """A release as the sensors saw it; times are POSIX seconds. `ended_s` is None while it goes on."""

    started_s: float
    last_evidence_s: float
    reasons: list[str]
    ended_s: float | None = None
    hits: dict[str, int] = field(default_factory=dict)


class Noise:
    """The standard deviation of one reading of each sensor, learnt minute by minute; infinite until it can be known.

    Sensors of one site are of one make: none is taken to be better than all of them together, nor than the `resolution` that is stated.
    """

    def __init__(self, n: int, *, resolution: float) -> None:
        self.sigma = np.full(n, np.inf)
        self._resolution = resolution
        self._changes: deque[Floats] = deque(maxlen=NOISE_OVER_MIN)
        self._last, self._was_above = np.full(n, np.nan), np.zeros(n, dtype=bool)
        self._minutes = 0

    def update(self, values: Floats, above: NDArray[np.bool_]) -> None:
        """Update with the values of one minute (NaN where there is none); what is `above` the noise, or was a moment ago, is none."""
        changes = np.abs(values - self._last)
        self._changes.append(np.where((changes > 0) & ~above & ~self._was_above, changes, np.nan))
        heard = np.isfinite(values)
        self._last = np.where(heard, values, self._last)
        self._was_above = np.where(heard, above, self._was_above)
        self._minutes += 1
        if self._minutes % NOISE_EVERY_MIN == 0:
            self._learn()

    def _learn(self) -> None:
        table = np.array(self._changes)
        # A sensor that has not changed for so long has no noise to speak of.
        unknown = np.inf if self._minutes < NOISE_KNOWN_AFTER_MIN else self._resolution
        of_all = max(_usual_change(table.ravel(), unknown), self._resolution)
        self.sigma = _SIGMA_PER_MEDIAN_CHANGE * np.maximum([_usual_change(own, of_all) for own in table.T], of_all)


def _usual_change(changes: Floats, otherwise: float) -> float:
    """Return the median of the changes; of a few the largest."""
    known = changes[np.isfinite(changes)]
    if len(known) >= LEAST_CHANGES:
        return float(np.median(known))
    return float(known.max()) if len(known) else otherwise


class ReleaseDetector:
    """Detects releases from one quantity at several sensors, one value a minute.

    `least_excess` is the smallest excess that counts, however quiet a sensor is, and `resolution` the smallest step of the best sensors, both in the
    sensors' unit.
    """

    def __init__(self, sensors: Sequence[str], *, least_excess: float, resolution: float, unit: str) -> None:
        self._sensors = tuple(sensors)
        self._least_excess = least_excess
        self._unit = unit
        self._baseline = Baseline(len(sensors), resolution=resolution)
        self._noise = Noise(len(sensors), resolution=resolution)
        self._recent: deque[NDArray[np.bool_]] = deque(maxlen=HITS_WITHIN_MIN)
        self.event: Event | None = None

    def update(self, time_s: float, values: NDArray[np.float64]) -> tuple[Excess, Event | None]:
        """Update with one minute; return the excess of every sensor, and the event that this minute closes, if it does."""
        now = self._baseline.update(values)
        needed = np.maximum(self._least_excess, DETECTION_LIMIT * self._noise.sigma)
        with np.errstate(invalid="ignore"):
            above = now.excess > needed
            hit = above & (now.unsteadiness > UNSTEADY)
        self._noise.update(values, above)
        self._recent.append(hit)
        if sum(minute.any() for minute in self._recent) >= HITS_NEEDED:
            self._support(time_s, hit, now, needed)
        elif self.event is not None and time_s - self.event.last_evidence_s >= 60.0 * QUIET_MIN:
            return now, self.finish()
        return now, None

    def finish(self) -> Event | None:
        """Close the event that is open, if one is."""
        event, self.event = self.event, None
        if event is not None:
            event.ended_s = event.last_evidence_s
        return event

    def _support(self, time_s: float, hit: NDArray[np.bool_], now: Excess, needed: Floats) -> None:
        if self.event is None:
            self.event = Event(time_s, time_s, self._reasons(now, needed))
        self.event.last_evidence_s = time_s
        for number in np.flatnonzero(hit):
            name = self._sensors[number]
            self.event.hits[name] = self.event.hits.get(name, 0) + 1

    def _reasons(self, now: Excess, needed: Floats) -> list[str]:
        """Say of each sensor that helped to open the event why."""
        counts = np.sum(self._recent, axis=0)
        return [
            f"{self._sensors[number]}: {counts[number]} of the last {len(self._recent)} minutes more than {needed[number]:.2g} {self._unit} "
            f"above its own last hour and the network, and {now.unsteadiness[number]:.0f} times as unsteady as usual"
            for number in np.flatnonzero(counts)
        ]
