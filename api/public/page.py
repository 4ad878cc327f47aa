"""The public page as HTML: one document without script, whose style stands in it."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jeonju.airquality.index import Cai
from jeonju.airquality.pollutants import QUANTITY
from jeonju.airquality.schemes import SCHEMES, Scheme
from jeonju.api.public.facts import SHOWN, Notice, OfficialFacts, PublicFacts, StationFacts
from jeonju.contract.site import Site, Zone
from jeonju.messages import legal
from jeonju.messages.alerts import Labels
from jeonju.messages.catalogue import LANGUAGES, Language, text

# Devices that report every few minutes are still there.
OLD_AFTER: Final = timedelta(minutes=20)
# Of a full hour, which is judged some minutes after it has ended.
INDEX_OLD_AFTER: Final = timedelta(minutes=80)
# An hour is published some minutes after the next one has begun.
OFFICIAL_OLD_AFTER: Final = timedelta(hours=2)
# Of what is forecast, in the order of its columns.
ORDER_AHEAD: Final = ("pm25", "pm10", "o3")
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
STYLE: Final = _TEMPLATES.get_template("style.css.jinja").render(schemes=SCHEMES.values())
_TEMPLATE: Final = _TEMPLATES.get_template("page.html.jinja")


class _Named(Protocol):
    @property
    def label_ko(self) -> str: ...
    @property
    def label_en(self) -> str: ...


class _Words:
    """One language, and the times and names of one city in it."""

    def __init__(self, site: Site, language: Language, now: datetime) -> None:
        self._language, self._number = language, LANGUAGES.index(language)
        self._zone, self._labels = ZoneInfo(site.timezone), Labels(site)
        self._now = now

    def say(self, name: str, **facts: str) -> str:
        return text(f"public-{name}", facts, self._language)

    def label(self, named: _Named) -> str:
        return (named.label_ko, named.label_en)[self._number]

    def name(self, key: str) -> str:
        """Return what a zone or a device is called."""
        return self._labels[key][self._number]

    def clock(self, instant: datetime) -> str:
        """Return the time of day, with the day where it is more than half a day ago."""
        local = instant.astimezone(self._zone)
        return f"{local:%H:%M}" if self._now - instant < timedelta(hours=12) else f"{local:%Y-%m-%d %H:%M}"


def as_html(site: Site, facts: PublicFacts, now: datetime, language: Language) -> str:
    """Return the page as it is now; what is old by then is said to be old."""
    words, scheme = _Words(site, language, now), SCHEMES[site.index]
    zones = [
        _zone(words, zone, stations, now) | {"has_smoke": any(notice.zone == zone.name for notice in facts.notices)}
        for zone in site.zones
        if (stations := [one for one in facts.stations if one.station.zone == zone.name])
    ]
    return _TEMPLATE.render(
        language=language,
        other=next(other for other in LANGUAGES if other != language),
        style=STYLE,
        say=words.say,
        city=words.label(site),
        made=words.clock(now),
        is_simulated=facts.is_simulated,
        trouble=_trouble(words, facts, now),
        notices=[{"certainty": notice.certainty, "text": _sentence(words, site, notice)} for notice in facts.notices],
        zones=zones,
        officials=[_official(words, one, now) for one in facts.officials],
        forecast=_forecast(words, facts.official_forecast or {}, language),
        hour=words.clock(facts.hour) if facts.hour else None,
        advice=_advice(words, zones, scheme),
        index=scheme.key,
        emergency=site.emergency_number,
        index_name=(scheme.long_ko, scheme.long_en)[LANGUAGES.index(language)],
        units=[{"label": words.label(QUANTITY[key]), "unit": QUANTITY[key].unit} for key in SHOWN],
        legal_note=legal.note(station.certificate for station in site.stations)[LANGUAGES.index(language)],
    )


def _trouble(words: _Words, facts: PublicFacts, now: datetime) -> str | None:
    """Return what is wrong with all of it: nothing measured, nothing new, no new index."""
    newest = max((one.measured_at for one in facts.stations if one.measured_at), default=None)
    if newest is None:
        return words.say("nothing")
    if now - newest > OLD_AFTER:
        return words.say("no-data", time=words.clock(newest))
    if facts.hour is not None and now - facts.hour > INDEX_OLD_AFTER:
        return words.say("index-old", time=words.clock(facts.hour))
    return None


def _sentence(words: _Words, site: Site, notice: Notice) -> str:
    zone = words.name(notice.zone) if notice.zone else words.label(site)
    facts = {} if notice.certainty == "downwind" else {"time": words.clock(notice.since)}
    return words.say(f"smoke-{notice.certainty}", zone=zone, **facts)


def _zone(words: _Words, zone: Zone, stations: list[StationFacts], now: datetime) -> dict[str, Any]:
    indexes = {words.name(one.station.name): one.index for one in stations if one.index is not None}
    worst = max(indexes, key=lambda name: indexes[name].value, default=None)
    return {
        "name": words.name(zone.name),
        "worst": worst,
        **_index(words, None if worst is None else indexes[worst]),
        "stations": [_row(words, one, now) for one in stations],
    }


def _row(words: _Words, one: StationFacts, now: datetime) -> dict[str, Any]:
    is_old = one.measured_at is None or now - one.measured_at > OLD_AFTER
    at = words.say("silent") if one.measured_at is None else words.clock(one.measured_at)
    return {
        "name": words.name(one.station.name),
        **_index(words, one.index),
        "shown": _shown(one.values),
        "is_old": is_old,
        "at": words.say("old", time=at) if is_old and one.measured_at else at,
    }


def _official(words: _Words, one: OfficialFacts, now: datetime) -> dict[str, Any]:
    is_old = now - one.measured_at > OFFICIAL_OLD_AFTER
    at = words.clock(one.measured_at)
    return {
        "name": one.name,
        "shown": _shown(one.values),
        "is_old": is_old,
        "at": words.say("old", time=at) if is_old else at,
    }


def _forecast(words: _Words, told: Mapping[str, Any], language: Language) -> dict[str, Any] | None:
    """Return the official forecast as rows of days and columns of quantities; None where there is none."""
    days = told.get("days", ())
    if not days:
        return None
    by_row: dict[tuple[date, str], dict[str, dict[str, Any]]] = {}
    for one in days:
        by_row.setdefault((one["day"], one["region"]), {})[one["quantity"]] = one
    at = words.clock(told["issued_at"])
    return {
        "columns": [words.label(QUANTITY[key]) for key in ORDER_AHEAD],
        "rows": [
            {
                "day": f"{day:%m-%d}",
                "region": region,
                "cells": [
                    {"key": one.get("grade") or "none", "grade": one.get(f"grade_{language}") or "–"}
                    for one in (row.get(key, {}) for key in ORDER_AHEAD)
                ],
            }
            for (day, region), row in by_row.items()
        ],
        "issued": words.say("old", time=at) if told["is_old"] else at,
        "texts": list(dict.fromkeys(one["overall"] for one in days if one["overall"])),
    }


def _shown(values: Mapping[str, float]) -> list[str]:
    return [f"{values[key]:.{QUANTITY[key].decimals}f}" if key in values else "–" for key in SHOWN]


def _index(words: _Words, index: Cai | None) -> dict[str, Any]:
    if index is None:
        return {"key": "none", "grade": "–", "cai": None}
    return {
        "key": index.grade.key,
        "grade": words.label(index.grade),
        "cai": round(index.value),
        "pollutant": words.label(QUANTITY[index.pollutant]),
    }


def _advice(words: _Words, zones: Iterable[dict[str, Any]], scheme: Scheme) -> list[dict[str, str]]:
    """Return what to do for each class that a zone has, the worst first; where smoke is told, it counts, as the index lags behind it."""
    advice = {"smoke-here": words.say("smoke-here")}
    advice |= {grade.key: words.label(grade) for grade in reversed(scheme.grades)}
    advised = {grade.key: scheme.advice_of(grade) for grade in scheme.grades}
    named = dict[str, list[str]]()
    for zone in zones:
        named.setdefault("smoke-here" if zone["has_smoke"] else zone["key"], []).append(zone["name"])
    return [
        {"key": key, "advice": advised.get(key, key), "grade": grade, "zones": ", ".join(named[key])}
        for key, grade in advice.items()
        if key in named
    ]
