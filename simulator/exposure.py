"""Who was reached by which event, and how strongly: the truth against which detection is scored."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.pollutants import KEYS
from jeonju.contract.events import Dust, Fire, Leak, Odour
from jeonju.simulator.fires import lifetime_s

Floats = NDArray[np.float64]

# An event has reached a device once it adds this much to the true air there: about three times an instrument's noise.
REACHED: Final = {
    "pm25": 10.0,
    "pm10": 25.0,
    "co": 0.05,
    "tvoc": 40.0,
    "h2s": 0.003,
    "nh3": 0.1,
    "no2": 0.015,
    "so2": 0.01,
    "ch4": 1.0,
}
_LIMITS: Final = np.array([REACHED.get(key, np.inf) for key in KEYS])


@dataclass
class Followed:
    """One event, and for each device it reached: when first, and the strongest contribution of each quantity."""

    event: Fire | Leak | Dust | Odour
    start_s: float
    end_s: float
    sources: list[int]
    reached_s: dict[str, float] = field(default_factory=dict)
    peak: dict[str, dict[str, float]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            **self.event.model_dump(exclude={"after"}),
            "start_s": self.start_s,
            "end_s": self.end_s,
            "reached_s": self.reached_s,
            "peak": self.peak,
        }


@dataclass
class Exposure:
    """Follows every event that releases something."""

    devices: tuple[str, ...]
    events: list[Followed] = field(default_factory=list)

    def follow(self, event: Fire | Leak | Dust | Odour, start_s: float, sources: list[int]) -> None:
        """Watch the puffs of these sources as one event."""
        length_s = lifetime_s(event) if isinstance(event, Fire) else event.duration
        self.events.append(Followed(event, start_s, start_s + length_s, sources))

    def note(self, time_s: float, amount: Floats, composition: Floats) -> None:
        """Look at the amounts (devices, sources, 2) of one tick."""
        for followed in self.events:
            if time_s < followed.start_s or not amount[:, followed.sources, 0].any():
                continue
            added = amount[:, followed.sources, 0] @ composition[followed.sources]
            for device in np.flatnonzero((added >= _LIMITS).any(axis=1)):
                name = self.devices[device]
                followed.reached_s.setdefault(name, time_s)
                peak = followed.peak.setdefault(name, {})
                for column in np.flatnonzero(added[device] >= _LIMITS):
                    peak[KEYS[column]] = max(peak.get(KEYS[column], 0.0), float(added[device, column]))
