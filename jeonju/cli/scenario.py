"""`jeonju scenario`: what happens in a city, as data."""

import json

import typer

from jeonju.cli.options import Json, ScenarioName

app = typer.Typer(no_args_is_help=True, help="What happens in a city, as data.")


@app.command("list")
def scenario_list(*, as_json: Json = False) -> None:
    """List the examples that come with the project."""
    from jeonju.simulator.scenario import examples, load_scenario

    loaded = {path.stem: load_scenario(path) for path in examples()}
    if as_json:
        typer.echo(
            json.dumps(
                {name: {"title_en": one.title_en, "title_ko": one.title_ko} for name, one in loaded.items()},
                ensure_ascii=False,
            )
        )
        return
    for name, one in loaded.items():
        typer.echo(f"{name:24} {one.duration / 3600:>4g} h  {one.title_en} · {one.title_ko}")


@app.command("check")
def scenario_check(scenario: ScenarioName, *, as_json: Json = False) -> None:
    """Check a scenario file; every fault is named with its line."""
    from jeonju.simulator.scenario import load_scenario

    checked = load_scenario(scenario)
    facts = {
        "title": checked.title_en,
        "start": checked.start.isoformat(),
        "hours": checked.duration / 3600,
        "events": len(checked.events),
    }
    typer.echo(
        json.dumps(facts)
        if as_json
        else f"{scenario}: good; {facts['hours']:g} h from {checked.start:%Y-%m-%d %H:%M %z}, {facts['events']} events"
    )


@app.command("show")
def scenario_show(scenario: ScenarioName) -> None:
    """Print a scenario with every default filled in, as JSON."""
    from jeonju.simulator.scenario import load_scenario

    typer.echo(load_scenario(scenario).model_dump_json(indent=2))
