"""Quality flags beside stored values: severity, and reasons as codes with parameters. Words are made of them in `messages.quality`.

A `quality` text is a JSON object: key → [severity, [[code, {parameter: value}], …]]. The key is that of a quantity, `time`, `position`,
`extra` or a sender's own name. Versions before this form wrote reasons as English words, key → [severity, words]; `_of_words` alone reads them.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, Self

import msgspec

Parameter = int | float | str
Fault = Literal["stuck", "drifting", "out-of-range", "clock-skew"]

# Flags on the time itself all speak of the clock.
TIME: Final = "time"
# Flags on the position speak of no instrument: they are no fault of one.
POSITION: Final = "position"
# The code of a value that is kept as extra because of its unit.
UNFIT: Final = "unit-does-not-fit"
# The code of a value that an agreed correction has changed; its parameters keep what was measured.
CORRECTED: Final = "corrected"
# Every code with its parameters. Units are in the names; other numbers are in the unit of the quantity that is flagged.
CODES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "out-of-range": (),
        "too-large": ("limit",),
        "filler": ("value",),
        "step": ("before", "after", "within_s"),
        "stuck": ("for_s",),
        "neighbours": ("for_s", "others", "mean", "median"),
        "humid": ("percent", "factor"),
        "fog": ("percent", "factor"),
        # The quantities of which the first is part of the second, and is above it.
        "pm-order": ("smaller", "larger"),
        "clock-ahead": ("by_s",),
        "clock-behind": ("by_s",),
        "clock-frozen": (),
        "impossible-time": (),
        "impossible-position": (),
        "no-fix": (),
        "unknown-quantity": (),
        "not-a-number": (),
        UNFIT: ("unit",),
        "members-dropped": ("count",),
        "unreadable": (),
        CORRECTED: ("measured", "gain", "offset"),
        # What a sender itself says of its value.
        "sender": ("sender", "says"),
        # What an earlier version said in words that are not known.
        "other": ("text",),
    }
)
_FAULT_OF_CODE: Final[Mapping[str, Fault]] = MappingProxyType(
    {"stuck": "stuck", "neighbours": "drifting", "out-of-range": "out-of-range"}
)
SEVERITY: Final = MappingProxyType({"ok": 0, "estimated": 1, "suspect": 2, "bad": 3})


class Reason(NamedTuple):
    """Why a value is flagged: a code, and its parameters by name."""

    code: str
    parameters: tuple[tuple[str, Parameter], ...] = ()

    @classmethod
    def of(cls, code: str, **parameters: Parameter) -> Self:
        """Return a reason with its parameters in the order in which they are given."""
        return cls(code, tuple(parameters.items()))


class Flag(NamedTuple):
    """A severity (`estimated`, `suspect` or `bad`; a value without a flag is `ok`) and its reasons."""

    severity: str
    reasons: tuple[Reason, ...]

    @classmethod
    def of(cls, severity: str, code: str, **parameters: Parameter) -> Self:
        """Return a flag with one reason."""
        return cls(severity, (Reason.of(code, **parameters),))

    def to_json(self) -> tuple[str, list[tuple[str, dict[str, Parameter]]]]:
        """Return what stands for this flag in a `quality` text."""
        return self.severity, [(reason.code, dict(reason.parameters)) for reason in self.reasons]


# What decoders and ingest both say.
NO_NUMBER: Final = Flag.of("bad", "not-a-number")
IMPOSSIBLE_POSITION: Final = Flag.of("suspect", "impossible-position")
NO_FIX: Final = Flag.of("suspect", "no-fix")


class Flags(NamedTuple):
    """What the flags of one reading say: per fault the quantities with the reason; and the quantities whose value is bad."""

    faults: dict[Fault, dict[str, Reason]]
    bad: frozenset[str]


# Either form: reasons as codes, or the words of an earlier version.
_DECODER: Final = msgspec.json.Decoder(dict[str, tuple[str, str | list[tuple[str, dict[str, Parameter]]]]])


def worse(old: Flag, new: Flag) -> Flag:
    """Return the graver flag; of two that are equally grave one with the reasons of both. What was measured before a correction is always kept."""
    before, after = SEVERITY.get(old.severity, 0), SEVERITY.get(new.severity, 0)
    graver, other = (old, new) if before >= after else (new, old)
    more = tuple(
        reason
        for reason in other.reasons
        if reason not in graver.reasons and (before == after or reason.code == CORRECTED)
    )
    return Flag(graver.severity, graver.reasons + more) if more else graver


def encode_flags(flags: Mapping[str, Flag]) -> str:
    """Return the `quality` text of a reading."""
    return msgspec.json.encode({key: flag.to_json() for key, flag in flags.items()}).decode()


def decode_flags(text: str) -> dict[str, Flag]:
    """Return the flags in a `quality` text of this or an earlier version by their keys; one that cannot be read holds none."""
    try:
        stored = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return {
        key: Flag(severity, _of_words(said) if isinstance(said, str) else _of_codes(said))
        for key, (severity, said) in stored.items()
    }


@lru_cache(maxsize=20_000)
def read_flags(text: str) -> Flags:
    """Return what a `quality` text says of the instrument; one that cannot be read says nothing."""
    flags, faults = decode_flags(text), dict[Fault, dict[str, Reason]]()
    for key, flag in flags.items():
        for reason in flag.reasons:
            fault: Fault | None = "clock-skew" if key == TIME else _FAULT_OF_CODE.get(reason.code)
            if fault is not None:
                faults.setdefault(fault, {})[key] = reason
    return Flags(faults, frozenset(key for key, flag in flags.items() if flag.severity == "bad"))


def _of_codes(said: list[tuple[str, dict[str, Parameter]]]) -> tuple[Reason, ...]:
    return tuple(Reason(code, tuple(parameters.items())) for code, parameters in said)


# What earlier versions wrote, in full; named groups are the parameters.
_DURATION: Final = r"\d+ (?:d|h|min|s)"
_UNIT_S: Final = {"d": 86_400, "h": 3600, "min": 60, "s": 1}
_WORDS: Final = tuple(
    (code, re.compile(pattern))
    for code, pattern in (
        ("out-of-range", r"outside the plausible range"),
        ("too-large", r"(?P<limit>\S+) or more, left out of means"),
        ("step", rf"jumped from (?P<before>\S+) to (?P<after>\S+?)(?: \S+)? within (?P<within_s>{_DURATION})"),
        ("stuck", rf"stuck: the same value for (?P<for_s>{_DURATION})"),
        (
            "neighbours",
            rf"for (?P<for_s>{_DURATION}) far (?:above|below) its (?P<others>\d+) neighbours: (?P<mean>\S+) against (?P<median>\S+) \S+",
        ),
        (
            "humid",
            r"humidity (?P<percent>\d+) %: wet particles read about (?P<factor>[\d.]+) times too high, unless the inlet is heated",
        ),
        (
            "fog",
            r"humidity (?P<percent>\d+) %: wet particles read more than (?P<factor>[\d.]+) times too high, fog counts as dust",
        ),
        ("clock-ahead", rf"clock (?P<by_s>{_DURATION}) ahead of arrival"),
        ("clock-behind", rf"clock (?P<by_s>{_DURATION}) behind arrival"),
        ("clock-frozen", r"clock stands still while readings arrive"),
        ("impossible-time", r"impossible time, time of arrival taken"),
        ("unknown-quantity", r"unknown quantity, kept as extra"),
        ("not-a-number", r"not a number, kept as extra"),
        ("members-dropped", r"(?P<count>\d+) unknown members? dropped: more than is kept of a reading"),
        (
            "unreadable",
            r"flags and unknown members dropped: they, or those of its neighbours, are too large to be read",
        ),
        ("sender", r"(?P<sender>AirKorea): (?P<says>.*)"),
    )
)
# How the reasons of faults began, or what only they contained, in whatever words the rest was.
_MARKS: Final = (
    ("stuck: ", "stuck"),
    (" neighbours: ", "neighbours"),
    ("outside the plausible range", "out-of-range"),
)


def _of_words(words: str) -> tuple[Reason, ...]:
    """Return the reasons that an earlier version wrote as English words, joined with `; `."""
    return tuple(_reason_of_words(part) for part in words.split("; "))


def _reason_of_words(words: str) -> Reason:
    for code, pattern in _WORDS:
        if found := pattern.fullmatch(words):
            try:
                return Reason(code, tuple((name, _parameter(name, text)) for name, text in found.groupdict().items()))
            except ValueError:
                break
    code = next((code for mark, code in _MARKS if mark in words), "other")
    return Reason.of(code, text=words)


def _parameter(name: str, text: str) -> Parameter:
    if name.endswith("_s"):
        count, _, unit = text.partition(" ")
        return int(count) * _UNIT_S[unit]
    if name in ("sender", "says"):
        return text
    return int(text) if name in ("percent", "others", "count") else float(text)
