"""Every command of `jeonju`; each only reads its options and calls what does the work."""

import json
import logging
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler

from airquality.durations import parse_duration_s
from airquality.errors import UserError
from airquality.site import load_site
from jeonju.evaluate.commands import app as evaluate_app
from jeonju.progress import progress
from simulator.scenario import examples, load_scenario

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Simulate, carry, store, watch and judge the air of a city.\n\nBegin with `jeonju up`, then open the address that it shows.",
)
site_app = typer.Typer(no_args_is_help=True, help="Cities as data.")
scenario_app = typer.Typer(no_args_is_help=True, help="What happens in a city, as data.")
app.add_typer(site_app, name="site")
app.add_typer(scenario_app, name="scenario")
app.add_typer(evaluate_app, name="evaluate")


def _duration(text: str) -> float:
    try:
        return parse_duration_s(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}") from error


Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of text for people.")]
SiteName = Annotated[str, typer.Option("--site", help="A built-in site or a site file.")]
ScenarioName = Annotated[
    str, typer.Argument(help="An example by name (see `jeonju scenario list`) or a scenario file.")
]
Data = Annotated[
    Path, typer.Option("--data", envvar="JEONJU_DATA", help="Folder for the store and the broker's queues.")
]
Broker = Annotated[
    str,
    typer.Option(
        "--broker", envvar="JEONJU_BROKER", help="embedded, mosquitto, or the address of a broker: mqtt://host:1883."
    ),
]
BrokerAddress = Annotated[
    str, typer.Option("--broker", envvar="JEONJU_BROKER", help="Address of the broker: mqtt://user:password@host:1883.")
]
StoreUrl = Annotated[
    str | None,
    typer.Option("--store", envvar="JEONJU_STORE", help="Path of the store, or influxdb://host:8086/database."),
]
Host = Annotated[str, typer.Option("--host", help="Address that the page and the API listen on.")]
Port = Annotated[
    int,
    typer.Option(
        "--port", envvar="JEONJU_PORT", min=0, max=65535, help="Port of the page and the API; 0 takes a free one."
    ),
]
Seconds = Annotated[
    float | None,
    typer.Option("--for", parser=_duration, metavar="DURATION", help="Stop by itself after this long, such as 2m."),
]
KeepRaw = Annotated[
    float,
    typer.Option("--keep-raw", parser=_duration, metavar="DURATION", help="How long readings stay in a DuckDB store."),
]
KeepMinutes = Annotated[
    float,
    typer.Option(
        "--keep-minutes",
        parser=_duration,
        metavar="DURATION",
        help="How long means of minutes stay; those of hours do for ever.",
    ),
]


@app.command()
def up(
    *,
    scenario: Annotated[
        str | None, typer.Option("--scenario", help="Play a scenario: the clock begins at its start.")
    ] = None,
    site: SiteName = "jeonju",
    history: Annotated[
        float,
        typer.Option("--history", parser=_duration, metavar="DURATION", help="How much of the past to simulate first."),
    ] = "24h",  # type: ignore[assignment]
    speed: Annotated[
        float, typer.Option("--speed", min=0.1, max=3600, help="How many times as fast as real time.")
    ] = 1.0,
    broker: Broker = "embedded",
    store: StoreUrl = None,
    keep_raw: KeepRaw = "30d",  # type: ignore[assignment]
    keep_minutes: KeepMinutes = "400d",  # type: ignore[assignment]
    data: Data = Path("data"),
    host: Host = "127.0.0.1",
    port: Port = 8000,
    mqtt_port: Annotated[
        int, typer.Option("--mqtt-port", min=0, max=65535, help="Port of the embedded broker; 0 takes a free one.")
    ] = 1883,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the simulated city.")] = 6,
    stop_after: Seconds = None,
    as_json: Json = False,
) -> None:
    """Run the whole city in one process: simulator, broker, store, api and page.

    It first makes up for a day of history, then goes on live. Ctrl-C stops it; the data stays for the next start.
    """
    from jeonju.stack import UpSettings, running_city
    from jeonju.summary import summary_line, watch
    from storage.port import Retention

    _log_warnings()
    settings = UpSettings(
        site=site, scenario=load_scenario(scenario) if scenario else None, history_s=history, speed=speed, broker=broker, store=store,
        data=data / Path(scenario).stem if scenario else data, host=host, port=port, mqtt_port=mqtt_port, seed=seed,
        retention=Retention(keep_raw, keep_minutes),
    )  # fmt: skip
    over = _over(stop_after)
    if not as_json:
        typer.echo("starting …", err=True)
    with running_city(settings) as city:
        watch(city, until=over, as_json=as_json)
        state = city.state()
    if (trouble := city.ingest.stats().trouble) is not None:
        raise UserError(f"{trouble}. What was not stored stays with the broker and is taken at the next start")
    typer.echo(
        json.dumps({"event": "stopped", **state})
        if as_json
        else f"stopped; {summary_line(state)}; the data is in {settings.data}"
    )


@app.command()
def run(
    scenario: ScenarioName,
    *,
    out: Annotated[Path, typer.Option("--out", help="Folder for readings, truth, alerts, score and picture.")] = Path(
        "out"
    ),
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Another seed than the scenario's.")] = None,
    as_json: Json = False,
) -> None:
    """Run a scenario offline, as fast as possible, and score its alerts against the truth."""
    from jeonju.offline import OfflineRun
    from jeonju.picture import draw

    loaded = load_scenario(scenario)
    if seed is not None:
        loaded = loaded.model_copy(update={"seed": seed})
    begun = time.monotonic()
    with progress(loaded.title_en) as advance:
        result = OfflineRun(loaded, out, advance).run()
    draw(loaded, out, out / "run.png")
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    typer.echo(f"{loaded.title_en}: {loaded.duration / 3600:g} h in {time.monotonic() - begun:.1f} s")
    for event in result["events"]:
        found = (
            f"{event['class']} by {event['detected_by']}, {event['delay_s'] / 60:.1f} min after its start"
            if event["detected"]
            else "not found"
        )
        typer.echo(
            f"  {event['kind']} {event['title']}: {found if event['reached'] or event['detected'] else 'reached no device'}"
        )
    typer.echo(f"  {result['alerts']} alerts, {result['false_alarms']} local alerts without a cause")
    typer.echo(f"  {out}: readings.parquet truth.parquet alerts.parquet events.json score.json run.png")


@app.command()
def replay(
    recordings: Annotated[
        list[Path],
        typer.Argument(help="A readings.parquet, or a folder with one or with observations.csv and sensors.csv."),
    ],
    *,
    broker: BrokerAddress = "mqtt://127.0.0.1:1883",
    site: Annotated[
        str | None, typer.Option("--site", help="Publish under this site instead of the recording's own.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option("--speed", min=0.001, help="Times its own pace; as fast as possible by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Publish recorded readings onto MQTT."""
    from jeonju.replay import replay as publish

    with progress("replay", total=None) as advance:
        count = publish(recordings, broker, site=site, speed=speed, on_progress=advance)
    typer.echo(
        json.dumps({"published": count}) if as_json else f"{count:,} readings published and acknowledged by the broker"
    )


@app.command()
def simulate(
    *,
    scenario: Annotated[str | None, typer.Option("--scenario", help="Play a scenario from its start.")] = None,
    site: SiteName = "jeonju",
    broker: BrokerAddress = "mqtt://127.0.0.1:1883",
    history: Annotated[
        float,
        typer.Option("--history", parser=_duration, metavar="DURATION", help="How much of the past to simulate first."),
    ] = "0s",  # type: ignore[assignment]
    speed: Annotated[float, typer.Option("--speed", min=0.1, max=3600)] = 1.0,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 1,
    stop_after: Seconds = None,
) -> None:
    """Run only the simulated devices, against a broker that is there."""
    from jeonju.clock import ScaledClock
    from jeonju.stack import Simulation, UpSettings

    _log_warnings()
    loaded = load_scenario(scenario) if scenario else None
    settings = UpSettings(site=site, scenario=loaded, history_s=history, speed=speed, seed=seed)
    clock = ScaledClock(loaded.start, speed) if loaded else ScaledClock(speed=speed)
    begin_s = (clock.start_at.timestamp() - history) // 10 * 10
    simulation = Simulation(load_site(loaded.site if loaded else site), settings, clock, broker, begin_s=begin_s)
    simulation.start()
    over = _over(stop_after)
    try:
        while not over(0.5):
            if simulation.failure:
                raise simulation.failure
    finally:
        simulation.close()


@app.command()
def ingest(
    *,
    site: SiteName = "jeonju",
    broker: BrokerAddress = "mqtt://127.0.0.1:1883",
    store: Annotated[
        str, typer.Option("--store", envvar="JEONJU_STORE", help="Path of the store, or influxdb://host:8086/database.")
    ] = "data/air.duckdb",
    member: Annotated[
        str | None,
        typer.Option(
            "--member",
            help="Name of this one of several ingest processes that split the load (MQTT 5 shared subscriptions: Mosquitto).",
        ),
    ] = None,
    keep_raw: KeepRaw = "30d",  # type: ignore[assignment]
    keep_minutes: KeepMinutes = "400d",  # type: ignore[assignment]
    stop_after: Seconds = None,
) -> None:
    """Run only the ingest service: from the broker into the store. A DuckDB store serves one process at a time."""
    from contextlib import closing

    from ingest.service import Ingest
    from storage.open import open_store
    from storage.port import Retention

    _log_warnings()
    over = _over(stop_after)
    with (
        closing(open_store(store, Retention(keep_raw, keep_minutes))) as opened,
        Ingest(load_site(site), opened, broker, member=member) as service,
    ):
        while not over(0.5):
            if service.failure:
                raise service.failure


@app.command()
def api(
    *,
    site: SiteName = "jeonju",
    broker: BrokerAddress = "mqtt://127.0.0.1:1883",
    store: Annotated[
        str, typer.Option("--store", envvar="JEONJU_STORE", help="Path of the store, or influxdb://host:8086/database.")
    ] = "data/air.duckdb",
    host: Host = "127.0.0.1",
    port: Port = 8000,
    stop_after: Seconds = None,
) -> None:
    """Run only the API with alerts and page. A DuckDB store serves one process at a time."""
    from contextlib import closing

    from api.app import create_app
    from jeonju.live_server import LiveServer
    from storage.open import open_store

    _log_warnings()
    over = _over(stop_after)
    with (
        closing(open_store(store)) as opened,
        LiveServer(create_app(load_site(site), opened, broker), host=host, port=port) as server,
    ):
        typer.echo(server.url)
        while not over(0.5):
            pass


@app.command()
def airkorea(
    *,
    province: Annotated[str, typer.Option("--province", help="Province as AirKorea names it.")] = "전북",
    every: Annotated[
        float, typer.Option("--every", parser=_duration, metavar="DURATION", help="How often to ask, 10m at least.")
    ] = "1h",  # type: ignore[assignment]
    once: Annotated[bool, typer.Option("--once", help="Ask once and end.")] = False,
    broker: BrokerAddress = "mqtt://127.0.0.1:1883",
    service: Annotated[str | None, typer.Option("--service", help="Another address of the interface.")] = None,
    stop_after: Seconds = None,
) -> None:
    """Ask AirKorea for a province's official hourly values and put them on the broker, on airkorea/PROVINCE.

    The key of data.go.kr is taken from AIRKOREA_KEY. The site file says which gateway reads that topic.
    """
    from datetime import timedelta

    from airquality.clock import utc_now
    from ingest.airkorea import SERVICE, AirKorea, carry, key_from_surroundings

    _log_warnings()
    source = AirKorea(province, key_from_surroundings(), service=service or SERVICE)
    carry(
        source, broker, every=timedelta(seconds=every), once=once, now=utc_now, over=_over(stop_after),
        on_answer=lambda answer: typer.echo(f"airkorea/{province}: {len(answer.payload)} bytes, newest hour {answer.newest or 'none'}"),
    )  # fmt: skip


@app.command()
def doctor(
    *,
    topic: Annotated[str, typer.Option("--topic", help="Topic filter to listen on, such as 'v3/#'.")],
    site: SiteName = "jeonju",
    broker: BrokerAddress = "mqtt://127.0.0.1:1883",
    stop_after: Seconds = None,
    as_json: Json = False,
) -> None:
    """Point a gateway at the broker and see, message by message, how it is understood or why not.

    Nothing is stored. Where the site file does not know a topic, a ready entry for it is shown.
    """
    from jeonju.doctor import diagnoses, in_words

    for found in diagnoses(load_site(site), broker, topic, _over(stop_after)):
        typer.echo(in_words(found, as_json=as_json))


@site_app.command("check")
def site_check(
    site: Annotated[str, typer.Argument(help="A site file, or the name of a built-in site such as `jeonju`.")],
    *,
    as_json: Json = False,
) -> None:
    """Check a site file; every fault is named with its line."""
    checked = load_site(site)
    counts = {name: len(getattr(checked, name)) for name in ("zones", "stations", "robots", "sources")}
    typer.echo(
        json.dumps(counts)
        if as_json
        else f"{site}: good; " + ", ".join(f"{count} {what}" for what, count in counts.items())
    )


@scenario_app.command("list")
def scenario_list(*, as_json: Json = False) -> None:
    """List the examples that come with the project."""
    loaded = {path.stem: load_scenario(path) for path in examples()}
    if as_json:
        typer.echo(
            json.dumps(
                {name: {"title_en": one.title_en, "title_ko": one.title_ko} for name, one in loaded.items()},
                ensure_ascii=False,
            )
        )
        return
    for name, one in loaded.items():
        typer.echo(f"{name:24} {one.duration / 3600:>4g} h  {one.title_en} · {one.title_ko}")


@scenario_app.command("check")
def scenario_check(scenario: ScenarioName, *, as_json: Json = False) -> None:
    """Check a scenario file; every fault is named with its line."""
    checked = load_scenario(scenario)
    facts = {
        "title": checked.title_en,
        "start": checked.start.isoformat(),
        "hours": checked.duration / 3600,
        "events": len(checked.events),
    }
    typer.echo(
        json.dumps(facts)
        if as_json
        else f"{scenario}: good; {facts['hours']:g} h from {checked.start:%Y-%m-%d %H:%M %z}, {facts['events']} events"
    )


@scenario_app.command("show")
def scenario_show(scenario: ScenarioName) -> None:
    """Print a scenario with every default filled in, as JSON."""
    typer.echo(load_scenario(scenario).model_dump_json(indent=2))


def _over(stop_after: float | None) -> Callable[[float], bool]:
    """Return a wait that ends early, and says so, on Ctrl-C, SIGTERM or after `stop_after` seconds."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    end = None if stop_after is None else time.monotonic() + stop_after

    def over(wait_s: float) -> bool:
        if end is not None:
            wait_s = min(wait_s, max(end - time.monotonic(), 0.0))
        return stopped.wait(wait_s) or (end is not None and time.monotonic() >= end)

    return over


def _log_warnings() -> None:
    logging.basicConfig(
        level=logging.WARNING,
        format="%(message)s",
        handlers=[RichHandler(console=Console(stderr=True), show_path=False)],
    )
