"""What the quality flags beside stored values say of the instrument: which flags point to a fault, and which values are known to be wrong."""

from functools import lru_cache
from typing import Final, Literal, NamedTuple

import msgspec

Fault = Literal["stuck", "drifting", "out-of-range", "clock-skew"]

# How the reasons of ingest's rules begin, or what only they contain.
_OF_REASON: Final[tuple[tuple[str, Fault], ...]] = (
    ("stuck: ", "stuck"),
    (" neighbours: ", "drifting"),
    ("outside the plausible range", "out-of-range"),
)
# Flags on the time itself all speak of the clock.
_TIME: Final = "time"


class Flags(NamedTuple):
    """What the flags of one reading say: per fault the quantities with the reason in words; and the quantities whose value is bad."""

    faults: dict[Fault, dict[str, str]]
    bad: frozenset[str]


_NONE: Final = Flags({}, frozenset())


@lru_cache(maxsize=20_000)
def read_flags(text: str) -> Flags:
    """Return what a `quality` text says; one that cannot be read says nothing."""
    try:
        flags = msgspec.json.decode(text, type=dict[str, tuple[str, str]])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _NONE
    faults: dict[Fault, dict[str, str]] = {}
    for key, (_, reasons) in flags.items():
        for reason in reasons.split("; "):
            fault: Fault | None = (
                "clock-skew" if key == _TIME else next((fault for mark, fault in _OF_REASON if mark in reason), None)
            )
            if fault is not None:
                faults.setdefault(fault, {})[key] = reason
    return Flags(faults, frozenset(key for key, (flag, _) in flags.items() if flag == "bad"))
