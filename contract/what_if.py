"""What if: what people ask of the living city. Changes are the events of scenarios, and a few that only a fork of the city can have."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from jeonju.contract.events import (
    Breakdown,
    ClosedRoad,
    Dispatch,
    DurationS,
    Dust,
    Fault,
    Fire,
    Leak,
    LostLink,
    Odour,
    RegionalEpisode,
    unknown_name,
)
from jeonju.contract.site import Latitude, Longitude, Name, QuantityKey, Site

MOST_HOURS: Final = 24.0
MOST_CHANGES: Final = 20
# Fires, leaks and dusts: each has zones downwind and a plume of its own.
MOST_RELEASES: Final = 3
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
# A plume from farther away is beyond what the map and the wind of the stations describe.
FURTHEST_M: Final = 15_000.0


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Annotated[str, Field(max_length=200)] = ""


class Wind(_Change):
    """Another wind over the whole city, `after` a while or from the beginning on."""

    kind: Literal["wind"]
    speed_m_s: Annotated[float, Field(ge=0, le=40)]
    from_deg: Annotated[float, Field(ge=0, le=360)]
    after: DurationS = 0.0


class NewStation(_Change):
    """One more station; without `quantities` it measures what most stations of the city do."""

    kind: Literal["station"]
    name: Name = "new-station"
    lat: Latitude
    lon: Longitude
    height_m: Annotated[float, Field(gt=0, le=100)] = 3.0
    quantities: Annotated[tuple[QuantityKey, ...], Field(max_length=40)] = ()


class RobotElsewhere(_Change):
    """A robot that stands somewhere else at the beginning, and patrols on from there; `dispatch` has it drive from where it is."""

    kind: Literal["robot"]
    device: Name
    lat: Latitude
    lon: Longitude


Releasing = Fire | Leak | Dust
Happens = Fire | Leak | Dust | Odour | ClosedRoad | RegionalEpisode | Fault | Breakdown | LostLink | Dispatch
Change = Annotated[Happens | Wind | NewStation | RobotElsewhere, Field(discriminator="kind")]


class WhatIf(BaseModel):
    """What is asked. Without changes: how it goes on.

    `at` is an instant of the past to start from, now by default; the same seed with the same past gives the same answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    changes: Annotated[tuple[Change, ...], Field(max_length=MOST_CHANGES)] = ()
    hours: Annotated[float, Field(gt=0, le=MOST_HOURS)] = 2.0
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    at: Annotated[AwareDatetime, Field(ge=EARLIEST)] | None = None
    title: Annotated[str, Field(max_length=200)] = ""


def what_is_wrong(wanted: WhatIf, site: Site) -> str | None:
    """Return what is wrong with a question to a city, or None."""
    releases = sum(isinstance(change, Fire | Leak | Dust) for change in wanted.changes)
    if releases > MOST_RELEASES:
        return f"changes: has {releases} fires, leaks and dusts; at most {MOST_RELEASES} can be asked of at once"
    names = [change.name for change in wanted.changes if isinstance(change, NewStation)]
    known = {device.name for device in site.devices}
    for number, change in enumerate(wanted.changes):
        wrong = _wrong_with(change, site, known, names, wanted.hours)
        if wrong is not None:
            return f"changes.{number} ({change.kind}): {wrong}"
    return None


def _wrong_with(change: Change, site: Site, known: set[str], new: Sequence[str], hours: float) -> str | None:
    if isinstance(change, Fire | Leak | Dust | Dispatch | NewStation | RobotElsewhere):
        x_m, y_m = (float(value) for value in site.map.to_xy(change.lat, change.lon))
        if math.hypot(x_m, y_m) > FURTHEST_M:
            return f"lies more than {FURTHEST_M / 1000:.0f} km from the middle of {site.label_en}"
    if isinstance(change, NewStation):
        return _wrong_name(change.name, known, new)
    if isinstance(change, RobotElsewhere):
        robots = [robot.name for robot in site.robots]
        return None if change.device in robots else f"names {change.device!r}; robots are {', '.join(robots) or 'none'}"
    if change.after >= hours * 3600:
        return f"begins after {change.after / 3600:g} h, and only {hours:g} h are asked for"
    return None if isinstance(change, Wind) else unknown_name(change, site)


def _wrong_name(name: str, known: set[str], new: Sequence[str]) -> str | None:
    if name in known:
        return f"the city has a device named {name!r} already; choose another name"
    return f"two new stations are named {name!r}; give each a name" if new.count(name) > 1 else None
