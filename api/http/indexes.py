"""What the measured values mean: indexes, advisories, and standards that are kept or not."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, HTTPException, Query, Response

from jeonju.airquality.index import POLLUTANTS, Cai
from jeonju.airquality.limits import DUST_STAGES, Level
from jeonju.airquality.pollutants import QUANTITY
from jeonju.airquality.schemes import SCHEMES
from jeonju.airquality.standards import YEAR_H, Judged, Standard, judge_year
from jeonju.api.export import FILES, AsFormat, file_of, records_table
from jeonju.api.http.answers import answer, example
from jeonju.api.http.state import Air, State
from jeonju.common.arrays import Floats
from jeonju.contract.records import IndexRecord
from jeonju.detection.snapshot import IndexSnapshot
from jeonju.messages import legal as certification
from jeonju.storage.port import Series

router = APIRouter(prefix="/api/v1", tags=["indexes"])

_HOUR_S = 3600
_STANDARD = {"quantity": "pm25", "body": "korea", "hours": 24, "limit": 35.0, "mean": 41.2, "exceeded": True}


@router.get(
    "/cai",
    responses=example(
        {
            "stations": {
                "palbok-03": {
                    "cai": 84,
                    "grade": "moderate",
                    "pollutant": "pm25",
                    "us_aqi": {"aqi": 102, "grade": "sensitive"},
                    "instrument_en": "low-cost instrument (no certified grade), reference only",
                }
            },
            "zones": {"palbok": {"worst": "palbok-03", "mean_cai": 71, "advisories": {"pm10": 0}}},
            "note_en": "Low-cost instruments (no certified grade): for reference only, not official values of the national network.",
        },
        FILES,
    ),
)
async def cai(air: Air, as_format: AsFormat = "json") -> Response:
    """The indexes of the last full hour: of every station, the worst of every zone, and the advisories (0 is none).

    `cai` is the index that the site has chosen, which `index` names; `us_aqi` is that of the United States beside it.
    """
    index = air.detection.snapshot.index
    if as_format != "json":
        table = _index_table(air, index)
        return await air.turns.exports.run(lambda: file_of(air, "cai", [table], as_format))
    stations = {name: _station(air, index, name) for name in sorted(index.cai.keys() | index.us_aqi.keys())}
    zones = {}
    for zone, members in index.zones.items():
        known = [name for name in members if name in index.cai]
        zones[zone] = {
            "worst": max(known, key=lambda name: index.cai[name].value, default=None),
            "mean_cai": round(float(np.mean([index.cai[name].value for name in known]))) if known else None,
            "advisories": _advisories(air, index, zone),
        }
    return answer(
        {
            "index": air.site.index,
            "hour": index.hour,
            "stations": stations,
            "zones": zones,
            "asian_dust": _stage(DUST_STAGES, index.dust_level),
            **_note(air),
        }
    )


@router.get("/standards", responses=example({"stations": {"palbok-03": [_STANDARD]}}))
async def standards(air: Air) -> Response:
    """The last full 1, 8 and 24 hours of every station beside Korea's environmental standards and the WHO's guidelines.

    A single mean above a limit does not break a standard: 99 to 99.9 % of the means of a year must keep it, see `/standards/{device}`.
    """
    judged = air.detection.snapshot.index.standards
    stations = {
        name: [_judged(standard) for standard in means if standard.mean == standard.mean]
        for name, means in judged.items()
    }
    return answer({"stations": stations, **_note(air)})


@router.get(
    "/standards/{device}",
    responses=example(
        {"year": 2026, "standards": [{**_STANDARD, "percentile": 99.0, "times_exceeded": 9, "means": 361}]}
    ),
)
async def standards_of_a_year(
    air: Air,
    device: str,
    year: Annotated[int | None, Query(ge=2000, le=2100, description="This year by default.")] = None,
) -> Response:
    """A year of one device judged as the standards ask: by percentiles of hourly, 8-hour and daily means, and by the year's mean."""
    zone = ZoneInfo(air.site.timezone)
    year = year or air.now().astimezone(zone).year
    begin, end = (datetime.combine(date(of, 1, 1), datetime.min.time(), zone) for of in (year, year + 1))
    until = min(end, air.now())
    if begin >= until:
        raise HTTPException(422, f"year: {year} has not begun")
    rows = await air.turns.exports.run(lambda: _judged_year(air, _hourly_means(air, device, begin, until)))
    return answer({"device": device, "year": year, "standards": rows, **_note(air)})


def _judged_year(air: State, hours: Floats) -> list[dict[str, Any]]:
    return [
        {
            **_judged(row.judged),
            "percentile": None if row.judged.standard.hours == YEAR_H else row.judged.standard.percentile,
            "times_exceeded": row.exceeded,
            "means": row.known,
        }
        for row in judge_year(hours, SCHEMES[air.site.index].standards)
        if row.known
    ]


def _index_table(air: State, index: IndexSnapshot) -> pa.Table:
    """Return the index of every station that has one, as a store keeps it."""
    places = {station.name: (station.lat, station.lon) for station in air.site.stations}
    records = [
        IndexRecord(air.site.name, name, index.hour, *places[name], round(cai.value), cai.grade.key, cai.pollutant)
        for name, cai in sorted(index.cai.items())
        if index.hour is not None and name in places
    ]
    return records_table(IndexRecord, records)


def instrument(air: State, device: str) -> dict[str, str]:
    """Return what the law asks to be said of an instrument beside its values."""
    certificates = {device.name: device.certificate for device in air.site.devices}
    korean, english = certification.label(certificates.get(device, "none"))
    return {"instrument_ko": korean, "instrument_en": english}


def standard_json(standard: Standard) -> dict[str, Any]:
    """Return a standard as it looks to the outside; a year has no hours in the law, but 8760 here."""
    return {"quantity": standard.quantity, "body": standard.body, "hours": standard.hours, "limit": standard.limit}


def _station(air: State, index: IndexSnapshot, name: str) -> dict[str, Any]:
    korean, american = index.cai.get(name), index.us_aqi.get(name)
    return {
        **(_index(korean, "cai") if korean else {}),
        "us_aqi": _index(american, "aqi") if american else None,
        "advisories": _advisories(air, index, name),
        "exceeded": [_judged(standard) for standard in index.standards[name] if standard.is_exceeded],
        **instrument(air, name),
    }


def _index(index: Cai, name: str) -> dict[str, Any]:
    return {
        name: round(index.value),
        "grade": index.grade.key,
        "label_ko": index.grade.label_ko,
        "label_en": index.grade.label_en,
        "colour": index.grade.colour,
        "pollutant": index.pollutant,
        "sub_indices": {key: round(value, 1) for key, value in index.sub_indices.items()},
    }


def _advisories(air: State, index: IndexSnapshot, place: str) -> dict[str, int]:
    return {quantity: index.advisories.get((place, quantity), 0) for quantity in SCHEMES[air.site.index].advisories}


def _stage(levels: tuple[Level, ...], level: int) -> dict[str, str] | None:
    if level == 0:
        return None
    row = levels[level - 1]
    return {"stage": row.key, "label_ko": row.label_ko, "label_en": row.label_en}


def _judged(judged: Judged) -> dict[str, Any]:
    decimals = QUANTITY[judged.standard.quantity].decimals
    return {**standard_json(judged.standard), "mean": round(judged.mean, decimals), "exceeded": judged.is_exceeded}


def _note(air: State) -> dict[str, str]:
    korean, english = certification.note(station.certificate for station in air.site.stations)
    return {"note_ko": korean, "note_en": english}


def _hourly_means(air: State, device: str, begin: datetime, until: datetime) -> Floats:
    """Return the hourly means (hours, POLLUTANTS) that the store has, NaN where it has none."""
    table = air.store.readings(
        Series(
            site=air.site.name,
            start=begin,
            end=until,
            devices=(device,),
            every_s=_HOUR_S,
            limit=YEAR_H + 48,
            quantities=POLLUTANTS,
        )
    )
    hours = np.full((int((until - begin) / timedelta(hours=1)) + 1, len(POLLUTANTS)), np.nan)
    since_us = table["time"].cast(pa.int64()).to_numpy() - int(begin.timestamp()) * 1_000_000
    # Where a year begins at half past, the hour around its beginning is its first.
    hours[np.maximum(since_us, 0) // (_HOUR_S * 1_000_000)] = np.column_stack(
        [table[key].to_numpy() for key in POLLUTANTS]
    )
    return hours
