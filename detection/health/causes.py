"""What can be wrong with a device: one row for each cause, with the numbers by which it is raised and ended. All of them are our choice."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """A fault is raised once it has shown in at least `least` readings over `hold_s`; it ends when none has shown for `clear_s`.

    Both are counted in the device's own readings: a device that says nothing keeps what it has, and is reported as silent.
    """

    kind: str
    hold_s: float
    clear_s: float
    least: int


# Flags are ingest's (ingest/README.md says when they are set). It forgets at a restart and needs up to 50 minutes to see a stuck or drifting
# instrument again: until then the alert goes on.
STUCK: Final = Cause(kind="stuck", hold_s=0, clear_s=3600, least=3)
DRIFTING: Final = Cause(kind="drifting", hold_s=0, clear_s=3600, least=3)
# A single wild value is a glitch.
OUT_OF_RANGE: Final = Cause(kind="out-of-range", hold_s=300, clear_s=1800, least=3)
CLOCK_SKEW: Final = Cause(kind="clock-skew", hold_s=60, clear_s=1200, least=3)
BATTERY_LOW: Final = Cause(kind="battery-low", hold_s=60, clear_s=60, least=3)
CAUSES: Final = (STUCK, DRIFTING, OUT_OF_RANGE, CLOCK_SKEW, BATTERY_LOW)

# Robots go to their dock below 20 to 25 %; what is below 15 % did not get there. Over when charged to 25 %; below 5 % it stops within minutes.
BATTERY_LOW_PERCENT: Final = 15.0
BATTERY_WELL_PERCENT: Final = 25.0
BATTERY_EMPTY_PERCENT: Final = 5.0

# Repeats, by the ledger: in two windows of 10 minutes one after the other a fifth of the messages had come before (a single window is what is
# sent again after a broken link). Over when less than a twentieth does. With fewer messages than this nothing changes.
REPEATS_WINDOW_S: Final = 600.0
REPEATS_SHARE: Final = 0.20
REPEATS_WELL_SHARE: Final = 0.05
REPEATS_WINDOWS: Final = 2
REPEATS_LEAST: Final = 10
