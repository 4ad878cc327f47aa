"""The report of an incident on one page: HTML, and the same as PDF."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.errors import UnavailableError
from jeonju.contract.site import Site
from jeonju.messages import legal
from jeonju.messages.alerts import Labels, amount
from jeonju.messages.catalogue import LANGUAGES, Language, text
from jeonju.messages.incidents import title
from jeonju.messages.words import word

MAP_PX: Final = 420.0
MARGIN_M: Final = 300.0
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def as_html(site: Site, incident: dict[str, Any], language: Language, now: datetime) -> str:
    """Return the page; `incident` is what the api answers for one, `now` when the report is made."""
    number = LANGUAGES.index(language)
    zone = ZoneInfo(site.timezone)
    labels = Labels(site)

    def local(instant: str | None) -> str:
        return f"{datetime.fromisoformat(instant).astimezone(zone):%Y-%m-%d %H:%M:%S}" if instant else ""

    def label(name: str, **facts: str) -> str:
        return text(f"report-{name}", facts, language)

    return _TEMPLATES.get_template("report.html.jinja").render(
        language=language,
        site=(site.label_ko, site.label_en)[number],
        title=title(incident["kind"], language),
        incident=incident,
        label=label,
        word=lambda group, value: word(group, value, language),
        local=local,
        name=lambda key: labels[key or ""][number],
        names=lambda keys: ", ".join(labels[key][number] for key in keys),
        amount=amount,
        unit=lambda key: QUANTITY[key].label_ko if number == 0 else QUANTITY[key].label_en,
        map=_map(site, incident),
        made=local(now.isoformat()),
        summary=incident[f"summary_{language}"],
        summary_of=lambda alert: alert[f"summary_{language}"],
        note_of=_note,
        legal_note=legal.note(device.certificate for device in site.devices)[number],
    )


def as_pdf(html: str) -> bytes:
    """Return the page as PDF. Raises UnavailableError where Pango, which sets the type, is not installed."""
    try:
        from weasyprint import HTML
    except OSError as error:
        raise UnavailableError(
            "PDF needs Pango (apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-nanum); report.html is there"
        ) from error
    pdf: bytes = HTML(string=html).write_pdf()
    return pdf


def _note(entry: dict[str, Any]) -> str:
    """Return what was said with an entry of the journal: to whom it was assigned, the note of a person, the reason of the system, or nothing."""
    details = entry["details"]
    said = (details.get(key) for key in ("assignee", "note", "reason"))
    return ", ".join(str(text) for text in said if text)


def _map(site: Site, incident: dict[str, Any]) -> dict[str, Any] | None:
    """Return the map's drawing in pixels: cells, devices, and the best place; None where nothing is traced."""
    source, places = incident["details"]["source"], incident["details"]["places"]
    if source is None:
        return None
    cells = np.array(source["cells"]).reshape(-1, 3)
    seen = np.array(list(places.values())).reshape(-1, 2)
    around = np.vstack([cells[:, :2], seen, [(source["lat"], source["lon"])]])
    west, south, span = _frame(*site.map.to_xy(around[:, 0], around[:, 1]))
    scale = MAP_PX / span

    def at(lat: float, lon: float) -> tuple[float, float]:
        east, north = (float(value) for value in site.map.to_xy(lat, lon))
        return round((east - west) * scale, 1), round(MAP_PX - (north - south) * scale, 1)

    side = source["cell_m"] * scale
    drawn = [at(lat, lon) for lat, lon, _ in cells.tolist()]
    of_half = source.get("cells_of_half") or _cells_of_half(cells[:, 2])
    stations = [(station.name, *at(station.lat, station.lon)) for station in site.stations]
    return {
        "size": MAP_PX,
        "side": round(side, 1),
        "metres": round(span / 4, -2) or 100.0,
        "scale": scale,
        # The regions that hold half and nine tenths; a map that says nothing has neither.
        "regions": [] if source.get("says_nothing") else [(0.25, drawn[of_half:]), (0.75, drawn[:of_half])],
        "zones": [" ".join(",".join(map(str, at(*corner))) for corner in zone.outline) for zone in site.zones],
        "stations": [(name, x, y) for name, x, y in stations if 0 <= x <= MAP_PX and 0 <= y <= MAP_PX],
        "seen": [at(lat, lon) for lat, lon in seen.tolist()],
        "best": at(source["lat"], source["lon"]),
        "radius": round(source["radius_m"] * scale, 1),
    }


def _cells_of_half(share: Any) -> int:
    """Return how many of the cells of earlier versions, which hold nine tenths together, hold half."""
    held = np.cumsum(share)
    return int(np.searchsorted(held, held[-1] * 0.5 / 0.9)) + 1 if len(held) and held[-1] > 0 else 0


def _frame(x: Any, y: Any) -> tuple[float, float, float]:
    """Return west, south and width of a square around all points [m]."""
    span = max(float(np.ptp(x)), float(np.ptp(y))) + 2 * MARGIN_M
    return float(x.min() + x.max() - span) / 2, float(y.min() + y.max() - span) / 2, span
