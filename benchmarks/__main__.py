"""Run the benchmarks named on the command line, or all of them, and print one JSON object."""

import importlib
import json
import sys
from pathlib import Path


def main() -> None:
    """Print the results; what is running is said on standard error."""
    known = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    names = sys.argv[1:] or known
    if unknown := set(names) - set(known):
        sys.exit(f"no benchmark is named {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    results = {}
    for name in names:
        print(f"running {name} …", file=sys.stderr)
        results[name] = importlib.import_module(f"benchmarks.{name}").run()
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
