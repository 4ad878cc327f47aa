"""The live summary in the terminal."""

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from jeonju.stack.city import City

EVERY_S: Final = 1.0


def watch(city: City, *, until: Callable[[float], bool], as_json: bool) -> None:
    """Show the city until `until(seconds to wait)` says that it is over.

    Raises what ended the simulation, if anything did.
    """
    if as_json or not sys.stdout.isatty():
        _watch_plainly(city, until, as_json=as_json)
        return
    with Live(_table(city.state(), city), console=Console(), refresh_per_second=4) as display:
        while not until(EVERY_S):
            _check(city)
            display.update(_table(city.state(), city))


def summary_line(state: dict[str, Any]) -> str:
    """Return the state in one line."""
    worst = state["worst_cai"]
    index = f"worst {state['index']} {worst['cai']} ({worst['device']})" if worst else f"no {state['index']} yet"
    return (
        f"{state['devices_heard']} devices heard, {state['readings']:,} readings, {index}, {state['alerts']} active alerts, "
        f"{state['rejected']} rejected"
    )


def _watch_plainly(city: City, until: Callable[[float], bool], *, as_json: bool) -> None:
    """Say once when the city is live; scripts wait for that."""
    begun = time.monotonic()
    while not city.is_live():
        if until(0.2):
            return
        _check(city)
    seconds, state = round(time.monotonic() - begun, 1), city.state()
    print(  # noqa: T201
        json.dumps({"event": "live", "after_s": seconds, **state})
        if as_json
        else f"live after {seconds} s: {state['url']}  broker {state['broker']}\n{summary_line(state)}",
        flush=True,
    )
    while not until(EVERY_S):
        _check(city)


def _check(city: City) -> None:
    if (failure := city.failure) is not None:
        raise failure


def _table(state: dict[str, Any], city: City) -> Table:
    table = Table(
        title=f"{city.site.label_en} {city.site.label_ko}", show_header=False, title_style="bold", min_width=58
    )
    now = datetime.fromisoformat(state["now"]).astimezone(ZoneInfo(city.site.timezone))
    table.add_row(
        "time",
        f"{now:%Y-%m-%d %H:%M:%S %Z}"
        + ("" if state["live"] or not city.simulation else "  [yellow]making up for history …[/]"),
    )
    table.add_row("devices heard", f"{state['devices_heard']} of {len(city.site.devices)}")
    table.add_row("readings", f"{state['readings']:,}   ({state['readings_per_s']:,.0f}/s)")
    worst = state["worst_cai"]
    table.add_row(
        f"worst {state['index']}",
        Text(f"{worst['cai']}  {worst['label']}  {worst['device']}", f"bold {worst['colour']}") if worst else "–",
    )
    table.add_row("active alerts", Text(str(state["alerts"]), "bold red" if state["alerts"] else ""))
    troubles = [
        name
        for name, fine in (("store away", state["store_available"]), ("broker away", state["broker_connected"]))
        if not fine
    ]
    table.add_row(
        "pipe", Text(", ".join(troubles) or "all committed and acknowledged", "bold red" if troubles else "green")
    )
    for other in city.others:
        table.add_row("beside", f"{other.site.label_en}: {state['url']}/sites/{other.site.name}/")
    table.add_row("page", f"[link]{state['url']}[/link]   API: {state['url']}/docs")
    table.add_row("broker", state["broker"])
    if not city.site.stations:
        return table
    table.caption = "Ctrl-C stops; the data stays for the next start"
    return table
