"""Alerts as CAP 1.2 messages (OASIS Common Alerting Protocol, 1 July 2010) and as an Atom feed of them.

One message is made when an alert is raised and one when it has ended; they are the same whenever they are asked for. What simulated devices
raise is an exercise, and says so.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from xml.etree import ElementTree as ET

from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.messages import legal
from jeonju.messages.advice import advice_for
from jeonju.messages.catalogue import LANGUAGES, text
from jeonju.response.notify import cap_parts as parts
from jeonju.rules.rules import Rules

CAP: Final = parts.CAP
ATOM: Final = "http://www.w3.org/2005/Atom"
# Low-cost instruments say what is likely; people find out what is.
CERTAINTY: Final = "Likely"
URGENCY: Final = {"info": "Future", "warning": "Expected", "critical": "Immediate"}
# A message that is not renewed says nothing after this.
EXPIRES_AFTER: Final = timedelta(hours=1)


class Entry(NamedTuple):
    """A message in the feed: what names it, where it is, when it was sent and what it says in a line."""

    message: ET.Element
    href: str
    sent_at: datetime
    title: str


def as_cap(site: Site, rules: Rules, alert: AlertRecord, simulated: Collection[str]) -> bytes:
    """Return one alert as a CAP document; `simulated` are the devices that do not exist."""
    return parts.document(_message(site, rules, alert, simulated))


def entry_of(site: Site, rules: Rules, alert: AlertRecord, simulated: Collection[str]) -> Entry:
    """Return an alert as an entry of the feed."""
    sent_at = alert.ended_at or alert.started_at
    message = _message(site, rules, alert, simulated)
    return Entry(message, f"/api/v1/alerts/{alert.id}/cap.xml", sent_at, alert.summary_ko)


def as_atom(site: Site, entries: Iterable[Entry], now: datetime) -> bytes:
    """Return a feed with one CAP message in each entry, the newest first."""
    feed = ET.Element("feed", xmlns=ATOM)
    parts.text(feed, "id", f"urn:jeonju-air:{site.name}:alerts")
    parts.text(feed, "title", f"{site.label_ko} · {site.label_en}")
    parts.text(feed, "updated", now.astimezone(UTC).isoformat(timespec="seconds"))
    parts.text(ET.SubElement(feed, "author"), "name", parts.sender(site))
    for one in sorted(entries, key=lambda one: one.sent_at, reverse=True):
        entry = ET.SubElement(feed, "entry")
        parts.text(entry, "id", f"urn:jeonju-air:{one.message.findtext('identifier')}")
        parts.text(entry, "title", one.title)
        parts.text(entry, "updated", one.sent_at.astimezone(UTC).isoformat(timespec="seconds"))
        ET.SubElement(entry, "link", rel="alternate", type="application/cap+xml", href=one.href)
        content = ET.SubElement(entry, "content", type="application/cap+xml")
        content.append(one.message)
    return parts.document(feed)


def _message(site: Site, rules: Rules, alert: AlertRecord, simulated: Collection[str]) -> ET.Element:
    kind = "Cancel" if alert.ended_at else "Alert"
    is_exercise = _is_simulated(site, alert, simulated)
    sent_at = alert.ended_at or alert.started_at
    message = parts.message(site, _identifier(alert), sent_at, kind, is_exercise=is_exercise)
    if alert.ended_at is not None:
        raised = _identifier(alert._replace(ended_at=None))
        parts.text(message, "references", parts.reference(site, raised, alert.started_at))
    for number, language in enumerate(parts.LANGUAGE_TAGS):
        _info(message, site, rules, alert, number, language)
    return message


def _info(message: ET.Element, site: Site, rules: Rules, alert: AlertRecord, number: int, language: str) -> None:
    info = ET.SubElement(message, "info")
    parts.text(info, "language", language)
    parts.text(info, "category", rules.of(alert.kind).cap or "Other")
    parts.text(info, "event", rules.title(alert.kind)[number])
    # A message that ends an alert asks for nothing any more.
    parts.text(info, "responseType", "AllClear" if alert.ended_at else "Monitor")
    parts.text(info, "urgency", "Past" if alert.ended_at else URGENCY[alert.severity])
    parts.text(info, "severity", parts.SEVERITY[alert.severity])
    parts.text(info, "certainty", CERTAINTY)
    parts.text(info, "onset", parts.instant(alert.started_at))
    parts.text(info, "expires", parts.instant((alert.ended_at or alert.updated_at) + EXPIRES_AFTER))
    parts.text(info, "senderName", (site.label_ko, site.label_en)[number])
    parts.text(info, "headline", (alert.summary_ko, alert.summary_en)[number])
    parts.text(info, "description", legal.note(device.certificate for device in site.devices)[number])
    if (advice := advice_for(alert, site)) is not None:
        said = {"everybody": advice.everybody[number], "sensitive": advice.sensitive[number]}
        parts.text(info, "instruction", text("notify-advice", said, LANGUAGES[number]))
    for name in ("value", "limit", "quantity"):
        if getattr(alert, name) is not None:
            parts.parameter(info, name, str(getattr(alert, name)))
    _area(info, site, alert, number)


def _area(info: ET.Element, site: Site, alert: AlertRecord, number: int) -> None:
    """A station is a circle of 500 m, what is about a zone or moves in it the zone's outline."""
    area = ET.SubElement(info, "area")
    station = next((station for station in site.stations if station.name == alert.device), None)
    zone = next((zone for zone in site.zones if zone.name == alert.zone), None)
    named = station or zone or site
    parts.text(area, "areaDesc", (named.label_ko, named.label_en)[number] or site.name)
    if station is not None:
        parts.text(area, "circle", f"{station.lat},{station.lon} 0.5")
    elif zone is not None:
        parts.text(area, "polygon", parts.polygon(zone))


def _identifier(alert: AlertRecord) -> str:
    """A message is another one when the severity changed, and when it ended."""
    return f"{alert.id}.{'ended' if alert.ended_at else alert.severity}"


def _is_simulated(site: Site, alert: AlertRecord, simulated: Collection[str]) -> bool:
    if alert.device is not None:
        return alert.device in simulated
    members = {device.name for device in site.devices if alert.zone in (None, device.zone)}
    return bool(members & set(simulated))
