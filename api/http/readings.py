"""What was measured: the latest of every device, and series."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, HTTPException, Query, Request, Response

from jeonju.airquality.pollutants import QUANTITY
from jeonju.api.access.guard import Access
from jeonju.api.export import FILES, AsFormat, file_of
from jeonju.api.http.answers import answer, example
from jeonju.api.http.indexes import instrument
from jeonju.api.http.paging import ByName, shortened
from jeonju.api.http.sites import LONGEST_STATE
from jeonju.api.http.spans import Span, SpanQuery
from jeonju.api.http.state import Air, State
from jeonju.api.reading_json import reading_json, series_json
from jeonju.api.stream import EventResponse, TooManyError
from jeonju.export.pieces import within
from jeonju.export.rows import readings_table
from jeonju.storage.port import Series

router = APIRouter(prefix="/api/v1", tags=["readings"])

# A client that asks for more gets coarser intervals, or is asked to request less when it insists on raw readings.
MOST_POINTS: Final = 20_000
# Of one device, where the client leaves the interval to us: more than a screen has columns.
MOST_AUTO_POINTS: Final = 2000
INTERVALS_S: Final = (10, 30, 60, 300, 600, 1800, 3600, 10_800, 86_400)
LONGEST: Final = timedelta(days=400)
MOST_BYTES: Final = 16 * 1024 * 1024
LESS: Final = "ask for a shorter time, fewer devices or quantities, or a larger `every`"
_FEATURE_COLLECTION: Final = (b'{"type":"FeatureCollection","features":[', b"]}")

_READING = {
    "device": "palbok-03",
    "time": "2026-03-02T08:15:30Z",
    "position": [35.8546, 127.0976],
    "values": {"pm25": 23.4, "no2": 0.021},
}


@router.get("/latest", responses=example([_READING], FILES))
def latest(air: Air, page: ByName, site: str | None = None, as_format: AsFormat = "json") -> Response:
    """The newest reading of every device, by name; the `Link` header gives the next page."""
    table = air.store.latest(site or air.site.name)
    if as_format != "json":
        return file_of(air, "latest", [readings_table(table, QUANTITY).sort_by("device")], as_format)
    return page.answer(page.of_table(table, "device"), table.num_rows, lambda row: row["device"], reading_json)


@router.get(
    "/geojson",
    responses=example(
        {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"device": "palbok-03"}}]}
    ),
)
def geojson(air: Air, page: ByName) -> Response:
    """The newest reading of every device as GeoJSON points, with index and class for stations; the `Link` header gives the next page."""
    places = {station.name: (station.lat, station.lon) for station in air.site.stations}
    kinds = {record.device: record for record in air.store.devices(air.site.name)}
    indexes = air.detection.snapshot.index.cai
    table = air.store.latest(air.site.name)

    def feature(row: dict[str, Any]) -> dict[str, Any] | None:
        place = (row["lat"], row["lon"]) if row["lat"] is not None else places.get(row["device"])
        if place is None:
            return None
        record, index = kinds.get(row["device"]), indexes.get(row["device"])
        properties = {
            **reading_json(row),
            "kind": record.kind if record else "",
            "origin": record.origin if record else "real",
            "state": shortened(record.state, LONGEST_STATE) if record else "",
            "zone": record.zone if record else "",
        }
        if index is not None:
            properties |= {
                "cai": round(index.value),
                "grade": index.grade.key,
                "colour": index.grade.colour,
                **instrument(air, row["device"]),
            }
        return {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [place[1], place[0]]},
            "properties": properties,
        }

    return page.answer(
        page.of_table(table, "device"), table.num_rows, lambda row: row["device"], feature, _FEATURE_COLLECTION
    )


@router.get(
    "/series",
    responses=example(
        {"every_s": 60, "devices": {"palbok-03": {"time": ["2026-03-02T08:15:00Z"], "pm25": [23.4]}}}, FILES
    ),
)
async def series(
    span: Span,
    every: Annotated[
        str,
        Query(
            description="`raw`, `auto` (at most 2 000 points a device, of whole intervals: the first may begin "
            "before `start`, the last end after `end`), or seconds to average over.",
            pattern=r"^(raw|auto|[1-9]\d{0,6})$",
        ),
    ] = "auto",
    as_format: AsFormat = "json",
) -> Response:
    """Series per device: raw readings, or means over intervals, at most 20 000 rows and 16 MB; a million rows as a file.

    Longer spans: `/api/v1/export`.
    """
    wanted = span.wanted(longest=LONGEST)
    every_s = _interval_s(span.air, every, (wanted.end - wanted.start).total_seconds(), len(wanted.devices))
    wanted = replace(wanted, every_s=every_s, limit=MOST_POINTS + 1)
    if every == "auto" and every_s is not None:
        start, end = _whole(wanted.start, wanted.end, every_s)
        wanted = replace(wanted, start=start, end=end)
    if as_format != "json":
        return await span.air.turns.exports.run(lambda: _series_file(span, wanted, as_format))
    return await span.air.turns.exports.run(lambda: _series(span, wanted))


@router.get("/stream", response_class=Response, responses={200: {"content": {"text/event-stream": {}}}})
async def stream(
    air: Air,
    request: Request,
    last_event_id: Annotated[
        str | None,
        Query(description="As the header, for pages, which cannot set it; the header counts more.", max_length=100),
    ] = None,
    last_event: Annotated[
        str | None,
        Header(alias="Last-Event-ID", description="The `id` of the last event that was received.", max_length=100),
    ] = None,
) -> Response:
    """Server-sent events: `readings` (a list, as in /latest), `alert` (as in /alerts) and `incident` (as in /incidents), as they happen.

    Each has an `id`. Who shows that of the last one goes on with what followed, each event once: the newest 4 000 of the last two minutes are
    kept, 16 MB at most. Where what followed is not known any more, or no id is shown, the first event is `reset`: ask for the state of all.

    It ends when the key or session that it was asked for with does. At most 500 listen at once, 100 with one key.
    """
    access: Access = request.app.state.access
    caller = request.state.caller
    try:
        listener = air.stream.join(
            caller.name,
            lambda: access.holds(caller),
            is_counted=caller.key is not None,
            last_event_id=last_event or last_event_id,
        )
    except TooManyError as error:
        raise HTTPException(429, str(error), {"Retry-After": "30"}) from error
    return EventResponse(air.stream, listener)


def _series(span: SpanQuery, wanted: Series) -> Response:
    span.check_devices()
    table = span.air.store.readings(wanted)
    if table.num_rows > MOST_POINTS:
        raise HTTPException(422, f"more than {MOST_POINTS} rows; {LESS}")
    answered = answer({"every_s": wanted.every_s, "devices": series_json(table, span.quantity or list(QUANTITY))})
    if len(answered.body) > MOST_BYTES:
        raise HTTPException(422, f"more than {MOST_BYTES // 2**20} MB; {LESS}")
    return answered


def _series_file(span: SpanQuery, wanted: Series, as_format: Literal["csv", "parquet"]) -> Response:
    span.check_devices()
    keys = span.keys()
    pieces = (readings_table(piece, keys) for piece in within(span.air.store, wanted))
    return file_of(span.air, "series", pieces, as_format)


def _whole(start: datetime, end: datetime, every_s: int) -> tuple[datetime, datetime]:
    """Extend a span to whole intervals: their means are stored, and one over a part of an interval misleads."""
    before_s, beyond_s = start.timestamp() % every_s, -end.timestamp() % every_s
    return start - timedelta(seconds=before_s), end + timedelta(seconds=beyond_s)


def _interval_s(air: State, every: str, span_s: float, devices: int) -> int | None:
    """Return the interval to average over; `auto` takes the finest that stays within the bound."""
    if every == "raw":
        return None
    if every != "auto":
        return int(every)
    count = devices or max(len(air.site.devices), 1)
    most = min(MOST_AUTO_POINTS, MOST_POINTS / 2 / count)
    return next((interval for interval in INTERVALS_S if span_s / interval <= most), INTERVALS_S[-1])
