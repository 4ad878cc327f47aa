"""What people should do, by class of the index and where there is smoke: the sentences of the public page, for alerts and notifications too.

They follow the guidance of Korea's Ministry of Environment for each class of its fine-dust forecast, in our own words.
"""

from functools import cache
from typing import Final, NamedTuple

from jeonju.airquality.index import GRADES, POLLUTANTS, grade, sub_index
from jeonju.airquality.schemes import SCHEMES
from jeonju.contract import details as facts
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
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
def advice_of(key: str, emergency_number: str) -> Advice:
    """Return the advice for a class of the CAI, or where there is smoke. Raises CatalogueError for any other key."""
    return Advice(key, both(f"public-everybody-{key}"), both(f"public-sensitive-{key}", number=emergency_number))


def advice_for(alert: AlertRecord, site: Site) -> Advice | None:
    """Return the advice while an alert of a site lasts; None for what asks nothing of the public, such as a device that is silent.

    An advisory stands for the class in which its hourly mean lies, at least bad.
    """
    key = None if alert.ended_at is not None else _key_for(alert, site)
    return None if key is None else advice_of(key, site.emergency_number)


def _key_for(alert: AlertRecord, site: Site) -> str | None:
    if alert.kind == "smoke":
        return SMOKE
    if alert.kind == "asian-dust":
        return _VERY_BAD
    if alert.kind == "cai":
        of_alert, scheme = facts.decode(alert.details, facts.IndexDetails).grade, SCHEMES[site.index]
        return next((scheme.advice_of(one) for one in scheme.grades if one.key == of_alert), None)
    if alert.kind.endswith("-advisory") and alert.quantity in POLLUTANTS:
        if alert.value is None:
            return _BAD
        is_worst = grade(float(sub_index(alert.quantity, alert.value))).key == _VERY_BAD
        return _VERY_BAD if is_worst else _BAD
    return None
