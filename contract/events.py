"""What can happen in a city: the same models check scenario files, requests to the api, and commands to the simulator."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from jeonju.airquality.fuels import FUELS
from jeonju.common.durations import parse_duration_s
from jeonju.contract.site import Latitude, Longitude, Name, QuantityKey, Road, Site


def _fuel(name: str) -> str:
    if name not in FUELS:
        raise ValueError(f"is no known fuel; known are {', '.join(FUELS)}")
    return name


DurationS = Annotated[float, BeforeValidator(parse_duration_s), Field(ge=0)]
PositiveS = Annotated[float, BeforeValidator(parse_duration_s), Field(gt=0)]
FuelName = Annotated[str, AfterValidator(_fuel)]


class _Event(BaseModel):
    """`after` counts from the start of the scenario; an event sent to a running city without it begins at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: DurationS = 0.0
    title: str = ""


class _Placed(_Event):
    lat: Latitude
    lon: Longitude
    height_m: Annotated[float, Field(ge=0, le=200)] = 1.0


class Fire(_Placed):
    """Smoulder, growth Q = α·t² up to the peak, plateau, exponential decay, and a smouldering tail."""

    kind: Literal["fire"]
    fuel: FuelName = "wood"
    peak_heat_mw: Annotated[float, Field(ge=0, le=500)] = 2.0
    growth: Literal["slow", "medium", "fast", "ultra-fast"] = "medium"
    smoulder: DurationS = 300.0
    smoulder_kg_s: Annotated[float, Field(ge=0, le=10)] = 0.005
    plateau: DurationS = 1800.0
    decay: PositiveS = 900.0
    tail: DurationS = 3600.0
    tail_kg_s: Annotated[float, Field(ge=0, le=50)] = 0.02


class Leak(_Placed):
    """A release of gases at a rate that stays the same or falls off."""

    kind: Literal["leak"]
    rates_g_s: Annotated[dict[QuantityKey, Annotated[float, Field(gt=0)]], Field(min_length=1)]
    duration: PositiveS
    course: Literal["constant", "decaying"] = "constant"


class Dust(_Placed):
    """Dust whirled up over a yard."""

    kind: Literal["dust"]
    pm10_g_s: Annotated[float, Field(gt=0, le=1000)]
    radius_m: Annotated[float, Field(gt=0, le=1000)] = 30.0
    duration: PositiveS


class Odour(_Event):
    """A site's source emits more than usual, such as farms spreading slurry."""

    kind: Literal["odour"]
    source: Name
    factor: Annotated[float, Field(gt=1, le=100)]
    duration: PositiveS


class ClosedRoad(_Event):
    """A road of the site without traffic, which goes along other ones instead, in equal parts; without any, it stays away."""

    kind: Literal["closed-road"]
    road: Name
    diverted_to: Annotated[tuple[Name, ...], Field(max_length=10)] = ()
    duration: PositiveS


class RegionalEpisode(_Event):
    """Asian dust or haze that moves over the whole city from the west."""

    kind: Literal["episode"]
    type: Literal["dust", "haze"]
    peak_pm10_ug_m3: Annotated[float, Field(gt=0, le=3000)]
    rise: PositiveS = 3 * 3600.0
    plateau: DurationS = 6 * 3600.0
    decay: PositiveS = 8 * 3600.0
    from_deg: Annotated[float, Field(ge=0, le=360)] = 280.0


class Fault(_Event):
    """Something is wrong with a device. `size` is in the quantity's unit for spike, per day for drift, in seconds for clock-skew."""

    kind: Literal["fault"]
    device: Name
    fault: Literal["silent", "stuck", "spike", "drift", "clock-skew", "repeated", "reordered", "reboot"]
    quantity: QuantityKey | None = None
    size: float = 0.0
    duration: DurationS = 0.0


class Breakdown(_Event):
    """A robot stands still, still measuring, until it is repaired."""

    kind: Literal["breakdown"]
    device: Name
    duration: PositiveS


class LostLink(_Event):
    """A robot loses its radio link; it keeps its readings and sends them afterwards."""

    kind: Literal["lost-link"]
    device: Name
    duration: PositiveS


class Dispatch(_Event):
    """A robot is sent to a point, stays there for a while and goes back to its patrol."""

    kind: Literal["dispatch"]
    device: Name
    lat: Latitude
    lon: Longitude
    stay: DurationS = 300.0


AirEvent = Fire | Leak | Dust
Event = Annotated[
    Fire | Leak | Dust | Odour | ClosedRoad | RegionalEpisode | Fault | Breakdown | LostLink | Dispatch,
    Field(discriminator="kind"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def unknown_name(event: Event, site: Site) -> str | None:
    """Return what is wrong when an event names a device or source that the site has not, or None."""
    match event:
        case Odour():
            name, known = event.source, [source.name for source in site.sources]
        case ClosedRoad():
            known = [source.name for source in site.sources if isinstance(source, Road)]
            name = next((road for road in (event.road, *event.diverted_to) if road not in known), event.road)
            if not known:
                return f"names {name!r}; {site.name} has no roads"
        case Fault():
            name, known = event.device, [device.name for device in site.devices]
        case Breakdown() | LostLink() | Dispatch():
            name, known = event.device, [robot.name for robot in site.robots]
        case _:
            return None
    return None if name in known else f"names {name!r}; {site.name} has {', '.join(known)}"
