"""Feed readings to the checks and gather what they say."""

from typing import Any

import numpy as np

from ingest.quality.batch_rows import US_PER_S, Rows
from ingest.quality.checks import Checks
from ingest.quality.flags import Flag, worse

START_S = 1_772_000_400  # a multiple of ten minutes

Said = dict[tuple[int, str], Flag]


def feed(
    checks: Checks,
    times_s: Any,
    device: str | list[str] = "a",
    *,
    received_s: Any = None,
    seq: Any = None,
    **values: Any,
) -> Said:
    """Return (row, key) → flag for one batch; times count from a fixed start, arrival is the device's time by default."""
    times = np.atleast_1d(np.asarray(times_s, dtype=np.float64))
    names = [device] * len(times) if isinstance(device, str) else device
    arrival = times if received_s is None else np.broadcast_to(np.asarray(received_s, dtype=np.float64), times.shape)
    rows = Rows(
        device=checks.numbers(["site"] * len(times), names),
        time_us=((START_S + times) * US_PER_S).astype(np.int64),
        received_us=((START_S + arrival) * US_PER_S).astype(np.int64),
        seq=np.arange(len(times)) if seq is None else np.broadcast_to(np.asarray(seq), times.shape),
        values={
            key: np.broadcast_to(np.asarray(value, dtype=np.float64), times.shape) for key, value in values.items()
        },
    )
    said: Said = {}
    for finding in checks.judge(rows):
        for row, flag in zip(finding.rows.tolist(), finding.flags, strict=True):
            before = said.get((row, finding.key))
            said[row, finding.key] = worse(before, flag) if before else flag
    return said
