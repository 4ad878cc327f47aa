"""What processes and folders take, sampled from /proc, and how it goes on in the second half of a measurement."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil

from jeonju.common.arrays import Floats

# Medians of so long are compared: what is collected or forgotten at once makes teeth, through which a line rises by itself.
BIN_S: Final = 120.0
# Of what there is, in an hour, and in units: less is called flat.
FLAT_SHARE: Final = 0.01
FLAT_UNITS: Final = {"rss_mb": 1.0, "pss_mb": 1.0, "anonymous_mb": 1.0, "descriptors": 1.0, "threads": 0.5}
FLAT_UNITS_ELSE: Final = 1.0


def of_process(pid: int) -> dict[str, float]:
    """Return memory [MB], descriptors, threads and CPU time [s] of a process; empty where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
        kb = {line.split(":")[0]: int(line.split()[1]) for line in lines}
        process = psutil.Process(pid)
        return {
            "rss_mb": round(kb["Rss"] / 1024, 2),
            "pss_mb": round(kb["Pss"] / 1024, 2),
            "anonymous_mb": round(kb["Anonymous"] / 1024, 2),
            "descriptors": sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
            "threads": process.num_threads(),
            "cpu_s": round(sum(process.cpu_times()[:2]), 1),
        }
    except (OSError, psutil.Error):
        return {}


def of_folder(folder: Path) -> float:
    """Return what a folder takes of the disk [MB]; files may go away meanwhile."""
    taken = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                taken += (Path(place) / name).lstat().st_blocks * 512
    return round(taken / 1e6, 2)


def course(times_s: Sequence[float], values: Sequence[float], unit: str) -> dict[str, Any]:
    """Return the median of the second half and its slope an hour (Theil-Sen over medians of two minutes) with an interval of 95 %."""
    middle_s = (times_s[0] + times_s[-1]) / 2
    bins: dict[int, list[float]] = {}
    for time_s, value in zip(times_s, values, strict=True):
        if time_s >= middle_s:
            bins.setdefault(int(time_s // BIN_S), []).append(value)
    medians = [float(np.median(one)) for one in bins.values()]
    level = float(np.median(medians))
    result: dict[str, Any] = {"first": values[0], "median": round(level, 2), "most": max(values)}
    if len(medians) < 4:
        return result
    slope, low, high = _theil_sen(np.array(list(bins)) * BIN_S / 3600, np.array(medians))
    flat_within = max(FLAT_SHARE * level, FLAT_UNITS.get(unit, FLAT_UNITS_ELSE))
    is_flat = abs(slope) <= flat_within or low <= 0 <= high
    return result | {"per_hour": round(slope, 2), "interval": [round(low, 2), round(high, 2)], "flat": bool(is_flat)}


def _theil_sen(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Return the median of the slopes between all pairs, and the 95 % interval of Sen (1968): pairs as far from it as Kendall's tau varies."""
    first, second = np.triu_indices(len(x), 1)
    slopes = np.sort((y[second] - y[first]) / (x[second] - x[first]))
    n, pairs = len(x), len(slopes)
    reach = 1.96 * np.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low = slopes[max(int((pairs - reach) / 2), 0)]
    high = slopes[min(int(np.ceil((pairs + reach) / 2)), pairs - 1)]
    return float(np.median(slopes)), float(low), float(high)


def table(courses: Mapping[str, Mapping[str, Any]]) -> str:
    """Return one line for each course, as Markdown."""
    lines = ["| | first | median of 2nd half | per hour | 95 % | |", "|---|---:|---:|---:|---|---|"]
    for name, one in courses.items():
        slope = one.get("per_hour", "")
        interval = " to ".join(map(str, one.get("interval", ())))
        verdict = "" if "flat" not in one else "flat" if one["flat"] else "**grows**" if slope > 0 else "falls"
        lines.append(f"| {name} | {one['first']} | {one['median']} | {slope} | {interval} | {verdict} |")
    return "\n".join(lines)
