"""`make fuzz`: run for a bounded time, keep what reaches new code, and print executions, corpus, coverage and crashes."""

import argparse
import random
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from tests.decoders.fuzz import cases
from tests.decoders.fuzz.cases import FORMATS, Case
from tests.decoders.fuzz.generators import GENERATORS
from tests.decoders.fuzz.mutators import mutated

FOLDERS: Final = ("/decoders/", "/ingest/routing.py", "/ingest/identity.py")
# Of so many that reach nothing new it is tried as well what the rest of ingest makes of them; of the others always.
COMMITTED: Final = 0.05
CRASHES: Final = Path("build/fuzz")
# What is kept of one format in the project, and how long a case may be there.
MOST_KEPT: Final = 40
LONGEST_KEPT: Final = 1500
Arc = tuple[CodeType, int, int]


class Tracer:
    """Collects which line follows which in the code that reads messages."""

    def __init__(self) -> None:
        self.arcs: set[Arc] = set()
        self._is_ours: dict[CodeType, bool] = {}

    def run(self, case: Case) -> set[Arc]:
        """Decode a case and return its arcs; what it raises passes."""
        self.arcs = set()
        sys.settrace(self._enter)
        try:
            cases.decode(case)
        finally:
            sys.settrace(None)
        return self.arcs

    def _enter(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        code = frame.f_code
        if (is_ours := self._is_ours.get(code)) is None:
            file = code.co_filename
            is_ours = self._is_ours[code] = any(folder in file for folder in FOLDERS) and "/tests/" not in file
        if not is_ours:
            return None
        arcs, last = self.arcs, 0

        def step(inner: FrameType, event: str, _value: Any) -> Any:
            nonlocal last
            if event == "line":
                arcs.add((code, last, inner.f_lineno))
                last = inner.f_lineno
            return step

        return step


class Fuzzer:
    """All formats in turn, so that each has the same number of executions."""

    def __init__(self, seed: int) -> None:
        self.executions: Counter[str] = Counter()
        self.crashes: dict[str, str] = {}
        self.pools: dict[str, list[Case]] = {wire_format: [] for wire_format in FORMATS}
        self._dice = random.Random(seed)
        self._tracer = Tracer()
        self._seen: set[Arc] = set()
        self.new: list[Case] = []
        for case in [*cases.examples(), *cases.kept()]:
            self._try(case)
            if case not in self.pools[case.wire_format]:
                self.pools[case.wire_format].append(case)
        self.first_arcs, self.new = len(self._seen), []

    @property
    def arcs(self) -> int:
        """How many pairs of lines were reached."""
        return len(self._seen)

    def round(self) -> None:
        """Try one case of each format."""
        for wire_format, pool in self.pools.items():
            generate = GENERATORS.get(wire_format)
            case = (
                generate(self._dice)
                if generate is not None and (not pool or self._dice.random() < 0.3)
                else self._dice.choice(pool)
            )
            if generate is None or self._dice.random() < 0.8:
                case = mutated(case, pool or [case], self._dice)
            self._try(case)

    def _try(self, case: Case) -> None:
        self.executions[case.wire_format] += 1
        try:
            arcs = self._tracer.run(case)
            if not arcs <= self._seen or self._dice.random() < COMMITTED:
                cases.run(case)
        except Exception as error:  # noqa: BLE001  (it is what is looked for)
            where = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}"
            if kind not in self.crashes:
                self.crashes[kind] = case.name
                CRASHES.mkdir(parents=True, exist_ok=True)
                (CRASHES / f"{case.name}.json").write_bytes(case.to_json())
            return
        if not arcs <= self._seen:
            self._seen |= arcs
            self.pools[case.wire_format].append(case)
            self.new.append(case)

    def keep(self) -> int:
        """Add what is new and short to the corpus of the project; return how many."""
        counts = Counter(case.wire_format for case in cases.kept())
        added = 0
        for case in sorted(self.new, key=lambda case: len(case.to_json())):
            content = case.to_json()
            if counts[case.wire_format] < MOST_KEPT and len(content) <= LONGEST_KEPT:
                (cases.CORPUS / f"{case.name}.json").write_bytes(content)
                counts[case.wire_format] += 1
                added += 1
        return added


def main() -> int:
    """Run, print and return 1 where something crashed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None, help="another one each time where it is not given")
    parser.add_argument("--keep", action="store_true", help="add what reaches new code to the corpus of the project")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    fuzzer = Fuzzer(seed)
    print(
        f"seed {seed}: {sum(fuzzer.executions.values())} cases to begin with reach {fuzzer.first_arcs} pairs of lines",
        flush=True,
    )
    end_s, said_s = time.monotonic() + options.minutes * 60, time.monotonic()
    while time.monotonic() < end_s:
        fuzzer.round()
        if time.monotonic() - said_s > 60:
            said_s = time.monotonic()
            print(_summary(fuzzer), flush=True)
    print(_summary(fuzzer))
    for wire_format, count in fuzzer.executions.items():
        print(f"  {wire_format:16} {count:8} executions, {len(fuzzer.pools[wire_format])} cases")
    if options.keep:
        print(f"{fuzzer.keep()} cases are new in {cases.CORPUS}")
    for kind, name in fuzzer.crashes.items():
        print(f"CRASH {kind}: {CRASHES / name}.json")
    return 1 if fuzzer.crashes else 0


def _summary(fuzzer: Fuzzer) -> str:
    total = sum(fuzzer.executions.values())
    grown = f"{fuzzer.arcs} pairs of lines (+{fuzzer.arcs - fuzzer.first_arcs}), {len(fuzzer.new)} new cases"
    return f"{total} executions, {grown}, {len(fuzzer.crashes)} crashes"


if __name__ == "__main__":
    sys.exit(main())
