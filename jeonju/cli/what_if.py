"""`jeonju what-if`: ask a running service what would happen, and draw it."""

import json
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from jeonju.cli.api_client import api_client
from jeonju.cli.options import Json, KeyFile, duration_s
from jeonju.cli.progress import progress
from jeonju.common.errors import JeonjuError, UserError

if TYPE_CHECKING:
    from jeonju.client import Client

PATH: Final = "/api/v1/what-if"
LOOK_EVERY_S: Final = 0.5

Change = dict[str, Any]


def what_if(
    shown: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="Show a kept answer beside what happened since, instead of asking."),
    ] = None,
    *,
    fire: Annotated[
        list[str] | None,
        typer.Option("--fire", metavar="LAT,LON[,MW]", help="A fire of mixed waste; 3 MW at its peak."),
    ] = None,
    wind: Annotated[
        str | None, typer.Option("--wind", metavar="M/S,DEG", help="Another wind: its speed, and where it comes from.")
    ] = None,
    closed_road: Annotated[
        list[str] | None, typer.Option("--closed-road", metavar="NAME", help="A road without traffic.")
    ] = None,
    robot: Annotated[
        list[str] | None, typer.Option("--robot", metavar="NAME=LAT,LON", help="A robot that begins somewhere else.")
    ] = None,
    station: Annotated[list[str] | None, typer.Option("--station", metavar="LAT,LON", help="One more station.")] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--change", metavar="JSON", help="Any other change, such as a leak, as docs/what-if.md describes it."
        ),
    ] = None,
    hours: Annotated[
        float, typer.Option("--ahead", parser=duration_s, metavar="DURATION", help="How far ahead, at most 24h.")
    ] = "2h",  # type: ignore[assignment]
    at: Annotated[
        str | None, typer.Option("--at", help="An instant of the past to start from; now by default.")
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Of gusts and noise; the same seed and past give the same answer.")
    ] = 1,
    title: Annotated[str, typer.Option("--title", help="What it is kept as.")] = "",
    list_: Annotated[bool, typer.Option("--list", help="List what was asked.")] = False,
    picture: Annotated[Path | None, typer.Option("--picture", metavar="FILE.png", help="Draw the answer.")] = None,
    from_: Annotated[str, typer.Option("--from", metavar="URL", help="The running service.")] = "http://127.0.0.1:8000",
    key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """Fork the living city: what if it burned here, the wind turned, a road was closed; zones and arrival times, who would notice and when.

    Without any change: how it goes on. Nothing of the city itself is touched.
    """
    changes = [
        *(_fire(text) for text in fire or []),
        *([_wind(wind)] if wind else []),
        *({"kind": "closed-road", "road": name, "duration": hours} for name in closed_road or []),
        *(_robot(text) for text in robot or []),
        *(
            {"kind": "station", "name": f"new-station-{number}", **_place(text, "--station")}
            for number, text in enumerate(station or [], start=1)
        ),
        *(_change(text) for text in change or []),
    ]
    wanted = {"changes": changes, "hours": hours / 3600, "seed": seed, "title": title} | ({"at": at} if at else {})
    with api_client(from_, key_file) as client:
        if list_:
            _list(client.get(PATH), as_json=as_json)
            return
        answer = _asked(client, wanted) if shown is None else client.get(f"{PATH}/{quote(shown, safe='')}")
        if picture is not None:
            _draw(client, answer, picture)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    for line in _in_words(answer):
        typer.echo(line)
    if picture is not None:
        typer.echo(f"  {picture}")


def _asked(client: "Client", wanted: dict[str, Any]) -> Any:
    """Ask, and show the progress of what the service answers meanwhile."""
    over = threading.Event()

    def follow() -> None:
        while not over.wait(LOOK_EVERY_S):
            try:
                running = client.get(PATH, limit=1)["running"]
            except (JeonjuError, TypeError):
                return
            if running:
                advance(running[-1]["share"])

    with ExitStack() as stack:
        advance = stack.enter_context(progress("what if"))
        watcher = threading.Thread(target=follow, daemon=True)
        watcher.start()
        stack.callback(watcher.join)
        stack.callback(over.set)
        begun = time.monotonic()
        answer = client.post(PATH, wanted, read_s=60.0 + 20.0 * wanted["hours"] + 60.0)
    return {**answer, "took_s": round(time.monotonic() - begun, 1)}


def _in_words(answer: dict[str, Any]) -> list[str]:
    present, took = answer["present"], answer.get("took_s")
    wind = (
        "no wind measured"
        if present["wind_speed_m_s"] is None
        else f"wind {present['wind_speed_m_s']} m/s from {present['wind_from_deg']:.0f}°"
    )
    lines = [f"{answer['at']}, {answer['hours']:g} h ahead" + (f", in {took} s" if took else "") + f": {wind}"]
    for noticed in answer["noticed"]:
        change = answer["changes"][noticed["change"]]
        found = (
            "nobody notices it"
            if noticed["at"] is None
            else f"{noticed['device']} notices it after {noticed['after_s'] / 60:.0f} min"
        )
        lines.append(
            f"  {change['kind']} at {change['lat']:.4f}, {change['lon']:.4f}: {found}; it reaches {len(noticed['reached'])} devices"
        )
    for one in answer["downwind"]:
        lines += [
            f"  {zone['zone']}: {zone['probability']:.0%}, after {zone['minutes_10']:.0f} to {zone['minutes_90']:.0f} min"
            for zone in one["zones"]
        ]
    lines += [
        f"  {alert['started_at'][11:16]}  {alert['severity']:8}  {alert['summary_en']}" for alert in answer["alerts"]
    ]
    if not answer["alerts"]:
        lines.append("  no alert")
    for key, error in answer.get("then", {}).get("errors", {}).items():
        lines.append(
            f"  {key}: off by {error['mean_error']} on average; {error['mean_error_unchanged']} if nothing changed"
        )
    if answer["kept"]:
        lines.append(f"  see it beside what happens: jeonju what-if {answer['id']}")
    return lines


def _list(found: Any, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found["kept"], ensure_ascii=False))
        return
    for one in found["kept"]:
        what = one["title"] or ", ".join(change["kind"] for change in one["changes"]) or "as it is"
        typer.echo(f"{one['id']}  {one['at']}  {one['hours']:g} h  {one['alerts']} alerts  {what}  ({one['who']})")
    if not found["kept"]:
        typer.echo("nothing was asked yet", err=True)


def _draw(client: "Client", answer: dict[str, Any], file: Path) -> None:
    from jeonju.contract.site import Site
    from jeonju.evaluation.what_if.picture import draw

    try:
        draw(Site.model_validate(client.get("/api/v1/site")), answer, file)
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror or error}; choose another --picture") from error


def _numbers(text: str, option: str, counts: tuple[int, ...]) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in counts:
        raise UserError(
            f"{option} {text!r} is not {' or '.join(str(count) for count in counts)} numbers with commas between them"
        )
    return numbers


def _place(text: str, option: str) -> Change:
    lat, lon = _numbers(text, option, (2,))
    return {"lat": lat, "lon": lon}


def _fire(text: str) -> Change:
    lat, lon, *heat = _numbers(text, "--fire", (2, 3))
    burns = {"fuel": "mixed-waste", "peak_heat_mw": heat[0] if heat else 3.0, "growth": "fast", "smoulder": "3m"}
    return {"kind": "fire", "lat": lat, "lon": lon, **burns}


def _wind(text: str) -> Change:
    speed, from_deg = _numbers(text, "--wind", (2,))
    return {"kind": "wind", "speed_m_s": speed, "from_deg": from_deg}


def _robot(text: str) -> Change:
    name, _, place = text.partition("=")
    return {"kind": "robot", "device": name, **_place(place, "--robot")}


def _change(text: str) -> Change:
    try:
        read = json.loads(text)
    except ValueError as error:
        raise UserError(f"--change {text!r} is no JSON: {error}") from None
    if not isinstance(read, dict):
        raise UserError(f"--change {text!r} is no JSON object")
    return read
