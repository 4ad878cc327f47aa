"""The commands of `jeonju`; each only reads its options and calls what does the work."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from jeonju.broker.rights import Login
from jeonju.cli.alerts import app as alerts_app
from jeonju.cli.archive import app as archive_app
from jeonju.cli.cluster import broker as run_broker
from jeonju.cli.cluster import worker
from jeonju.cli.correction import app as correction_app
from jeonju.cli.dead_letters import app as dead_letters_app
from jeonju.cli.device import app as device_app
from jeonju.cli.evaluate import app as evaluate_app
from jeonju.cli.export import export
from jeonju.cli.forecast import forecast
from jeonju.cli.key import app as key_app
from jeonju.cli.lean import run_lean
from jeonju.cli.logs import log_warnings
from jeonju.cli.notify import app as notify_app
from jeonju.cli.official import app as official_app
from jeonju.cli.operations import app as operations_app
from jeonju.cli.options import (
    ArchivePlace,
    Broker,
    BrokerAddress,
    Data,
    Host,
    HostNames,
    Json,
    KeepMinutes,
    KeepRaw,
    Keys,
    MapAttribution,
    MapTiles,
    Nature,
    Port,
    PublicPage,
    Robots,
    RulesPath,
    ScenarioName,
    Seconds,
    SiteName,
    SiteNames,
    StoreUrl,
    TlsCertificate,
    TlsKey,
    TrustedProxies,
    duration_s,
    keep_files_private,
    listed,
    until_over,
)
from jeonju.cli.overview import Overview, Version
from jeonju.cli.progress import progress
from jeonju.cli.scenario import app as scenario_app
from jeonju.cli.services import app as services_app
from jeonju.cli.settings import PREFIX, take_settings
from jeonju.cli.site import app as site_app
from jeonju.cli.sweep import sweep
from jeonju.cli.what_if import what_if
from jeonju.common.errors import UserError
from jeonju.contract.site import load_site

app = typer.Typer(
    cls=Overview,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": PREFIX},
)
app.add_typer(site_app, name="site")
app.add_typer(scenario_app, name="scenario")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(device_app, name="device")
app.add_typer(correction_app, name="correction")
app.add_typer(key_app, name="key")
app.add_typer(alerts_app, name="alerts")
app.add_typer(notify_app, name="notify")
app.add_typer(dead_letters_app, name="dead-letters")
app.add_typer(archive_app, name="archive")
app.add_typer(services_app)
app.add_typer(official_app)
app.add_typer(operations_app)
app.command()(sweep)
app.command("what-if")(what_if)
app.command()(export)
app.command()(forecast)
app.command("broker")(run_broker)
app.command()(worker)


@app.callback()
def settings(
    context: typer.Context,
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            envvar="JEONJU_CONFIG",
            help="Options in a TOML file, such as: \\[up] port = 9000 (docs/configuration.md).",
        ),
    ] = None,
    _version: Version = False,
) -> None:
    """Simulate, carry, store, watch and judge the air of a city.

    Begin with `jeonju up`, then open the address that it shows.
    """
    if config is not None:
        take_settings(context, config)


@app.command()
def up(
    *,
    scenario: Annotated[
        str | None, typer.Option("--scenario", help="Play a scenario: the clock begins at its start.")
    ] = None,
    site: SiteNames = "jeonju",
    simulate: Annotated[
        bool,
        typer.Option("--simulate/--no-simulate", help="With simulated devices, or waiting for real ones only."),
    ] = True,
    history: Annotated[
        float,
        typer.Option(
            "--history", parser=duration_s, metavar="DURATION", help="How much of the past to simulate first."
        ),
    ] = "24h",  # type: ignore[assignment]
    speed: Annotated[
        float, typer.Option("--speed", min=0.1, max=3600, help="How many times as fast as real time.")
    ] = 1.0,
    broker: Broker = "embedded",
    store: StoreUrl = None,
    keep_raw: KeepRaw = "30d",  # type: ignore[assignment]
    keep_minutes: KeepMinutes = "400d",  # type: ignore[assignment]
    archive: ArchivePlace = None,
    data: Data = Path("data"),
    host: Host = "127.0.0.1",
    port: Port = 8000,
    keys: Annotated[
        Path | None,
        typer.Option(
            "--keys", envvar="JEONJU_API_KEYS", help="File of the keys that the API takes; keys.json in --data."
        ),
    ] = None,
    tls_cert: TlsCertificate = None,
    tls_key: TlsKey = None,
    host_names: HostNames = "",
    trusted_proxy: TrustedProxies = "",
    public_page: PublicPage = False,
    map_tiles: MapTiles = "",
    map_attribution: MapAttribution = "",
    robots: Robots = "auto",
    mqtt_port: Annotated[
        int, typer.Option("--mqtt-port", min=0, max=65535, help="Port of the embedded broker; 0 takes a free one.")
    ] = 1883,
    mqtt_host: Annotated[
        str,
        typer.Option(
            "--mqtt-host",
            help="Address that the embedded broker listens on; 0.0.0.0 is every one, and needs accounts: `jeonju device setup`.",
        ),
    ] = "127.0.0.1",
    mqtt_login: Annotated[
        Login, typer.Option("--mqtt-login", help="How clients log in to the embedded broker once there are accounts.")
    ] = "password",
    security: Annotated[
        Path | None,
        typer.Option(
            "--security", envvar="JEONJU_SECURITY", help="Folder of the broker's accounts; security in --data."
        ),
    ] = None,
    rules: RulesPath = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the simulated city.")] = 6,
    stop_after: Seconds = None,
    as_json: Json = False,
) -> None:
    """Run the whole city in one process: simulator, broker, store, api and page.

    It first makes up for a day of history, then goes on live. Ctrl-C stops it; the data stays for the next start.
    With --no-simulate it waits for real devices and gateways.
    """
    run_lean()
    from jeonju.api.access.tiles import Tiles
    from jeonju.cli.summary import summary_line, watch
    from jeonju.rules.rules import load_rules
    from jeonju.simulator.scenario import load_scenario
    from jeonju.stack.city import UpSettings, running_city
    from jeonju.stack.http_server import HttpSettings
    from jeonju.storage.port import Retention

    log_warnings()
    keep_files_private()
    settings = UpSettings(
        sites=listed(site),
        simulate=simulate,
        scenario=load_scenario(scenario) if scenario else None,
        history_s=history,
        speed=speed,
        broker=broker,
        store=store,
        data=data / Path(scenario).stem if scenario else data,
        mqtt_port=mqtt_port,
        seed=seed,
        retention=Retention(keep_raw, keep_minutes),
        archive=archive,
        sends_robots=robots == "auto",
        http=HttpSettings(
            host=host,
            port=port,
            keys=keys or data / "keys.json",
            certificate=tls_cert,
            private_key=tls_key,
            names=listed(host_names),
            trusted_proxies=listed(trusted_proxy),
            public_page=public_page,
            tiles=Tiles.of(map_tiles, map_attribution),
        ),
        mqtt_host=mqtt_host,
        mqtt_login=mqtt_login,
        security=security or data / "security",
        rules=load_rules(rules),
    )
    over = until_over(stop_after)
    if not as_json:
        typer.echo("starting …", err=True)
    with running_city(settings) as city:
        watch(city, until=over, as_json=as_json)
        state = city.state()
    if (trouble := city.trouble) is not None:
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
    rules: RulesPath = None,
    dispatch: Annotated[bool, typer.Option("--dispatch", help="Let a robot go and look at what is found.")] = False,
    nature: Nature = "puffs",
    as_json: Json = False,
) -> None:
    """Run a scenario offline, as fast as possible, and score its alerts against the truth."""
    from jeonju.evaluation.offline import OfflineRun
    from jeonju.evaluation.picture import draw
    from jeonju.rules.rules import load_rules
    from jeonju.simulator.nature.names import nature_name
    from jeonju.simulator.scenario import load_scenario

    carried_by = nature_name(nature)
    loaded = load_scenario(scenario)
    if seed is not None:
        loaded = loaded.model_copy(update={"seed": seed})
    begun = time.monotonic()
    with progress(loaded.title_en) as advance:
        result = OfflineRun(loaded, out, advance, dispatch=dispatch, rules=load_rules(rules), nature=carried_by).run()
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
    for visit in result.get("visits", []):
        typer.echo(
            f"  {visit['robot']}, {visit['stops']} stops ({visit['outcome'] or 'under way'}): "
            f"off by {visit['error_before_m']} m when sent, {visit['error_after_m']} m afterwards"
        )
    typer.echo(f"  {result['alerts']} alerts, {result['false_alarms']} local alerts without a cause")
    typer.echo(
        f"  {out}: readings.parquet truth.parquet alerts.parquet events.json score.json run.png; see it with: jeonju show {out}"
    )


@app.command()
def show(
    run: Annotated[Path, typer.Argument(help="Folder that `jeonju run` wrote.")],
    *,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    keys: Keys = Path("data/keys.json"),
    tls_cert: TlsCertificate = None,
    tls_key: TlsKey = None,
    host_names: HostNames = "",
    trusted_proxy: TrustedProxies = "",
    stop_after: Seconds = None,
    as_json: Json = False,
) -> None:
    """Open a finished run in the console: its hours on the time slider, its alerts and incidents, its truth and score.

    Nothing in the folder is changed.
    """
    run_lean()
    from jeonju.stack.http_server import HttpSettings
    from jeonju.stack.shown_run import shown_run

    log_warnings()
    keep_files_private()
    http = HttpSettings(
        host=host,
        port=port,
        keys=keys,
        certificate=tls_cert,
        private_key=tls_key,
        names=listed(host_names),
        trusted_proxies=listed(trusted_proxy),
    )
    over = until_over(stop_after)
    if not as_json:
        typer.echo(f"reading {run} …", err=True)
    with shown_run(run, http) as url:
        typer.echo(json.dumps({"event": "live", "url": url}) if as_json else f"{run} is shown at {url}; Ctrl-C ends it")
        while not over(0.5):
            pass


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
    from jeonju.cli.replay import kept_for
    from jeonju.cli.replay import replay as publish
    from jeonju.common.clock import utc_now

    for line in kept_for(recordings, utc_now()):
        typer.echo(line, err=True)
    with progress("replay", total=None) as advance:
        count = publish(recordings, broker, site=site, speed=speed, on_progress=advance)
    typer.echo(
        json.dumps({"published": count}) if as_json else f"{count:,} readings published and acknowledged by the broker"
    )


@app.command()
def doctor(
    *,
    topic: Annotated[str, typer.Option("--topic", help="Topic filter to listen on, such as 'v3/#'.")],
    site: SiteName = "jeonju",
    broker: BrokerAddress = "mqtt://127.0.0.1:1883",
    data: Data = Path("data"),
    stop_after: Seconds = None,
    as_json: Json = False,
) -> None:
    """Point a gateway at the broker and see, message by message, how it is understood or why not.

    Nothing is stored. Where the site file does not know a topic, a ready entry for it is shown. Of a NATS it says which senders it has disconnected,
    as far as its log is in --data.
    """
    from jeonju.cli.doctor import diagnoses, in_words, notices

    for notice in notices(broker, data):
        typer.echo(notice, err=True)
    for found in diagnoses(load_site(site), broker, topic, until_over(stop_after)):
        typer.echo(in_words(found, as_json=as_json))
