"""What is there: the site, its devices, and the quantities."""

from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel

from jeonju.airquality import us_aqi
from jeonju.airquality.limits import DUST_STAGES
from jeonju.airquality.pollutants import QUANTITIES
from jeonju.airquality.schemes import SCHEMES
from jeonju.airquality.standards import ODOUR_LIMITS
from jeonju.api.access.guard import ADMIN_ONLY
from jeonju.api.export import FILES, AsFormat, file_of, records_table
from jeonju.api.http.answers import answer, example
from jeonju.api.http.indexes import standard_json
from jeonju.api.http.paging import ByName, NamePage, shortened
from jeonju.api.http.state import Air
from jeonju.api.reading_json import reading_json
from jeonju.contract import topics
from jeonju.contract.columns import READINGS
from jeonju.contract.correction import Correction
from jeonju.contract.official import official_stations, source_of
from jeonju.contract.reading import Adoption
from jeonju.contract.records import DeviceRecord
from jeonju.contract.site import Site

router = APIRouter(prefix="/api/v1", tags=["site"])
MOST_UNKNOWN: Final = 1000
# Of what a device says of itself.
LONGEST_STATE: Final = 200


@router.get(
    "/site",
    responses=example(
        {"name": "jeonju", "label_en": "Jeonju", "zones": [{"name": "palbok"}], "stations": [], "robots": []}
    ),
)
async def site(air: Air) -> Response:
    """The city: zones, stations, robots with their loops, and what is known of its emission sources."""
    return answer(air.site.model_dump(mode="json"))


@router.get(
    "/sites",
    responses=example([{"name": "jeonju", "label_ko": "전주", "label_en": "Jeonju", "path": "/"}]),
)
async def sites(request: Request) -> Response:
    """The sites that are served here and that the caller's key is for; below `path` each has this whole api."""
    return answer([site for site in request.app.state.sites if request.state.caller.may_see(site["name"])])


@router.get(
    "/quantities",
    responses=example([{"key": "pm25", "label_ko": "초미세먼지", "label_en": "PM2.5", "unit": "µg/m³", "decimals": 1}]),
)
async def quantities() -> Response:
    """Every quantity with its names, unit and plausible range."""
    return answer([asdict(quantity) for quantity in QUANTITIES])


@router.get(
    "/limits",
    responses=example({"advisories": {"pm10": [{"key": "advisory", "issue_at": 150}]}, "grades": [{"key": "good"}]}),
)
async def limits(air: Air) -> Response:
    """By what this city is judged: its index with classes and their ends, advisory levels, standards, odour limits; stages of Asian dust in Korea.

    `cai` holds the ends of the classes of the site's index, whichever it is; `index` names it.
    """
    scheme = SCHEMES[air.site.index]
    return answer(
        {
            "index": {"key": scheme.key, "label_ko": scheme.label_ko, "label_en": scheme.label_en},
            "advisories": {key: [asdict(level) for level in levels] for key, levels in scheme.advisories.items()},
            "asian_dust": [asdict(stage) for stage in DUST_STAGES] if scheme.has_asian_dust else [],
            "standards": [standard_json(standard) for standard in scheme.standards],
            "odour": [asdict(limit) for limit in ODOUR_LIMITS],
            "grades": [asdict(grade) for grade in scheme.grades],
            "cai": {"upper": scheme.upper, "index_upper": scheme.index_upper},
            "us_grades": [asdict(grade) for grade in us_aqi.GRADES],
        }
    )


@router.get(
    "/devices/unknown",
    responses=example(
        [{"device": "balcony", "state": "online", "last": {"values": {"pm25": 4.2}}, "site_entry": "[[stations]]"}]
    ),
)
def unknown_devices(
    air: Air,
    request: Request,
    after: Annotated[str, Query(description="The last name of the page before.", max_length=64)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_UNKNOWN)] = 100,
) -> Response:
    """Devices that have spoken, but stand in no site file, were not adopted and are not official: what they sent last, an entry for the site file.

    By name, a page at a time; the `Link` header gives the next page, `X-Total-Count` is how many there are.
    """
    named = {device.name for device in air.site.devices}
    unknown = [
        record
        for record in air.store.devices(air.site.name)
        if record.device not in named and not record.zone and source_of(air.site, record.device) is None
    ]
    following = [record for record in unknown if record.device > after]
    asked = [record.device for record in following[:limit]]
    table = air.store.latest(air.site.name) if asked else READINGS.empty_table()
    numbers = {name: number for number, name in enumerate(table["device"].to_pylist())}
    shown = [numbers[name] for name in asked if name in numbers]
    last = {row["device"]: reading_json(row) for row in (table.take(shown).to_pylist() if shown else [])}

    def to_json(record: DeviceRecord) -> dict[str, Any]:
        said = last.get(record.device)
        return {**_record_json(record), "last": said, "site_entry": _site_entry(record.device, said, air.site)}

    return NamePage(request, after, limit).answer(following, len(unknown), lambda record: record.device, to_json)


@router.get(
    "/devices/{device}/messages",
    responses=example(
        [
            {
                "received_at": "2026-03-04T08:00:00Z",
                "topic": "air/v1/jeonju/palbok-03/readings",
                "payload": "{…",
                "payload_bytes": 74,
            }
        ]
    ),
)
async def messages(air: Air, device: str) -> Response:
    """The last 8 messages of a device as they came, the newest first, 2 KiB of each: those since the start that said something of it.

    409 where ingest is another process: it keeps them in its memory.
    """
    if air.last_messages is None:
        raise HTTPException(409, "ingest runs in another process, which keeps the messages; see `jeonju up`")
    return answer(
        [said._asdict() | {"payload": said.payload.decode(errors="replace")} for said in air.last_messages(device)]
    )


class Adopted(BaseModel):
    """Where a device belongs from now on."""

    zone: str
    kind: Literal["station", "robot"] = "station"


@router.post(
    "/devices/{device}/adopt",
    status_code=202,
    **ADMIN_ONLY,
    responses={202: {"content": {"application/json": {"example": {"device": "balcony", "zone": "palbok"}}}}},
)
def adopt(air: Air, device: str, adopted: Adopted) -> Response:
    """Give an unknown device a zone and a kind; it then counts like those of the site file, apart from its place on the map."""
    if adopted.zone not in {zone.name for zone in air.site.zones}:
        raise HTTPException(
            422, f"zone: {adopted.zone!r} is no zone; there are: {', '.join(zone.name for zone in air.site.zones)}"
        )
    if device not in {record.device for record in air.store.devices(air.site.name)}:
        raise HTTPException(404, f"{device!r} has never spoken; see /api/v1/devices/unknown")
    adoption = Adoption(zone=adopted.zone, kind=adopted.kind)
    air.broker.send(topics.adopt(air.site.name, device), msgspec.json.encode(adoption))
    return answer({"device": device, **adopted.model_dump()}, 202)


def _site_entry(device: str, last: dict[str, Any] | None, site: Site) -> str:
    """Return what a site file would say of a station."""
    lat, lon = (last or {}).get("position", site.origin)
    quantities = ", ".join(f'"{key}"' for key in (last or {}).get("values", {}))
    return f'[[stations]]\nname = "{device}"\nzone = "{site.zones[0].name}"\nlat = {lat}\nlon = {lon}\nquantities = [{quantities}]'


@router.get(
    "/devices",
    responses=example(
        [
            {
                "device": "palbok-03",
                "zone": "palbok",
                "kind": "station",
                "origin": "simulated",
                "state": "online",
                "official": None,
                "corrections": [],
            }
        ],
        FILES,
    ),
)
def devices(air: Air, page: ByName, site: str | None = None, as_format: AsFormat = "json") -> Response:
    """Every device ever heard, by name; `origin` tells real from simulated, `corrections` are those in force. `Link` gives the next page.

    `official` names who publishes the values of an official station (AirKorea, KMA); of the city's own devices it is null.
    """
    labels = {device.name: {"label_ko": device.label_ko, "label_en": device.label_en} for device in air.site.devices}
    labels |= {name: {"label_ko": said, "label_en": said} for name, said in official_stations(air.site).items()}
    records = air.store.devices(site or air.site.name)
    if as_format != "json":
        return file_of(air, "devices", [records_table(DeviceRecord, records)], as_format)

    def to_json(record: DeviceRecord) -> dict[str, Any]:
        of_device = {"official": source_of(air.site, record.device), "corrections": agreed.get(record.device, [])}
        return _record_json(record) | of_device | labels.get(record.device, {})

    agreed: dict[str, list[Correction]] = {}
    for one in air.alerts.corrections.in_force() if site in (None, air.site.name) else ():
        agreed.setdefault(one.device, []).append(one)
    following = [record for record in records if record.device > page.after]
    return page.answer(following, len(records), lambda record: record.device, to_json)


def _record_json(record: DeviceRecord) -> dict[str, Any]:
    return record._asdict() | {"state": shortened(record.state, LONGEST_STATE)}
