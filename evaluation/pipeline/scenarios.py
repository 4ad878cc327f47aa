"""Find scenarios, play them one after the other, and count which do what they should."""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from jeonju.broker.embedded import Kind
from jeonju.common.errors import UserError
from jeonju.evaluation.pipeline.expectations import Check, read_expectation
from jeonju.evaluation.pipeline.platform_process import Platform
from jeonju.evaluation.pipeline.scenario_run import ScenarioRun
from jeonju.evaluation.pipeline.steps import Step, read_step

FILE: Final = "scenario.json"
PLACES: Final = (FILE, f"*/{FILE}", f"pipeline/*/{FILE}", f"*/pipeline/*/{FILE}")
MOST_PROBLEMS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is sent to a platform, and what must come of it."""

    broker: Kind
    gateways: str
    steps: Sequence[Step]
    checks: Sequence[Check]


def evaluate_pipeline(
    folder: Path,
    only: Sequence[str] = (),
    on_result: Callable[[str, str | None], None] = lambda _name, _why: None,
) -> dict[str, Any]:
    """Play every scenario below a folder, or those named; return how many passed, and why the others did not.

    `on_result` is called after each with its name and why it failed. Raises UserError where there is no scenario, or none of a name.
    """
    failures = []
    scenarios = _chosen(find_scenarios(folder), only, folder)
    for path in scenarios:
        name, why = _name(path), play(path)
        if why is not None:
            failures.append({"scenario": name, "why": why})
        on_result(name, why)
    return {"passed": len(scenarios) - len(failures), "total": len(scenarios), "failures": failures}


def find_scenarios(folder: Path) -> list[Path]:
    """Return the files of all scenarios below a folder. Raises UserError where there is none."""
    found = sorted({path for place in PLACES for path in folder.glob(place)})
    if not found:
        raise UserError(f"{folder} holds no {{name}}/{FILE}")
    return found


def play(path: Path) -> str | None:
    """Play one scenario on a platform of its own; return why it failed, None where it passed."""
    try:
        scenario = load_scenario(path)
    except UserError as error:
        return f"the scenario cannot be run: {error}"
    with tempfile.TemporaryDirectory(prefix="jeonju-pipeline-", ignore_cleanup_errors=True) as folder:
        platform = Platform(Path(folder), broker=scenario.broker, gateways=scenario.gateways)
        with ScenarioRun(platform) as run:
            for step in scenario.steps:
                step(run)
            problems = run.problems(scenario.checks)
    return "; ".join([*problems[:MOST_PROBLEMS], *run.notes[:MOST_PROBLEMS]]) if problems else None


def load_scenario(path: Path) -> Scenario:
    """Read a scenario. Raises UserError, saying what is wrong with it."""
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(described, dict):
        raise UserError(f"{path.name} is no JSON object")
    broker, gateways = described.get("broker", "embedded"), described.get("gateways", "")
    if broker not in get_args(Kind):
        raise UserError(f"broker {broker!r} is not known; there are: {', '.join(get_args(Kind))}")
    if not isinstance(gateways, str):
        raise UserError("gateways must be a text in TOML")
    return Scenario(
        broker=broker,
        gateways=gateways,
        steps=[read_step(step) for step in _list(described, "steps")],
        checks=[read_expectation(expected) for expected in _list(described, "expect")],
    )


def _list(described: dict[str, Any], member: str) -> list[Any]:
    lines = described.get(member)
    if not isinstance(lines, list) or not lines:
        raise UserError(f"it has no list {member!r} with anything in it")
    return lines


def _chosen(scenarios: list[Path], only: Sequence[str], folder: Path) -> list[Path]:
    if unknown := sorted(set(only) - set(map(_name, scenarios))):
        known = ", ".join(map(_name, scenarios))
        raise UserError(f"{folder} holds no scenario named {', '.join(unknown)}; there are: {known}")
    return [path for path in scenarios if not only or _name(path) in only]


def _name(path: Path) -> str:
    return path.resolve().parent.name
