"""One rule: how a kind of alert behaves, and what a threshold rule watches besides."""

from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from jeonju.airquality.limits import ADVISORY_LEVELS
from jeonju.airquality.pollutants import QUANTITY
from jeonju.airquality.standards import EVERY_STANDARD
from jeonju.airquality.units import parse_amount
from jeonju.common.durations import parse_duration_s
from jeonju.contract.site import QuantityKey
from jeonju.rules.channel_base import Severity
from jeonju.rules.watched import QUANTITIES, WINDOW_S

DAY_S: Final = 86_400.0
Seconds = Annotated[float, BeforeValidator(parse_duration_s), Field(ge=0, le=DAY_S)]
Globs = Annotated[tuple[str, ...], Field(min_length=1)]
# CAP 1.2, section 3.2.2, `category`.
CapCategory = Literal[
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other"
]
# A mean over less time than a limit is meant for would be judged by the wrong limit; without a limit that says, this is taken.
MEAN_OVER_S: Final = 600.0


class Rule(BaseModel):
    """How alerts of one kind behave.

    A condition must last `for` a time before it becomes an alert, and be gone for `keep_firing_for` before that ends.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    severity: Severity | None = None
    for_s: Annotated[Seconds, Field(validation_alias=AliasChoices("for", "hold"))] = 0.0
    keep_firing_for_s: Annotated[Seconds, Field(validation_alias=AliasChoices("keep_firing_for", "keep"))] = 0.0
    inhibited_by: tuple[str, ...] = ()
    title_ko: str | None = None
    title_en: str | None = None
    runbook: str | None = None
    cap: CapCategory | None = None


# Settings that have another name now; the old one is still read.
RENAMED: Final = {"hold": "for", "keep": "keep_firing_for"}


class Limit(NamedTuple):
    """A level in the stored unit; one with a name brings the time it is a mean over, and perhaps the level that ends it."""

    value: float
    name: str | None = None
    mean_over_s: float | None = None
    end: float | None = None


def named_limits(quantity: str) -> dict[str, Limit]:
    """Return the limits of the law and of health bodies for means over at most a day, by name: `korea-24h`, `who-24h`, `advisory`."""
    limits = [
        Limit(standard.limit, f"{standard.body.lower()}-{standard.hours}h", standard.hours * 3600.0)
        for standard in EVERY_STANDARD
        if standard.quantity == quantity and standard.hours <= 24
    ]
    # Advisories are issued upon hourly means.
    limits += [Limit(level.issue_at, level.key, 3600.0, level.end_below) for level in ADVISORY_LEVELS.get(quantity, ())]
    return {limit.name or "": limit for limit in limits}


class Threshold(Rule):
    """An alert for each device whose mean over `mean_over` is `above` or `below` a limit, until it is back beyond `clear_at`.

    Where the mean is not known (see detection/detectors/thresholds.py), `missing` says what that means: all stays as it was, it has cleared, or it is
    an alert.
    """

    severity: Severity = "warning"
    quantity: QuantityKey | None = None
    index: Literal["cai"] | None = None
    mean_over: Annotated[float, BeforeValidator(parse_duration_s), Field(ge=WINDOW_S, le=DAY_S)] | None = None
    above: Limit | None = None
    below: Limit | None = None
    clear_at: Limit | None = None
    missing: Literal["keep", "clear", "alert"] = "keep"
    devices: Globs = ("*",)
    zones: Globs = ("*",)
    on: Literal["all", "stations", "robots"] = "all"

    @field_validator("quantity")
    @classmethod
    def _is_watched(cls, quantity: str | None) -> str | None:
        if quantity is not None and quantity not in QUANTITIES:
            raise ValueError(
                f"is not watched by alerts; watched are {', '.join(q for q in QUANTITIES if q in QUANTITY)}"
            )
        return quantity

    @field_validator("above", "below", "clear_at", mode="plain")
    @classmethod
    def _limit(cls, given: Any, info: ValidationInfo) -> Limit:
        if isinstance(given, Limit):
            return given
        if not isinstance(given, str | int | float) or isinstance(given, bool):
            raise ValueError("must be a number, an amount such as '35 µg/m³', or the name of a limit")  # noqa: TRY004  (pydantic)
        quantity = info.data.get("quantity")
        if quantity is None:
            return Limit(_plain_number(given))
        named = named_limits(quantity)
        if given in named:
            limit = named[str(given)]
            mean_over_s = info.data.get("mean_over")
            if mean_over_s not in (None, limit.mean_over_s):
                raise ValueError(f"is a limit for means over {limit.mean_over_s or 0:.0f} s; leave mean_over out")
            return limit
        try:
            return Limit(parse_amount(given, quantity))
        except ValueError as error:
            known = f"; limits with a name: {', '.join(named)}" if named and not str(given)[:1].isdigit() else ""
            raise ValueError(f"{error}{known}") from error

    @model_validator(mode="after")
    def _fits_together(self) -> "Threshold":
        if (self.quantity is None) == (self.index is None):
            raise ValueError("needs either quantity or index")
        if self.index is not None and self.mean_over is not None:
            raise ValueError("has mean_over, but an index is a mean already")
        if (self.above is None) == (self.below is None):
            raise ValueError("needs either above or below")
        if (self.clear_level - self.level) * self.sign > 0:
            raise ValueError(f"would clear at {self.clear_level:g} while {self.level:g} still raises it")
        return self

    @property
    def limit(self) -> Limit:
        """The limit that is not to be passed."""
        found = self.above or self.below
        assert found is not None  # noqa: S101  (checked when it is read)
        return found

    @property
    def level(self) -> float:
        """The limit in the stored unit."""
        return self.limit.value

    @property
    def clear_level(self) -> float:
        """Where it ends: as said, as the law says for this limit, or at the limit itself."""
        if self.clear_at is not None:
            return self.clear_at.value
        return self.level if self.limit.end is None else self.limit.end

    @property
    def sign(self) -> float:
        """1 for `above`, −1 for `below`."""
        return 1.0 if self.above is not None else -1.0

    @property
    def mean_over_s(self) -> float:
        """How long the mean is: as said, as the limit is meant for, or 10 minutes."""
        return self.mean_over or self.limit.mean_over_s or MEAN_OVER_S


def _plain_number(given: Any) -> float:
    try:
        value = float(given)
    except ValueError:
        value = float("nan")
    if not -1e9 < value < 1e9:
        raise ValueError("is no number")
    return value
