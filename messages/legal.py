"""What the law asks of those who show values of low-cost instruments (간이측정기): to name them so, with their grade, and that they are not official.

미세먼지법 간이측정기 성능인증제: since 2024 an instrument is of grade 1 or outside it.
"""

from collections.abc import Iterable
from typing import Final

from jeonju.contract.certificate import Certificate

LABELS: Final[dict[Certificate, tuple[str, str]]] = {
    "grade-1": ("성능인증 1등급", "certified, grade 1"),
    "outside-grade-1": ("성능인증 1등급 외", "certified, outside grade 1"),
    "none": ("성능인증 등급 없음", "no certified grade"),
}
# Put behind whatever is said of the air in a line, such as in an alert.
REFERENCE_ONLY: Final = ("간이측정기 참고용", "low-cost instrument, reference only")


def label(certificate: Certificate) -> tuple[str, str]:
    """Return what one instrument is called, in Korean and English."""
    korean, english = LABELS[certificate]
    return f"간이측정기({korean}), 참고용", f"low-cost instrument ({english}), reference only"


def note(certificates: Iterable[Certificate]) -> tuple[str, str]:
    """Return the sentence that stands beside values of such instruments, in Korean and English."""
    present = [one for one in LABELS if one in set(certificates)] or ["none"]
    korean, english = ("; ".join(words) for words in zip(*(LABELS[one] for one in present), strict=True))
    return (
        f"간이측정기({korean})의 참고용 자료이며 국가 대기오염측정망의 공식 자료가 아닙니다.",
        f"Low-cost instruments ({english}): for reference only, not official values of the national network.",
    )
