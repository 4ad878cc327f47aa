"""A city as data: its zones, stations, robots and emission sources, read from one TOML file."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from jeonju.airquality.dispersion.meteorology import Surroundings
from jeonju.airquality.geo import LocalMap
from jeonju.airquality.pollutants import QUANTITY
from jeonju.airquality.schemes import SchemeName
from jeonju.common.errors import UserError
from jeonju.common.toml_lines import load_toml
from jeonju.contract.certificate import Certificate
from jeonju.contract.climate import Climate
from jeonju.contract.gateways import Gateway
from jeonju.contract.land import MAP_REACH_M, Land
from jeonju.contract.land_use import SpeedRatios, speed_ratios
from jeonju.contract.topics import NAME

# Each is a filter that is subscribed. NATS grants six to a session, and ingest has at most 200 sessions.
MOST_GATEWAYS = 1000
# The wind is described this far beyond the outermost device or source.
WIND_MARGIN_M = 1500.0
BUILT_IN_SITES = Path(__file__).with_name("sites")


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError("must be 1 to 64 letters, digits, '-' or '_', beginning with a letter or digit")
    return text


def _quantity(key: str) -> str:
    if key not in QUANTITY:
        raise ValueError(f"is no known quantity; known are {', '.join(QUANTITY)}")
    return key


Name = Annotated[str, AfterValidator(_name)]
QuantityKey = Annotated[str, AfterValidator(_quantity)]
# The smallest change that a sensor reports, by quantity and in its unit. Alerts need several of them.
Steps = dict[QuantityKey, Annotated[float, Field(gt=0, allow_inf_nan=False)]]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
LatLon = tuple[Latitude, Longitude]


class _Strict(BaseModel):
    """Unknown settings are errors, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Zone(_Strict):
    """A named part of the city, for which advisories are issued. Odour limits are laxer in an industrial one."""

    name: Name
    label_ko: str
    label_en: str
    land_use: Literal["industrial", "other"] = "other"
    outline: Annotated[list[LatLon], Field(min_length=3)]


class Station(_Strict):
    """A fixed instrument mast."""

    name: Name
    label_ko: str = ""
    label_en: str = ""
    zone: Name
    lat: Latitude
    lon: Longitude
    height_m: Annotated[float, Field(gt=0, le=100)] = 3.0
    certificate: Certificate = "none"
    quantities: Annotated[list[QuantityKey], Field(min_length=1)]
    steps: Steps = {}


class Robot(_Strict):
    """A patrol robot, its closed loop and the dock it charges at; `vda5050` is `manufacturer/serialNumber` as it calls itself there."""

    name: Name
    label_ko: str = ""
    label_en: str = ""
    zone: Name
    dock: LatLon
    loop: Annotated[list[LatLon], Field(min_length=3)]
    height_m: Annotated[float, Field(gt=0, le=10)] = 1.2
    certificate: Certificate = "none"
    quantities: Annotated[list[QuantityKey], Field(min_length=1)]
    steps: Steps = {}
    vda5050: Annotated[str, Field(pattern=r"^$|^[A-Za-z0-9_.:-]+/[A-Za-z0-9_.:-]+$")] = ""

    @property
    def identity(self) -> str:
        """How the robot is called in VDA 5050; a simulated one that says nothing else by our own name."""
        return self.vda5050 or f"jeonju-air/{self.name}"


class _Emitter(_Strict):
    """What every emission source has: rates per species at full activity, and when it is active.

    `rates_g_s` are grams per second of the whole source for each quantity that it emits.
    """

    name: Name
    label_ko: str = ""
    label_en: str = ""
    schedule: Literal["always", "weekdays", "two-shifts", "rush-hours", "night", "warm-nights"] = "always"
    rates_g_s: Annotated[dict[QuantityKey, Annotated[float, Field(ge=0)]], Field(min_length=1)]


class Stack(_Emitter):
    """A chimney: a point with momentum and heat, so its plume rises."""

    kind: Literal["stack"]
    lat: Latitude
    lon: Longitude
    height_m: Annotated[float, Field(gt=0, le=300)]
    diameter_m: Annotated[float, Field(gt=0, le=20)]
    exit_speed_m_s: Annotated[float, Field(ge=0, le=60)]
    exit_temperature_c: Annotated[float, Field(ge=-20, le=1200)]


class Area(_Emitter):
    """A yard, works or farm that emits near the ground over a disc of `radius_m`."""

    kind: Literal["area"]
    lat: Latitude
    lon: Longitude
    radius_m: Annotated[float, Field(gt=0, le=3000)]
    height_m: Annotated[float, Field(ge=0, le=50)] = 2.0


class Road(_Emitter):
    """A road as a line of points; `rates_g_s` is for its whole length."""

    kind: Literal["road"]
    line: Annotated[list[LatLon], Field(min_length=2)]


Emitter = Annotated[Stack | Area | Road, Field(discriminator="kind")]


_OFF_THE_MAP = f"has a point more than {MAP_REACH_M / 1000:.0f} km from the origin of the map; leave that out; points are latitude, longitude"


class Site(_Strict):
    """One city. Names of stations and robots are unique, and every one lies in a known zone."""

    name: Name
    label_ko: str
    label_en: str
    timezone: str
    origin: LatLon
    elevation_m: float = 0.0
    surroundings: Surroundings = "urban"
    roughness_m: Annotated[float, Field(gt=0, le=5)] = 0.8
    note: str = ""
    # Whose index, standards and advisories count: Korea's, those of the United States, or of Europe (airquality/schemes.py).
    index: SchemeName = "cai"
    # Whom people call where it burns; said on the public page.
    emergency_number: Annotated[str, Field(pattern=r"^[0-9 ]{2,12}$")] = "119"
    # Without: that of Jeonju, and its background air.
    climate: Climate | None = None
    # Devices that no site file names, and nobody has heard of: so many more are admitted in an hour, 1000 of them by one message at most.
    new_devices_per_hour: Annotated[int, Field(ge=0, le=50_000)] = 1000
    zones: Annotated[list[Zone], Field(min_length=1)]
    stations: list[Station] = []
    robots: list[Robot] = []
    sources: list[Emitter] = []
    land: list[Land] = []
    gateways: list[Gateway] = []

    @field_validator("gateways", mode="before")
    @classmethod
    def _are_few(cls, gateways: object) -> object:
        if isinstance(gateways, list) and len(gateways) > MOST_GATEWAYS:
            raise ValueError(
                f"has {len(gateways)} entries, more than {MOST_GATEWAYS}: one with wildcards in its topic (`+`, a last `#`) stands for many devices"
            )
        return gateways

    @field_validator("land")
    @classmethod
    def _is_on_the_map(cls, land: list[Land], info: ValidationInfo) -> list[Land]:
        if "origin" not in info.data:
            return land
        area = LocalMap(*info.data["origin"])
        far = [
            InitErrorDetails(type=PydanticCustomError("off_the_map", _OFF_THE_MAP), loc=(number,), input=None)
            for number, patch in enumerate(land)
            if (np.hypot(*area.to_xy(*np.array([*patch.outline, *patch.line]).T)) > MAP_REACH_M).any()
        ]
        if far:
            # Raised like this it names the stretch of land, so that the error has its line.
            raise ValidationError.from_exception_data("Site", far)
        return land

    @model_validator(mode="after")
    def _names_agree(self) -> "Site":
        seen: set[str] = set()
        for device in self.devices:
            if device.name in seen:
                raise ValueError(f"has two devices named {device.name!r}; device names must be unique")
            seen.add(device.name)
        zones = {zone.name for zone in self.zones}
        for device in self.devices:
            if device.zone not in zones:
                raise ValueError(
                    f"device {device.name!r} is in zone {device.zone!r}, which is not among {sorted(zones)}"
                )
        return self

    @property
    def devices(self) -> "tuple[Station | Robot, ...]":
        """Stations, then robots, in the order of the file."""
        return (*self.stations, *self.robots)

    def with_devices(self, stations: "Sequence[Station]", robots: "Sequence[Robot]") -> "Site":
        """Return the same city with other devices."""
        same = {name: getattr(self, name) for name in Site.model_fields}
        return Site(**{**same, "stations": list(stations), "robots": list(robots)})

    @cached_property
    def map(self) -> LocalMap:
        """The site's flat map around its origin."""
        return LocalMap(*self.origin)

    @property
    def wind_stations(self) -> tuple[Station, ...]:
        """The stations that measure speed and direction of the wind."""
        return tuple(one for one in self.stations if {"wind_speed", "wind_direction"} <= set(one.quantities))

    @cached_property
    def speed_ratios(self) -> SpeedRatios:
        """How much faster or slower the wind is over the land around devices and sources, on a grid."""
        places = [(station.lat, station.lon) for station in self.stations]
        places += [corner for robot in self.robots for corner in robot.loop]
        for source in self.sources:
            places += source.line if isinstance(source, Road) else [(source.lat, source.lon)]
        x, y = (
            np.clip(axis, -MAP_REACH_M, MAP_REACH_M)
            for axis in self.map.to_xy(*np.array(places or [self.origin], dtype=float).T)
        )
        box = (x.min() - WIND_MARGIN_M, y.min() - WIND_MARGIN_M, x.max() + WIND_MARGIN_M, y.max() + WIND_MARGIN_M)
        return speed_ratios(self.land, self.map, tuple(float(side) for side in box), self.roughness_m)  # type: ignore[arg-type]


def load_sites(names: Sequence[str]) -> list[Site]:
    """Read the sites that one stack serves.

    Raises UserError as `load_site` does, for none, for one that is named twice, and for robots that VDA 5050 could not tell apart.
    """
    sites = [load_site(name) for name in names]
    if not sites:
        raise UserError("--site names no site")
    names = [site.name for site in sites]
    if len(set(names)) < len(names):
        raise UserError(f"--site names a site twice: {', '.join(names)}")
    seen: dict[str, str] = {}
    for site in sites:
        for robot in site.robots:
            if (other := seen.setdefault(robot.identity, site.name)) != site.name:
                raise UserError(
                    f"robots of {other} and {site.name} have the same name at the broker, {robot.identity}; rename one, or give it `vda5050`"
                )
    return sites


def load_site(name_or_path: str | Path) -> Site:
    """Read a built-in site by name (`jeonju`) or any site file by path.

    Raises UserError, naming file and line, for a file that is missing or wrong.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = BUILT_IN_SITES / f"{name_or_path}.toml"
        if not path.exists():
            if "," in str(name_or_path):
                raise UserError(f"this is done for one site, not for {name_or_path}: name it with --site")
            known = ", ".join(sorted(file.stem for file in BUILT_IN_SITES.glob("*.toml")))
            raise UserError(
                f"no site is named {str(name_or_path)!r}; built in: {known}; or give the path of a .toml file"
            )
    return load_toml(path, Site)
