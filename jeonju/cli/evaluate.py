"""`jeonju evaluate …`: one JSON object on standard output, a picture where asked for."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from jeonju.cli.options import Nature, SiteName
from jeonju.cli.progress import progress
from jeonju.common.errors import UserError

app = typer.Typer(no_args_is_help=True, help="Scores against measurements that others made.")

Folder = Annotated[
    Path, typer.Argument(help="Folder with the measurements; its README says which files.", metavar="DIR")
]
Plot = Annotated[Path | None, typer.Option("--plot", help="Draw a picture into this PNG file.", metavar="FILE.png")]


@app.command()
def dispersion(folder: Folder, *, plot: Plot = None, nature: Nature = "puffs") -> None:
    """Predict the Prairie Grass tracer experiment from its weather, and compare the maximum of every arc.

    DIR holds runs.csv and arcs.csv. FAC2 is the share within a factor of two, FB the fractional bias, NMSE the scatter.
    """
    from jeonju.evaluation.dispersion import evaluate_dispersion
    from jeonju.evaluation.pictures import draw_arcs
    from jeonju.simulator.nature.names import nature_name

    carried_by = nature_name(nature)
    with progress("Prairie Grass") as advance:
        result, arcs = evaluate_dispersion(folder, advance, carried_by)
    if plot is not None:
        draw_arcs(arcs, result, plot)
    _print(result)


@app.command()
def releases(
    folder: Folder,
    *,
    plot: Plot = None,
    reliability: Annotated[
        Path | None,
        typer.Option("--reliability", help="Draw how often claims hold into this PNG file.", metavar="FILE.png"),
    ] = None,
) -> None:
    """Detect controlled releases of methane minute by minute, estimate their source and rate, and compare with the truth.

    Source and rate come from the source estimator that ships. The detector is one of this evaluation alone, not one of those that raise alerts.

    DIR holds observations.csv, sensors.csv, sources.csv and releases.csv; the last is read only to score. Without sensors.csv and sources.csv only
    detection is scored.
    """
    from jeonju.evaluation.release_score import evaluate_detection, evaluate_releases, has_places

    if not has_places(folder):
        if plot is not None or reliability is not None:
            raise UserError(
                "without sensors.csv and sources.csv there is no picture; leave out --plot and --reliability"
            )
        with progress("controlled releases") as advance:
            result = evaluate_detection(folder, advance)
        _print(result)
        return
    from jeonju.evaluation.pictures import draw_releases, draw_reliability

    with progress("controlled releases") as advance:
        result, found, truth = evaluate_releases(folder, advance)
    if plot is not None:
        draw_releases(folder, found, truth, plot)
    if reliability is not None:
        draw_reliability(result["reliability"], reliability)
    _print(result)


@app.command()
def plumes(folder: Folder) -> None:
    """Compare puffs from a known source with point instruments, and infer the rate of each half day from them.

    DIR holds instruments.csv, source.csv and observations.csv. `rate_coverage_90` is the share of 12-hour windows whose 90 % interval holds what was
    released, `median_rate_error` the median of |median / truth - 1|. With runs.csv and samplers.csv it is a tracer in streets: no rate, and `note`
    says whether the places are enough to conclude anything.
    """
    from jeonju.evaluation.plumes import evaluate_plumes

    with progress("plumes") as advance:
        result = evaluate_plumes(folder, advance)
    _print(result)


@app.command()
def weather(folder: Folder) -> None:
    """Compare a simulated year of weather and PM10 with what a weather station of the city measured.

    DIR holds hourly.csv. Prints both sides and, under not_within_a_third, what the simulator has wrong.
    """
    from jeonju.evaluation.weather import evaluate_weather

    with progress("a year of weather") as advance:
        result = evaluate_weather(folder, advance)
    _print(result)


@app.command()
def forecast(
    folder: Folder,
    *,
    page: Annotated[
        Path | None,
        typer.Option("--page", help="Write the page too, with its pictures beside it.", metavar="FILE.md"),
    ] = None,
) -> None:
    """Learn the forecast from all years of hourly records but the last, and judge it on that one, 1, 6 and 24 hours ahead.

    DIR holds jeonju_hourly/hourly.csv, korea_hourly/*.csv or both, or is one of these two. RMSE, CRPS, how often intervals hold, hits and false
    alarms stand beside those of persistence, climatology and ridge regression on lags and weather, for each set of inputs.
    """
    from jeonju.evaluation.forecast import evaluate_forecast

    with progress("forecasts") as advance:
        result = evaluate_forecast(folder, advance)
    if page is not None:
        from jeonju.evaluation.forecast_page import write_page

        write_page(result, page)
    _print(result)


@app.command()
def network(
    store: Annotated[Path, typer.Argument(help="The DuckDB file of a city that is not running.", metavar="AIR.duckdb")],
    stations: Annotated[
        Path, typer.Argument(help="Where official stations stand: `jeonju airkorea --stations FILE.csv`.")
    ],
    *,
    site: SiteName = "jeonju",
    table: Annotated[
        Path | None, typer.Option("--table", help="Write the rows for a spreadsheet too.", metavar="FILE.csv")
    ] = None,
) -> None:
    """Compare own stations with the nearest official one, hour by hour, and with robots that pass; propose gains and offsets with their intervals.

    Nothing is applied: kilometres lie between them, and a person decides; `accept` of a row is the command that agrees. Hours of official stations
    come by `jeonju airkorea`.
    """
    from contextlib import closing

    from jeonju.common.clock import utc_now
    from jeonju.contract.site import load_site
    from jeonju.evaluation.network import as_csv, evaluate_network
    from jeonju.storage.open import open_store

    if not store.is_file():
        raise UserError(f"there is no store {store}")
    with progress("network") as advance, closing(open_store(str(store))) as opened:
        result = evaluate_network(load_site(site), opened, stations, utc_now(), advance)
    if table is not None:
        as_csv(result, table)
    _print(result)


@app.command()
def instruments(folder: Folder) -> None:
    """Compare low-cost instruments that stood beside references with simulated ones in the same air.

    DIR holds CSV files of hourly or daily means with columns such as time, ref_pm25 and NAME_pm25 (ref_no2_ppb, ref_o3_ppb). Prints slope, R2, how
    much an hour's residual says of the next, and how far the gains of units are apart; what was left out is counted. Standard error shows a table.
    """
    from jeonju.evaluation.instruments import as_table, evaluate_instruments

    with progress("co-locations") as advance:
        result = evaluate_instruments(folder, advance)
    typer.echo(as_table(result), err=True)
    _print(result)


@app.command()
def smoke(folder: Folder) -> None:
    """Play a recorded network of particle counters through the alert engine as a stream, and compare its smoke alerts with the fires that burnt.

    DIR holds sensors.csv, observations.csv (every 10 minutes or faster) and events.csv. The delay counts from the first sensor that rises by more
    than 20 µg/m³ above its own last hours and the network.
    """
    from jeonju.evaluation.smoke_score import evaluate_smoke

    with progress("recorded network") as advance:
        result = evaluate_smoke(folder, advance)
    _print(result)


@app.command()
def gateways(folder: Folder) -> None:
    """Decode recorded messages of real gateways, and count by format which are read exactly.

    DIR holds {format}/{case}/case.json with its messages and expected.json.
    """
    from jeonju.evaluation.gateways import evaluate_gateways

    with progress("gateways") as advance:
        result = evaluate_gateways(folder, advance)
    _print(result)


@app.command()
def pipeline(
    folder: Annotated[
        Path, typer.Argument(help="A scenario's folder, or one that holds NAME/scenario.json.", metavar="DIR")
    ],
    *,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Play this scenario alone; may be given again.", metavar="NAME")
    ] = None,
) -> None:
    """Play scenarios of the whole pipeline, each on a broker, a store and a site file of its own, and count which end as expected.

    A scenario.json has `broker` (embedded or mosquitto), `gateways` (TOML for the site file), `steps` (pub, client, wait, restart, stop, listen)
    and `expect` (what must be stored, flagged or heard); evaluation/pipeline/README.md explains them. One that cannot be read counts as failed.

    Standard error shows each as it ends: after some ten seconds, and what its steps wait.
    """
    from jeonju.evaluation.pipeline.scenarios import evaluate_pipeline

    def show(name: str, why: str | None) -> None:
        typer.echo(f"{name}: {'passed' if why is None else f'FAILED: {why}'}", err=True)

    _print(evaluate_pipeline(folder, only or (), show))


@app.command()
def report(
    data: Annotated[
        Path,
        typer.Argument(help="Folder that holds prairie_grass/, controlled_release/ and boulder_fires/.", metavar="DIR"),
    ],
    *,
    benchmarks: Annotated[
        Path, typer.Option("--benchmarks", help="What `python -m benchmarks dispersion incidents detection` printed.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The page; smoke.md and pictures go beside it.")] = Path(
        "docs/validation.md"
    ),
) -> None:
    """Write the validation page and that of smoke: every table and picture made anew."""
    from jeonju.evaluation.report import write_report

    with progress("validation") as advance:
        write_report(data, benchmarks, out, advance)
    typer.echo(f"wrote {out} and {out.with_name('smoke.md')}")


def _print(result: dict[str, Any]) -> None:
    typer.echo(json.dumps(result, ensure_ascii=False))
