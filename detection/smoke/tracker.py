"""Which devices show smoke, dust or a release now: rises are summed up until they are sure, then their ratios say what they are."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats
from jeonju.common.device_array import DeviceArray
from jeonju.contract.kinds import KIND_OF_CLASS
from jeonju.contract.site import Site
from jeonju.detection.smoke import particles
from jeonju.detection.smoke.baseline import WATCHED, Baseline, Flags, Rises
from jeonju.detection.smoke.classes import CLASSES, log_likelihoods, probabilities
from jeonju.detection.smoke.known_sources import LEAST_RISE_FACTOR, LOG_ODDS, KnownSources
from jeonju.detection.smoke.noise import SensorNoise, stated_steps
from jeonju.detection.smoke.pace import Pace
from jeonju.detection.smoke.positions import Positions
from jeonju.detection.windows import Window
from jeonju.rules.watched import QUANTITIES

Numbers = NDArray[np.int64]
UNKNOWN_WIND: Final = np.full(2, np.nan)

# CUSUM: rises below `SLACK` spreads count against, the sum raises above `RAISE`. Textbooks have slack 0.5 and 4 to 5 for independent values; 10 s
# means of city air are correlated over minutes and have long tails.
SLACK: Final = 2.0
RAISE: Final = 10.0
# Once the rise is over, the sum is below `RAISE` again after this, or after one reading of devices that report more rarely.
OVER_AFTER_S: Final = 150.0
# A single window is capped, so that one outlier alone cannot raise anything.
MOST_PER_WINDOW: Final = 6.0
# Ratios are taken of rises smoothed over this, as instruments are not equally quick.
SMOOTHED_S: Final = 60.0

# The kind of alert of each class that raises one, and the least rise that is worth it: a plume of smoke at some hundred metres adds tens of µg/m³ of
# PM2.5; works and yards raise dust and odours every day, so these must stand out from what is usual there.
KIND_OF: Final = KIND_OF_CLASS
LEAST_RISE: Final = {
    "smoke": {"pm25": 14.0},
    "dust": {"pm10": 150.0},
    "release": {"tvoc": 300.0, "h2s": 0.012, "nh3": 0.4},
}
SURE: Final = {"smoke": 0.97, "dust": 0.9, "release": 0.9}
# Smoke is fine: PM2.5 is 80 to 90 % of its PM10 (AP-42; Akagi 2011), and may look like 60 % where instruments disagree. Where more is coarse, engines
# idle in the dust of a yard.
MOST_PM10_PER_PM25: Final = 1.7
# A device that leans towards fire supports a neighbour that is sure of it.
LEANING: Final = 0.5
# An alert ends when what raised it has been below this share of the least rise for so long.
CLEAR_BELOW: Final = 0.4
CLEAR_AFTER_S: Final = 600.0
# A CO cell whose noise is larger says nothing of smoke: the 55 µg/m³ PM2.5 that alone are worth an alert come with 0.09 to 0.8 ppm.
CO_TELLS_BELOW_PPM: Final = 0.1
# What is below that cannot raise an alert, and is not looked at.
_WORTH_A_LOOK: Final = np.array(
    [CLEAR_BELOW * min(least.get(key, np.inf) for least in LEAST_RISE.values()) for key in WATCHED]
)
# Rises of fewer spreads are not worth naming as a reason.
NAMED_FROM: Final = 3.0

# A thermal camera above this and this far above the air sees fire; roofs in the sun stay below 75 °C.
FLAME_C: Final = 85.0
FLAME_ABOVE_AIR_C: Final = 50.0
_PM25, _PM10, _CO = (WATCHED.index(key) for key in ("pm25", "pm10", "co"))
_HOT, _AIR, _HUMIDITY = (QUANTITIES.index(key) for key in ("thermal_max", "temperature", "humidity"))


class Finding(NamedTuple):
    """What a device shows now: the kind of alert, what decides it, every rise, and how probable each class is."""

    kind: str  # smoke, dust or release
    quantity: str
    value: float
    rises: dict[str, float]
    classes: dict[str, float]


class SmokeTracker:
    """State of all devices; give it every window in order."""

    def __init__(self, site: Site, known_sources: KnownSources | None = None) -> None:
        self.known_sources = known_sources or KnownSources([], site)
        self.positions = Positions(site)
        # Devices by number, as windows count them: what each shows, and who seems to stand in smoke, raised or not.
        self.raised: dict[int, Finding] = {}
        self.leaning: set[int] = set()
        self._baseline = Baseline()
        self._noise = SensorNoise(stated_steps(site))
        self._pace = Pace()
        self._particles = particles.Particles()
        self._smoothed = DeviceArray(np.float64, 0.0, (len(WATCHED),))
        self._sum = DeviceArray(np.float64, 0.0, (len(WATCHED),))
        self._quiet_since_s = DeviceArray(np.float64, np.nan)
        self._humidity = DeviceArray(np.float64, np.nan)

    def step(self, window: Window, wind_m_s: Floats = UNKNOWN_WIND) -> None:
        """Take the next window and the mean wind, if anybody measures it; `raised` is what devices show after it."""
        self._grow(window.devices)
        carried, unsure = self.positions.step(window)
        self._forget(carried)
        rises = self._rises(window, self._pace.usual_s)
        seconds = self._pace.step(np.asarray(rises.present.any(axis=1)), window.end_s)
        local = np.where(unsure[:, None], 0.0, rises.local)
        self._sum_up(local, rises, seconds, self._particles.are_alone(window.end_s))
        smoothed = self._smoothed.values
        strong, hot = self._sum.values > RAISE, _sees_fire(window.means)
        busy = strong.any(axis=1) | unsure
        self._baseline.learn(rises, seconds, busy)
        self._noise.learn(rises.readings, busy)
        looked_at = (strong & (smoothed > _WORTH_A_LOOK)).any(axis=1) | hot
        looked_at[list(self.raised)] = True
        self._follow_particles(smoothed, rises, seconds, window.end_s)
        self._follow_humidity(window.means[:, _HUMIDITY])
        self._judge(window, np.flatnonzero(looked_at), rises, strong, hot, wind_m_s)

    def learn(self, window: Window) -> None:
        """Take a window of the past, which raises nothing: only what is usual is learnt."""
        self._grow(window.devices)
        _, unsure = self.positions.step(window)
        seconds = np.full(len(unsure), window.seconds)
        rises = self._rises(window, seconds)
        self._follow_particles(rises.local, rises, seconds, window.end_s)
        self._baseline.learn(rises, seconds, np.asarray((rises.local > RAISE * rises.spread).any(axis=1)) | unsure)

    def _rises(self, window: Window, usual_s: Floats) -> Rises:
        return self._baseline.rises(window.means, window.end_s, self.positions.alike, usual_s, self._noise.sigma)

    def _sum_up(self, local: Floats, rises: Rises, seconds: Floats, alone: Flags) -> None:
        smoothed, sums = self._smoothed.values, self._sum.values
        smoothed += np.minimum(seconds / SMOOTHED_S, 1.0)[:, None] * np.where(rises.present, local - smoothed, 0.0)
        z = np.minimum(local / rises.spread, MOST_PER_WINDOW + SLACK) - SLACK
        highest = RAISE + SLACK * np.maximum(1.0, OVER_AFTER_S / seconds)
        sums[:] = np.where(rises.present, np.clip(sums + z, 0.0, highest[:, None]), sums)
        # A mean of minutes that is so high is no outlier, whatever came before it.
        at_once = alone & (seconds >= particles.MEAN_S) & (local[:, _PM25] >= particles.STRONG_UG_M3)
        sums[at_once, _PM25] = highest[at_once]

    def _follow_particles(self, seen: Floats, rises: Rises, seconds: Floats, end_s: float) -> None:
        heard = rises.present[:, _PM25]
        has_co = rises.present[:, _CO] & (self._noise.sigma[:, _CO] < CO_TELLS_BELOW_PPM)
        self._particles.step(seen[:, _PM25], heard, has_co, seconds, end_s)

    def _follow_humidity(self, humidity: Floats) -> None:
        np.copyto(self._humidity.values, humidity, where=np.isfinite(humidity))

    def _humidity_at(self, numbers: Numbers) -> Floats:
        """Return the last humidity of some devices [%]; that of the others where a device measures none, NaN where nobody does."""
        own, known = self._humidity[numbers], np.isfinite(self._humidity.values)
        of_others = np.median(self._humidity[known]) if known.any() else np.nan
        return np.where(np.isnan(own), of_others, own)

    def _grow(self, devices: list[str]) -> None:
        self._baseline.grow(len(devices))
        self._noise.grow(devices)
        self._pace.grow(len(devices))
        self._particles.grow(len(devices))
        for array in (self._smoothed, self._sum, self._quiet_since_s, self._humidity):
            array.grow(len(devices))

    def _forget(self, which: Flags) -> None:
        self._baseline.forget(which)
        self._particles.forget(which)
        self._sum[which] = self._smoothed[which] = 0.0
        for number in np.flatnonzero(which):
            self.raised.pop(int(number), None)

    def _judge(
        self, window: Window, numbers: Numbers, rises: Rises, strong: Flags, hot: Flags, wind_m_s: Floats
    ) -> None:
        self.leaning = set()
        if not len(numbers):
            return
        marked = self.known_sources.at(window.end_s, self.positions.xy_m[numbers])
        log_odds = np.column_stack([LOG_ODDS * marked, np.zeros(len(numbers))])
        seen, spread, present = self._smoothed[numbers], rises.spread[numbers], rises.present[numbers]
        shares = probabilities(log_likelihoods(seen, spread, present), self._humidity_at(numbers), log_odds)
        alone = self._particles.are_alone(window.end_s)
        for row, number in enumerate(numbers.tolist()):
            look = _Look(seen[row], spread[row], strong[number], shares[row], marked[row])
            if alone[number] and look.share("fire") >= particles.SURE:
                fire = self._particles.is_fire(number, window.end_s, self.positions.xy_m, wind_m_s)
                look = look._replace(course_of_fire=fire)
            found = _flame(look, float(window.means[number, _HOT])) if hot[number] else _found(look)
            self._hold(number, found, seen[row], window.end_s)
            if hot[number] or (look.share("fire") > LEANING and strong[number, _PM25]):
                self.leaning.add(number)

    def _hold(self, number: int, found: Finding | None, local: Floats, end_s: float) -> None:
        """Raise, keep, change or clear what one device shows."""
        before = self.raised.get(number)
        if found is not None:
            self._quiet_since_s[number] = np.nan
            # Smoke stays smoke while it thins out, and anything may become smoke.
            if before is None or found.kind in (before.kind, "smoke"):
                self.raised[number] = found
        elif before is not None:
            least = LEAST_RISE[before.kind]
            quiet = all(local[WATCHED.index(key)] < CLEAR_BELOW * least[key] for key in least)
            since_s = np.fmin(self._quiet_since_s[number], end_s) if quiet else np.nan
            self._quiet_since_s[number] = since_s
            if end_s - since_s >= CLEAR_AFTER_S:
                del self.raised[number]
                self._sum[number], self._quiet_since_s[number] = 0.0, np.nan


class _Look(NamedTuple):
    """One device that is worth a look: its smoothed rises, and what they mean."""

    local: Floats
    spread: Floats
    strong: Flags
    shares: Floats
    marked: Flags
    course_of_fire: bool = False  # what a device shows that only counts particles has the course of a fire

    def share(self, of_class: str) -> float:
        return float(self.shares[CLASSES.index(of_class)])

    def is_coarse(self) -> bool:
        return bool(self.local[_PM10] > MOST_PM10_PER_PM25 * self.local[_PM25])

    def rises(self) -> dict[str, float]:
        clear = self.local > NAMED_FROM * self.spread
        return {
            key: round(float(value), 4) for key, value, seen in zip(WATCHED, self.local, clear, strict=True) if seen
        }


def _found(look: _Look) -> Finding | None:
    """Return what rises enough and is surely of a class that raises an alert."""
    classes = {name: round(look.share(name), 3) for name in CLASSES}
    for of_class, kind in KIND_OF.items():
        sure = look.share(of_class) >= SURE[kind]
        if kind == "smoke":
            sure = (sure or look.course_of_fire) and not look.is_coarse()
        if not sure:
            continue
        factor = LEAST_RISE_FACTOR if look.marked[CLASSES.index(of_class)] else 1.0
        for key, least in LEAST_RISE[kind].items():
            column = WATCHED.index(key)
            if look.strong[column] and look.local[column] > factor * least:
                return Finding(kind, key, round(float(look.local[column]), 4), look.rises(), classes)
    return None


def _flame(look: _Look, hottest_c: float) -> Finding:
    hottest = round(hottest_c, 1)
    return Finding(
        "smoke",
        "thermal_max",
        hottest,
        look.rises() | {"thermal_max": hottest},
        dict.fromkeys(CLASSES, 0.0) | {"fire": 1.0},
    )


def _sees_fire(means: Floats) -> Flags:
    hot, air = means[:, _HOT], means[:, _AIR]
    # Where nothing is measured, NaN is above nothing; without the air's own the first limit counts.
    return np.asarray(hot > np.fmax(FLAME_C, air + FLAME_ABOVE_AIR_C))
