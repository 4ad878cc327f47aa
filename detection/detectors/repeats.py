"""Devices that send too much twice."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from jeonju.detection.condition import Condition
from jeonju.detection.detectors.detector import Observations, Pace, Past
from jeonju.detection.health.causes import REPEATS_SHARE
from jeonju.detection.health.repeats import Repeats
from jeonju.detection.windows import Window

REPEATS: Final = "repeats"


@dataclass
class RepeatsDetector:
    """Judged by the ledger, not by windows: what is repeated is stored once, so no reading shows it."""

    kinds: frozenset[str] = frozenset([REPEATS])
    pace: Pace = Pace.CLOCK
    _repeats: Repeats = field(default_factory=Repeats)
    _is_new: bool = False

    def restore(self, past: Past) -> None:
        """Go on with the alerts that fire."""
        self._repeats.shares = {
            alert.device: alert.value or 0.0 for alert in past.alerts if alert.kind == REPEATS and alert.device
        }

    def observe(self, seen: Observations) -> None:
        """Compare the ledger with what it was."""
        if seen.ledger is not None and seen.at is not None:
            self._repeats.update(seen.ledger, seen.at)
            self._is_new = True

    def step(self, window: Window) -> None:
        """Windows hold every reading once."""

    def conditions(self, now: datetime) -> Sequence[Condition] | None:
        """Return every device that repeats too much, None when the ledger was not seen since."""
        if not self._is_new:
            return None
        self._is_new = False
        return [
            Condition(kind=REPEATS, place=device, severity="info", value=round(share, 3), limit=REPEATS_SHARE)
            for device, share in self._repeats.shares.items()
        ]
