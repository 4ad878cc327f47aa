"""Commands that bring official values and official forecasts: AirKorea and Korea's weather service."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jeonju.cli.logs import log_warnings
from jeonju.cli.options import BrokerAddress, Data, Seconds, SiteName, duration_s, until_over
from jeonju.contract.site import load_site

if TYPE_CHECKING:
    from collections.abc import Callable

    from jeonju.ingest.data_portal import Answer
    from jeonju.ingest.official import Source

app = typer.Typer()

OfficialEvery = Annotated[
    float, typer.Option("--every", parser=duration_s, metavar="DURATION", help="How often to ask, 10m at least.")
]
Once = Annotated[bool, typer.Option("--once", help="Ask once and end.")]
OfficialService = Annotated[str | None, typer.Option("--service", help="Another address of the interface.")]


@app.command()
def airkorea(
    *,
    province: Annotated[str, typer.Option("--province", help="Province as AirKorea names it.")] = "전북",
    every: OfficialEvery = "1h",  # type: ignore[assignment]
    once: Once = False,
    broker: BrokerAddress = "mqtt://127.0.0.1:1883",
    service: OfficialService = None,
    stations: Annotated[
        Path | None,
        typer.Option(
            "--stations",
            help="Write where its stations stand, and end; for `jeonju evaluate network`.",
            metavar="FILE.csv",
        ),
    ] = None,
    data: Data = Path("data"),
    stop_after: Seconds = None,
) -> None:
    """Ask AirKorea for a province's official hourly values and put them on the broker, on airkorea/PROVINCE.

    The key of data.go.kr is taken from AIRKOREA_KEY. The site file says which gateway reads that topic. AirKorea's forecast is kept in --data;
    calls of a day are counted there.
    """
    from jeonju.contract.air_ahead import file_of
    from jeonju.ingest.airkorea import AIRKOREA, MOST_CALLS, SERVICE, STATIONS, AirKorea, key_from_surroundings
    from jeonju.ingest.airkorea_stations import COLUMNS
    from jeonju.ingest.daily_calls import DailyCalls
    from jeonju.ingest.daily_calls import file_of as calls_of

    log_warnings()
    calls = DailyCalls(calls_of(data, AIRKOREA.name), AIRKOREA.name, MOST_CALLS)
    source = AirKorea(
        province, key_from_surroundings(), service=service or SERVICE, calls=calls, forecast=file_of(data)
    )
    if stations is not None:
        listed = source.ask_stations(service or STATIONS)
        with stations.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([COLUMNS, *listed.stations])
        typer.echo(
            f"{len(listed.stations)} stations of {province} in {stations}; {listed.left_out} without name or place"
        )
        return

    def say(answer: "Answer") -> None:
        forecast = source.forecasts.summary if source.forecasts else "none"
        newest = f"newest hour {answer.newest or 'none'}"
        typer.echo(f"{source.topic}: {len(answer.payload)} bytes, {newest}, forecast {forecast}; {calls}")

    _carry(source, broker, every, once=once, stop_after=stop_after, say=say)


@app.command()
def kma(
    *,
    site: SiteName = "jeonju",
    every: OfficialEvery = "1h",  # type: ignore[assignment]
    once: Once = False,
    broker: BrokerAddress = "mqtt://127.0.0.1:1883",
    service: OfficialService = None,
    data: Data = Path("data"),
    stop_after: Seconds = None,
) -> None:
    """Ask Korea's weather service for the hour's weather at a city and put it on the broker, as the device kma-NX-NY.

    The key of data.go.kr is taken from KMA_KEY, or from AIRKOREA_KEY. The newest forecast is kept in --data; calls of a day are counted there.
    """
    from jeonju.common.clock import utc_now
    from jeonju.contract.weather_ahead import file_of
    from jeonju.ingest.daily_calls import DailyCalls
    from jeonju.ingest.daily_calls import file_of as calls_of
    from jeonju.ingest.kma import KMA, MOST_CALLS, SERVICE, Kma

    log_warnings()
    calls = DailyCalls(calls_of(data, KMA.name), KMA.name, MOST_CALLS)
    city = load_site(site)
    source = Kma(
        city.name,
        city.origin,
        KMA.key(),
        file_of(data, city.name),
        now=utc_now,
        service=service or SERVICE,
        calls=calls,
    )

    def say(answer: "Answer") -> None:
        typer.echo(f"{source.device}: {answer.newest:%Y-%m-%d %H:%M} UTC, forecast {_issued(source.issued)}; {calls}")

    _carry(source, broker, every, once=once, stop_after=stop_after, say=say)


def _carry(
    source: "Source",
    broker: str,
    every_s: float,
    *,
    once: bool,
    stop_after: float | None,
    say: "Callable[[Answer], None]",
) -> None:
    from jeonju.common.clock import utc_now
    from jeonju.ingest.official import carry

    every, over = timedelta(seconds=every_s), until_over(stop_after)
    carry(source, broker, every=every, once=once, now=utc_now, over=over, on_answer=say)


def _issued(at: datetime | None) -> str:
    return f"of {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "none"
