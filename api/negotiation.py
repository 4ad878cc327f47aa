"""What a client says that it takes: packed or not, which language, and which copy it has already."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from jeonju.messages.catalogue import LANGUAGES, Language

Headers = Iterable[tuple[bytes, bytes]]
# What is said further on is not looked at, and so many of what clients say are remembered.
_LONGEST: Final = 300
_REMEMBERED: Final = 1000


def takes_gzip(headers: Headers) -> bool:
    """Return whether who asks can unpack."""
    return _names_gzip(_said(headers, b"accept-encoding"))


def language_of(headers: Headers) -> Language:
    """Return the language that a client would rather read: Korean where it says nothing, English where it reads neither."""
    return _preferred(_said(headers, b"accept-language"))


def has_already(headers: Headers, etag: bytes) -> bool:
    """Return whether who asks has the answer with this tag (RFC 9110, section 13.1.2; compared weakly)."""
    return any(name == b"if-none-match" and (shown.strip() == b"*" or etag in shown) for name, shown in headers)


def _said(headers: Headers, wanted: bytes) -> str:
    return ",".join(value.decode("latin-1") for name, value in headers if name == wanted)[:_LONGEST]


@lru_cache(_REMEMBERED)
def _names_gzip(said: str) -> bool:
    weights = _weights(said)
    return weights.get("gzip", weights.get("*", 0.0)) > 0


@lru_cache(_REMEMBERED)
def _preferred(said: str) -> Language:
    spoken = dict[str, float]()
    for name, weight in _weights(said).items():
        language = name.partition("-")[0]
        spoken[language] = max(weight, spoken.get(language, 0.0))
    rest = spoken.get("*", 0.0) if spoken else 1.0
    best = max(LANGUAGES, key=lambda language: spoken.get(language, rest))
    return best if spoken.get(best, rest) > 0 else "en"


def _weights(said: str) -> dict[str, float]:
    """Return what is named in a header, in lower case, with its weight from 0 to 1 (RFC 9110, section 12.4.2)."""
    weights = dict[str, float]()
    for one in said.split(","):
        name, *parameters = (part.strip().lower() for part in one.split(";"))
        if name:
            weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
            weights[name] = float(weight) if weight.replace(".", "", 1).isdecimal() and weight.isascii() else 0.0
    return weights
