"""What lies in an archive of readings, and moving readings there now."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from jeonju.cli.options import ArchivePlace, Json, StoreOf, duration_s
from jeonju.common.errors import UserError

app = typer.Typer(help="Readings that were moved from the store to Parquet files.")


@app.command()
def status(*, archive: ArchivePlace = None, as_json: Json = False) -> None:
    """Say which days of which site the archive holds, and how large they are. The store may be in use."""
    from jeonju.storage.archive import Archive, Day

    place = Archive(_named(archive))
    sites: defaultdict[str, dict[Day, int]] = defaultdict(dict)
    for day, size in place.days().items():
        sites[day.site][day] = size
    found = [
        {
            "site": site,
            "days": len(sizes),
            "first": min(sizes).day.isoformat(),
            "last": max(sizes).day.isoformat(),
            "bytes": sum(sizes.values()),
        }
        for site, sizes in sorted(sites.items())
    ]
    if as_json:
        typer.echo(json.dumps({"archive": place.url, "sites": found}))
        return
    for site in found:
        typer.echo("{site}: {days} days from {first} to {last}, {bytes:,} bytes".format_map(site))
    if not found:
        typer.echo(f"{place.url} holds no readings")


@app.command()
def move(
    *,
    archive: ArchivePlace = None,
    store: StoreOf = "data/air.duckdb",
    older_than: Annotated[
        float,
        typer.Option(
            "--older-than", parser=duration_s, metavar="DURATION", help="Days that ended so long ago are moved."
        ),
    ] = "30d",  # type: ignore[assignment]
    as_json: Json = False,
) -> None:
    """Move readings to the archive now, from a DuckDB file that nothing has open; `jeonju up` and `jeonju ingest` do so by themselves."""
    from contextlib import closing

    from jeonju.common.clock import utc_now
    from jeonju.storage.archive import Archive
    from jeonju.storage.open import open_store
    from jeonju.storage.port import Retention

    place = _named(archive)
    if "://" not in store and not Path(store).exists():
        raise UserError(f"there is no store {store}; name it with --store")
    before = Archive(place).days().keys()
    with closing(open_store(store, Retention(readings_s=older_than, minutes_s=None), place)) as opened:
        # A round moves a few days, and is over when it finds none.
        while sum(1 for _ in opened.maintenance(utc_now())):
            pass
    moved = len(Archive(place).days().keys() - before)
    typer.echo(json.dumps({"archive": place, "days": moved}) if as_json else f"{moved} days were moved to {place}")


def _named(archive: str | None) -> str:
    if archive is None:
        raise UserError("name the archive with --archive DIR or s3://BUCKET/PREFIX")
    return archive
