"""Every command of `jeonju`; each only reads its options and calls what does the work."""

import json
from pathlib import Path
from typing import Annotated

import typer

from airquality.site import load_site
from jeonju import durations

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Simulate, carry, store, watch and judge the air of a city.\n\nBegin with `jeonju up`, then open the address it shows.",
)
site_app = typer.Typer(no_args_is_help=True, help="Cities as data.")
app.add_typer(site_app, name="site")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of text for people.")]


@site_app.command("check")
def site_check(
    site: Annotated[str, typer.Argument(help="A site file, or the name of a built-in site such as `jeonju`.")],
    *,
    as_json: Json = False,
) -> None:
    """Check a site file; every fault is named with its line."""
    checked = load_site(site)
    counts = {
        "zones": len(checked.zones),
        "stations": len(checked.stations),
        "robots": len(checked.robots),
        "sources": len(checked.sources),
    }
    typer.echo(
        json.dumps(counts)
        if as_json
        else f"{site}: good; " + ", ".join(f"{count} {what}" for what, count in counts.items())
    )
