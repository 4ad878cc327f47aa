"""What people should do, by class of the index and where there is smoke: the sentences of the public page, for alerts and notifications too.

They follow the guidance of Korea's Ministry of Environment for each class of its fine-dust forecast, in our own words.
"""

from functools import cache
from typing import Final, NamedTuple

from jeonju.airquality.index import GRADES, POLLUTANTS, grade, sub_index
from jeonju.contract import details as facts
from jeonju.contract.records import AlertRecord
from jeonju.messages.catalogue import Pair, both

SMOKE: Final = "smoke-here"
KEYS: Final = (*(one.key for one in GRADES), SMOKE)
_BAD, _VERY_BAD = GRADES[2].key, GRADES[3].key


class Advice(NamedTuple):
    """What everybody and what sensitive people should do, each in Korean and English."""

    key: str
    everybody: Pair
    sensitive: Pair

    def to_json(self) -> dict[str, str]:
        """Return it as JSON."""
        return {
            "key": self.key,
            "everybody_ko": self.everybody[0],
            "everybody_en": self.everybody[1],
            "sensitive_ko": self.sensitive[0],
            "sensitive_en": self.sensitive[1],
        }


@cache
def advice_of(key: str) -> Advice:
    """Return the advice for a class, or where there is smoke. Raises CatalogueError for any other key."""
    return Advice(key, both(f"public-everybody-{key}"), both(f"public-sensitive-{key}"))


def advice_for(alert: AlertRecord) -> Advice | None:
    """Return the advice while an alert lasts; None for what asks nothing of the public, such as a device that is silent.

    An advisory stands for the class in which its hourly mean lies, at least bad.
    """
    if alert.ended_at is not None:
        return None
    if alert.kind == "smoke":
        return advice_of(SMOKE)
    if alert.kind == "asian-dust":
        return advice_of(_VERY_BAD)
    if alert.kind == "cai":
        key = facts.decode(alert.details, facts.IndexDetails).grade
        return advice_of(key) if key in KEYS else None
    if alert.kind.endswith("-advisory") and alert.quantity in POLLUTANTS:
        if alert.value is None:
            return advice_of(_BAD)
        is_worst = grade(float(sub_index(alert.quantity, alert.value))).key == _VERY_BAD
        return advice_of(_VERY_BAD if is_worst else _BAD)
    return None
