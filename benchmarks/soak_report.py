"""What the samples of a soak say (`SOAK_FILE=soak-load.jsonl python -m benchmarks soak_report`): what is flat in the second half, and what grows."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks import _watched


def run() -> dict[str, Any]:
    """Report on the files of the last soak, or the one named."""
    named = os.environ.get("SOAK_FILE")
    files = [Path(named)] if named else sorted(Path().glob("soak-*.jsonl"))
    return {file.stem: report(file) for file in files}


def report(file: Path) -> dict[str, Any]:
    """Return rates and the course of each process and folder; the table is printed on standard error."""
    samples = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    series: dict[str, tuple[list[float], list[float]]] = {}
    for sample in samples:
        for name, unit, value in _values(sample):
            times_s, values = series.setdefault(f"{name} {unit}", ([], []))
            times_s.append(sample["s"])
            values.append(value)
    cpu = {name: values for name, (_, values) in series.items() if name.endswith(" cpu_s")}
    courses = {
        name: _watched.course(times_s, values, name.split()[1])
        for name, (times_s, values) in series.items()
        if name not in cpu
    }
    print(_watched.table(courses), file=sys.stderr)
    # A service that was too busy to answer in time has no counts in that sample.
    counted = [sample for sample in samples if "stored" in sample["counts"]]
    seconds = counted[-1]["s"] - counted[0]["s"]
    first, last = counted[0]["counts"], counted[-1]["counts"]
    return {
        "minutes": round(seconds / 60, 1),
        "counts": last,
        "stored_per_s": round((last["stored"] - first["stored"]) / seconds),
        "percent_of_a_core": {
            name.split()[0]: round(100 * (values[-1] - values[0]) / seconds, 1) for name, values in cpu.items()
        },
        "courses": courses,
    }


def _values(sample: dict[str, Any]) -> list[tuple[str, str, float]]:
    processes = [(name, unit, value) for name, of in sample["processes"].items() for unit, value in of.items()]
    disk = [(name, "disk_mb", value) for name, value in sample["disk_mb"].items()]
    counts = [("all", unit, value) for unit, value in sample["counts"].items() if unit in ("waiting", "backlog")]
    if (store_mb := sample["counts"].get("store_mb")) is not None and (up := sample["processes"].get("up")):
        counts += [("store", "memory_mb", store_mb), ("up", "without_store_mb", up["anonymous_mb"] - store_mb)]
    return [*processes, *disk, *counts]
