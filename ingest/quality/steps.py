"""Rate of change: a value that moves further than air and instrument can is suspect, and so is what follows until it is back."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.arrays import Floats
from jeonju.contract.quality import Flag
from jeonju.ingest.quality.batch_rows import US_PER_S, Integers
from jeonju.ingest.quality.flags import Finding, shown_s
from jeonju.ingest.quality.thresholds import STEP_GAP_S, STEP_HOLD_S, STEPS, Steps
from jeonju.ingest.quality.value_history import Line


class _Held(NamedTuple):
    """The last value before a step, and how far from it a value may be."""

    value: float
    time_us: int
    allowed: float
    flag: Flag


@dataclass(slots=True)
class StepRule:
    """Remembers for one quantity the devices that have just stepped."""

    key: str
    _held: dict[int, _Held] = field(default_factory=dict)

    def judge(self, line: Line) -> Finding | None:
        """Flag what steps; almost always nothing does, so only devices that do are walked through one by one."""
        gap_us = line.time_us - line.before_us
        allowed = _allowed(STEPS[self.key], line, gap_us)
        steps = (np.abs(line.value - line.before) > allowed) & (gap_us > 0) & (gap_us <= STEP_GAP_S * US_PER_S)
        if not self._held and not steps.any():
            return None
        concerned = np.isin(line.device, np.union1d(line.device[steps], np.array(list(self._held), dtype=np.int64)))
        rows: list[int] = []
        flags: list[Flag] = []
        for at in np.flatnonzero(concerned).tolist():
            flag = self._walk(line, at, float(allowed[at]), steps=bool(steps[at]))
            if flag is not None:
                rows.append(int(line.rows[at]))
                flags.append(flag)
        return Finding(np.array(rows, dtype=np.int64), self.key, flags, np.arange(len(rows))) if rows else None

    def forget(self, device: int) -> None:
        """Begin anew with this device."""
        self._held.pop(device, None)

    def _walk(self, line: Line, at: int, allowed: float, *, steps: bool) -> Flag | None:
        device, value, time_us = int(line.device[at]), float(line.value[at]), int(line.time_us[at])
        held = self._held.get(device)
        if held is not None:
            is_back = abs(value - held.value) <= held.allowed
            if is_back or time_us - held.time_us > STEP_HOLD_S * US_PER_S:
                del self._held[device]
                return None
            return held.flag
        if not steps:
            return None
        before, before_us = float(line.before[at]), int(line.before_us[at])
        flag = self._flag(before, value, (time_us - before_us) / US_PER_S)
        self._held[device] = _Held(before, before_us, allowed, flag)
        return flag

    def _flag(self, before: float, value: float, gap_s: float) -> Flag:
        decimals = QUANTITY[self.key].decimals
        before, after = round(before, decimals), round(value, decimals)
        return Flag.of("suspect", "step", before=before, after=after, within_s=shown_s(gap_s))


def _allowed(limit: Steps, line: Line, gap_us: Integers) -> Floats:
    # The noise of the smaller of both: that of a false peak must not excuse the peak.
    smaller = np.minimum(np.abs(line.value), np.abs(line.before))
    share = np.minimum(gap_us / (limit.response_s * US_PER_S), 1.0)
    return np.asarray(limit.noise + limit.noise_share * smaller + limit.rise * share)
