"""Low-cost instruments that stood beside references, and simulated ones in the same air: slope, scatter, memory, and how far units are apart.

The true air of the simulated units is what the reference measured, so that only instruments are compared. Hours that one of the two lacks are left
out on both sides and counted.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.evaluation.colocations import DAY_S, Pair, Recording, read_recordings
from jeonju.evaluation.simulated_colocation import simulate

QUANTITIES: Final = ("pm25", "no2", "o3")
FIGURES: Final = ("slope", "r2", "lag_1")
# How often every co-location is simulated with new units.
SETS: Final = 48
# Fewer values in common say nothing.
LEAST: Final = 50
# Fewer units have no spread.
LEAST_UNITS: Final = 3
# The spread of so few is known within a half only: it is printed, and no figure of the quantity.
MANY_UNITS: Final = 5
# Below this level [µg/m³, ppb] a ratio to the reference means nothing.
LEAST_LEVEL: Final = 1.0
# An instrument that follows its reference less than this has no gain.
LEAST_R2: Final = 0.1
NEAR: Final = 0.20
RANGE: Final = (0.1, 0.9)


def evaluate_instruments(
    folder: Path, on_progress: Callable[[float], None] = lambda _: None, *, sets: int = SETS
) -> dict[str, Any]:
    """Return real and simulated figures of each quantity, of every co-location, and which are further apart than a fifth.

    A quantity's figures are those of its longest co-location; gains are of the file with most units of it, from five on.

    Raises UserError for a folder without co-locations, columns that are missing, and values in other units.
    """
    recordings, left_out = read_recordings(folder)
    rows: list[dict[str, Any]] = []
    gains: dict[tuple[str, str], list[tuple[float, Floats]]] = {}
    for number, recording in enumerate(recordings):
        on_progress(number / len(recordings))
        left_out += [f"{recording.file}: {pair.unit}: {why}" for pair in recording.pairs if (why := _useless(pair))]
        pairs = [pair for pair in recording.pairs if not _useless(pair)]
        for pair, simulated in zip(pairs, _simulated(recording, pairs, sets, seed=number), strict=True):
            rows.append(_row(recording, pair, simulated))
            if (rows[-1]["r2"]["real"] or 0.0) < LEAST_R2:
                left_out.append(f"{recording.file}: {pair.unit}: no gain, as it does not follow its reference")
                continue
            of = gains.setdefault((recording.file, pair.quantity), [])
            of.append((_gain(pair, pair.reading), np.array([_gain(pair, each) for each in simulated])))
    if not rows:
        raise UserError(f"{folder}: no instrument can be compared with its reference: {'; '.join(left_out)}")
    networks = [_network(*name, of) for name, of in gains.items() if len(of) >= LEAST_UNITS]
    figures = {quantity: _figures(quantity, rows, networks) for quantity in QUANTITIES}
    far = [f"{key}.{name}" for key, of in figures.items() for name, each in of.items() if not each["within_a_fifth"]]
    return {
        "figures": {key: of for key, of in figures.items() if of},
        "not_within_a_fifth": far,
        "colocations": rows,
        "networks": networks,
        "left_out": left_out,
    }


def as_table(result: dict[str, Any]) -> str:
    """Return the figures of each quantity as lines of a table for people."""
    head = f"{'':6} {'figure':12} {'real':>8} {'simulated':>10}  {'four fifths of units':22}"
    lines = [head.rstrip()]
    for quantity, figures in result["figures"].items():
        for name, each in figures.items():
            low, high = ("–", "–") if each["range"] is None else (f"{at:.2f}" for at in each["range"])
            real, simulated = ("–" if each[side] is None else f"{each[side]:.2f}" for side in ("real", "simulated"))
            mark = "" if each["within_a_fifth"] else "further apart than a fifth"
            lines.append(f"{quantity:6} {name:12} {real:>8} {simulated:>10}  {low} to {high:14} {mark}".rstrip())
    lines += [f"left out: {why}" for why in result["left_out"]]
    return "\n".join(lines)


def _useless(pair: Pair) -> str | None:
    if pair.common < LEAST:
        return f"{pair.common} values in common with its reference, {LEAST} are needed"
    for name, values in (("reference", pair.reference), ("instrument", pair.reading)):
        if np.nanmax(values) == np.nanmin(values):
            return f"its {name} never changes"
    return None


def _simulated(recording: Recording, pairs: list[Pair], sets: int, seed: int) -> list[Floats]:
    """Return for every pair its simulated readings (sets, values)."""
    if not pairs:
        return []
    counts: dict[str, int] = {}
    place = []
    for pair in pairs:
        place.append(counts.get(pair.quantity, 0))
        counts[pair.quantity] = place[-1] + 1
    readings = simulate(recording, set(counts), max(counts.values()), sets, seed)
    return [readings[pair.quantity][:, at] for pair, at in zip(pairs, place, strict=True)]


def _row(recording: Recording, pair: Pair, simulated: Floats) -> dict[str, Any]:
    follows = np.concatenate([[False], np.abs(np.diff(recording.times_s) - recording.step_s) < 1.0])
    real = figures_of(pair.reference, pair.reading, follows)
    each = [figures_of(pair.reference, values, follows) for values in simulated]
    hourly = recording.step_s < DAY_S
    return {
        "file": recording.file,
        "instrument": pair.unit,
        "quantity": pair.quantity,
        "values": pair.common,
        "gaps": pair.gaps,
        "negative_left_out": pair.negative,
        "beyond_range_left_out": pair.beyond_range,
        "readings_below_zero": pair.readings_below_zero,
        **{
            name: _beside(real[name], [of[name] for of in each])
            for name in FIGURES
            # The residuals' memory is one of hours.
            if hourly or name != "lag_1"
        },
    }


def figures_of(reference: Floats, reading: Floats, follows: Any) -> dict[str, float | None]:
    """Return slope and R² of the straight line reading = a + b · reference, and how much an hour's residual says of the next."""
    both = ~np.isnan(reference) & ~np.isnan(reading)
    x, y = reference[both], reading[both]
    slope, intercept = np.polyfit(x, y, 1)
    residual = reading - slope * reference - intercept
    spread = float(np.std(y))
    pairs = follows[1:] & both[1:] & both[:-1]
    before, after = residual[:-1][pairs], residual[1:][pairs]
    # A unit that stands still, or fits to the last digit, has no scatter to speak of.
    known = len(before) >= LEAST_UNITS and min(np.std(before), np.std(after)) > 1e-9
    return {
        "slope": float(slope),
        "r2": float(np.corrcoef(x, y)[0, 1] ** 2) if spread > 0 else None,
        "lag_1": float(np.corrcoef(before, after)[0, 1]) if known else None,
    }


def _beside(real: float | None, simulated: list[float | None]) -> dict[str, Any]:
    """Return a real figure beside the median of the simulated ones and the range of four fifths of them."""
    values = [each for each in simulated if each is not None]
    if not values:
        return {"real": _rounded(real), "simulated": None, "range": None, "within_a_fifth": False}
    median = float(np.median(values))
    low, high = np.quantile(values, RANGE)
    return {
        "real": _rounded(real),
        "simulated": _rounded(median),
        "range": [_rounded(float(low)), _rounded(float(high))],
        "within_a_fifth": real is not None and abs(median - real) <= NEAR * abs(real),
    }


def _gain(pair: Pair, reading: Floats) -> float:
    """Return the median of reading / reference."""
    with np.errstate(invalid="ignore"):
        there = (pair.reference >= LEAST_LEVEL) & ~np.isnan(pair.reading)
    return float(np.median(reading[there] / pair.reference[there])) if there.any() else float("nan")


def _network(file: str, quantity: str, gains: list[tuple[float, Floats]]) -> dict[str, Any]:
    """Return how far the gains of the units of one file are apart; a simulated network has as many units."""
    real = np.array([of for of, _ in gains])
    simulated = np.array([of for _, of in gains])
    known = ~np.isnan(real)
    return {
        "file": file,
        "quantity": quantity,
        "units": int(known.sum()),
        "gain_mean": _beside(float(real[known].mean()), simulated[known].mean(axis=0).tolist()),
        "gain_spread": _beside(float(real[known].std(ddof=1)), simulated[known].std(axis=0, ddof=1).tolist()),
    }


def _figures(quantity: str, rows: list[dict[str, Any]], networks: list[dict[str, Any]]) -> dict[str, Any]:
    hourly = [row for row in rows if row["quantity"] == quantity and "lag_1" in row]
    daily = [row for row in rows if row["quantity"] == quantity]
    found: dict[str, Any] = {}
    if daily:
        longest = max(hourly or daily, key=lambda row: row["values"])
        found = {name: longest[name] for name in FIGURES if name in longest}
    if of := [network for network in networks if network["quantity"] == quantity and network["units"] >= MANY_UNITS]:
        largest = max(of, key=lambda network: network["units"])
        found |= {name: largest[name] for name in ("gain_mean", "gain_spread")}
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
