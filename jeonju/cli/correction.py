"""Corrections of devices: which are in force, and a person's agreement to one that `jeonju evaluate network` proposes."""

import json
import math
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from jeonju.cli.api_client import api_client
from jeonju.cli.options import Json, KeyFile
from jeonju.common.errors import UserError

app = typer.Typer(
    no_args_is_help=True,
    help="Corrections of devices by gain and offset, applied from the moment on that a person agrees.\n\n"
    "`jeonju evaluate network` proposes them.",
)

PATH: Final = "/api/v1/corrections"
Service = Annotated[str, typer.Option("--from", metavar="URL", help="The running service.")]
LOCAL: Final = "http://127.0.0.1:8000"


@app.command("list")
def list_(
    *,
    all_: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    from_: Service = LOCAL,
    key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """Print the corrections in force, the newest first, with who agreed and when."""
    with api_client(from_, key_file) as client:
        found = client.get(PATH, state="all" if all_ else "active")
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for one in found:
        typer.echo(_line(one))
    if not found:
        typer.echo("no correction is in force; `jeonju evaluate network` proposes some", err=True)


@app.command()
def accept(
    device: Annotated[str, typer.Argument(help="The device, such as palbok-03.")],
    quantity: Annotated[str, typer.Argument(help="The quantity, such as pm25.")],
    *,
    gain: Annotated[float, typer.Option("--gain", help="measured = gain · true + offset; 0.1 to 10.")],
    offset: Annotated[float, typer.Option("--offset", help="In the unit of the quantity.")],
    reason: Annotated[str, typer.Option("--reason", help="Why this is right; kept in the journal.")],
    from_: Service = LOCAL,
    key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """Agree to a correction: it holds for what is measured from a minute later on, and ends one before of the same device and quantity.

    What is stored already stays as it is; what was measured is kept beside each corrected value.
    """
    if not (math.isfinite(gain) and math.isfinite(offset)):
        raise UserError("--gain and --offset must be finite numbers")
    wanted = {"device": device, "quantity": quantity, "gain": gain, "offset": offset, "reason": reason}
    with api_client(from_, key_file) as client:
        _print(client.post(PATH, wanted), as_json=as_json)


@app.command()
def withdraw(
    correction: Annotated[str, typer.Argument(metavar="ID", help="As `jeonju correction list` shows it.")],
    *,
    from_: Service = LOCAL,
    key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """End a correction, from a minute later on; what it corrected stays as it is."""
    with api_client(from_, key_file) as client:
        _print(client.post(f"{PATH}/{quote(correction, safe='')}/withdraw"), as_json=as_json)


def _print(one: dict[str, Any], *, as_json: bool) -> None:
    typer.echo(json.dumps(one, ensure_ascii=False) if as_json else _line(one))


def _line(one: dict[str, Any]) -> str:
    until = f" until {one['until_at']}" if one["until_at"] else ""
    return (
        f"{one['id']}  {one['device']} {one['quantity']}: gain {one['gain']:g}, offset {one['offset']:g}, "
        f"from {one['from_at']}{until}; {one['who']}: {one['reason']}"
    )
