"""What senders write for a number, and which one it means: in doubt none.

A text is a number where all of it is one, with or without a known unit behind it. Points and commas count as decimal mark or as separator of
thousands where only one of both is possible: `23,5` and `1,016.76` are clear, `1,016` is not.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from jeonju.airquality.units import unit_of

# What senders write where they have no value. Such a member says nothing, and is no fault.
_ABSENT: Final = frozenset(
    ("", "-", "--", "---", "nan", "null", "none", "nil", "n/a", "na", "unknown", "unavailable", "undefined", "nodata")
)
_LONGEST_TEXT: Final = 80
_PLAIN: Final = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
# Sign, digits with separators, exponent, and whatever follows.
_WITH_UNIT: Final = re.compile(
    r"([-+\u2212]?)([0-9.,'\u2019 \u00a0\u2009\u202f]*[0-9])([eE][-+]?[0-9]+)?[ \u00a0\u2009\u202f]*(\D.*)?", re.DOTALL
)
_DIGITS: Final = re.compile(r"[0-9]*\.?[0-9]+")
# One separator throughout, groups of three, then a decimal mark of the other kind. SI groups with spaces, Swiss usage with apostrophes.
_GROUPED: Final = (
    (re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+|[0-9]{1,3}(?:,[0-9]{3}){2,}"), ",", "."),
    (re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+"), ".", ","),
    *(
        (re.compile(rf"[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+(?:[.,][0-9]+)?"), mark, ",")
        for mark in (" ", "\u00a0", "\u2009", "\u202f", "'", "\u2019")
    ),
)
_DECIMAL_COMMA: Final = re.compile(r"([0-9]+),([0-9]+)")
# Encoders of Go and .NET begin names with a capital.
VALUE_NAMES: Final = ("value", "Value", "val", "Val", "v")
_UNIT_NAMES: Final = (
    *("unit", "Unit", "units", "Units", "uom", "Uom", "UoM", "unit_of_measurement", "unitOfMeasurement"),
    *("UnitOfMeasurement", "unitCode", "engUnit", "u"),
)
_NOTHING: Final = object()


class Amount(NamedTuple):
    """A finite number, and the unit that stood beside it, as the sender writes it."""

    value: float
    unit: str | None = None


def number(value: Any) -> float | None:
    """Return a finite number without a unit, also one that comes as text; None for anything else."""
    amount = read_amount(value)
    return amount.value if amount is not None and amount.unit is None else None


def read_amount(value: Any) -> Amount | None:
    """Return the number that a member of a message holds: a number, a text, or an object of value and unit; None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return Amount(float(value)) if math.isfinite(value) else None
        except OverflowError:
            return None
    if isinstance(value, str):
        return _of_text(value)
    return _of_object(value) if isinstance(value, dict) else None


def is_absent(value: Any) -> bool:
    """Tell whether a member says that there is no value."""
    if isinstance(value, str):
        return value.strip(" \t\r\n\0").lower() in _ABSENT
    if isinstance(value, dict):
        held = _held(value)
        return held is not _NOTHING and not isinstance(held, dict) and is_absent(held)
    return value is None or (isinstance(value, float) and math.isnan(value))


def _of_text(text: str) -> Amount | None:
    text = text.strip(" \t\r\n\0")
    if len(text) > _LONGEST_TEXT:
        return None
    if _PLAIN.fullmatch(text):
        return _finite(text, None)
    found = _WITH_UNIT.fullmatch(text)
    if found is None:
        return None
    sign, digits, exponent, behind = found.groups(default="")
    unit = behind.strip() or None
    if unit is not None and unit_of(unit) is None:
        return None
    decimal = _decimal(digits)
    return None if decimal is None else _finite(sign.replace("\u2212", "-") + decimal + exponent, unit)


def _held(content: Mapping[str, Any]) -> Any:
    """Return the value that an object of value and unit holds, `_NOTHING` for any other object."""
    return next((content[name] for name in VALUE_NAMES if name in content), _NOTHING)


def _of_object(content: Mapping[str, Any]) -> Amount | None:
    held = _held(content)
    if isinstance(held, dict):
        return None
    amount = read_amount(held)
    unit = next((unit for name in _UNIT_NAMES if isinstance(unit := content.get(name), str) and unit.strip()), None)
    return amount if amount is None or amount.unit is not None else Amount(amount.value, unit)


def _decimal(digits: str) -> str | None:
    """Return digits with a decimal point and no other mark, None where it is not sure what the marks mean."""
    if _DIGITS.fullmatch(digits):
        return digits
    for pattern, separator, mark in _GROUPED:
        if pattern.fullmatch(digits):
            return digits.replace(separator, "").replace(mark, ".")
    if found := _DECIMAL_COMMA.fullmatch(digits):
        whole, fraction = found.groups()
        # Three digits behind a lone comma may be thousands as well.
        if len(fraction) != len("000") or len(whole) > len("000") or whole.startswith("0"):
            return f"{whole}.{fraction}"
    return None


def _finite(text: str, unit: str | None) -> Amount | None:
    value = float(text)
    return Amount(value, unit) if math.isfinite(value) else None
