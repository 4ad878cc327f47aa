"""What the api answers, typed. Members that a later api adds are left out."""

from datetime import datetime
from typing import Any

import msgspec


class Device(msgspec.Struct, frozen=True):
    """A device that was heard; `origin` is `real` or `simulated`."""

    device: str
    zone: str
    kind: str
    origin: str
    state: str
    state_at: datetime
    label_ko: str = ""
    label_en: str = ""


class Reading(msgspec.Struct, frozen=True):
    """One device at one instant: values in the units of `Client.quantities`, and severity and reason of those that are not `ok`."""

    device: str
    time: datetime
    values: dict[str, float]
    site: str = ""
    position: tuple[float, float] | None = None
    quality: dict[str, list[str]] = {}


class Alert(msgspec.Struct, frozen=True):
    """One alert over its whole life."""

    id: str
    kind: str
    severity: str
    started_at: datetime
    updated_at: datetime
    active: bool
    summary_ko: str
    summary_en: str
    device: str | None = None
    zone: str | None = None
    ended_at: datetime | None = None
    quantity: str | None = None
    value: float | None = None
    limit: float | None = None
    details: dict[str, Any] = {}


class Incident(msgspec.Struct, frozen=True):
    """Alerts that belong together; `lat` and `lon` are the most probable place, within `radius_m` [m] of which half of the probability lies."""

    id: str
    state: str
    kind: str
    severity: str
    opened_at: datetime
    updated_at: datetime
    active: bool
    summary_ko: str
    summary_en: str
    zone: str | None = None
    closed_at: datetime | None = None
    lat: float | None = None
    lon: float | None = None
    radius_m: float | None = None
    radius_90_m: float | None = None
    rate_g_s: float | None = None
    confidence: float | None = None
    details: dict[str, Any] = {}
