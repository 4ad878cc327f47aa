"""What a row of a file holds, the units of its columns, and what is said about the file as a whole."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, Self

import pyarrow as pa

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.errors import UserError
from jeonju.contract import topics
from jeonju.contract.site import Site, Station
from jeonju.messages import legal
from jeonju.messages.quality import quality_in_words
from jeonju.storage.port import Store

# Flags as the store has them, with codes and parameters: for programs.
CODES: Final = "quality"
_UNITS: Final = {"lat": "°", "lon": "°", "lag_s": "s", "radius_m": "m", "radius_90_m": "m", "rate_g_s": "g/s"} | {
    key: quantity.unit for key, quantity in QUANTITY.items()
}


class Place(NamedTuple):
    """What a file says of a device besides its readings; robots have no place of their own."""

    name: str
    kind: str
    zone: str
    origin: str
    label_ko: str = ""
    label_en: str = ""
    lat: float | None = None
    lon: float | None = None
    height_m: float | None = None


@dataclass(frozen=True, kw_only=True)
class About:
    """What a file is: of which site, which rows, when it was made, what the law has said beside such values, and the devices."""

    site: str
    rows: str
    made_at: datetime
    note_ko: str
    note_en: str
    devices: tuple[Place, ...] = ()

    @classmethod
    def of(cls, site: Site, rows: str, made_at: datetime, devices: Iterable[Place] = ()) -> Self:
        """Return what there is to say of rows of a site."""
        korean, english = legal.note(station.certificate for station in site.stations)
        return cls(site=site.name, rows=rows, made_at=made_at, note_ko=korean, note_en=english, devices=tuple(devices))

    @classmethod
    def from_metadata(cls, metadata: Mapping[bytes, bytes]) -> Self:
        """Return what `metadata` made. Raises UserError for what it did not make."""
        try:
            told = {name.decode(): value.decode() for name, value in metadata.items()}
            devices = tuple(Place(**row) for row in json.loads(told["devices"]))
            made_at = datetime.fromisoformat(told["made_at"])
            names = ("site", "rows", "note_ko", "note_en")
            return cls(**{name: told[name] for name in names}, made_at=made_at, devices=devices)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError("what the api sent is no export; is it of another version?") from error

    def metadata(self) -> dict[str, str]:
        """Return it as texts by name, as Parquet keeps them."""
        said = {"site": self.site, "rows": self.rows, "made_at": self.made_at.isoformat()}
        said |= {"note_ko": self.note_ko, "note_en": self.note_en}
        if self.devices:
            said["devices"] = json.dumps([place._asdict() for place in self.devices], ensure_ascii=False)
        return said


def unit_of(name: str) -> str | None:
    """Return the unit of a column, None where it has none."""
    unit = _UNITS.get(name)
    return None if unit == "1" else unit


def readings_table(rows: pa.Table, keys: Iterable[str]) -> pa.Table:
    """Return rows (READINGS) as people want them: time, device, place, the quantities, the flags of values that are not ok in words, and as codes."""
    plain = rows.select(["time", "device", "lat", "lon", *keys, CODES])
    plain = plain.set_column(1, "device", plain["device"].cast(pa.string()))
    known = {text: _in_words(text) for text in plain[CODES].unique().to_pylist() if text is not None}
    flags = pa.array([None if text is None else known[text] for text in plain[CODES].to_pylist()], pa.string())
    return plain.add_column(plain.num_columns - 1, "flags", flags)


def places_of(site: Site, store: Store, name: str) -> list[Place]:
    """Return the devices of a site file and of the store for the site `name` (which may be that of the truth), by name.

    A station that no site file names stands where it last said.
    """
    listed = (
        {device.name: device for device in site.devices}
        if name in (site.name, topics.TRUTH.format(site=site.name))
        else {}
    )
    known = {record.device: record for record in store.devices(name)}
    last = {row["device"]: row for row in store.latest(name).select(["device", "lat", "lon"]).to_pylist()}
    found = []
    for device in sorted({*listed, *known, *last}):
        entry, record, row = listed.get(device), known.get(device), last.get(device, {})
        kind = "station" if isinstance(entry, Station) else "robot" if entry else (record.kind if record else "")
        place = Place(device, kind or "station", record.zone if record else "", record.origin if record else "real")
        if entry is not None:
            place = place._replace(
                zone=entry.zone, label_ko=entry.label_ko, label_en=entry.label_en, height_m=entry.height_m
            )
        if place.kind == "station":
            at = (entry.lat, entry.lon) if isinstance(entry, Station) else (row.get("lat"), row.get("lon"))
            place = place._replace(lat=at[0], lon=at[1])
        found.append(place)
    return found


def chosen_places(places: Iterable[Place], names: Collection[str], kind: str | None) -> tuple[Place, ...]:
    """Return the devices that are named, all where none is, of a kind if it is given. Raises UserError where there are none, or one is not known."""
    known = {place.name: place for place in places}
    if unknown := sorted(set(names) - known.keys()):
        raise UserError(f"device: {', '.join(unknown)[:200]} is not known")
    chosen = tuple(
        place for place in known.values() if (not names or place.name in names) and kind in (None, place.kind)
    )
    if kind is not None and not chosen:
        raise UserError(f"kind: there is no such {kind}")
    return chosen


def one_kind(devices: tuple[Place, ...]) -> str:
    """Return the kind of all devices. Raises UserError where there are stations and robots."""
    kinds = {"robot" if place.kind == "robot" else "station" for place in devices}
    if len(kinds) > 1:
        raise UserError("a CF-NetCDF holds stations or robots, not both: choose with kind=station or kind=robot")
    return next(iter(kinds), "station")


def measured(site: Site, names: Iterable[str]) -> list[str]:
    """Return what the devices that are named measure, as the site file says; everything where it does not know them all."""
    known: dict[str, Any] = {device.name: device.quantities for device in site.devices}
    named = set(names)
    if not named or not known.keys() >= named:
        return list(QUANTITY)
    return [key for key in QUANTITY if any(key in known[name] for name in named)]


def _in_words(quality: str) -> str:
    return "; ".join(f"{key}: {', '.join(words)}" for key, words in quality_in_words(quality).items())
