"""What several commands share: their options, how they end, and where their warnings go."""

import os
import queue
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer

from jeonju.common.clock import utc_now
from jeonju.common.durations import parse_duration_s
from jeonju.common.errors import UserError


def duration_s(text: str) -> float:
    """Read a duration such as 2m, or end with a usage error that says what is wrong with it."""
    try:
        return parse_duration_s(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}") from error


Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of text for people.")]
SiteName = Annotated[str, typer.Option("--site", envvar="JEONJU_SITE", help="A built-in site or a site file.")]
SiteNames = Annotated[
    str,
    typer.Option(
        "--site",
        envvar="JEONJU_SITE",
        metavar="SITE,…",
        help="Built-in sites or site files with commas between them; the page of the first is at /, those of the others below /sites/NAME/.",
    ),
]
# Names are checked where they are used, so that these commands do not load the simulator.
Nature = Annotated[
    str,
    typer.Option(
        "--nature",
        help="What carries smoke: puffs, or particles, which share nothing with what finds it (only for scoring; slower).",
        metavar="NAME",
    ),
]
ScenarioName = Annotated[
    str, typer.Argument(help="An example by name (see `jeonju scenario list`) or a scenario file.")
]
Data = Annotated[
    Path, typer.Option("--data", envvar="JEONJU_DATA", help="Folder for the store and the broker's queues.")
]
Broker = Annotated[
    str,
    typer.Option(
        "--broker",
        envvar="JEONJU_BROKER",
        help="embedded (Mosquitto where the site has gateways and it is installed, else NATS), nats, mosquitto, or the address of a broker: mqtt://host:1883.",
    ),
]
BrokerAddress = Annotated[
    str, typer.Option("--broker", envvar="JEONJU_BROKER", help="Address of the broker: mqtt://user:password@host:1883.")
]
StoreUrl = Annotated[
    str | None,
    typer.Option("--store", envvar="JEONJU_STORE", help="Path of the store, or influxdb://host:8086/database."),
]
StoreOf = Annotated[
    str,
    typer.Option("--store", envvar="JEONJU_STORE", help="Path of the store, or influxdb://host:8086/database."),
]
Leases = typer.Option(
    "--leases",
    envvar="JEONJU_LEASES",
    metavar="NATS_URL",
    help="Where the leases of sites are: nats://host-1:4222,host-2:4222, or tls:// with the login of the broker.",
)
Host = Annotated[str, typer.Option("--host", help="Address that the page and the API listen on.")]
Port = Annotated[
    int,
    typer.Option(
        "--port", envvar="JEONJU_PORT", min=0, max=65535, help="Port of the page and the API; 0 takes a free one."
    ),
]
Keys = Annotated[
    Path, typer.Option("--keys", envvar="JEONJU_API_KEYS", help="File of the keys that the API takes (`jeonju key`).")
]
TlsCertificate = Annotated[
    Path | None,
    typer.Option("--tls-cert", envvar="JEONJU_API_TLS_CERT", help="Certificate chain of the API, for HTTPS."),
]
TlsKey = Annotated[
    Path | None, typer.Option("--tls-key", envvar="JEONJU_API_TLS_KEY", help="Private key of that certificate.")
]
HostNames = Annotated[
    str,
    typer.Option(
        "--host-names",
        envvar="JEONJU_API_HOST_NAMES",
        metavar="NAME[,NAME]",
        help="Names and addresses under which the API may be called. Without: with keys under any, without keys under those of this machine.",
    ),
]
TrustedProxies = Annotated[
    str,
    typer.Option(
        "--trusted-proxy",
        envvar="JEONJU_API_TRUSTED_PROXY",
        metavar="NETWORK[,NETWORK]",
        help="Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, as addresses or networks; nobody's by default.",
    ),
]
PublicPage = Annotated[
    bool,
    typer.Option(
        "--public-page", envvar="JEONJU_API_PUBLIC_PAGE", help="Let everybody see the page at /public, without a key."
    ),
]
MapTiles = Annotated[
    str,
    typer.Option(
        "--map-tiles",
        envvar="JEONJU_MAP_TILES",
        metavar="URL",
        help="Raster tiles under the map, such as https://tiles.example.org/{z}/{x}/{y}.png; without, nothing comes from elsewhere.",
    ),
]
MapAttribution = Annotated[
    str,
    typer.Option("--map-attribution", envvar="JEONJU_MAP_ATTRIBUTION", help="Whose tiles they are; shown on the map."),
]
Robots = Annotated[
    Literal["auto", "manual"],
    typer.Option("--robots", help="auto sends the nearest able robot to an incident; manual leaves it to people."),
]
Metrics = Annotated[
    str | None,
    typer.Option(
        "--metrics", envvar="JEONJU_METRICS", metavar="[HOST:]PORT", help="Serve /metrics, /healthz and /readyz there."
    ),
]
SecurityFolder = Annotated[
    Path,
    typer.Option("--security", envvar="JEONJU_SECURITY", help="Folder of the broker's accounts and certificates."),
]
RulesPath = Annotated[
    Path | None,
    typer.Option(
        "--rules",
        envvar="JEONJU_RULES",
        help="TOML with alert rules and channels, laid over the shipped ones (docs/alerts.md); try it with `jeonju alerts check`.",
    ),
]
Seconds = Annotated[
    float | None,
    typer.Option("--for", parser=duration_s, metavar="DURATION", help="Stop by itself after this long, such as 2m."),
]
KeepRaw = Annotated[
    float,
    typer.Option("--keep-raw", parser=duration_s, metavar="DURATION", help="How long readings stay in the store."),
]
KeepMinutes = Annotated[
    float,
    typer.Option(
        "--keep-minutes",
        parser=duration_s,
        metavar="DURATION",
        help="How long means of minutes stay; those of hours do for ever.",
    ),
]
ArchivePlace = Annotated[
    str | None,
    typer.Option(
        "--archive",
        envvar="JEONJU_ARCHIVE",
        metavar="DIR|s3://BUCKET/PREFIX",
        help="Where readings of a DuckDB store are moved to, as Parquet, before they are forgotten, and read from; without, they are forgotten.",
    ),
]


KeyFile = Annotated[
    Path | None, typer.Option("--key-file", envvar="JEONJU_API_KEY_FILE", help="File with a key for the service.")
]


def instant(text: str, option: str) -> datetime:
    """Return an instant that is given as such, or as how long ago. Raises UserError."""
    try:
        return utc_now() - timedelta(seconds=parse_duration_s(text))
    except ValueError:
        pass
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        given = None
    if given is None or given.tzinfo is None:
        raise UserError(
            f"{option} {text!r} is no instant with a time zone, such as 2026-03-02T08:00:00Z, and no duration"
        )
    return given


def listed(text: str) -> tuple[str, ...]:
    """Return the parts of a list with commas."""
    return tuple(part for part in (piece.strip() for piece in text.split(",")) if part)


def until_over(stop_after: float | None) -> Callable[[float], bool]:
    """Return a wait that ends early, and says so, on Ctrl-C, SIGTERM or after `stop_after` seconds."""
    # A handler of signals runs between any two steps of the main thread, also while that holds the lock of an Event: `set` would wait for itself.
    stopped: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: stopped.put(number))
    end = None if stop_after is None else time.monotonic() + stop_after

    def over(wait_s: float) -> bool:
        if end is not None:
            wait_s = min(wait_s, end - time.monotonic())
        try:
            stopped.put(stopped.get(timeout=max(wait_s, 0.0)))
        except queue.Empty:
            return end is not None and time.monotonic() >= end
        return True

    return over


def keep_files_private() -> None:
    """Let nobody else read the files that this process makes from now on: readings, queues and logs hold names and places."""
    os.umask(os.umask(0o077) | 0o077)
