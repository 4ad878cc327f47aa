"""Where the wind carries what an incident releases, as a CAP 1.2 message: a polygon for each zone downwind, with when it may arrive there.

Each map of the source makes a new message, which updates the one before; the last one is cancelled when people call the incident a false alarm or
it is closed. Zones and times are those of `localization.arrivals`.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from jeonju.contract.as_json import details_of
from jeonju.contract.kinds import KIND_OF_CLASS
from jeonju.contract.records import IncidentRecord
from jeonju.contract.site import Site, Zone
from jeonju.messages import legal
from jeonju.messages.advice import SMOKE, advice_of
from jeonju.messages.catalogue import LANGUAGES, text
from jeonju.messages.incidents import title
from jeonju.response.notify import cap_parts as parts
from jeonju.response.notify.cap import Entry
from jeonju.rules.rules import Rules

# The zones that it reaches first.
MOST_ZONES: Final = 20
# Zones are looked for so far ahead.
HORIZON: Final = timedelta(hours=1)
LIKELY_FROM: Final = 0.5
OVER: Final = frozenset({"false-alarm", "closed"})


def downwind_entry(site: Site, rules: Rules, incident: IncidentRecord, simulated: Collection[str]) -> Entry | None:
    """Return the newest message about the zones downwind of an incident; None where no map has ever told of any."""
    details = details_of(incident)
    told = [datetime.fromisoformat(one["at"]) for one in details["course"] if not one["says_nothing"]]
    if not told:
        return None
    is_over = incident.state in OVER
    sent_at = (incident.closed_at or incident.updated_at) if is_over else told[-1]
    kind = "Cancel" if is_over else "Update" if len(told) > 1 else "Alert"
    name = f"{_identifier(incident, sent_at)}{'.ended' if is_over else ''}"
    is_exercise = any(device in simulated for device in details["devices"])
    message = parts.message(site, name, sent_at, kind, is_exercise=is_exercise)
    if kind != "Alert":
        before = told[-1] if is_over else told[-2]
        parts.text(message, "references", parts.reference(site, _identifier(incident, before), before))
    parts.text(message, "incidents", incident.id)
    zones = {zone.name: zone for zone in site.zones}
    reached = [one for one in details["downwind"] if one["zone"] in zones][:MOST_ZONES]
    for number in range(len(parts.LANGUAGE_TAGS)):
        if is_over or not reached:
            _info_of_place(message, site, rules, incident, number, sent_at)
            continue
        for one in reached:
            _info_of_zone(message, site, rules, incident, zones[one["zone"]], one, number, told[-1])
    return Entry(message, f"/api/v1/incidents/{incident.id}/cap.xml", sent_at, incident.summary_ko)


def _identifier(incident: IncidentRecord, traced_at: datetime) -> str:
    return f"{incident.id}.downwind.{traced_at:%Y%m%dT%H%M%S}"


def _info(
    message: ET.Element, rules: Rules, incident: IncidentRecord, number: int, answer: Mapping[str, str]
) -> ET.Element:
    info = ET.SubElement(message, "info")
    parts.text(info, "language", parts.LANGUAGE_TAGS[number])
    parts.text(info, "category", rules.of(KIND_OF_CLASS.get(incident.kind, "")).cap or "Env")
    parts.text(info, "event", title(incident.kind, LANGUAGES[number]))
    for name in ("responseType", "urgency"):
        parts.text(info, name, answer[name])
    parts.text(info, "severity", parts.SEVERITY[incident.severity])
    parts.text(info, "certainty", answer["certainty"])
    return info


def _info_of_place(
    message: ET.Element, site: Site, rules: Rules, incident: IncidentRecord, number: int, at: datetime
) -> None:
    """Of what is over, or reaches no zone: where it is, or was."""
    is_over = incident.state in OVER
    answer = {
        "responseType": "AllClear" if is_over else "Monitor",
        "urgency": "Past" if is_over else "Expected",
        "certainty": "Unlikely" if incident.state == "false-alarm" else "Likely",
    }
    info = _info(message, rules, incident, number, answer)
    parts.text(info, "expires", parts.instant(at + HORIZON))
    parts.text(info, "senderName", (site.label_ko, site.label_en)[number])
    parts.text(info, "headline", (incident.summary_ko, incident.summary_en)[number])
    parts.text(info, "description", legal.note(device.certificate for device in site.devices)[number])
    area = ET.SubElement(info, "area")
    zone = next((zone for zone in site.zones if zone.name == incident.zone), None)
    parts.text(area, "areaDesc", ((zone or site).label_ko, (zone or site).label_en)[number])
    if zone is not None:
        parts.text(area, "polygon", parts.polygon(zone))


def _info_of_zone(
    message: ET.Element,
    site: Site,
    rules: Rules,
    incident: IncidentRecord,
    zone: Zone,
    reached: Mapping[str, Any],
    number: int,
    at: datetime,
) -> None:
    middle = at + timedelta(minutes=reached["minutes"])
    early, late = (
        middle if reached.get(name) is None else at + timedelta(minutes=reached[name])
        for name in ("minutes_10", "minutes_90")
    )
    answer = {
        "responseType": "Prepare",
        "urgency": "Immediate" if early == at else "Expected",
        "certainty": "Likely" if reached["probability"] >= LIKELY_FROM else "Possible",
    }
    info = _info(message, rules, incident, number, answer)
    parts.text(info, "onset", parts.instant(early))
    parts.text(info, "expires", parts.instant(at + HORIZON))
    parts.text(info, "senderName", (site.label_ko, site.label_en)[number])
    said = _said(site, incident, zone, reached["probability"], early, late, number)
    when = "here" if middle == at else "downwind"
    parts.text(info, "headline", text(f"cap-headline-{when}", said, LANGUAGES[number]))
    parts.text(info, "description", legal.note(device.certificate for device in site.devices)[number])
    if incident.kind == "fire":
        smoke = advice_of(SMOKE, site.emergency_number)
        advice = {"everybody": smoke.everybody[number], "sensitive": smoke.sensitive[number]}
        parts.text(info, "instruction", text("notify-advice", advice, LANGUAGES[number]))
    parts.parameter(info, "probability", str(reached["probability"]))
    for name, instant in (("arrival-10", early), ("arrival-50", middle), ("arrival-90", late)):
        parts.parameter(info, name, parts.instant(instant))
    area = ET.SubElement(info, "area")
    parts.text(area, "areaDesc", text(f"cap-area-{when}", said, LANGUAGES[number]))
    parts.text(area, "polygon", parts.polygon(zone))


def _said(
    site: Site, incident: IncidentRecord, zone: Zone, probability: float, early: datetime, late: datetime, number: int
) -> dict[str, str]:
    local = ZoneInfo(site.timezone)
    return {
        "what": title(incident.kind, LANGUAGES[number]),
        "zone": (zone.label_ko, zone.label_en)[number],
        "from": f"{early.astimezone(local):%H:%M}",
        "to": f"{late.astimezone(local):%H:%M}",
        "share": f"{100 * probability:.0f}",
    }
