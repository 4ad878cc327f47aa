"""Run the experiments named on the command line, or all of them, and print the ledger."""

import argparse
import dataclasses
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from chaos.cluster import run_cluster
from chaos.experiments import EXPERIMENTS
from chaos.testbed import Options, Testbed
from chaos.verify import Finding, verify
from chaos.waiting import Skipped

CLUSTER: Final = "cluster"
# What each experiment breaks.
BROKEN: Final = {name: experiment.broken for name, experiment in EXPERIMENTS.items()} | {
    CLUSTER: "a node, ingest and detection killed, {rounds} rounds"
}


def run(name: str, options: Options, folder: Path) -> Finding:
    """Run one experiment in a folder of its own and return what came of it."""
    broken = BROKEN[name].format(minutes=options.minutes, rounds=options.rounds)
    try:
        if name == CLUSTER:
            return run_cluster(folder, options)
        experiment = EXPERIMENTS[name]
        with Testbed(folder, experiment.parts, options) as testbed:
            experiment.act(testbed)
            testbed.settle()
            return verify(name, broken, testbed, ends_allowed=experiment.ends_allowed)
    except Skipped as reason:
        return Finding(experiment=name, broken=broken, verdict=f"skipped: {reason}")
    except TimeoutError as reason:
        return Finding(experiment=name, broken=broken, verdict=f"FAILED: {reason}", passed=False)


def ledger(findings: list[Finding]) -> Table:
    """Return the findings as a table."""
    table = Table(title="What was broken, and what came through")
    for heading in ("experiment", "broken"):
        table.add_column(heading)
    for heading in ("sent", "safe", "found", "missing", "twice", "times", "back s", "all s", "MB"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for finding in findings:
        numbers = (finding.sent, finding.acknowledged, finding.found, finding.missing, finding.duplicates)
        table.add_row(
            finding.experiment,
            finding.broken,
            *map(str, numbers),
            "right" if finding.times_right else "wrong",
            _seconds(finding.recovered_s),
            _seconds(finding.caught_up_s),
            f"{finding.peak_mb:.0f}",
            finding.verdict,
            style=None if finding.passed else "red",
        )
    return table


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def main() -> None:
    """Exit with 1 when anything was lost that may not be."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="experiment", help=f"one or more of: {', '.join(BROKEN)}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long the store stays away")
    parser.add_argument("--rounds", type=int, default=5, help="how often `up` is killed, at least once")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    asked = parser.parse_args()
    if unknown := set(asked.names) - BROKEN.keys():
        parser.error(f"no experiment is named {', '.join(sorted(unknown))}; there are: {', '.join(BROKEN)}")
    if asked.rounds < 1 or not 0 < asked.minutes < math.inf:
        parser.error("--rounds must be 1 or more, and --minutes a number above 0")
    options = Options(seed=asked.seed, minutes=asked.minutes, rounds=asked.rounds)
    findings = []
    console = Console(stderr=True)
    for name in asked.names or BROKEN:
        with (
            console.status(f"{name}: {BROKEN[name].format(minutes=asked.minutes, rounds=asked.rounds)}"),
            tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder,
        ):
            findings.append(run(name, options, Path(folder)))
        console.print(f"{name}: {findings[-1].verdict}")
    if asked.json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else 190).print(ledger(findings))
    sys.exit(not all(finding.passed for finding in findings))


if __name__ == "__main__":
    main()
