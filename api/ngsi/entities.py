"""Entities of the smart data models, made of the newest readings, the indexes, and the alerts of the last day."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from jeonju.api.devices import Device, known_devices, point
from jeonju.api.http.state import State
from jeonju.api.ngsi.models import AIR, ALERT, MAPPED, WEATHER, Mapped
from jeonju.contract.quality import SEVERITY
from jeonju.contract.records import AlertRecord
from jeonju.messages.alerts import NOT_OF_AIR
from jeonju.messages.quality import quality_in_words

# How grave an alert is in the model's words.
_SEVERITIES: Final = {"info": "informational", "warning": "medium", "critical": "critical"}


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """A Property, GeoProperty or Relationship. `more` are members and Properties of it, in the form of the standard."""

    kind: str = "Property"
    value: Any
    observed_at: datetime | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Entity:
    """One entity; `changed_at` is when what it is made of was measured or found."""

    id: str
    type: str
    attributes: Mapping[str, Attribute]
    changed_at: datetime
    device: Device | None = None


def entity_id(type_: str, site: str, name: str) -> str:
    """Return the id of an entity."""
    return f"urn:ngsi-ld:{type_}:{site}:{name}"


class Entities:
    """All entities of a city as of now."""

    def __init__(self, air: State) -> None:
        self._air, self._site = air, air.site
        self.devices = known_devices(air)
        self._zones = {zone.name: zone for zone in air.site.zones}

    def of_types(self, types: tuple[str, ...]) -> Iterator[Entity]:
        """Yield the entities of some types, by type and name; alerts the newest first."""
        for type_ in types:
            if type_ == ALERT:
                alerts = sorted(self._air.alerts.recent(), key=lambda alert: alert.started_at, reverse=True)
                yield from map(self.alert, alerts)
                continue
            for device in self.devices.values():
                if (found := self.observed(type_, device)) is not None:
                    yield found

    def find(self, asked: str) -> Entity | None:
        """Return the entity of an id, None where there is none."""
        prefix, _, rest = asked.partition("urn:ngsi-ld:")
        type_, _, name = rest.partition(":")
        site, _, device = name.partition(":")
        if prefix or site != self._site.name:
            return None
        if type_ == ALERT:
            alert = self._air.alerts.find(device)
            return None if alert is None else self.alert(alert)
        known = self.devices.get(device)
        return self.observed(type_, known) if known is not None and type_ in MAPPED else None

    def observed(self, type_: str, device: Device) -> Entity | None:
        """Return what a device measured last, None where it measured nothing of a type, or nobody knows where."""
        row, place = device.newest, device.place
        if row is None or place is None:
            return None
        measured = {one.attribute: made for one in MAPPED[type_] if (made := measured_attribute(one, row)) is not None}
        if not measured:
            return None
        index = self._index(device) if type_ == AIR else {}
        return Entity(
            id=entity_id(type_, self._site.name, device.name),
            type=type_,
            attributes={**self._about(type_, device, row["time"], place), **index, **measured},
            changed_at=row["time"],
            device=device,
        )

    def alert(self, alert: AlertRecord) -> Entity:
        """Return an alert."""
        told = self._air.alerts.to_json(alert)
        source = (
            entity_id("Device", self._site.name, alert.device) if alert.device else f"urn:ngsi-ld:City:{alert.site}"
        )
        data = {"kind": alert.kind, "value": alert.value, "limit": alert.limit, "quantity": alert.quantity}
        values = {
            "category": "environment",
            "subCategory": None if alert.kind in NOT_OF_AIR else "airPollution",
            "severity": _SEVERITIES.get(alert.severity, "medium"),
            "dateIssued": _text(alert.started_at),
            "validFrom": _text(alert.started_at),
            "validTo": None if alert.ended_at is None else _text(alert.ended_at),
            "name": alert.kind,
            "description": alert.summary_en,
            "descriptionKo": alert.summary_ko,
            "data": {name: value for name, value in data.items() if value is not None} | {"runbook": told["runbook"]},
        }
        attributes = {name: Attribute(value=value) for name, value in values.items() if value is not None}
        attributes["alertSource"] = Attribute(kind="Relationship", value=source)
        if (shape := self._shape(alert)) is not None:
            attributes["location"] = Attribute(kind="GeoProperty", value=shape)
        return Entity(
            id=entity_id(ALERT, alert.site, alert.id), type=ALERT, attributes=attributes, changed_at=alert.updated_at
        )

    def _about(self, type_: str, device: Device, at: datetime, place: tuple[float, float]) -> dict[str, Attribute]:
        zone = self._zones.get(device.zone)
        about = {
            "dateObserved": Attribute(value=_text(at)),
            "location": geo_attribute(place, at),
            "name": Attribute(value=device.label),
            "refDevice": Attribute(kind="Relationship", value=entity_id("Device", self._site.name, device.name)),
        }
        if zone is not None and type_ == AIR:
            about["areaServed"] = Attribute(value=zone.label_en)
        if type_ == AIR and self.observed(WEATHER, device) is not None:
            weather = entity_id(WEATHER, self._site.name, device.name)
            about["refWeatherObserved"] = Attribute(kind="Relationship", value=weather)
        return about

    def _index(self, device: Device) -> dict[str, Attribute]:
        """Return Korea's index of the last full hour."""
        snapshot = self._air.detection.snapshot.index
        index = snapshot.cai.get(device.name)
        if index is None:
            return {}
        return {
            "airQualityIndex": Attribute(value=round(index.value), observed_at=snapshot.hour),
            "airQualityLevel": Attribute(value=index.grade.key, observed_at=snapshot.hour),
        }

    def _shape(self, alert: AlertRecord) -> dict[str, Any] | None:
        """Return where an alert holds: at its device, else in its zone."""
        device = self.devices.get(alert.device or "")
        if device is not None and device.place is not None:
            return point(device.place)
        zone = self._zones.get(alert.zone or "")
        if zone is None:
            return None
        ring = [[lon, lat] for lat, lon in (*zone.outline, zone.outline[0])]
        return {"type": "Polygon", "coordinates": [ring]}


def measured_attribute(mapped: Mapped, row: Mapping[str, Any]) -> Attribute | None:
    """Return a value of a reading with unit and flag, None where it has none.

    What lies outside the range of the model's schema, such as -0.002 ppm of a gas cell around its zero, stands at the end of that range; then
    `measuredValue` is what was measured.
    """
    value = row[mapped.key]
    if value is None or not math.isfinite(value):
        return None
    scaled = round(value * mapped.factor, 12) if mapped.factor != 1.0 else value
    shown = max(scaled, mapped.minimum) if mapped.minimum is not None else scaled
    shown = min(shown, mapped.maximum) if mapped.maximum is not None else shown
    cefact, ucum = mapped.unit
    more: dict[str, Any] = {"unitCode": cefact} if cefact is not None else {}
    more |= {"ucum": _property(ucum), **_quality(mapped.key, row["quality"])}
    if shown != scaled:
        more["measuredValue"] = _property(scaled)
    return Attribute(value=shown, observed_at=row["time"], more=more)


def geo_attribute(place: tuple[float, float], at: datetime | None) -> Attribute:
    """Return a place (latitude, longitude) as a GeoProperty."""
    return Attribute(kind="GeoProperty", value=point(place), observed_at=at)


def _quality(key: str, stored: str | None) -> dict[str, Any]:
    """Return the graver of the flags of the value and of its time, and its reason in words."""
    flags = quality_in_words(stored) if stored is not None else {}
    found = [flags[name] for name in (key, "time") if name in flags]
    if not found:
        return {"quality": _property("ok")}
    severity, reason = max(found, key=lambda flag: SEVERITY.get(flag[0], 0))
    return {"quality": _property(severity), "qualityReason": _property(reason)}


def _property(value: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value}


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
