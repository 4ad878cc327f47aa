"""Properties beside a metric: its unit, and what the sender says of its quality."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from jeonju.contract.quality import Flag
from jeonju.decoders.budget import spend
from jeonju.decoders.sparkplug_b.payload import Metric

SENDER: Final = "Sparkplug"
# In lower case, without spaces and low lines: engUnit is Ignition's, the others are of other gateways.
_UNITS: Final = frozenset(
    ("engunit", "engunits", "engineeringunit", "engineeringunits", "unit", "units", "uom", "unitofmeasurement")
)
_QUALITIES: Final = frozenset(("quality", "qualitycode"))
_LONGEST: Final = 64
# Of one metric as many are looked at.
_MOST: Final = 100
_STALE: Final = 500
# Ignition 8 and OPC UA keep the severity in the two highest bits: good, uncertain, bad, error.
_SEVERITY_BITS: Final = 30
_FIRST_WITH_BITS: Final = 1 << _SEVERITY_BITS
# OPC DA has it in bits 6 and 7; Ignition counts on from there: 256 is uncertain, 512 is bad.
_OPC_CODES: Final = range(256)
_UNCERTAIN_CODES: Final = range(256, 300)
_QUALITY_BITS: Final = 0xC0
_GOOD: Final = 0xC0
_UNCERTAIN: Final = 0x40
_SEVERITY_OF: Final = {"good": None, "uncertain": "suspect", "stale": "suspect", "bad": "bad", "error": "bad"}


def unit_of(metric: Metric) -> str | None:
    """Return the unit that the properties of a metric give."""
    if not metric.HasField("properties"):
        return None
    return next((unit for name, value in _properties(metric) if name in _UNITS and (unit := _text(value))), None)


def quality_of(metric: Metric) -> Flag | None:
    """Return the flag for a quality that is not good."""
    if not metric.HasField("properties"):
        return None
    for name, value in _properties(metric):
        if name in _QUALITIES and (which := value.WhichOneof("value")) is not None:
            word = _word_of(which, getattr(value, which))
            if word is not None and (severity := _SEVERITY_OF[word]) is not None:
                return Flag.of(severity, "sender", sender=SENDER, says=f"Quality {word}{_shown(which, value)}")
    return None


def _properties(metric: Metric) -> Iterator[tuple[str, Any]]:
    properties = metric.properties
    spend(min(len(properties.keys), _MOST))
    for key, value in islice(zip(properties.keys, properties.values, strict=False), _MOST):
        # What is not UTF-8 comes as bytes.
        if isinstance(key, str) and not value.is_null and len(key) <= _LONGEST:
            yield key.lower().replace(" ", "").replace("_", ""), value


def _text(value: Any) -> str | None:
    text = value.string_value
    return (text.strip()[:_LONGEST] or None) if isinstance(text, str) else None


def _word_of(which: str, said: Any) -> str | None:
    """Return what a quality means; None for one that is not known."""
    if which == "string_value" and isinstance(said, str):
        lower = said.strip().lower()
        if lower.isdecimal() and len(lower) <= len(str(1 << 32)):
            return _word_of_code(int(lower))
        # Ignition's words are like Bad_Stale.
        return next((word for word in ("stale", "uncertain", "bad", "error", "good") if word in lower), None)
    return _word_of_code(said & 0xFFFFFFFF) if which in ("int_value", "long_value") else None


def _word_of_code(code: int) -> str:
    if code >= _FIRST_WITH_BITS:
        return ("good", "uncertain", "bad", "error")[code >> _SEVERITY_BITS & 3]
    if code in _OPC_CODES:
        return {_GOOD: "good", _UNCERTAIN: "uncertain"}.get(code & _QUALITY_BITS, "bad")
    if code == _STALE:
        return "stale"
    return "uncertain" if code in _UNCERTAIN_CODES else "bad"


def _shown(which: str, value: Any) -> str:
    return f" ({getattr(value, which)})" if which != "string_value" else ""
