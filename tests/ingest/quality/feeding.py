"""Feed readings to the checks and gather what they say."""

from typing import Any

import numpy as np

from jeonju.contract.quality import Flag, worse
from jeonju.ingest.quality.batch_rows import US_PER_S, Rows
from jeonju.ingest.quality.checks import Checks
from jeonju.ingest.quality.flags import Finding
from jeonju.messages.quality import flag_in_words

START_S = 1_772_000_400  # a multiple of ten minutes

Said = dict[tuple[int, str], tuple[str, str]]


def flags_of(finding: Finding) -> list[tuple[int, Flag]]:
    """Return each row with its flag."""
    which = np.broadcast_to(finding.which, len(finding.rows)).tolist()
    return [(row, finding.flags[of]) for row, of in zip(finding.rows.tolist(), which, strict=True)]


def feed(
    checks: Checks,
    times_s: Any,
    device: str | list[str] = "a",
    *,
    received_s: Any = None,
    seq: Any = None,
    **values: Any,
) -> Said:
    """Return (row, key) → (severity, reasons in words) for one batch; times count from a fixed start, arrival is the device's time by default."""
    times = np.atleast_1d(np.asarray(times_s, dtype=np.float64))
    names = [device] * len(times) if isinstance(device, str) else device
    arrival = times if received_s is None else np.broadcast_to(np.asarray(received_s, dtype=np.float64), times.shape)
    rows = Rows(
        device=checks.numbers([("site", name) for name in names]),
        time_us=((START_S + times) * US_PER_S).astype(np.int64),
        received_us=((START_S + arrival) * US_PER_S).astype(np.int64),
        seq=np.arange(len(times)) if seq is None else np.broadcast_to(np.asarray(seq), times.shape),
        values={
            key: np.broadcast_to(np.asarray(value, dtype=np.float64), times.shape) for key, value in values.items()
        },
    )
    said: dict[tuple[int, str], Flag] = {}
    for finding in checks.judge(rows):
        for row, flag in flags_of(finding):
            before = said.get((row, finding.key))
            said[row, finding.key] = worse(before, flag) if before else flag
    return {(row, key): (flag.severity, flag_in_words(key, flag)[1]) for (row, key), flag in said.items()}
