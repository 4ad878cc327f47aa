"""`jeonju device`: who may use the broker."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jeonju.broker.rights import Login, Rights, of_device, of_gateway, of_robot
from jeonju.cli.options import Json, SecurityFolder, SiteName, SiteNames, duration_s, listed, until_over
from jeonju.common.clock import utc_now
from jeonju.common.errors import UserError
from jeonju.common.secret_file import read_secret, write_secret
from jeonju.contract import topics
from jeonju.contract.site import load_site, load_sites

if TYPE_CHECKING:
    from jeonju.broker.accounts import Account
    from jeonju.broker.security import Secret, Security

# The api and the simulator have topics under these names.
RESERVED = ("alerts", topics.SIMULATOR)

app = typer.Typer(
    no_args_is_help=True,
    help="Who may use the broker: one account for each device.\n\nBegin with `jeonju device setup`, then `jeonju device add NAME`. "
    "A running `jeonju up` takes changes over within a second; `systemctl reload mosquitto` does it for a Mosquitto of yours.",
)
Folder = SecurityFolder
Name = Annotated[
    str, typer.Argument(help="Name of the device as in its topics, or of a service as `jeonju device list` shows it.")
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        help="Take the password from this file; where there is none, write a new one there, and do not show it.",
    ),
]
Life = Annotated[
    float,
    typer.Option(
        "--valid", parser=duration_s, metavar="DURATION", help="How long a new certificate is good, such as 365d."
    ),
]


@app.command()
def setup(
    *,
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="Host name or address at which devices reach the broker; may be repeated."),
    ] = None,
    site: SiteNames = "jeonju",
    folder: Folder = Path("data/security"),
    every: Annotated[
        float | None,
        typer.Option(
            "--every",
            parser=duration_s,
            metavar="DURATION",
            help="Stay, and do it again this often, such as 12h: certificates are renewed 60 days before they end.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the private CA, the broker's certificate and the accounts of our own services; run again, it renews what is due.

    Run it again also when the site file has got another gateway: it says what ingest may read.
    """
    security, sites = _security(folder), load_sites(listed(site))
    _report_setup(security, security.setup(names or [], sites, utc_now()), as_json=as_json)
    if every is None:
        return
    over = until_over(None)
    while not over(every):
        if made := security.setup(names or [], sites, utc_now()):
            _report_setup(security, made, as_json=as_json)


def _report_setup(security: "Security", made: list[str], *, as_json: bool) -> None:
    folder = security.folder
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), "made": made, "names": sorted(security.server_names())}))
        return
    typer.echo(f"{folder}: {'made ' + ', '.join(made) if made else 'everything was there'}")
    typer.echo(
        f"  give devices {security.broker / 'ca.pem'}; the broker is known as {', '.join(sorted(security.server_names()))}"
    )
    typer.echo(f"  keep {security.folder / 'ca.key'} and {security.clients} to yourself")


@app.command()
def add(
    device: Annotated[str, typer.Argument(help="Name of the device as in its topics, such as palbok-03.")],
    *,
    site: SiteName = "jeonju",
    robot: Annotated[
        str | None, typer.Option("--robot", metavar="MANUFACTURER/SERIAL", help="It is also this robot of VDA 5050.")
    ] = None,
    topic: Annotated[
        list[str] | None,
        typer.Option(
            "--topic", help="It publishes on this topic of a gateway that the site file names; may be repeated."
        ),
    ] = None,
    certificate: Annotated[
        bool, typer.Option("--certificate", help="Log in by certificate instead of a password.")
    ] = False,
    life: Life = "730d",  # type: ignore[assignment]
    password_file: PasswordFile = None,
    folder: Folder = Path("data/security"),
    as_json: Json = False,
) -> None:
    """Let a device in: to publish under its own name and to read its own commands, nothing else. Its password is shown this once."""
    loaded = load_site(site)
    if not topics.NAME.fullmatch(device) or device in RESERVED:
        raise UserError(
            f"{device!r} is no device name: 1 to 64 letters, digits, '-' or '_', beginning with a letter or digit, and not {' or '.join(RESERVED)}"
        )
    rights = of_device(loaded.name, device) + (_robot(robot) if robot else Rights()) + of_gateway(loaded, topic or [])
    login: Login = "certificate" if certificate else "password"
    password = _from_file(password_file)
    secret = _security(folder).add(
        f"{loaded.name}.{device}", rights, utc_now(), login=login, password=password, life=timedelta(seconds=life)
    )
    _show(secret, password_file, as_json=as_json)


@app.command()
def revoke(
    device: Name, *, site: SiteName = "jeonju", folder: Folder = Path("data/security"), as_json: Json = False
) -> None:
    """Lock a device out, whatever it has: its password and all its certificates are good no more."""
    name = _account(device, site, folder)
    _security(folder).revoke(name, utc_now())
    typer.echo(json.dumps({"account": name, "revoked": True}) if as_json else f"{name} is locked out")


@app.command()
def rotate(
    device: Name,
    *,
    site: SiteName = "jeonju",
    life: Life = "730d",  # type: ignore[assignment]
    password_file: PasswordFile = None,
    folder: Folder = Path("data/security"),
    as_json: Json = False,
) -> None:
    """Give a device or service a new password or certificate, whichever it has; the old one is good no more."""
    name = _account(device, site, folder)
    password = _from_file(password_file)
    secret = _security(folder).rotate(name, utc_now(), password=password, life=timedelta(seconds=life))
    _show(secret, password_file, as_json=as_json)


@app.command("list")
def list_accounts(*, folder: Folder = Path("data/security"), as_json: Json = False) -> None:
    """Show every account, what it may do, and when its certificate ends."""
    accounts = _security(folder).accounts().values()
    if as_json:
        typer.echo(json.dumps([_row(account) for account in accounts]))
        return
    for account in accounts:
        row = _row(account)
        typer.echo(f"{row['account']:32} {row['state']:8} {row['login']:24} {row['certificate_ends'] or ''}")
        for what in ("publish", "subscribe"):
            typer.echo(f"  {what:9} {_words(row[what])}" if row[what] else f"  {what:9} nothing")


def _security(folder: Path) -> "Security":
    # Only these commands need the libraries behind it.
    from jeonju.broker.security import Security

    return Security(folder)


def _account(device: str, site: str, folder: Path) -> str:
    """Return a service's account by its name, a device's with its site before it."""
    known = _security(folder).accounts()
    return device if device in known else f"{load_site(site).name}.{device}"


def _robot(text: str) -> Rights:
    manufacturer, _, serial = text.partition("/")
    # The characters that VDA 5050 allows in a serial number.
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-")
    if not manufacturer or not serial or set(manufacturer + serial) - allowed:
        raise UserError(f"{text!r} is no robot: write MANUFACTURER/SERIAL with letters, digits, '_', '.', ':' or '-'")
    return of_robot(manufacturer, serial)


def _from_file(path: Path | None) -> str | None:
    return read_secret(path, "--password-file") if path is not None and path.exists() else None


def _show(secret: "Secret", password_file: Path | None, *, as_json: bool) -> None:
    if secret.password is not None and password_file is not None:
        if not password_file.exists():
            write_secret(password_file, secret.password.encode())
        secret = secret._replace(password=None)
    if as_json:
        shown = {name: _text(value) for name, value in secret._asdict().items() if value is not None}
        typer.echo(json.dumps(shown))
        return
    typer.echo(f"user      {secret.account}")
    if secret.password is not None:
        typer.echo(f"password  {secret.password}   (it is shown this once)")
    if password_file is not None and secret.certificate is None:
        typer.echo(f"password  in {password_file}")
    if secret.certificate is not None:
        ends = f", good until {secret.expires_at:%Y-%m-%d}" if secret.expires_at else ""
        typer.echo(f"files     {secret.certificate} {secret.key}{ends}")


def _row(account: "Account") -> dict[str, str | list[str] | None]:
    ends = [own.expires_at for own in account.certificates if own.revoked_at is None]
    logins = [word for word, has in (("password", account.mosquitto_hash), ("certificate", ends)) if has]
    return {
        "account": account.name,
        "state": "revoked" if account.revoked_at else "active",
        "login": " ".join(logins) or "none",
        "certificate_ends": max(ends).isoformat(timespec="seconds") if ends else None,
        "publish": list(account.publish),
        "subscribe": list(account.subscribe),
    }


def _words(filters: Iterable[str] | str | None) -> str:
    return " ".join(filters or ())


def _text(value: object) -> str:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
