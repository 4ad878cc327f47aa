"""What quality flags say, in Korean and English. The flags themselves hold codes and parameters (`contract.quality`)."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from jeonju.airquality.pollutants import QUANTITY
from jeonju.contract.quality import Flag, Reason, decode_flags
from jeonju.messages.catalogue import CatalogueError, Language, text

# Parameters in the unit and with the decimals of the quantity that is flagged, and how others are written.
OF_QUANTITY: Final = ("before", "after", "mean", "median", "measured", "offset")
FORMATS: Final = {"limit": ".1e", "factor": ".1f", "value": ".10g", "gain": ".4g"}
# Parameters that are keys of quantities.
KEYS_OF_QUANTITIES: Final = ("smaller", "larger")
_UNITS_S: Final = (("d", 86_400), ("h", 3600), ("min", 60))


def duration(seconds: float, language: Language) -> str:
    """Return a length of time as a person says it: `45 s`, `30 min`, `6 h`, `3 d`."""
    for unit, length_s in _UNITS_S:
        if seconds >= 2 * length_s or (unit != "d" and seconds >= length_s):
            return text(f"quality-duration-{unit}", {"count": f"{seconds / length_s:.0f}"}, language)
    return text("quality-duration-s", {"count": f"{seconds:.0f}"}, language)


def words(key: str, reason: Reason, language: Language = "en") -> str:
    """Return a reason for the flag of a quantity as a sentence; of a code that is not known, such as a later version's, the code."""
    facts = dict(reason.parameters)
    # What an earlier version said in words of its own.
    if isinstance(said := facts.get("text"), str):
        return said
    try:
        return text(f"quality-{_variant(reason.code, facts)}", _formatted(key, facts, language), language)
    except (CatalogueError, TypeError, ValueError):
        return " ".join([reason.code, *(f"{name}={value}" for name, value in facts.items())])


def flag_in_words(key: str, flag: Flag, language: Language = "en") -> list[str]:
    """Return [severity, reasons], as REST and `jeonju doctor` show a flag."""
    return [flag.severity, "; ".join(words(key, reason, language) for reason in flag.reasons)]


@lru_cache(maxsize=20_000)
def quality_in_words(quality: str, language: Language = "en") -> Mapping[str, list[str]]:
    """Return the flags in a stored `quality` text, key → [severity, reasons]; not to be changed, as the answer is kept."""
    return {key: flag_in_words(key, flag, language) for key, flag in decode_flags(quality).items()}


def _variant(code: str, facts: Mapping[str, Any]) -> str:
    """Return the id of the sentence for a code: some have more than one."""
    if code == "neighbours" and facts.get("mean", 0) <= facts.get("median", 0):
        return "neighbours-below"
    return "member-dropped" if code == "members-dropped" and facts.get("count") == 1 else code


def _formatted(key: str, facts: Mapping[str, Any], language: Language) -> dict[str, str]:
    """Return the parameters as text: `for_s` becomes `$for`. `$unit` begins with a space, and is empty for a quantity without a unit."""
    unit = QUANTITY[key].unit if key in QUANTITY else "1"
    made = {"unit": "" if unit == "1" else f" {unit}"}
    for name, value in facts.items():
        made[name.removesuffix("_s")] = _amount(key, name, value, language)
    return made


def _amount(key: str, name: str, value: Any, language: Language) -> str:
    if name in OF_QUANTITY:
        return f"{value:.{QUANTITY[key].decimals}f}" if key in QUANTITY else f"{value:g}"
    if name in KEYS_OF_QUANTITIES:
        return QUANTITY[value].label_en if value in QUANTITY else str(value)
    if name.endswith("_s"):
        return duration(value, language)
    return f"{value:{FORMATS[name]}}" if name in FORMATS else str(value)
