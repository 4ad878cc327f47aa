"""The details of alerts: one struct for each family of kinds, stored as the JSON object in `AlertRecord.details`.

Members never change their name or meaning. New ones have a default, so that the JSON of older versions is still read; what a newer version added is
left aside. Members that only sometimes say something are left out of the JSON while they say nothing.
"""

from collections.abc import Mapping
from typing import Literal, Self, TypeVar

import msgspec
from msgspec import Struct, field

from jeonju.contract.quality import Parameter, Reason


class Details(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a kind says besides its value and limit: nothing, such as a battery that is low."""


class Supporter(Struct, frozen=True, kw_only=True):
    """Another device that stands in the same plume: how far it is in all and along the wind, downwind positive [m]."""

    device: str
    distance_m: float
    downwind_m: float


class SmokeDetails(Details, frozen=True, kw_only=True, omit_defaults=False):
    """Of smoke, dust and releases: the probability of each class, and what rose by how much above the usual level (stored units)."""

    of_class: str = field(default="", name="class")
    classes: dict[str, float] = {}
    confidence: float | None = None
    reasons_ko: list[str] = []  # `rises` and `supporters` in words
    reasons_en: list[str] = []
    rises: dict[str, float] = {}
    supported_by: list[str] = []
    supporters: list[Supporter] = []


class IndexDetails(Details, frozen=True, kw_only=True):
    """Of bad air: the scheme's key, the grade, the sub-indices, the pollutant that leads; `missing` where the index is an earlier one."""

    index: str = "cai"
    grade: str = ""
    sub_indices: dict[str, float] = {}
    pollutant: str = ""
    missing: bool = False


class AdvisoryDetails(Details, frozen=True, kw_only=True):
    """Of an advisory or of Asian dust: the level in force; `scope` is empty for the whole site."""

    level: str = ""
    scope: Literal["", "zone", "station"] = ""


class OdourDetails(Details, frozen=True, kw_only=True, omit_defaults=False):
    """Of odour: in which area the device stands, which decides the limit."""

    of_class: str = field(default="industrial", name="class")
    area: Literal["industrial", "other"] = "other"


class ThresholdDetails(Details, frozen=True, kw_only=True):
    """Of a threshold rule: the name of the limit if it has one, and on which side of it the mean is; `missing` where there is no mean."""

    limit: str = ""
    side: Literal["", "above", "below"] = ""
    missing: bool = False


class ForecastDetails(Details, frozen=True, kw_only=True, omit_defaults=False):
    """Of bad air that is forecast, not measured: how probable, how many hours ahead, and from how many hours of the city it was learnt."""

    probability: float = 0.0
    hours_ahead: int = 0
    history_hours: int = 0
    is_forecast: bool = True


class SilentDetails(Details, frozen=True, kw_only=True, omit_defaults=False):
    """Of a silent device: whether its connection is known to be gone, and how long it has not been heard [s]."""

    offline: bool = False
    silent_s: float = 0.0


class ManySilentDetails(Details, frozen=True, kw_only=True, omit_defaults=False):
    """Of devices that fell silent at once: the first hundred by name, and how many devices are known."""

    devices: list[str] = []
    known: int = 0


class CollocatedValues(Struct, frozen=True, kw_only=True):
    """What two instruments measured where they passed each other, and the median of all stations then (stored units)."""

    quantity: str
    own: float
    other: float
    median: float


class FaultDetails(Details, frozen=True, kw_only=True):
    """Of a faulty instrument: for each quantity that shows it code and parameters of its flag; or how it differed from one that passed it."""

    flags: dict[str, tuple[str, dict[str, Parameter]]] = {}
    reasons: dict[str, str] = {}  # `flags` or `collocation` in English words; all that earlier versions stored
    collocation: CollocatedValues | None = None

    @classmethod
    def of(cls, reasons: Mapping[str, Reason]) -> Self:
        """Return the details of a fault that quality flags show, by quantity."""
        return cls(flags={key: (reason.code, dict(reason.parameters)) for key, reason in reasons.items()})

    def flag_reasons(self) -> dict[str, Reason]:
        """Return the reasons of the quality flags by quantity; those of earlier versions hold their words."""
        if self.flags:
            return {key: Reason(code, tuple(parameters.items())) for key, (code, parameters) in self.flags.items()}
        return {key: Reason.of("other", text=text) for key, text in self.reasons.items()}


D = TypeVar("D", bound=Details)


def encode(details: Details) -> str:
    """Return details as JSON."""
    return msgspec.json.encode(details).decode()


def decode(text: str, of_type: type[D]) -> D:
    """Return stored details; those that do not fit, whoever wrote them, say nothing."""
    try:
        return msgspec.json.decode(text, type=of_type)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return of_type()
