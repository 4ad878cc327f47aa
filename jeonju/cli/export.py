"""Readings of any span into one file, from a running service or from a store."""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple

import typer

from jeonju.cli.opened_store import opened_store
from jeonju.cli.options import ArchivePlace, Data, Json, KeyFile, SiteName, StoreUrl, instant
from jeonju.cli.progress import progress
from jeonju.common.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

    from jeonju.client import Client
    from jeonju.export.parts import Parts
    from jeonju.export.pieces import Piece
    from jeonju.export.rows import About
    from jeonju.storage.port import Series

KINDS: Final = {".csv": "csv", ".parquet": "parquet", ".nc": "netcdf"}
# What is asked of a service at once: so many rows are about 10 MB of Parquet.
ROWS_OF_A_SLICE: Final = 200_000
_ROWS_AT_ONCE: Final = 20_000
# A service that is away, or has too many exports, is asked again for so long.
_GIVE_UP_AFTER_S: Final = 60.0
_TRY_EVERY_S: Final = 2.0

Kind = Literal["station", "robot"]


class _Source(NamedTuple):
    about: "About"
    schema: "pa.Schema"
    pieces: Iterator["Piece"]


def export(
    out: Annotated[Path, typer.Argument(help="The file to write: .csv, .parquet or .nc (CF-NetCDF).")],
    *,
    start: Annotated[
        str, typer.Option("--start", help="First instant, such as 2026-03-02T08:00:00+09:00, or how long ago: 30d.")
    ] = "24h",
    end: Annotated[str, typer.Option("--end", help="End, not included: an instant, or how long ago.")] = "0s",
    device: Annotated[list[str] | None, typer.Option("--device", help="Only this device; may be repeated.")] = None,
    quantity: Annotated[
        list[str] | None, typer.Option("--quantity", help="Only this quantity; may be repeated.")
    ] = None,
    every: Annotated[
        int | None, typer.Option("--every", min=1, max=9_999_999, help="Means over so many seconds, not readings.")
    ] = None,
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="Only stations or only robots, as a CF-NetCDF wants it.")
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="Ask this running service: http://127.0.0.1:8000."),
    ] = None,
    key_file: KeyFile = None,
    store: StoreUrl = None,
    data: Data = Path("data"),
    archive: ArchivePlace = None,
    site: SiteName = "jeonju",
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Keep what was read; the same command again goes on where this one was broken off."
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write readings of any span into one file for other programs: CSV, Parquet or CF-NetCDF.

    Memory is bounded whatever the span. The file appears when it is whole: interrupted, nothing is left (with --resume what was read, in a hidden
    folder beside it), and one that was there stays.
    A DuckDB file that a running service has open is read by that service: --from. Status 75 where a service or store is away.
    """
    from jeonju.export.whole_file import write_whole
    from jeonju.storage.port import Series

    if (as_format := KINDS.get(out.suffix)) is None:
        raise UserError(f"{out.name} must end in {', '.join(KINDS)}")
    if out.exists() and not force:
        raise UserError(f"{out} is there already; name another file, or overwrite it with --force")
    if not out.parent.is_dir():
        raise UserError(f"there is no folder {out.parent}; make it first")
    wanted = Series(
        site=site,
        start=instant(start, "--start"),
        end=instant(end, "--end"),
        devices=tuple(device or ()),
        every_s=every,
        quantities=_quantities(quantity or []),
    )
    if wanted.start >= wanted.end:
        raise UserError("--start must be before --end")
    # Both alike, also where a shell has SIGINT ignored because it runs this in the background.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    with ExitStack() as stack:
        parts = None
        if resume:
            place = from_ or store or str((data / "air.duckdb").absolute())
            asked = {
                "place": place,
                "span": [start, end],
                "archive": archive,
                "kind": kind,
                "rows": [site, device, quantity, every],
            }
            parts = stack.enter_context(_parts(out, asked, wanted))
            wanted = replace(wanted, start=parts.start, end=parts.end)
        rest = wanted if parts is None else replace(wanted, start=parts.reached)
        source = stack.enter_context(
            _from_service(from_, key_file, rest, kind)
            if from_
            else _from_store(store or str(data / "air.duckdb"), archive, rest, kind)
        )
        pieces = source.pieces if parts is None else parts.all_of(source.schema, source.pieces)
        span_s = (wanted.end - wanted.start).total_seconds()
        if as_format == "netcdf":
            from jeonju.export.rows import one_kind

            one_kind(source.about.devices)
        advance = stack.enter_context(progress(out.name))
        written = write_whole(
            out,
            as_format,  # type: ignore[arg-type]
            source.schema,
            source.about,
            pieces,
            lambda reached: advance((reached - wanted.start).total_seconds() / span_s),
        )
    size = out.stat().st_size
    if as_json:
        typer.echo(json.dumps({"file": str(out), "bytes": size, **_told(written)}))
    else:
        typer.echo(f"{out}: {written.rows:,} rows, {size:,} bytes" + _hint(written, wanted))


@contextmanager
def _parts(out: Path, asked: dict[str, Any], wanted: "Series") -> Iterator["Parts"]:
    """Keep what is read until the file is whole; what is broken off says so. One process at a time may write a file so."""
    from jeonju.common.folder_lock import only_user_of
    from jeonju.export.parts import Parts, folder_of

    with only_user_of(folder_of(out), "file"):
        parts = Parts.beside(out, asked, wanted.start, wanted.end)
        if parts.reached > parts.start:
            typer.echo(f"{out.name}: going on from {parts.reached.isoformat()}", err=True)
        try:
            yield parts
        except BaseException:
            typer.echo(f"what was read is kept in {parts.folder}; the same command goes on with it", err=True)
            raise
        parts.remove()


@contextmanager
def _from_store(url: str, archive: str | None, wanted: "Series", kind: Kind | None) -> Iterator[_Source]:
    from jeonju.common.clock import utc_now
    from jeonju.contract.columns import READINGS
    from jeonju.contract.site import load_site
    from jeonju.export.pieces import Piece, pieces_of
    from jeonju.export.rows import About, chosen_places, measured, places_of, readings_table

    site = load_site(wanted.site)
    with opened_store(url, archive) as store:
        chosen = chosen_places(places_of(site, store, site.name), wanted.devices, kind)
        keys = wanted.quantities or measured(site, wanted.devices)
        named = tuple(place.name for place in chosen) if kind else wanted.devices
        pieces = (
            Piece(None if piece.rows is None else readings_table(piece.rows, keys), piece.reached)
            for piece in pieces_of(store, replace(wanted, site=site.name, devices=named))
        )
        about = About.of(site, "export", utc_now(), chosen)
        yield _Source(about, readings_table(READINGS.empty_table(), keys).schema, pieces)


@contextmanager
def _from_service(url: str, key_file: Path | None, wanted: "Series", kind: Kind | None) -> Iterator[_Source]:
    """Ask a service slice by slice, so that it is known how far it has come, and what fails is asked for again."""
    import pyarrow.parquet as pq

    from jeonju.client import Client
    from jeonju.export.pieces import in_windows
    from jeonju.export.rows import About

    with Client(url, key_file=key_file) as client, tempfile.TemporaryDirectory(prefix="jeonju-export") as folder:
        file = Path(folder) / "slice.parquet"

        def read(part: "Series") -> Iterator["pa.Table"]:
            _ask(client, file, part, kind)
            with pq.ParquetFile(file) as rows:
                for batch in rows.iter_batches(_ROWS_AT_ONCE):
                    yield _plain(batch)

        # Its columns and devices; the rows come with the others.
        _ask(client, file, replace(wanted, end=min(wanted.end, wanted.start + timedelta(microseconds=1))), kind)
        schema = pq.read_schema(file)
        about = About.from_metadata(schema.metadata or {})
        yield _Source(about, _plain(schema.empty_table()).schema, in_windows(wanted, read, ROWS_OF_A_SLICE))


def _ask(client: "Client", file: Path, part: "Series", kind: Kind | None) -> None:
    from jeonju.client import ApiError

    begun_s = time.monotonic()
    while True:
        try:
            client.export(
                file,
                part.start,
                part.end,
                devices=part.devices,
                quantities=part.quantities,
                every_s=part.every_s,
                kind=kind,
            )
        except ApiError as error:
            if not error.is_temporary or time.monotonic() - begun_s > _GIVE_UP_AFTER_S:
                raise
            time.sleep(error.retry_after_s or _TRY_EVERY_S)
        else:
            return


def _plain(rows: Any) -> "pa.Table":
    """Return rows without what is said about the slice that they came in."""
    import pyarrow as pa

    table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
    return table.cast(pa.schema([field.remove_metadata() for field in table.schema]))


def _quantities(keys: list[str]) -> tuple[str, ...]:
    from jeonju.airquality.pollutants import QUANTITY

    if unknown := sorted(set(keys) - QUANTITY.keys()):
        raise UserError(f"--quantity {unknown[0]} is not known; there are: {', '.join(QUANTITY)}")
    return tuple(keys)


def _told(written: Any) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in written._asdict().items()
    }


def _hint(written: Any, wanted: "Series") -> str:
    if written.rows or wanted.every_s is not None:
        return ""
    return "; nothing was measured then, or readings are no longer kept: --every 60 or 3600 reaches further back"
