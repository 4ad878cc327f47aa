"""Run the benchmarks named on the command line, or all of them, and print one JSON object.

`--nature particles` runs those that play fires on particles instead of puffs; `both` runs them in both, with the particles under `NAME_particles`.
"""

import argparse
import importlib
import inspect
import json
import sys
from pathlib import Path
from typing import Any

from jeonju.simulator.nature.names import NATURES


def main() -> None:
    """Print the results; what is running is said on standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--nature", choices=(*NATURES, "both"), default="puffs", help="what carries the smoke")
    wanted = parser.parse_args()
    known = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    names = wanted.names or known
    if unknown := set(names) - set(known):
        sys.exit(f"no benchmark is named {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    results: dict[str, Any] = {}
    for name in names:
        module = importlib.import_module(f"benchmarks.{name}")
        if "nature" not in inspect.signature(module.run).parameters:
            print(f"running {name} …", file=sys.stderr)
            results[name] = module.run()
            continue
        for nature in NATURES if wanted.nature == "both" else (wanted.nature,):
            print(f"running {name} on {nature} …", file=sys.stderr)
            results[name if nature == "puffs" else f"{name}_{nature}"] = module.run(nature=nature)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
