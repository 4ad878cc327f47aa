"""The sentences of alerts, made of their facts right before an alert is stored, published or printed."""

import logging
from collections.abc import Callable
from typing import Final, TypeVar

from msgspec import structs

from jeonju.airquality.limits import ADVISORY_LEVELS, DUST_STAGES, EU_LEVELS
from jeonju.airquality.pollutants import QUANTITY
from jeonju.airquality.schemes import SCHEMES
from jeonju.contract import details as facts
from jeonju.contract.kinds import CLASS_OF_KIND
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.messages.catalogue import LANGUAGES, CatalogueError, Pair, both
from jeonju.messages.quality import words

log = logging.getLogger(__name__)

Title = Callable[[str], Pair]  # what a kind is called; the rules in force may call it otherwise than the catalogue

# Kinds about instruments and the platform; all others are about the air.
NOT_OF_AIR: Final = (
    "silent",
    "many-silent",
    "stuck",
    "drifting",
    "out-of-range",
    "battery-low",
    "clock-skew",
    "repeats",
    "no-data",
    "broker-away",
    "store-away",
)
KINDS: Final = (
    "cai",
    "pm10-advisory",
    "pm25-advisory",
    "o3-advisory",
    "asian-dust",
    "forecast",
    "odour",
    "smoke",
    "dust",
    "release",
    *NOT_OF_AIR,
)
# Those of which quality flags give the reason.
FAULTS: Final = frozenset(["stuck", "drifting", "out-of-range", "clock-skew"])
# The rises that are named as reasons, the clearest signs first.
_REASONS: Final = ("pm25", "pm10", "co", "tvoc", "h2s", "nh3")


class Labels(dict[str, Pair]):
    """What devices and zones of a site are called, in Korean and English; a name that is not known stands for itself."""

    def __init__(self, site: Site) -> None:
        super().__init__(
            {
                place.name: (place.label_ko or place.name, place.label_en or place.name)
                for place in (*site.zones, *site.devices)
            }
        )

    def __missing__(self, name: str) -> Pair:
        return name, name


def kind_title(kind: str) -> Pair:
    """Return what a kind is called; one that is not built in is called by its name."""
    return both(f"kind-{kind}") if kind in KINDS else (kind, kind)


def amount(quantity: str, value: float) -> str:
    """Return a value with its unit."""
    row = QUANTITY[quantity]
    return f"{value:.{row.decimals}f} {row.unit}"


def with_words(alert: AlertRecord, labels: Labels, title: Title = kind_title) -> AlertRecord:
    """Return the alert with its sentences, and its reasons in words; one that has them, such as one of the store, as it is.

    An alert is never lost for want of words: where they cannot be made, the sentence names place and kind, and the log says why.
    """
    if alert.summary_ko and alert.summary_en:
        return alert
    try:
        alert = _with_reasons(alert, labels)
        korean, english = summaries(alert, labels, title)
    except (CatalogueError, KeyError, StopIteration, TypeError, ValueError):
        log.exception("no sentence can be made for alert %s", alert.id)
        korean, english = both("plain", place=labels[_place(alert)], what=title(alert.kind))
    return alert._replace(summary_ko=korean, summary_en=english)


def summaries(alert: AlertRecord, labels: Labels, title: Title = kind_title) -> Pair:
    """Return what an alert says, in Korean and English. Raises CatalogueError, KeyError or TypeError when facts are missing."""
    sentence = _SENTENCES.get(alert.kind)
    place = labels[_place(alert)]
    return _threshold(alert, place, title(alert.kind)) if sentence is None else sentence(alert, place, labels)


def _place(alert: AlertRecord) -> str:
    return alert.device or alert.zone or ""


def _with_reasons(alert: AlertRecord, labels: Labels) -> AlertRecord:
    if alert.kind in CLASS_OF_KIND:
        smoke = facts.decode(alert.details, facts.SmokeDetails)
        reasons = _reasons(smoke, labels)
        korean, english = [words[0] for words in reasons], [words[1] for words in reasons]
        return alert._replace(details=facts.encode(structs.replace(smoke, reasons_ko=korean, reasons_en=english)))
    if alert.kind in FAULTS:
        fault = facts.decode(alert.details, facts.FaultDetails)
        if (seen := fault.collocation) is not None:
            own, other = amount(seen.quantity, seen.own), amount(seen.quantity, seen.other)
            in_words = {seen.quantity: both("collocation-reason", own=own, other=other)[1]}
        else:
            in_words = {key: words(key, reason) for key, reason in fault.flag_reasons().items()}
        return alert._replace(details=facts.encode(structs.replace(fault, reasons=in_words)))
    return alert


T = TypeVar("T")


def _known(fact: T | None) -> T:
    if fact is None:
        raise ValueError("a value, its limit or its quantity is missing")
    return fact


def _quantity(key: str) -> Pair:
    return QUANTITY[key].label_ko, QUANTITY[key].label_en


def _joined(pairs: list[Pair]) -> Pair:
    return ", ".join(korean for korean, _ in pairs), ", ".join(english for _, english in pairs)


def _reasons(smoke: facts.SmokeDetails, labels: Labels) -> list[Pair]:
    heat = smoke.rises.get("thermal_max")
    return [
        *([] if heat is None else [both("reason-heat", amount=f"{heat:.0f} °C")]),
        *(
            both("reason-rise", quantity=_quantity(key), amount=amount(key, smoke.rises[key]))
            for key in _REASONS
            if key in smoke.rises
        ),
        *(
            both("reason-support", place=labels[supporter.device], distance=f"{supporter.distance_m:.0f} m")
            for supporter in smoke.supporters
        ),
    ]


def _smoke(alert: AlertRecord, place: Pair, labels: Labels) -> Pair:
    smoke = facts.decode(alert.details, facts.SmokeDetails)
    share = round(100 * (smoke.confidence or 0.0))
    reasons = _joined(_reasons(smoke, labels))
    return both("smoke", place=place, what=kind_title(alert.kind), share=str(share), reasons=reasons)


def _cai(alert: AlertRecord, place: Pair, _labels: Labels) -> Pair:
    index = facts.decode(alert.details, facts.IndexDetails)
    scheme = SCHEMES[index.index]
    grade = next(grade for grade in scheme.grades if grade.key == index.grade)
    return both(
        "cai",
        place=place,
        name=(scheme.label_ko, scheme.label_en),
        index=f"{_known(alert.value):.0f}",
        grade=(grade.label_ko, grade.label_en),
        quantity=_quantity(index.pollutant),
    )


def _hourly_mean(alert: AlertRecord) -> Pair:
    if alert.value is None or alert.quantity is None:
        return both("no-hourly-mean")
    return both("hourly-mean", amount=amount(alert.quantity, alert.value))


def _advisory(alert: AlertRecord, place: Pair, _labels: Labels) -> Pair:
    quantity = alert.kind.removesuffix("-advisory")
    key = facts.decode(alert.details, facts.AdvisoryDetails).level
    level = next(
        level for levels in (ADVISORY_LEVELS, EU_LEVELS) for level in levels.get(quantity, ()) if level.key == key
    )
    return both(
        "advisory",
        place=place,
        quantity=_quantity(quantity),
        level=(level.label_ko, level.label_en),
        mean=_hourly_mean(alert),
    )


def _asian_dust(alert: AlertRecord, _place_of: Pair, _labels: Labels) -> Pair:
    key = facts.decode(alert.details, facts.AdvisoryDetails).level
    stage = next(stage for stage in DUST_STAGES if stage.key == key)
    return both("asian-dust", level=(stage.label_ko, stage.label_en), mean=_hourly_mean(alert))


def _forecast(alert: AlertRecord, place: Pair, _labels: Labels) -> Pair:
    forecast = facts.decode(alert.details, facts.ForecastDetails)
    quantity = _known(alert.quantity)
    return both(
        "forecast",
        place=place,
        quantity=_quantity(quantity),
        limit=f"{_known(alert.limit):g} {QUANTITY[quantity].unit}",
        hours=str(forecast.hours_ahead),
        share=f"{100 * forecast.probability:.0f}",
    )


def _odour(alert: AlertRecord, place: Pair, _labels: Labels) -> Pair:
    gas, value, limit = _known(alert.quantity), _known(alert.value), _known(alert.limit)
    return both(
        "odour",
        place=place,
        quantity=_quantity(gas),
        amount=amount(gas, value),
        limit=f"{limit:g} {QUANTITY[gas].unit}",
    )


def _threshold(alert: AlertRecord, place: Pair, what: Pair) -> Pair:
    rule = facts.decode(alert.details, facts.ThresholdDetails)
    if rule.missing:
        return both("threshold-missing", place=place, what=what)
    value, limit = (
        f"{number:.0f}" if alert.quantity is None else amount(alert.quantity, number)
        for number in (_known(alert.value), _known(alert.limit))
    )
    return both(f"threshold-{rule.side or 'above'}", place=place, what=what, amount=value, limit=limit)


def _many_silent(alert: AlertRecord, _place_of: Pair, _labels: Labels) -> Pair:
    known = facts.decode(alert.details, facts.ManySilentDetails).known
    return both("many-silent", silent=f"{_known(alert.value):.0f}", known=str(known))


def _silent(alert: AlertRecord, place: Pair, _labels: Labels) -> Pair:
    minutes = facts.decode(alert.details, facts.SilentDetails).silent_s / 60
    duration = both("minutes", count=f"{minutes:.0f}") if minutes < 120 else both("hours", count=f"{minutes / 60:.0f}")
    return both("silent", place=place, duration=duration)


def _fault(alert: AlertRecord, place: Pair, _labels: Labels) -> Pair:
    fault, what = facts.decode(alert.details, facts.FaultDetails), kind_title(alert.kind)
    if (seen := fault.collocation) is not None:
        values = {name: amount(seen.quantity, getattr(seen, name)) for name in ("own", "other", "median")}
        return both("collocation", place=place, what=what, quantity=_quantity(seen.quantity), **values)
    reasons = fault.flag_reasons()
    quantities = _joined([_quantity(key) for key in reasons if key in QUANTITY])
    why_ko, why_en = (
        "; ".join(dict.fromkeys(words(key, reason, language) for key, reason in reasons.items()))
        for language in LANGUAGES
    )
    if any(reason.code == "other" for reason in reasons.values()):
        # Earlier versions stored English words only.
        why_ko = ""
    name = "fault-of" if quantities[0] else "fault"
    said: dict[str, str | Pair] = {"place": place, "what": what, "quantities": quantities, "why": (why_ko, why_en)}
    without, with_reason = both(name, **said), both(f"{name}-why", **said)
    return with_reason[0] if why_ko else without[0], with_reason[1] if why_en else without[1]


def _battery_low(alert: AlertRecord, place: Pair, _labels: Labels) -> Pair:
    return both("battery-low", place=place, what=kind_title(alert.kind), share=f"{_known(alert.value):.0f}")


def _repeats(alert: AlertRecord, place: Pair, _labels: Labels) -> Pair:
    return both("repeats", place=place, what=kind_title(alert.kind), share=f"{100 * _known(alert.value):.0f}")


def _link(alert: AlertRecord, _place_of: Pair, _labels: Labels) -> Pair:
    return both(alert.kind)


Sentence = Callable[[AlertRecord, Pair, Labels], Pair]

# Threshold rules, whose kinds are named by whoever wrote them, have none here.
_SENTENCES: Final[dict[str, Sentence]] = {
    "cai": _cai,
    "pm10-advisory": _advisory,
    "pm25-advisory": _advisory,
    "o3-advisory": _advisory,
    "asian-dust": _asian_dust,
    "forecast": _forecast,
    "odour": _odour,
    "smoke": _smoke,
    "dust": _smoke,
    "release": _smoke,
    "silent": _silent,
    "many-silent": _many_silent,
    "stuck": _fault,
    "drifting": _fault,
    "out-of-range": _fault,
    "clock-skew": _fault,
    "battery-low": _battery_low,
    "repeats": _repeats,
    "no-data": _link,
    "broker-away": _link,
    "store-away": _link,
}
