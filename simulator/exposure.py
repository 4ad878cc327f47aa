"""Which devices each event reached, when, and how strongly: the truth against which detection is scored."""

from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.events import Dust, Event, Fire, Leak, Odour
from jeonju.simulator.fires import lifetime_s

# An event has reached a device once it adds this much of something that the device measures to the true air there: about three times an instrument's
# noise. Of what no device measures, it has only passed there.
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
class EventExposure:
    """One event, and for each device that it reached: when first (POSIX time), and the highest contribution of each quantity in stored units.

    `passed_s` says the same of devices that do not measure what reached them: they cannot see it.
    """

    event: Fire | Leak | Dust | Odour
    start_s: float
    end_s: float
    sources: list[int]
    reached_s: dict[str, float] = field(default_factory=dict)
    peak: dict[str, dict[str, float]] = field(default_factory=dict)
    passed_s: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-compatible data."""
        return {
            **self.event.model_dump(exclude={"after"}),
            "start_s": self.start_s,
            "end_s": self.end_s,
            "reached_s": self.reached_s,
            "peak": self.peak,
            "passed_s": self.passed_s,
        }


class Happening(NamedTuple):
    """An event of a simulated city with its beginning (POSIX time), and whom it reached where it releases something."""

    event: Event
    start_s: float
    exposure: EventExposure | None = None

    def copy(self) -> "Happening":
        """Return it as it is now, for another thread than the simulator's."""
        known = self.exposure
        if known is None:
            return self
        kept = replace(known, reached_s=dict(known.reached_s), passed_s=dict(known.passed_s), peak=dict(known.peak))
        return self._replace(exposure=kept)


@dataclass
class Exposure:
    """The exposure of all devices to every event that releases something; `fitted` says which of KEYS each device measures, by default all."""

    devices: tuple[str, ...]
    fitted: NDArray[np.bool_] | None = None
    events: list[EventExposure] = field(default_factory=list)

    def add(self, event: Fire | Leak | Dust | Odour, start_s: float, sources: list[int]) -> EventExposure:
        """Follow the puffs of these sources as one event, and return what will be known of it."""
        length_s = lifetime_s(event) if isinstance(event, Fire) else event.duration
        self.events.append(EventExposure(event, start_s, start_s + length_s, sources))
        return self.events[-1]

    def update(self, time_s: float, amount: Floats, composition: Floats) -> None:
        """Account for the amounts (devices, sources, 2) at the devices at one tick; `composition` is (sources, len(KEYS))."""
        for exposure in self.events:
            if time_s < exposure.start_s or not amount[:, exposure.sources, 0].any():
                continue
            added = amount[:, exposure.sources, 0] @ composition[exposure.sources]
            reaches = added >= _LIMITS
            sees = reaches if self.fitted is None else reaches & self.fitted
            for device in np.flatnonzero(reaches.any(axis=1)):
                name = self.devices[device]
                if not sees[device].any():
                    exposure.passed_s.setdefault(name, time_s)
                    continue
                exposure.reached_s.setdefault(name, time_s)
                peak = exposure.peak.setdefault(name, {})
                for column in np.flatnonzero(sees[device]):
                    peak[KEYS[column]] = max(peak.get(KEYS[column], 0.0), float(added[device, column]))
