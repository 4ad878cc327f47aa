"""What is there: the site, its devices, and the quantities."""

from dataclasses import asdict

from fastapi import APIRouter, Response

from airquality.index import GRADES
from airquality.limits import ADVISORY_LEVELS
from airquality.pollutants import QUANTITIES
from api.http.answers import answer, example
from api.http.state import Air

router = APIRouter(prefix="/api/v1", tags=["site"])


@router.get(
    "/site",
    responses=example(
        {"name": "jeonju", "label_en": "Jeonju", "zones": [{"name": "palbok"}], "stations": [], "robots": []}
    ),
)
def site(air: Air) -> Response:
    """The city: zones, stations, robots with their loops, and what is known of its emission sources."""
    return answer(air.site.model_dump(mode="json"))


@router.get(
    "/quantities",
    responses=example([{"key": "pm25", "label_ko": "초미세먼지", "label_en": "PM2.5", "unit": "µg/m³", "decimals": 1}]),
)
def quantities() -> Response:
    """Every quantity with its names, unit and plausible range."""
    return answer([asdict(quantity) for quantity in QUANTITIES])


@router.get(
    "/limits",
    responses=example({"advisories": {"pm10": [{"key": "advisory", "issue_at": 150}]}, "grades": [{"key": "good"}]}),
)
def limits() -> Response:
    """Advisory levels by law, and the classes of the air-quality index."""
    return answer({"advisories": {key: [asdict(level) for level in levels] for key, levels in ADVISORY_LEVELS.items()},
                   "grades": [asdict(grade) for grade in GRADES]})  # fmt: skip


@router.get(
    "/devices",
    responses=example(
        [{"device": "palbok-03", "zone": "palbok", "kind": "station", "origin": "simulated", "state": "online"}]
    ),
)
def devices(air: Air, site: str | None = None) -> Response:
    """Every device that has ever spoken; `origin` tells real from simulated."""
    labels = {device.name: device for device in air.site.devices}
    rows = []
    for record in air.store.devices(site or air.site.name):
        row = record._asdict()
        if record.device in labels:
            row |= {"label_ko": labels[record.device].label_ko, "label_en": labels[record.device].label_en}
        rows.append(row)
    return answer(rows)
