"""What all CAP 1.2 messages share (OASIS Common Alerting Protocol, 1 July 2010): names, instants, texts, polygons."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from xml.etree import ElementTree as ET

from jeonju.contract.site import LatLon, Site, Zone

CAP: Final = "urn:oasis:names:tc:emergency:cap:1.2"
SEVERITY: Final = {"info": "Minor", "warning": "Moderate", "critical": "Severe"}
LANGUAGE_TAGS: Final = ("ko-KR", "en-US")
# Corners of a polygon, of which the last is the first once more; receivers keep few (cell broadcast takes 100).
MOST_POINTS: Final = 100


def message(site: Site, identifier: str, sent_at: datetime, kind: str, *, is_exercise: bool) -> ET.Element:
    """Return the head of a message; `kind` is Alert, Update or Cancel."""
    root = ET.Element("alert", xmlns=CAP)
    text(root, "identifier", identifier)
    text(root, "sender", sender(site))
    text(root, "sent", instant(sent_at))
    text(root, "status", "Exercise" if is_exercise else "Actual")
    text(root, "msgType", kind)
    text(root, "scope", "Public")
    return root


def sender(site: Site) -> str:
    """Return who sends."""
    return f"jeonju-air.{site.name}"


def reference(site: Site, identifier: str, sent_at: datetime) -> str:
    """Return how another message names one."""
    return f"{sender(site)},{identifier},{instant(sent_at)}"


def instant(at: datetime) -> str:
    """CAP wants whole seconds and a numeric offset; UTC is -00:00."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S-00:00")


def text(parent: ET.Element, name: str, content: str) -> None:
    """Add an element with a text. Control characters may not stand in XML at all."""
    ET.SubElement(parent, name).text = "".join(letter for letter in content if letter.isprintable())


def parameter(info: ET.Element, name: str, value: str) -> None:
    """Add a value with a name."""
    found = ET.SubElement(info, "parameter")
    text(found, "valueName", name)
    text(found, "value", value)


def document(root: ET.Element) -> bytes:
    """Return a message or a feed as it is sent."""
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def polygon(zone: Zone) -> str:
    """Return the outline of a zone, of at most `MOST_POINTS` points, closed."""
    corners = bounded(tuple(zone.outline))
    return " ".join(f"{lat},{lon}" for lat, lon in [*corners, corners[0]])


@lru_cache(256)
def bounded(corners: Sequence[LatLon]) -> Sequence[LatLon]:
    """Return an outline without the corners that matter least: those that cut off the smallest triangles (Visvalingam and Whyatt 1993)."""
    kept = list(dict.fromkeys(corners))
    while len(kept) >= MOST_POINTS:
        areas = [_area(kept[at - 1], kept[at], kept[(at + 1) % len(kept)]) for at in range(len(kept))]
        del kept[areas.index(min(areas))]
    return kept


def _area(before: LatLon, corner: LatLon, after: LatLon) -> float:
    """Return the area of a triangle, in units that are the same for all of one city."""
    (a, b), (c, d), (e, f) = before, corner, after
    return abs((c - a) * (f - b) - (e - a) * (d - b))
