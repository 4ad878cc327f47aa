"""The catalogue of messages: Fluent files (projectfluent.org) in `ko/` and `en/`, one message with one id in both.

Numbers are formatted before they go in (`messages.alerts.amount`), as units and decimals belong to the quantity, not to the language.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal

from fluent.runtime import FluentBundle, FluentResource

Language = Literal["ko", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("ko", "en")
Pair = tuple[str, str]  # in Korean and in English

_FOLDER: Final = Path(__file__).parent


class CatalogueError(LookupError):
    """A message is missing, or a fact that it names. This is a fault of the program, not of its user."""


def text(message_id: str, facts: Mapping[str, str], language: Language) -> str:
    """Return a message with its facts filled in. Raises CatalogueError when the message or one of its facts is missing."""
    bundle = _bundle(language)
    if not bundle.has_message(message_id):
        raise CatalogueError(f"there is no message {message_id!r} in {language}")
    pattern = bundle.get_message(message_id).value
    if pattern is None:
        raise CatalogueError(f"message {message_id!r} has no text in {language}")
    words, faults = bundle.format_pattern(pattern, dict(facts))
    if faults:
        raise CatalogueError(f"message {message_id!r} in {language}: {'; '.join(str(fault) for fault in faults)}")
    return str(words)


def both(message_id: str, **facts: str | Pair) -> Pair:
    """Return a message in Korean and English. A fact that is a pair is Korean in the first and English in the second."""
    korean, english = (
        text(message_id, {name: fact if isinstance(fact, str) else fact[at] for name, fact in facts.items()}, language)
        for at, language in enumerate(LANGUAGES)
    )
    return korean, english


def files(language: Language) -> list[Path]:
    """Return the files of a language in the order of their names."""
    return sorted((_FOLDER / language).glob("*.ftl"))


@cache
def _bundle(language: Language) -> FluentBundle:
    # Isolation marks around facts are for texts that mix directions of writing; ours do not.
    bundle = FluentBundle([language], use_isolating=False)
    for path in files(language):
        bundle.add_resource(FluentResource(path.read_text(encoding="utf-8")))
    return bundle
