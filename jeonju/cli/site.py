"""`jeonju site`: cities as data."""

import json
from typing import Annotated

import typer

from jeonju.cli.options import Json
from jeonju.contract.site import load_site

NO_WIND = (
    "no station measures the wind (wind_speed and wind_direction): source maps say nothing of where a plume comes from beyond what the cameras of "
    "robots see, and no zone downwind is named; add both quantities to a station that has an anemometer"
)

app = typer.Typer(no_args_is_help=True, help="Cities as data.")


@app.command("check")
def site_check(
    site: Annotated[str, typer.Argument(help="A site file, or the name of a built-in site such as `jeonju`.")],
    *,
    as_json: Json = False,
) -> None:
    """Check a site file; every fault is named with its line."""
    checked = load_site(site)
    counts = {name: len(getattr(checked, name)) for name in ("zones", "stations", "robots", "sources")}
    if not checked.wind_stations:
        typer.echo(f"{site}: {NO_WIND}", err=True)
    typer.echo(
        json.dumps(counts)
        if as_json
        else f"{site}: good; " + ", ".join(f"{count} {what}" for what, count in counts.items())
    )
