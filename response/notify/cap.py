"""Alerts as CAP 1.2 messages (OASIS Common Alerting Protocol, 1 July 2010) and as an Atom feed of them.

One message is made when an alert is raised and one when it has ended; they are the same whenever they are asked for. What simulated devices
raise is an exercise, and says so.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from xml.etree import ElementTree as ET

from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.messages import legal
from jeonju.rules.rules import Rules

CAP: Final = "urn:oasis:names:tc:emergency:cap:1.2"
ATOM: Final = "http://www.w3.org/2005/Atom"
# Low-cost instruments say what is likely; people find out what is.
CERTAINTY: Final = "Likely"
SEVERITY: Final = {"info": "Minor", "warning": "Moderate", "critical": "Severe"}
URGENCY: Final = {"info": "Future", "warning": "Expected", "critical": "Immediate"}
# A message that is not renewed says nothing after this.
EXPIRES_AFTER: Final = timedelta(hours=1)
LANGUAGE_TAGS: Final = ("ko-KR", "en-US")


def as_cap(site: Site, rules: Rules, alert: AlertRecord, simulated: Collection[str]) -> bytes:
    """Return one alert as a CAP document; `simulated` are the devices that do not exist."""
    return _document(_message(site, rules, alert, simulated))


def as_atom(
    site: Site, rules: Rules, alerts: Iterable[AlertRecord], simulated: Collection[str], now: datetime
) -> bytes:
    """Return a feed with one CAP message in each entry, the newest first."""
    feed = ET.Element("feed", xmlns=ATOM)
    _text(feed, "id", f"urn:jeonju-air:{site.name}:alerts")
    _text(feed, "title", f"{site.label_ko} · {site.label_en}")
    _text(feed, "updated", now.astimezone(UTC).isoformat(timespec="seconds"))
    _text(ET.SubElement(feed, "author"), "name", _sender(site))
    for alert in sorted(alerts, key=lambda alert: alert.updated_at, reverse=True):
        entry = ET.SubElement(feed, "entry")
        _text(entry, "id", f"urn:jeonju-air:{_identifier(alert)}")
        _text(entry, "title", alert.summary_ko)
        changed_at = alert.ended_at or alert.started_at
        _text(entry, "updated", changed_at.astimezone(UTC).isoformat(timespec="seconds"))
        ET.SubElement(
            entry,
            "link",
            rel="alternate",
            type="application/cap+xml",
            href=f"/api/v1/alerts/{alert.id}/cap.xml",
        )
        content = ET.SubElement(entry, "content", type="application/cap+xml")
        content.append(_message(site, rules, alert, simulated))
    return _document(feed)


def _message(site: Site, rules: Rules, alert: AlertRecord, simulated: Collection[str]) -> ET.Element:
    message = ET.Element("alert", xmlns=CAP)
    _text(message, "identifier", _identifier(alert))
    _text(message, "sender", _sender(site))
    _text(message, "sent", _instant(alert.ended_at or alert.started_at))
    _text(message, "status", "Exercise" if _is_simulated(site, alert, simulated) else "Actual")
    _text(message, "msgType", "Cancel" if alert.ended_at else "Alert")
    _text(message, "scope", "Public")
    if alert.ended_at is not None:
        raised = _identifier(alert._replace(ended_at=None))
        _text(message, "references", f"{_sender(site)},{raised},{_instant(alert.started_at)}")
    for number, language in enumerate(LANGUAGE_TAGS):
        _info(message, site, rules, alert, number, language)
    return message


def _info(message: ET.Element, site: Site, rules: Rules, alert: AlertRecord, number: int, language: str) -> None:
    info = ET.SubElement(message, "info")
    _text(info, "language", language)
    _text(info, "category", rules.of(alert.kind).cap or "Other")
    _text(info, "event", rules.title(alert.kind)[number])
    # A message that ends an alert asks for nothing any more.
    _text(info, "responseType", "AllClear" if alert.ended_at else "Monitor")
    _text(info, "urgency", "Past" if alert.ended_at else URGENCY[alert.severity])
    _text(info, "severity", SEVERITY[alert.severity])
    _text(info, "certainty", CERTAINTY)
    _text(info, "onset", _instant(alert.started_at))
    _text(info, "expires", _instant((alert.ended_at or alert.updated_at) + EXPIRES_AFTER))
    _text(info, "senderName", (site.label_ko, site.label_en)[number])
    _text(info, "headline", (alert.summary_ko, alert.summary_en)[number])
    _text(info, "description", legal.note(device.certificate for device in site.devices)[number])
    for name in ("value", "limit", "quantity"):
        if getattr(alert, name) is not None:
            parameter = ET.SubElement(info, "parameter")
            _text(parameter, "valueName", name)
            _text(parameter, "value", str(getattr(alert, name)))
    _area(info, site, alert, number)


def _area(info: ET.Element, site: Site, alert: AlertRecord, number: int) -> None:
    """A station is a circle of 500 m, what is about a zone or moves in it the zone's outline."""
    area = ET.SubElement(info, "area")
    station = next((station for station in site.stations if station.name == alert.device), None)
    zone = next((zone for zone in site.zones if zone.name == alert.zone), None)
    named = station or zone or site
    _text(area, "areaDesc", (named.label_ko, named.label_en)[number] or site.name)
    if station is not None:
        _text(area, "circle", f"{station.lat},{station.lon} 0.5")
    elif zone is not None:
        _text(area, "polygon", " ".join(f"{lat},{lon}" for lat, lon in [*zone.outline, zone.outline[0]]))


def _identifier(alert: AlertRecord) -> str:
    """A message is another one when the severity changed, and when it ended."""
    return f"{alert.id}.{'ended' if alert.ended_at else alert.severity}"


def _sender(site: Site) -> str:
    return f"jeonju-air.{site.name}"


def _is_simulated(site: Site, alert: AlertRecord, simulated: Collection[str]) -> bool:
    if alert.device is not None:
        return alert.device in simulated
    members = {device.name for device in site.devices if alert.zone in (None, device.zone)}
    return bool(members & set(simulated))


def _instant(at: datetime) -> str:
    """CAP wants whole seconds and a numeric offset; UTC is -00:00."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S-00:00")


def _text(parent: ET.Element, name: str, text: str) -> None:
    # Control characters may not stand in XML at all.
    ET.SubElement(parent, name).text = "".join(letter for letter in text if letter.isprintable())


def _document(root: ET.Element) -> bytes:
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)
