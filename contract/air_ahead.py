"""AirKorea's forecast of the air, as one small file in the data folder. Nothing of it is measured, and it is no forecast of this platform."""

from datetime import date, datetime
from pathlib import Path

import msgspec

from jeonju.contract import kept_file


class Bulletin(msgspec.Struct, frozen=True, kw_only=True):
    """What one issue says of one Korean day and one quantity: keys of classes of the CAI by region, and two texts in Korean.

    A region without a class is missing.
    """

    day: date
    quantity: str
    issued_at: datetime
    grades: dict[str, str]
    overall: str = ""
    cause: str = ""


class AirAhead(msgspec.Struct, frozen=True, kw_only=True):
    """The newest bulletin of each day and quantity, and how many entries of the last answer were left out, by reason."""

    bulletins: list[Bulletin]
    left_out: dict[str, int] = {}


def file_of(folder: Path) -> Path:
    """Return where it is kept, within a data folder: it is of the whole country, so all cities share it."""
    return folder / "official" / "airkorea-forecast.json"


def kept(file: Path) -> AirAhead | None:
    """Return what is kept, None where there is nothing. Raises ValueError for a file of something else, OSError where it cannot be read."""
    return kept_file.kept(file, AirAhead, "forecast of AirKorea")
