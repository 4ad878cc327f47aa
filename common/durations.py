"""Durations as people write them: `90s`, `15m`, `1h30m`, `2d`."""

import re

_UNITS_S = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


def parse_duration_s(text: object) -> float:
    """Return the seconds of a duration such as `1h30m`; a number is taken as seconds.

    Raises ValueError for anything else.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    match = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if match is None:
        raise ValueError("is no duration; write it like 90s, 15m, 1h30m or 2d")
    return sum(
        float(amount) * seconds for amount, seconds in zip(match.groups(), _UNITS_S.values(), strict=True) if amount
    )
