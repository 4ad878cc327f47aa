"""What the law asks of those who show values of low-cost instruments (간이측정기): to name them so, with their grade, and that they are not official.

미세먼지법 간이측정기 성능인증제: since 2024 an instrument is of grade 1 or outside it.
"""

from collections.abc import Iterable
from typing import Final

from jeonju.contract.certificate import Certificate
from jeonju.messages.catalogue import Pair, both

_GRADES: Final[dict[Certificate, str]] = {
    "grade-1": "grade-1",
    "outside-grade-1": "outside-grade-1",
    "none": "grade-none",
}


def label(certificate: Certificate) -> Pair:
    """Return what one instrument is called, in Korean and English."""
    return both("instrument", grade=both(_GRADES[certificate]))


def note(certificates: Iterable[Certificate] | None = None) -> Pair:
    """Return the sentence that stands beside values of such instruments, in Korean and English; without grades where None is given."""
    if certificates is None:
        return both("legal-note-plain")
    present = [grade for grade in _GRADES if grade in set(certificates)] or ["none"]
    korean, english = (
        "; ".join(words) for words in zip(*(both(_GRADES[present_key]) for present_key in present), strict=True)
    )
    return both("legal-note", grades=(korean, english))
