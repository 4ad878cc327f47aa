"""`jeonju forecast`: the next hours at the stations of a running city."""

import json
import time
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from jeonju.cli.api_client import api_client
from jeonju.cli.options import Json, KeyFile
from jeonju.common.errors import UnavailableError

ASK_EVERY_S: Final = 2.0
WIDE: Final = 200  # where nobody looks at the width


def forecast(
    *,
    source: Annotated[
        str, typer.Option("--from", help="Address of a running api.", metavar="URL")
    ] = "http://127.0.0.1:8000",
    key_file: KeyFile = None,
    station: Annotated[list[str] | None, typer.Option("--station", help="This station only; may be repeated.")] = None,
    quantity: Annotated[str, typer.Option("--quantity", help="pm25, pm10, o3 or no2.")] = "pm10",
    hours: Annotated[int, typer.Option("--hours", min=1, max=24, help="How many hours ahead.")] = 24,
    wait: Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for a forecast being made.")] = 120.0,
    as_json: Json = False,
) -> None:
    """Show what is forecast for the next hours: mean, the interval of nine in ten, and how probable a bad hour is.

    It is a forecast, nothing that was measured; how it was made, and from how much history, stands above it.
    """
    until = time.monotonic() + wait
    with api_client(source, key_file) as client:
        while True:
            content = client.get("/api/v1/forecast", station=station, quantity=quantity, hours=hours)
            if content["is_current"] or time.monotonic() >= until:
                break
            time.sleep(ASK_EVERY_S)
    if not content["models"]:
        raise UnavailableError(f"no forecast: {content['reason']}")
    if as_json:
        typer.echo(json.dumps(content, ensure_ascii=False))
    else:
        _show(content, quantity)


def _show(content: dict[str, Any], quantity: str) -> None:
    console, model = Console(), content["models"][quantity]
    if not console.is_terminal:
        console = Console(width=WIDE)
    stale = "" if content["is_current"] else ", an earlier one while the next is being made"
    console.print(
        f"{quantity} [{model['unit']}], forecast after the hour {content['last_hour']}{stale}: model {model['model']}, "
        f"{model['history_hours']} h of history" + (f" ({model['reason']})" if model["reason"] else ""),
        markup=False,
    )
    table = Table("station", "hour", "ahead", "mean", "90 %", "bad or worse", "")
    for name, of in content["stations"].items():
        forecast = of[quantity]
        if forecast["reason"]:
            table.add_row(name, "", "", "", "", "", forecast["reason"])
        for hour in forecast["hours"]:
            chance = hour["classes"]["bad"] + hour["classes"]["very-bad"]
            interval = f"{hour['low']:g} to {hour['high']:g}"
            warning = "warns" if hour["warns"] else ""
            ahead = f"{hour['hours_ahead']} h"
            table.add_row(name, hour["at"], ahead, f"{hour['mean']:g}", interval, f"{100 * chance:.0f} %", warning)
    console.print(table)
