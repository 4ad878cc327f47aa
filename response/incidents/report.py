"""The report of an incident on one page: HTML, and the same as PDF."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.errors import UnavailableError
from jeonju.contract.site import Site
from jeonju.messages.alerts import Labels, amount
from jeonju.response.incidents.incident import TITLES

Language = Literal["ko", "en"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "report": ("사건 보고서", "Incident report"),
    "open": ("접수", "open"),
    "acknowledged": ("확인 중", "acknowledged"),
    "confirmed": ("사실로 확인", "confirmed"),
    "false-alarm": ("오경보", "false alarm"),
    "closed": ("종료", "closed"),
    "info": ("정보", "info"),
    "warning": ("주의", "warning"),
    "critical": ("위급", "critical"),
    "fire": ("화재", "fire"),
    "industrial": ("가스·악취 누출", "gas release"),
    "dust": ("국지적 먼지", "local dust"),
    "traffic": ("차량 배출", "traffic"),
    "regional": ("광역 유입", "regional transport"),
    "sensor fault": ("센서 이상", "sensor fault"),
    "state": ("상태", "State"),
    "severity": ("심각도", "Severity"),
    "class": ("추정 원인", "Class"),
    "zone": ("구역", "Zone"),
    "opened": ("시작", "Opened"),
    "closed-at": ("종료", "Closed"),
    "source": ("추정 발생지", "Probable source"),
    "radius": ("확률 절반이 들어 있는 반경", "half of the probability within"),
    "rate": ("배출률 (5 · 50 · 95 %)", "Emission rate (5, 50, 95 %)"),
    "unsure": ("아직 확실하지 않음", "not sure yet"),
    "untraced": ("아직 추적되지 않음", "not traced yet"),
    "elsewhere": ("지도 밖일 확률", "Elsewhere"),
    "downwind": ("앞으로 한 시간 동안 바람이 닿는 구역", "Zones downwind within the next hour"),
    "nobody": ("없음", "none"),
    "probability": ("확률", "Probability"),
    "after": ("도달", "After"),
    "adds": ("최대 증가", "Adds at most"),
    "robots": ("로봇 출동", "Robots sent"),
    "stops": ("곳 측정", "stops"),
    "located": ("발생지 확인", "located"),
    "nothing more to gain": ("더 얻을 것 없음", "nothing more to gain"),
    "recalled": ("복귀 명령", "recalled"),
    "forbidden": ("출동 금지", "forbidden"),
    "incident closed": ("사건 종료", "incident closed"),
    "time is up": ("시간 초과", "time is up"),
    "on another order": ("다른 명령 수행", "on another order"),
    "order forgotten": ("명령을 잃음", "order forgotten"),
    "lost": ("연락 끊김", "lost"),
    "failed": ("실패", "failed"),
    "done": ("완료", "done"),
    "refused": ("거부됨", "refused"),
    "alerts": ("경보", "Alerts"),
    "journal": ("조치 기록", "Journal"),
    "when": ("시각", "When"),
    "who": ("누가", "Who"),
    "what": ("내용", "What"),
    "acknowledge": ("확인함", "acknowledged it"),
    "confirm": ("사실로 확인함", "confirmed it"),
    "close": ("종료함", "closed it"),
    "comment": ("의견", "comment"),
    "until": ("까지", "until"),
    "going-on": ("계속됨", "going on"),
    "min": ("분", "min"),
    "made": ("작성", "Made"),
    "reference": (
        "간이측정기 자료로, 참고용입니다. 공식 측정값이 아닙니다.",
        "From low-cost instruments, for reference only; not official values.",
    ),
}
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
    """Return the page; `incident` is what the api tells of one, `now` when the report is made."""
    number = 0 if language == "ko" else 1
    zone = ZoneInfo(site.timezone)
    labels = Labels(site)

    def local(text: str | None) -> str:
        return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M:%S}" if text else ""

    def say(word: str) -> str:
        return WORDS.get(word, (word, word))[number]

    title = TITLES.get(incident["kind"], (incident["kind"],) * 2)[number]
    return _TEMPLATES.get_template("report.html.jinja").render(
        language=language,
        site=(site.label_ko, site.label_en)[number],
        title=title,
        one=incident,
        say=say,
        local=local,
        name=lambda key: labels[key or ""][number],
        amount=amount,
        unit=lambda key: QUANTITY[key].label_ko if number == 0 else QUANTITY[key].label_en,
        map=_map(site, incident),
        made=local(now.isoformat()),
        summary=incident["summary_ko" if number == 0 else "summary_en"],
        summary_of=lambda alert: alert["summary_ko" if number == 0 else "summary_en"],
        note_of=_note,
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
    """Return what was said with an entry of the journal: the note of a person, the reason of the system, or nothing."""
    details = entry["details"]
    return str(details.get("note") or details.get("reason") or "")


def _map(site: Site, incident: dict[str, Any]) -> dict[str, Any] | None:
    """Return the map's drawing in pixels: cells, devices, and the best place; None where nothing is traced."""
    source, places = incident["details"]["source"], incident["details"]["places"]
    if source is None:
        return None
    cells = np.array(source["cells"]).reshape(-1, 3)
    seen = np.array(list(places.values())).reshape(-1, 2)
    around = np.vstack([cells[:, :2], seen, [(source["lat"], source["lon"])]])
    x, y = site.map.to_xy(around[:, 0], around[:, 1])
    west, south, span = _frame(x, y)
    scale = MAP_PX / span

    def at(lat: float, lon: float) -> tuple[float, float]:
        east, north = (float(value) for value in site.map.to_xy(lat, lon))
        return round((east - west) * scale, 1), round(MAP_PX - (north - south) * scale, 1)

    side = source["cell_m"] * scale
    # Where the source is nearly surely elsewhere, each cell's share is rounded to 0.
    highest = float(cells[:, 2].max(initial=0.0)) or 1.0
    stations = [(one.name, *at(one.lat, one.lon)) for one in site.stations]
    return {
        "size": MAP_PX,
        "side": round(side, 1),
        "metres": round(span / 4, -2) or 100.0,
        "scale": scale,
        "cells": [(*at(lat, lon), round(0.15 + 0.85 * share / highest, 2)) for lat, lon, share in cells.tolist()],
        "zones": [" ".join(",".join(map(str, at(*corner))) for corner in zone.outline) for zone in site.zones],
        "stations": [one for one in stations if 0 <= one[1] <= MAP_PX and 0 <= one[2] <= MAP_PX],
        "seen": [at(lat, lon) for lat, lon in seen.tolist()],
        "best": at(source["lat"], source["lon"]),
        "radius": round(source["radius_m"] * scale, 1),
    }


def _frame(x: Any, y: Any) -> tuple[float, float, float]:
    """Return west, south and width of a square around all points [m]."""
    span = max(float(np.ptp(x)), float(np.ptp(y))) + 2 * MARGIN_M
    return float(x.min() + x.max() - span) / 2, float(y.min() + y.max() - span) / 2, span
