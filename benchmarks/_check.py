"""Print the ratios of `python -m benchmarks ratios` as a table, beside those that are committed: `python -m benchmarks._check MEASURED.json`.

With `--fail` it exits with 1 where a part has become more than a fifth slower against its baseline.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

COMMITTED: Final = Path(__file__).with_name("ratios.json")
# Runs on one machine differ by up to a tenth; a fifth is a change.
WORSE_FROM: Final = 1.2


def table(measured: dict[str, Any], committed: dict[str, float]) -> str:
    """Return the ratios as a table in Markdown, beside those that are committed."""
    machine = measured["machine"]
    rows = [
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, load {machine['load']}",
        "",
        "| part | CPU time of | against | ratio | committed |",
        "|---|---|---|---|---|",
    ]
    for name, row in measured.items():
        if name != "machine":
            was = committed.get(name)
            rows.append(f"| {name} | {row['of']} | {row['against']} | {row['ratio']} | {'–' if was is None else was} |")
    return "\n".join(rows)


def worse(measured: dict[str, Any], committed: dict[str, float]) -> list[str]:
    """Return a line for each part that is slower than committed, or that was not measured."""
    lines = []
    for name, was in committed.items():
        if name not in measured:
            lines.append(f"{name} was not measured")
        elif measured[name]["ratio"] > WORSE_FROM * was:
            lines.append(f"{name} takes {measured[name]['ratio']} times its baseline, committed are {was}")
    return lines


def main(path: str, *options: str) -> None:
    """Print the table, then what is worse."""
    measured = json.loads(Path(path).read_text())["ratios"]
    committed = json.loads(COMMITTED.read_text())
    print(table(measured, committed))
    if (lines := worse(measured, committed)) and "--fail" in options:
        sys.exit("\n".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
