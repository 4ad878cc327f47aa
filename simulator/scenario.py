"""Scenarios: what happens in a city, from when on, for how long, in which weather; read from TOML."""

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from jeonju.common.errors import UserError
from jeonju.common.text_file import read_text
from jeonju.common.toml_lines import line_of, load_toml
from jeonju.contract.events import Event, PositiveS, unknown_name
from jeonju.contract.site import Site, load_site
from jeonju.simulator.weather import WeatherOverrides

EXAMPLES: Final = Path(__file__).with_name("scenarios")


class Scenario(BaseModel):
    """One scenario; `events` happen `after` its start."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title_ko: str
    title_en: str
    description: str = ""
    site: str = "jeonju"
    start: AwareDatetime
    # What is simulated is cut into whole minutes.
    duration: Annotated[PositiveS, Field(ge=60)]
    seed: Annotated[int, Field(ge=0)] = 1
    weather: WeatherOverrides = WeatherOverrides()
    events: list[Event] = []

    @property
    def start_s(self) -> float:
        """The start as POSIX time [s]."""
        return self.start.timestamp()

    def in_short(self, name: str) -> dict[str, Any]:
        """Return what the console offers: its name and titles, and its events as the api takes them, the first of them at once."""
        first_s = min((event.after for event in self.events), default=0.0)
        events = [event.model_copy(update={"after": event.after - first_s}) for event in self.events]
        sent = [event.model_dump(mode="json") for event in events]
        return {"name": name, "title_ko": self.title_ko, "title_en": self.title_en, "events": sent}


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Read an example by name (`winter-day`) or any scenario file by path.

    Raises UserError, naming file and line, for a file that is missing or wrong.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = EXAMPLES / f"{name_or_path}.toml"
        if not path.exists():
            known = ", ".join(example.stem for example in examples()) or "none here"
            raise UserError(
                f"no scenario is named {str(name_or_path)!r}; there are: {known}; or give the path of a .toml file"
            )
    scenario = load_toml(path, Scenario)
    _check_names(path, scenario, load_site(scenario.site))
    return scenario


def examples() -> list[Path]:
    """Return the example scenarios that come with the project."""
    return sorted(EXAMPLES.glob("*.toml"))


def examples_of(site: str) -> list[str]:
    """Return the names of the examples of one site."""
    return [path.stem for path in examples() if load_scenario(path).site == site]


def playable(site: Site) -> dict[str, Scenario]:
    """Return, by name, the examples of a site in which something happens."""
    loaded = {path.stem: load_scenario(path) for path in examples()}
    return {name: one for name, one in loaded.items() if one.site == site.name and one.events}


def _check_names(path: Path, scenario: Scenario, site: Site) -> None:
    """Devices and sources that events name must be in the site."""
    for number, event in enumerate(scenario.events):
        if (wrong := unknown_name(event, site)) is not None:
            line = line_of(read_text(path), ("events", number))
            raise UserError(f"{path}:{line}: events[{number}] ({event.kind}) {wrong}")
