"""`jeonju sweep`: many runs of one scenario."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from jeonju.cli.options import Json, Nature, ScenarioName
from jeonju.cli.progress import progress
from jeonju.common.errors import UserError

VARY_HELP = (
    "What differs between runs, such as wind=1..6,fire.position=0..500,fire.peak_heat_mw=1..30:log,fire.fuel=wood|tyres; "
    "also wind.from, hour, day, temperature, humidity, rain, cloud, stability, and every number of a fire, leak or dust; "
    "fire.position=city is anywhere in the zones. May be given several times."
)


def sweep(
    scenario: ScenarioName,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How many runs.")] = 100,
    vary: Annotated[list[str] | None, typer.Option("--vary", metavar="NAME=RANGE[,…]", help=VARY_HELP)] = None,
    out: Annotated[
        Path, typer.Option("--out", help="Folder of the results; the same command goes on with what is there.")
    ] = Path("sweep"),
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the sweep.")] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", metavar="tcp://HOST:PORT", help="A Dask scheduler; without, processes on this machine."
        ),
    ] = None,
    processes: Annotated[int, typer.Option("--processes", min=1, help="Processes on this machine.")] = os.cpu_count()
    or 1,
    placement: Annotated[
        int,
        typer.Option(
            "--placement",
            min=0,
            max=20,
            help="Also find where so many more stations, or the loop of one more robot, shorten the time until an event is noticed most.",
        ),
    ] = 0,
    nature: Nature = "puffs",
    *,
    as_json: Json = False,
) -> None:
    """Run a scenario many times, each with other weather, places and strengths, and report how often and how soon it is noticed.

    Runs that are finished are kept: after a stop or a crash the same command goes on. Results are a report with pictures, a row
    for each run (Parquet), and one labelled dataset (CF-NetCDF).
    """
    try:
        from jeonju.evaluation.sweep.sweep import MOST_RUNS, Sweep
    except ModuleNotFoundError as error:
        raise UserError(f"sweeps need {error.name}: pip install 'jeonju-air[sweep]'") from error
    from jeonju.simulator.nature.names import nature_name
    from jeonju.simulator.scenario import load_scenario

    if runs > MOST_RUNS:
        raise UserError(
            f"--runs {runs}: at most {MOST_RUNS} fit into one result; share them among several sweeps with other --seed"
        )
    plan = Sweep(
        scenario=load_scenario(scenario),
        runs=runs,
        vary=tuple(vary or ()),
        out=out,
        seed=seed,
        nature=nature_name(nature),
        scheduler=scheduler,
        processes=processes,
        placement=placement,
    )
    try:
        with progress(f"{runs} runs") as on_progress:
            figures = plan.run(on_progress)
    except KeyboardInterrupt:
        typer.echo("stopped; the same command goes on with the runs that are left", err=True)
        raise typer.Exit(130) from None
    typer.echo(json.dumps(figures) if as_json else _summary(figures))
    if figures["failed"]:
        raise typer.Exit(1)


def _summary(figures: dict) -> str:  # type: ignore[type-arg]
    lines = [f"{figures['runs']} runs, {figures['false_alarms']} false alarms"]
    if "affected" in figures:
        lines.append(f"{figures['affected']} affected a device, {figures['detected']} were noticed")
        lines.append(f"half of all {_within(figures['median_delay_s'])}, nine of ten {_within(figures['p90_delay_s'])}")
    if "placement" in figures:
        places = ", ".join(f"{one['lat']}, {one['lon']} ({one['zone']})" for one in figures["placement"]["stations"])
        without, with_them = figures["placement"]["without"], figures["placement"]["with"]
        lines.append(
            f"best places for more stations: {places}; noticed {without['detected']} → {with_them['detected']} of {without['runs']}, "
            f"half of all {_within(without['median_delay_s'])} → {_within(with_them['median_delay_s'])}"
        )
        if (loop := figures["placement"].get("loop")) is not None:
            measured = loop["with"]
            lines.append(
                f"or one more robot on a loop from {loop['corners'][0][0]}, {loop['corners'][0][1]} ({loop['zone']}): noticed "
                f"{without['detected']} → {measured['detected']}, half of all {_within(measured['median_delay_s'])}"
            )
    if figures["failed"]:
        lines.append(f"{figures['failed']} runs failed: {'; '.join(figures['why_failed'])}")
    return "\n".join([*lines, f"report: {figures['report']}, in Korean: {figures['report_ko']}"])


def _within(delay_s: float | None) -> str:
    return "never" if delay_s is None else f"within {delay_s:.0f} s"
