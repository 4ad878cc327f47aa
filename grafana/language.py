"""Korean or English: every dashboard is built once in each."""

from dataclasses import dataclass
from typing import Final

from jeonju.messages.catalogue import Language as Code


@dataclass(frozen=True, slots=True)
class Language:
    """Called with a text in both languages it returns its own."""

    code: Code
    name: str
    folder: str

    def __call__(self, ko: str, en: str) -> str:
        """Return the text of this language."""
        return ko if self.code == "ko" else en


KOREAN: Final = Language("ko", "한국어", "전주 대기")
ENGLISH: Final = Language("en", "English", "Jeonju Air")
LANGUAGES: Final = (KOREAN, ENGLISH)
