"""Stuck: the same value to the last digit for so long that the instrument's own noise should have shown."""

from typing import Final

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.contract.quality import Flag
from jeonju.ingest.quality.batch_rows import US_PER_S, Bools, Integers
from jeonju.ingest.quality.flags import Finding, shown_s
from jeonju.ingest.quality.thresholds import (
    STUCK_AT_AN_END_S,
    STUCK_BAD_S,
    STUCK_ENDS,
    STUCK_GAP_S,
    STUCK_READINGS,
    STUCK_SUSPECT_S,
    STUCK_TIMES_LONGEST,
)
from jeonju.ingest.quality.value_history import Line, ValueHistory

_SUSPECT_US: Final = STUCK_SUSPECT_S * US_PER_S
_BAD_US: Final = STUCK_BAD_S * US_PER_S
_END_US: Final = STUCK_AT_AN_END_S * US_PER_S


def judge(key: str, line: Line, history: ValueHistory) -> Finding | None:
    """Flag what has stood still too long, and remember the runs of every device."""
    begins = (line.value != line.before) | (line.time_us - line.before_us > STUCK_GAP_S * US_PER_S)
    start_us, readings = _runs(line, history, begins)
    age_us = line.time_us - start_us
    _learn(line, history, begins, age_us)
    history.run_start_us[line.device[line.last]] = start_us[line.last]
    history.run_readings[line.device[line.last]] = readings[line.last]
    suspect_us = _patience_us(history.longest_us[line.device], _SUSPECT_US)
    ends = STUCK_ENDS[key]
    at_an_end = (line.value <= ends.low) | (line.value >= ends.high)
    stuck = (readings >= STUCK_READINGS) & (age_us >= np.where(at_an_end, _END_US, suspect_us))
    if not stuck.any():
        return None
    bad = stuck & ~at_an_end & (age_us >= _patience_us(history.longest_us[line.device], _BAD_US))
    # In steps, so that not every reading has a reason of its own.
    step_s = np.where(age_us >= 3600 * US_PER_S, 3600, 600)[stuck]
    age_s = age_us[stuck] // (step_s * US_PER_S) * step_s
    said, which = np.unique(2 * age_s + bad[stuck], return_inverse=True)
    return Finding(
        line.rows[stuck], key, [_flag(shown_s(number // 2), is_bad=number % 2 == 1) for number in said.tolist()], which
    )


def _runs(line: Line, history: ValueHistory, begins: Bools) -> tuple[Integers, Integers]:
    """Return for every value when its run began and how many readings it has."""
    at = np.arange(len(line.value))
    anchor = np.maximum.accumulate(np.where(begins | line.first, at, 0))
    start_us = np.where(begins, line.time_us, history.run_start_us[line.device])[anchor]
    readings = np.where(begins, 1, history.run_readings[line.device] + 1)[anchor] + at - anchor
    return start_us, readings


def _learn(line: Line, history: ValueHistory, begins: Bools, age_us: Integers) -> None:
    """A run that ended without a flag shows how long this instrument stands still by itself."""
    known = history.time_us[line.device] - history.run_start_us[line.device]
    ended_us = np.where(line.first, known, np.append(0, age_us[:-1]))[begins & np.isfinite(line.before)]
    device = line.device[begins & np.isfinite(line.before)]
    unflagged = ended_us < _patience_us(history.longest_us[device], _SUSPECT_US)
    np.maximum.at(history.longest_us.values, device[unflagged], ended_us[unflagged])


def _patience_us(longest_us: Integers, least_us: float) -> Floats:
    return np.asarray(np.clip(STUCK_TIMES_LONGEST * longest_us, least_us, _END_US))


def _flag(age_s: int, *, is_bad: bool) -> Flag:
    return Flag.of("bad" if is_bad else "suspect", "stuck", for_s=age_s)
