"""How long each cause has shown at each device: begun, last seen, how often. Arrays over devices, so ten thousand cost no more than their rows."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.detection.health.causes import CAUSES
from jeonju.detection.windows import Floats

Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

_HOLD_S: Final = np.array([cause.hold_s for cause in CAUSES])
_CLEAR_S: Final = np.array([cause.clear_s for cause in CAUSES])
_LEAST: Final = np.array([cause.least for cause in CAUSES])
_SHAPE: Final = (0, len(CAUSES))


@dataclass(slots=True)
class Course:
    """The causes in the order of CAUSES, per number of the device."""

    active: Bools = field(default_factory=lambda: np.zeros(_SHAPE, dtype=bool))
    _since_s: Floats = field(default_factory=lambda: np.zeros(_SHAPE))
    _last_s: Floats = field(default_factory=lambda: np.zeros(_SHAPE))
    _heard_s: Floats = field(default_factory=lambda: np.zeros(_SHAPE))
    _count: Integers = field(default_factory=lambda: np.zeros(_SHAPE, dtype=np.int64))

    def grow(self, length: int) -> None:
        """Make room for this many devices."""
        more = length - len(self.active)
        if more <= 0:
            return
        for name, fill in (
            ("active", False),
            ("_since_s", np.nan),
            ("_last_s", -np.inf),
            ("_heard_s", -np.inf),
            ("_count", 0),
        ):
            array = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.full((more, len(CAUSES)), fill, dtype=array.dtype)]))

    def resume(self, device: int, cause: int, since_s: float, last_s: float) -> None:
        """Go on with what had been raised before a restart."""
        self.active[device, cause], self._count[device, cause] = True, CAUSES[cause].least
        self._since_s[device, cause], self._last_s[device, cause], self._heard_s[device, cause] = (
            since_s,
            last_s,
            last_s,
        )

    def take(self, cause: int, device: Integers, time_s: Floats, shows: Bools) -> None:
        """Take readings that tell of a cause, and whether it shows in them. What comes more than `clear_s` late tells nothing of now."""
        now = time_s >= self._heard_s[device, cause] - CAUSES[cause].clear_s
        shown, at_s = device[now & shows], time_s[now & shows]
        if len(shown):
            first = np.full(len(self.active), np.inf)
            np.minimum.at(first, shown, at_s)
            anew = (first < np.inf) & ~(first <= self._last_s[:, cause] + CAUSES[cause].clear_s)
            self._since_s[anew, cause], self._count[anew, cause] = first[anew], 0
            np.maximum.at(self._last_s[:, cause], shown, at_s)
            self._count[:, cause] += np.bincount(shown, minlength=len(self.active))
        np.maximum.at(self._heard_s[:, cause], device[now], time_s[now])

    def judge(self) -> None:
        """Raise what has shown for long enough, and end what has not shown for long enough."""
        with np.errstate(invalid="ignore"):
            held = (self._last_s - self._since_s >= _HOLD_S) & (self._count >= _LEAST)
            over = self._heard_s - self._last_s >= _CLEAR_S
        self.active = (self.active | held) & ~over
