"""Setting up the whole stack, backing it up, and restoring it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from jeonju.cli.options import Json, Keys, SecurityFolder, SiteNames, StoreOf, listed
from jeonju.common.errors import UserError
from jeonju.contract.site import load_sites

app = typer.Typer()


@app.command("setup")
def set_up_stack(
    *,
    secrets: Annotated[
        Path, typer.Option("--secrets", help="Folder for the secrets, one folder for each service.")
    ] = Path("data/secrets"),
    security: SecurityFolder = Path("data/security"),
    site: SiteNames = "jeonju",
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="Host name or address at which clients reach the broker; may be repeated."),
    ] = None,
    influxdb: Annotated[
        str | None, typer.Option("--influxdb", metavar="URL", help="Set up the InfluxDB 2.x there: http://host:8086.")
    ] = None,
    org: Annotated[str, typer.Option("--org", help="Its organization.")] = "jeonju",
    bucket: Annotated[str, typer.Option("--bucket", help="Its bucket; three more are named after it.")] = "air",
    mosquitto: Annotated[
        Path | None,
        typer.Option(
            "--mosquitto",
            metavar="FOLDER",
            help="Folder of a Mosquitto that has not run yet: the session of ingest is made there, before devices are let in.",
        ),
    ] = None,
    members: Annotated[
        list[str] | None,
        typer.Option(
            "--member", help="With --mosquitto: name of an ingest process that shares the work; may be repeated."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make what a stack of several services needs before its first start: accounts, certificates, InfluxDB, tokens, keys.

    Secrets go to files, not to the screen. Run it again at any time: it makes only what is missing.
    """
    from jeonju.broker.security import Security
    from jeonju.common.clock import utc_now
    from jeonju.stack.setup import Influx, Mosquitto, Secrets, set_up

    sites, influx = load_sites(listed(site)), Influx(influxdb, org, bucket) if influxdb else None
    if members and mosquitto is None:
        raise UserError("--member goes with --mosquitto: it names whose sessions are made there")
    if members and len(sites) > 1:
        raise UserError("--member goes with one --site: processes that share the work of ingest serve one")
    broker = Mosquitto(mosquitto, members or ()) if mosquitto else None
    made = set_up(sites, Security(security), Secrets(secrets), names or [], influx, utc_now(), broker)
    typer.echo(json.dumps({"made": made}) if as_json else f"made {', '.join(made)}" if made else "everything was there")


@app.command()
def backup(
    target: Annotated[
        Path, typer.Argument(help="The archive to write; it holds secrets, so only its owner may read it.")
    ],
    *,
    store: StoreOf = "data/air.duckdb",
    keys: Keys = Path("data/keys.json"),
    security: SecurityFolder = Path("data/security"),
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="Let this running service copy the store: http://127.0.0.1:8000."),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option("--key-file", envvar="JEONJU_API_KEY_FILE", help="File with an admin's key for it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the store, the keys of the API and the accounts of the broker into one archive.

    A DuckDB file that a running service has open is copied by that service: --from. An InfluxDB may be in use.
    """
    from jeonju.common.clock import utc_now
    from jeonju.stack.backup import Places, Service, back_up

    service = Service(from_, key_file) if from_ else None
    manifest = back_up(target, Places(store, keys, security), service, utc_now())
    size = target.stat().st_size
    archived = "".join(
        f"; readings of {site} from {days['first']} to {days['last']} are in the archive, not in it"
        for site, days in manifest["archived"].items()
    )
    typer.echo(
        json.dumps({"file": str(target), "bytes": size, **manifest})
        if as_json
        else f"{target}: {size:,} bytes, {len(manifest['files'])} files; it holds secrets, keep it safe{archived}"
    )


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="An archive that `jeonju backup` wrote.")],
    *,
    store: StoreOf = "data/air.duckdb",
    keys: Keys = Path("data/keys.json"),
    security: SecurityFolder = Path("data/security"),
    parts: Annotated[
        list[str] | None,
        typer.Option("--part", help="store, keys or security; may be repeated. All of it by default."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Put back what `jeonju backup` saved. The archive is checked first, and nothing that is there is overwritten.

    Stop the services before.
    """
    from jeonju.stack.backup import PARTS, Places, restore

    if unknown := set(parts or ()) - set(PARTS):
        raise UserError(f"--part {min(unknown)} is not known; there are: {', '.join(PARTS)}")
    wanted = [part for part in PARTS if not parts or part in parts]
    names = restore(source, Places(store, keys, security), wanted)
    there = {name.partition("/")[0] for name in names}
    back, missing = ([part for part in wanted if (part in there) is is_there] for is_there in (True, False))
    files = "1 file is back" if len(names) == 1 else f"{len(names)} files are back"
    without = f"; the backup has no {' and no '.join(missing)}" if missing else ""
    typer.echo(json.dumps({"restored": names}) if as_json else f"{files}: {', '.join(back)}{without}")
