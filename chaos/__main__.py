"""Hold the ordeals named on the command line, or all of them, and print the ledger."""

import argparse
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from chaos.judge import Finding, judge
from chaos.ordeals import ORDEALS
from chaos.rig import Options, Rig
from chaos.waiting import Skipped


def hold(name: str, options: Options, folder: Path) -> Finding:
    """Hold one ordeal in a folder of its own and return what came of it."""
    ordeal = ORDEALS[name]
    broken = ordeal.broken.format(minutes=options.minutes)
    try:
        with Rig(folder, ordeal.parts, options) as rig:
            ordeal.act(rig)
            rig.settle()
            return judge(name, broken, rig, ends_allowed=ordeal.ends_allowed)
    except Skipped as reason:
        return Finding(ordeal=name, broken=broken, verdict=f"skipped: {reason}")
    except TimeoutError as reason:
        return Finding(ordeal=name, broken=broken, verdict=f"FAILED: {reason}", passed=False)


def ledger(findings: list[Finding]) -> Table:
    """Return the findings as a table."""
    table = Table(title="What was broken, and what came through")
    for heading in ("ordeal", "broken"):
        table.add_column(heading)
    for heading in ("sent", "safe", "found", "missing", "twice", "times", "back s", "all s", "MB"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for one in findings:
        numbers = (one.sent, one.acknowledged, one.found, one.missing, one.duplicates)
        table.add_row(
            one.ordeal,
            one.broken,
            *map(str, numbers),
            "right" if one.times_right else "wrong",
            _seconds(one.recovered_s),
            _seconds(one.caught_up_s),
            f"{one.peak_mb:.0f}",
            one.verdict,
            style=None if one.passed else "red",
        )
    return table


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def main() -> None:
    """Exit with 1 when anything was lost that may not be."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="ordeal", help=f"one or more of: {', '.join(ORDEALS)}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long the store stays away")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    asked = parser.parse_args()
    if unknown := set(asked.names) - ORDEALS.keys():
        parser.error(f"no ordeal is named {', '.join(sorted(unknown))}; there are: {', '.join(ORDEALS)}")
    options = Options(seed=asked.seed, minutes=asked.minutes)
    findings = []
    console = Console(stderr=True)
    for name in asked.names or ORDEALS:
        with (
            console.status(f"{name}: {ORDEALS[name].broken.format(minutes=asked.minutes)}"),
            tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder,
        ):
            findings.append(hold(name, options, Path(folder)))
        console.print(f"{name}: {findings[-1].verdict}")
    if asked.json:
        print(json.dumps([dataclasses.asdict(one) for one in findings], indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else 190).print(ledger(findings))
    sys.exit(not all(one.passed for one in findings))


if __name__ == "__main__":
    main()
