"""The shipped rules for standards, in a city that another country's standards are for."""

from collections.abc import Mapping
from typing import Final

from jeonju.airquality.schemes import Scheme
from jeonju.rules.rule import Limit, Threshold, named_limits
from jeonju.rules.rules import shipped_rules

_SHIPPED_FOR: Final = "korea-"
# What a rule ends at, where its own end was chosen for another limit.
_CLEAR_SHARE: Final = 0.8


def at_home(thresholds: Mapping[str, Threshold], scheme: Scheme) -> dict[str, Threshold]:
    """Return the thresholds for a site that is judged by a scheme.

    A shipped one that asks for a Korean standard asks for that of the site's country over the same time, or is left out where there is none. What a
    rules file of one's own sets as a limit stays as it is.
    """
    if scheme.key == "cai":
        return dict(thresholds)
    found: dict[str, Threshold] = {}
    for name, rule in thresholds.items():
        shipped = shipped_rules().thresholds.get(name)
        limit = rule.limit.name or ""
        if shipped is None or shipped.limit != rule.limit or not limit.startswith(_SHIPPED_FOR):
            found[name] = rule
            continue
        own = named_limits(rule.quantity or "").get(f"{scheme.key}-{limit.removeprefix(_SHIPPED_FOR)}")
        if own is not None:
            clear_at = None if rule.clear_at is None else Limit(_CLEAR_SHARE * own.value)
            found[name] = rule.model_copy(update={"above": own, "clear_at": clear_at})
    return found
