"""Readings of any span as a file: CSV and Parquet as they are read, CF-NetCDF, which cannot be written so, of a million rows."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter, HTTPException, Query, Response

from jeonju.api.export import file_name, file_of
from jeonju.api.http.spans import MOST_NAMED, Span, SpanQuery
from jeonju.api.sent_spans import Parts, SpanResponse, parts_of
from jeonju.common.errors import UserError
from jeonju.contract.columns import READINGS
from jeonju.export.pieces import Piece, pieces_of
from jeonju.export.rows import About, Place, chosen_places, one_kind, places_of, readings_table
from jeonju.export.writers import LESS_PARQUET, MEDIA_TYPES, MOST_PARQUET_ROWS, Kind
from jeonju.storage.port import Series

router = APIRouter(prefix="/api/v1", tags=["readings"])

_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file",
        "content": {kind.partition(";")[0]: {} for kind in MEDIA_TYPES.values()}
        | {"text/csv": {"example": "time,device,pm25 [µg/m³],flags\n2026-03-02T08:15:30Z,palbok-03,23.4,\n"}},
    }
}


@router.get("/export", response_class=Response, responses=_ANSWERS)
async def export(
    span: Span,
    as_format: Annotated[
        Kind,
        Query(
            alias="format",
            description="`csv` (UTF-8 with a byte order mark, units in the header), `parquet` (flags as codes too, units and devices in its "
            "metadata) or `netcdf` (CF-1.11; stations or robots, a million rows at most).",
        ),
    ] = "csv",
    every: Annotated[
        str, Query(description="`raw`, or seconds to average over.", pattern=r"^(raw|[1-9]\d{0,6})$")
    ] = "raw",
    kind: Annotated[
        Literal["station", "robot"] | None, Query(description="Only stations or only robots, as a CF-NetCDF wants it.")
    ] = None,
) -> Response:
    """Readings of any span, however long, as one file: rows in the order of time, sent as they are read, so that memory stays bounded.

    A Parquet file has 200 million rows at most, CSV has no bound. Four are sent at once, others are answered 429. An answer without its end was
    broken off; ask again from the last whole instant. A client that takes nothing for 20 s is cut off.

    Readings that are no longer kept are not there: `every=60` or `every=3600` reach further back.
    """
    wanted = replace(span.wanted(), every_s=None if every == "raw" else int(every))
    if as_format == "netcdf":
        return await span.air.turns.exports.run(lambda: _file(span, wanted, kind))
    spans = span.air.turns.spans
    spans.enter()
    try:
        parts = await spans.in_thread(lambda: _parts(span, wanted, kind, as_format))
        # With the first piece, so that a store that is away is an answer of its own.
        begun = await spans.in_thread(lambda: next(parts))
        return SpanResponse(span.air, parts, begun, as_format, file_name(span.air, "export", as_format))
    except BaseException:
        spans.leave()
        raise


def _parts(span: SpanQuery, wanted: Series, kind: str | None, as_format: Kind) -> Parts:
    devices, rows = _chosen(span, wanted, kind)
    if as_format == "parquet":
        _check_rows(span, wanted, devices)
    keys = span.keys()
    tables = (None if piece.rows is None else readings_table(piece.rows, keys) for piece in rows)
    schema = readings_table(READINGS.empty_table(), keys).schema
    return parts_of(tables, schema, as_format, About.of(span.air.site, "export", span.air.now(), devices))


def _check_rows(span: SpanQuery, wanted: Series, devices: Sequence[Place]) -> None:
    """Refuse a Parquet file that would break off for its size: not more can come than arrived, nor, once a second, fits into the time."""
    most = len(devices) * (wanted.end - wanted.start).total_seconds() / (wanted.every_s or 1)
    if most > MOST_PARQUET_ROWS and wanted.every_s is None:
        names = {place.name for place in devices}
        received = (entry.received for entry in span.air.store.ledger(wanted.site) if entry.device in names)
        most = min(most, sum(received))
    if most > MOST_PARQUET_ROWS:
        raise HTTPException(422, f"about {most:,.0f} rows are {LESS_PARQUET}, or a larger `every`")


def _file(span: SpanQuery, wanted: Series, kind: str | None) -> Response:
    devices, rows = _chosen(span, wanted, kind)
    try:
        one_kind(devices)
    except UserError as error:
        raise HTTPException(422, str(error)) from error
    keys = span.keys()

    def tables() -> Iterator[pa.Table]:
        yield readings_table(READINGS.empty_table(), keys)
        yield from (readings_table(piece.rows, keys) for piece in rows if piece.rows is not None)

    return file_of(span.air, "export", tables(), "netcdf", devices)


def _chosen(span: SpanQuery, wanted: Series, kind: str | None) -> tuple[tuple[Place, ...], Iterator[Piece]]:
    """Return the devices that are wanted and their rows. Raises HTTPException 422 for one that nobody knows."""
    places = places_of(span.air.site, span.air.store, wanted.site)
    try:
        chosen = chosen_places(places, wanted.devices, kind)
    except UserError as error:
        raise HTTPException(422, f"{error}; see /api/v1/devices") from error
    if kind is None:
        return chosen, pieces_of(span.air.store, wanted)
    names = tuple(place.name for place in chosen)
    if len(names) <= MOST_NAMED:
        return chosen, pieces_of(span.air.store, replace(wanted, devices=names))
    return chosen, _only(frozenset(names), pieces_of(span.air.store, wanted))


def _only(names: frozenset[str], pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Leave out the rows of other devices: a store is asked for so many by name, and no more."""
    wanted = pa.array(sorted(names))
    for piece in pieces:
        rows = piece.rows
        if rows is not None:
            rows = rows.filter(pc.is_in(rows["device"].cast(pa.string()), wanted))
        yield Piece(rows, piece.reached)
