"""Keys of the api: make, list, revoke."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from jeonju.cli.options import Json, Keys, listed
from jeonju.common.clock import utc_now

app = typer.Typer(no_args_is_help=True, help="Who may use the API. From the first key on, every request needs one.")

KeyName = Annotated[str, typer.Argument(help="Whose key it is; stands in the journal beside what is done with it.")]


@app.command("add")
def add(
    name: KeyName,
    *,
    role: Annotated[
        Literal["viewer", "operator", "admin"],
        typer.Option(
            "--role",
            help="viewer reads; operator also works alerts and incidents, sends robots and replays dead letters; "
            "admin also adopts devices and runs the simulator.",
        ),
    ] = "viewer",
    sites: Annotated[
        str,
        typer.Option("--site", metavar="SITE,…", help="Names of the sites that it is for; all of them without."),
    ] = "",
    keys: Keys = Path("data/keys.json"),
) -> None:
    """Make a key and print it. It is kept as a hash only, so this is the one time it is shown."""
    from jeonju.api.access.keys import KeyFile, Role

    typer.echo(KeyFile(keys).add(name, Role[role.upper()], utc_now(), listed(sites)))


@app.command("list")
def list_(*, keys: Keys = Path("data/keys.json"), as_json: Json = False) -> None:
    """List the keys that there are."""
    from jeonju.api.access.keys import KeyFile

    found = KeyFile(keys).keys()
    if as_json:
        typer.echo(
            json.dumps(
                [{"name": key.name, "role": key.role, "made_at": key.made_at, "sites": key.sites} for key in found]
            )
        )
        return
    for key in found:
        typer.echo(f"{key.name:24} {key.role:9} {key.made_at} {key.sites}".rstrip())
    if not found:
        typer.echo(f"no keys in {keys}: whoever reaches the API from this machine may do everything", err=True)


@app.command("revoke")
def revoke(name: KeyName, *, keys: Keys = Path("data/keys.json")) -> None:
    """Forget a key; a running API refuses it from the next request on."""
    from jeonju.api.access.keys import KeyFile

    KeyFile(keys).revoke(name)
    typer.echo(f"{name} is revoked")
