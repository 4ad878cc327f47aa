"""Make the attempts named on the command line, or all of them, at both brokers and at the api, and print what was seen."""

import argparse
import dataclasses
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import urllib3
from rich.console import Console
from rich.table import Table

from attack import at_api, at_broker
from attack.attempts import Attempt, Seen
from attack.target import Size, Target
from attack.wire import ClosedError
from jeonju.broker.embedded import find_program
from jeonju.common.errors import UserError

BROKERS = ("nats", "mosquitto")
KNOWN = (*at_broker.ATTEMPTS, *at_api.ATTEMPTS, *at_api.KEYLESS, "nothing-lost")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One attempt: what was seen, whether the platform held (None: not made), and the processes before and after."""

    attempt: str
    tries: str
    broker: str
    seen: str
    held: bool | None
    up: tuple[Size, Size] | None = None
    of_broker: tuple[Size, Size] | None = None


def make(name: str, attempt: Attempt, target: Target, where: str) -> Finding:
    """Make one attempt."""
    before = target.sizes()
    try:
        seen = attempt.act(target)
    except (ClosedError, OSError, TimeoutError, ValueError, urllib3.exceptions.HTTPError) as error:
        seen = Seen(f"{type(error).__name__}: {error}", held=False)
    after = target.sizes()
    return Finding(
        attempt=name,
        tries=attempt.tries,
        broker=where,
        seen=seen.text,
        held=seen.held,
        up=(before[0], after[0]),
        of_broker=(before[1], after[1]),
    )


def at_one(broker: str, names: set[str], folder: Path) -> Iterator[Finding]:
    """Make the attempts at one broker; the api is attacked with the first."""
    attempts: dict[str, Attempt] = dict(at_broker.ATTEMPTS) | (at_api.ATTEMPTS if broker == BROKERS[0] else {})
    chosen = {name: attempt for name, attempt in attempts.items() if name in names}
    if chosen or "nothing-lost" in names:
        target = Target(folder / broker, broker)
        try:
            target.start(is_first=True)
            for name, attempt in chosen.items():
                yield make(name, attempt, target, "api" if name in at_api.ATTEMPTS else broker)
        finally:
            target.stop()
        missing = target.missing()
        yield Finding(
            attempt="nothing-lost",
            tries="all that the victim was acknowledged is in the store",
            broker=broker,
            seen=f"{len(target.acknowledged)} acknowledged, {missing} missing",
            held=not missing,
        )
    if broker == BROKERS[0] and (keyless := {name: each for name, each in at_api.KEYLESS.items() if name in names}):
        yield from _without_keys(keyless, folder)


def _without_keys(attempts: Mapping[str, Attempt], folder: Path) -> Iterator[Finding]:
    with Target(folder / "keyless", BROKERS[0], guarded=False) as target:
        for name, attempt in attempts.items():
            yield make(name, attempt, target, "api")


def table(findings: list[Finding]) -> Table:
    """Return the findings as a table."""
    made = Table(title="What was tried, and what was seen")
    for heading in ("attempt", "at", "seen", "held"):
        made.add_column(heading, overflow="fold")
    for heading in ("up MB", "up fds", "broker MB", "broker fds"):
        made.add_column(heading, justify="right")
    for finding in findings:
        word = {True: "held", False: "NOT HELD", None: "not made"}[finding.held]
        style = "red" if finding.held is False else None
        sizes = (*_change(finding.up), *_change(finding.of_broker))
        made.add_row(f"{finding.attempt}: {finding.tries}", finding.broker, finding.seen, word, *sizes, style=style)
    return made


def _change(sizes: tuple[Size, Size] | None) -> tuple[str, str]:
    if sizes is None:
        return "", ""
    before, after = sizes
    return f"{before.mb:.0f} → {after.mb:.0f}", f"{before.descriptors} → {after.descriptors}"


def main() -> None:
    """Exit with 1 when something did not hold."""
    parser = argparse.ArgumentParser(prog="attack", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="attempt", help=f"one or more of: {', '.join(KNOWN)}")
    parser.add_argument("--broker", choices=BROKERS, help="at this broker only")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(KNOWN):
        parser.error(f"no attempt is named {', '.join(sorted(unknown))}; there are: {', '.join(KNOWN)}")
    findings: list[Finding] = []
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="attack-", ignore_cleanup_errors=True) as folder:
        for broker in [asked.broker] if asked.broker else BROKERS:
            try:
                find_program("mosquitto" if broker == "mosquitto" else "embedded")
            except UserError as why:
                console.print(f"{broker} is skipped: {why}")
                continue
            for finding in at_one(broker, set(asked.names or KNOWN), Path(folder)):
                findings.append(finding)
                console.print(f"{finding.attempt} at {finding.broker}: {finding.seen}")
    if asked.json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        Console(width=None if sys.stdout.isatty() else 190).print(table(findings))
    sys.exit(any(finding.held is False for finding in findings))


if __name__ == "__main__":
    main()
