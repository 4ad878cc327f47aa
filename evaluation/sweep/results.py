"""The result set of a sweep: one labelled dataset (xarray), as CF-NetCDF and, a row for each run, as Parquet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr

from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.evaluation.sweep.folder import SweepFolder
from jeonju.evaluation.sweep.play import Setup
from jeonju.export.cf_names import CF_NAMES

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
TEXT: Final = ("outcome", "kind", "class", "detected_by", "start")
UNITS: Final = {
    "delay_s": "s",
    "delay_from_first_reached_s": "s",
    "lat": "degrees_north",
    "lon": "degrees_east",
    "wind": "m s-1",
    "wind.from": "degree",
    "temperature": "degree_Celsius",
    "humidity": "percent",
    "rain": "mm h-1",
    "hour": "h",
    "fire.position": "m",
    "fire.peak_heat_mw": "MW",
    "day": "d",
}
# 1.6449: the 95th percentile of the normal distribution, for intervals of 90 %.
Z_90: Final = 1.6449


def dataset(setup: Setup, folder: SweepFolder, runs: Sequence[int]) -> xr.Dataset:
    """Return the finished runs: what differed, what was found and when, when each device was affected, and how PM2.5 spread over the runs.

    Dimensions are `run`, `device`, `minute` (since the start of each run) and `quantile` (over the runs).
    """
    rows = folder.rows(runs)
    devices = [device.name for device in setup.site.devices]
    affected = np.array([[row["affected_after_s"].get(name, np.nan) for name in devices] for row in rows])
    listened, bands = _bands(folder, runs)
    return xr.Dataset(
        {
            **{name: ("run", _column(name, rows), _attributes(name)) for name in _names(rows)},
            "affected_after_s": (
                ("run", "device"),
                affected.reshape(len(rows), len(devices)),
                {"units": "s", "long_name": "time from the start of the event until it affects the device"},
            ),
            "pm25": (
                ("quantile", "minute", "listened"),
                bands,
                {
                    "units": CF_NAMES["pm25"].units,
                    "long_name": "quantiles over the runs of the measured PM2.5, means of a minute",
                    "standard_name": CF_NAMES["pm25"].standard_name,
                },
            ),
        },
        coords={
            "run": ("run", np.array(list(runs), dtype=np.int32), {"long_name": "number of the run"}),
            "device": ("device", np.array(devices, dtype=object)),
            "listened": (
                "listened",
                np.array(listened, dtype=object),
                {"long_name": "device that the detection hears"},
            ),
            "minute": (
                "minute",
                np.arange(bands.shape[1], dtype=np.int32),
                {"units": "min", "long_name": "time since the start of the run"},
            ),
            "quantile": ("quantile", np.array(QUANTILES), {"units": "1"}),
        },
        attrs={
            "Conventions": "CF-1.11",
            "title": f"{len(rows)} runs of: {setup.scenario.title_en}",
            "source": f"jeonju sweep, nature of {setup.nature}, seed {setup.seed}",
            "comment": "Simulated. Delays are NaN where nothing was found.",
        },
    )


def write(result: xr.Dataset, path: Path) -> None:
    """Write `sweep.nc` and `runs.parquet` under a folder. Raises UserError where they cannot be written."""
    per_run = result[[name for name in result.data_vars if result[name].dims == ("run",)]]
    try:
        result.to_netcdf(path / "sweep.nc", engine="h5netcdf", encoding={"pm25": {"zlib": True}})
        pq.write_table(pa.Table.from_pandas(per_run.to_dataframe().reset_index()), path / "runs.parquet")
    except OSError as error:
        raise UserError(f"cannot write to {path} ({error}); make room, then give the same command again") from error


def detected_within(delay_s: Floats, at_s: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the share of runs whose delay is at most each of `at_s`, and the ends of its interval of 90 % (Wilson 1927); NaN is never."""
    n = len(delay_s)
    share = np.array([np.count_nonzero(delay_s <= at) for at in at_s]) / max(n, 1)
    scale = 1 + Z_90**2 / max(n, 1)
    middle = (share + Z_90**2 / (2 * max(n, 1))) / scale
    half = Z_90 / scale * np.sqrt(share * (1 - share) / max(n, 1) + Z_90**2 / (4 * max(n, 1) ** 2))
    return share, middle - half, middle + half


def quantile_of_all(delay_s: Floats, share: float) -> float | None:
    """Return the delay within which a share of all runs is found; None where fewer are."""
    known = np.sort(delay_s[np.isfinite(delay_s)])
    place = int(np.ceil(share * len(delay_s))) - 1
    return float(known[place]) if 0 <= place < len(known) else None


def summary(result: xr.Dataset) -> dict[str, Any]:
    """Return the figures of a sweep for scripts."""
    runs = result.sizes["run"]
    out: dict[str, Any] = {"runs": runs, "false_alarms": int(result["false_alarms"].sum())}
    if "delay_s" not in result:
        return out
    delay_s = result["delay_s"].to_numpy()
    outcome = result["outcome"].to_numpy()
    return out | {
        "affected": int(np.count_nonzero(outcome != "cannot be seen")),
        "detected": int(np.count_nonzero(np.isfinite(delay_s))),
        "median_delay_s": quantile_of_all(delay_s, 0.5),
        "p90_delay_s": quantile_of_all(delay_s, 0.9),
    }


def _names(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [
        name for name in dict.fromkeys(name for row in rows for name in row) if name not in ("run", "affected_after_s")
    ]


def _column(name: str, rows: Sequence[dict[str, Any]]) -> Any:
    values = [row.get(name) for row in rows]
    if name in TEXT or any(isinstance(value, str) for value in values):
        return np.array(["" if value is None else str(value) for value in values], dtype=object)
    if all(isinstance(value, int) for value in values):
        return np.array(values, dtype=np.int64)
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def _attributes(name: str) -> dict[str, str]:
    return {"units": UNITS[name]} if name in UNITS else {}


def _bands(folder: SweepFolder, runs: Sequence[int]) -> tuple[list[str], Floats]:
    """Return the devices that are listened to, and quantiles over the runs (quantiles, minutes, devices); NaN where no run has a value."""
    names: list[str] = []
    each = []
    for names, values in folder.pm25(runs):  # noqa: B007
        each.append(values)
    every = np.stack(each) if each else np.zeros((0, 0, 0))
    with np.errstate(all="ignore"):
        known = np.isfinite(every).any(axis=0)
        bands = np.full((len(QUANTILES), *known.shape), np.nan, dtype=np.float32)
        bands[:, known] = np.nanquantile(every[:, known], QUANTILES, axis=0)
    return names, bands
