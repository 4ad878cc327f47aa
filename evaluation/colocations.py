"""Tables of low-cost instruments beside references, read from every CSV file of a folder; what cannot be used is refused or counted.

Columns by name: `time` (or `date`), `ref_pm25`, `ref_no2_ppb`, `ref_o3_ppb`, and for every instrument `NAME_pm25` and so on. A place in front of
`ref` (`york_ref_pm25`) belongs to instruments of the same place. `sensor_index` tells the units of one column apart. `ref_rh_pct` and `ref_t_c`
are of the air, `humidity_a` and `temp_Celsius` of the inside of a housing. Gases may be in `_ppm`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path
from typing import Final

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.evaluation.tables import Row, read_table

HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0
_COLUMN: Final = re.compile(r"(?:(?P<who>\w+)_)?(?P<quantity>pm25|no2|o3)(?:_(?P<unit>ppb|ppm|ug_m3))?")
# Instruments that are references themselves.
_REFERENCE_GRADE: Final = frozenset({"bam", "teom", "fidas"})
AIR: Final = {"humidity": ("ref_rh_pct", "humidity_a"), "temperature": ("ref_t_c", "temp_Celsius")}
AIR_RANGE: Final = {"humidity": (0.0, 100.0), "temperature": (-50.0, 70.0)}
AIR_MEDIAN: Final = {"humidity": (5.0, 100.0), "temperature": (-40.0, 60.0)}
# Beyond these (µg/m³, ppb) a value is a filler or a fault. Cells read below zero in clean air; particles cannot be fewer than none.
LOWEST: Final = {"pm25": 0.0, "no2": -100.0, "o3": -100.0}
HIGHEST: Final = 1000.0
# Another unit is a factor of 1000: so far apart are no instrument and its reference, and no day and the others of one column.
APART: Final = 100.0
OF_A_DAY: Final = 200.0
# No place where people measure is so clean or so foul in its median hour.
CLEANEST: Final = 0.2
FOULEST: Final = 500.0
LEAST_OF_A_DAY: Final = 6


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One instrument's column and its reference's, NaN where either has no value; what was left out is counted."""

    unit: str
    quantity: str
    reference: Floats
    reading: Floats
    gaps: int
    negative: int
    beyond_range: int
    readings_below_zero: int

    @property
    def common(self) -> int:
        """How many values both have."""
        return int((~np.isnan(self.reference) & ~np.isnan(self.reading)).sum())


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Instruments that stood at one place. `air` holds humidity [%] and temperature [°C] where measured, `inside` those of a housing."""

    file: str
    times_s: Floats
    step_s: float
    truth: dict[str, Floats]
    pairs: list[Pair]
    air: dict[str, Floats] = field(default_factory=dict)
    inside: frozenset[str] = frozenset()


def read_recordings(folder: Path) -> tuple[list[Recording], list[str]]:
    """Return the co-locations of a folder, and why columns were left out.

    Raises UserError for a folder without any, columns that are missing, times out of order, and values in another unit.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; give the one that holds the co-locations' CSV files")
    paths = sorted(folder.glob("*.csv"))
    if not paths:
        raise UserError(f"{folder} has no CSV file; a co-location needs columns such as time, ref_pm25 and NAME_pm25")
    recordings: list[Recording] = []
    left_out: list[str] = []
    for path in paths:
        rows = read_table(folder, path.name, ())
        by_place, unused = _instruments(path, rows[0].columns)
        left_out += unused
        recordings += [_recording(path.name, of, here) for of in _units(rows) for here in by_place.values()]
    return recordings, left_out


def _instruments(path: Path, columns: tuple[str, ...]) -> tuple[dict[str, dict[str, tuple[str, str]]], list[str]]:
    """Return for each place instrument's column → (quantity, reference's column), and why others are not used."""
    named = {name: match for name in columns if (match := _COLUMN.fullmatch(name))}
    references = {}
    for name, match in named.items():
        who = (match["who"] or "").split("_")
        if who[-1] == "ref":
            references["_".join(who[:-1]), match["quantity"]] = name
    if not references:
        raise UserError(f"{path} has no column of a reference, such as ref_pm25, ref_no2_ppb or ref_o3_ppb")
    found: dict[str, dict[str, tuple[str, str]]] = {}
    unused = []
    for name, match in named.items():
        if name in references.values():
            continue
        who = match["who"] or ""
        place = next((at for at, quantity in references if quantity == match["quantity"] and _is_of(at, who)), None)
        if place is None:
            unused.append(f"{path.name}: {name} has no reference of its own place")
        elif _REFERENCE_GRADE & set(who.split("_")):
            unused.append(f"{path.name}: {name} is no low-cost instrument")
        else:
            found.setdefault(place, {})[name] = match["quantity"], references[place, match["quantity"]]
    if not found:
        raise UserError(f"{path} has no column of a low-cost instrument beside {', '.join(references.values())}")
    return found, unused


def _is_of(place: str, who: str) -> bool:
    return not place or who == place or who.startswith(f"{place}_")


def _units(rows: list[Row]) -> Iterator[list[Row]]:
    """Yield the rows of each `sensor_index`, or all of them."""
    if not rows[0].has("sensor_index"):
        yield rows
        return
    by_unit: dict[str, list[Row]] = {}
    for row in rows:
        by_unit.setdefault(row.text("sensor_index"), []).append(row)
    yield from by_unit.values()


def _recording(file: str, rows: list[Row], instruments: dict[str, tuple[str, str]]) -> Recording:
    when = next((name for name in ("time", "date") if rows[0].has(name)), None)
    if when is None:
        raise UserError(f"{rows[0].where}: there is no column time (or date)")
    times_s = np.array([row.instant(when, zone=UTC) for row in rows])
    if (backwards := np.flatnonzero(np.diff(times_s) <= 0)).size:
        raise UserError(f"{rows[backwards[0] + 1].where}: the time is not after that of the line before; sort the file")
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else HOUR_S
    if not HOUR_S <= step_s <= DAY_S:
        raise UserError(f"{rows[0].where}: values come every {step_s:.0f} s; give means of hours or days")
    references = {}
    for quantity, name in sorted(set(instruments.values())):
        references[name] = _checked(rows, times_s, name, quantity, lowest=0.0)
        _refuse_other_unit(rows[0].where, name, references[name].values)
    unit = f"{rows[0].text('sensor_index')} " if rows[0].has("sensor_index") else ""
    pairs = [
        _pair(rows, f"{unit}{name}", quantity, references[reference], _checked(rows, times_s, name, quantity))
        for name, (quantity, reference) in instruments.items()
    ]
    air = {key: name for key, names in AIR.items() for name in names[::-1] if rows[0].has(name)}
    # Rows that are not there are gaps as well as cells that are empty.
    absent = round((times_s[-1] - times_s[0]) / step_s) + 1 - len(rows)
    pairs = [replace(pair, gaps=pair.gaps + absent) for pair in pairs]
    return Recording(
        file=file,
        times_s=times_s,
        step_s=step_s,
        truth={
            quantity: values
            for quantity, name in set(instruments.values())
            if not np.isnan(values := references[name].values).all()
        },
        pairs=pairs,
        air={key: _air(rows, key, name) for key, name in air.items()},
        inside=frozenset(key for key, name in air.items() if name == AIR[key][1]),
    )


@dataclass(frozen=True)
class _Checked:
    values: Floats
    negative: int
    beyond: int


def _checked(rows: list[Row], times_s: Floats, name: str, quantity: str, *, lowest: float | None = None) -> _Checked:
    """Return a column in µg/m³ or ppb without what cannot be measured, and how many values that were. Raises UserError for another unit."""
    low = LOWEST[quantity] if lowest is None else lowest
    values = _column(rows, name) * (1000.0 if name.endswith("_ppm") else 1.0)
    with np.errstate(invalid="ignore"):
        negative, beyond = values < low, ~(values <= HIGHEST) & ~np.isnan(values)
    kept = np.where(negative | beyond, np.nan, values)
    # Also of values that are left out: a column in another unit is no column of gaps.
    _refuse_mixed_units(rows, times_s, name, np.where(negative, np.nan, values))
    return _Checked(kept, int(negative.sum()), int(beyond.sum()))


def _pair(rows: list[Row], unit: str, quantity: str, reference: _Checked, reading: _Checked) -> Pair:
    both = ~np.isnan(reference.values) & ~np.isnan(reading.values)
    if both.any():
        ratio = _typical(reading.values[both]) / max(_typical(reference.values[both]), 1e-9)
        if not 1 / APART < ratio < APART and _typical(reading.values[both]) > 0:
            raise UserError(
                f"{rows[0].where}: {unit} is {ratio:.3g} times its reference in the median; is one of them in another unit?"
            )
    missing = len(both) - int(both.sum()) - reference.negative - reference.beyond - reading.negative - reading.beyond
    with np.errstate(invalid="ignore"):
        below = int((reading.values < 0).sum())
    return Pair(
        unit=unit,
        quantity=quantity,
        reference=np.where(both, reference.values, np.nan),
        reading=np.where(both, reading.values, np.nan),
        gaps=max(missing, 0),
        negative=reference.negative + reading.negative,
        beyond_range=reference.beyond + reading.beyond,
        readings_below_zero=below,
    )


def _air(rows: list[Row], key: str, name: str) -> Floats:
    """Return humidity or temperature, NaN for what cannot be. Raises UserError for shares, kelvins and the like."""
    values, (low, high), (least, most) = _column(rows, name), AIR_RANGE[key], AIR_MEDIAN[key]
    there = values[np.isfinite(values)]
    if len(there) and not least <= (level := float(np.median(there))) <= most:
        raise UserError(f"{rows[0].where}: {name} is {level:.3g} in the median; it needs percent or °C")
    return np.where((values >= low) & (values <= high), values, np.nan)


def _refuse_other_unit(where: str, name: str, values: Floats) -> None:
    level = _typical(values[~np.isnan(values)])
    if level and not CLEANEST < level < FOULEST:
        raise UserError(
            f"{where}: {name} is {level:.3g} in the median, which is not of this unit; is it in another one?"
        )


def _refuse_mixed_units(rows: list[Row], times_s: Floats, name: str, values: Floats) -> None:
    there = np.flatnonzero(~np.isnan(values))
    level = _typical(values[there])
    if level == 0:
        return
    day = np.floor(times_s[there] / DAY_S)
    for first in np.unique(day, return_index=True)[1].tolist():
        of_day = there[day == day[first]]
        here = _typical(values[of_day])
        if len(of_day) >= LEAST_OF_A_DAY and not level / OF_A_DAY < here < level * OF_A_DAY:
            raise UserError(
                f"{rows[of_day[0]].where}: {name} is {here:.3g} on this day and {level:.3g} in the median; is it in two units?"
            )


def _typical(values: Floats) -> float:
    return float(np.median(np.abs(values))) if len(values) else 0.0


def _column(rows: Iterable[Row], name: str) -> Floats:
    return np.array([np.nan if (value := row.optional(name)) is None else value for row in rows])
