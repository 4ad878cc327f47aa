"""Pictures of a sweep: detection over time, PM2.5 over the runs, where fires were and were not noticed, what the delay depends on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jeonju.common.arrays import Floats
from jeonju.contract.site import Site
from jeonju.evaluation.sweep.placed import Placed
from jeonju.evaluation.sweep.play import Setup
from jeonju.evaluation.sweep.results import detected_within
from jeonju.evaluation.sweep.variation import outline_of

INK, QUIET, SEEN, AFFECTED, NEVER = "#17202a", "#8796a5", "#0072B2", "#009E73", "#D55E00"
SHOWN_DEVICES: Final = 4
CURVE_MIN: Final = np.linspace(0.0, 60.0, 241)
MINUTE_S: Final = 60.0


def draw_detection(curves: Sequence[tuple[str, Floats]], file: Path) -> None:
    """Draw the share of runs found within a time from the start of the event, one curve for each name and its delays [s]."""
    figure, axes = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
    for (name, delay_s), colour in zip(curves, (AFFECTED, SEEN, NEVER, INK), strict=False):
        share, low, high = detected_within(delay_s, CURVE_MIN * MINUTE_S)
        axes.fill_between(CURVE_MIN, 100 * low, 100 * high, color=colour, alpha=0.15, lw=0)
        axes.plot(CURVE_MIN, 100 * share, color=colour, label=name)
    axes.set(xlabel="minutes since the event began", ylabel="share of runs [%]", xlim=(0, 60), ylim=(0, 100))
    axes.legend(loc="lower right", frameon=False)
    _finish(figure, axes, file)


def draw_bands(result: xr.Dataset, file: Path) -> None:
    """Draw the spread of PM2.5 over the runs at the devices where it is highest."""
    pm25 = result["pm25"].to_numpy()
    highest = np.nan_to_num(pm25[-1]).max(axis=0) if pm25.shape[1] else np.zeros(pm25.shape[2])
    shown = np.argsort(highest)[::-1][:SHOWN_DEVICES]
    figure, rows = plt.subplots(
        len(shown), 1, figsize=(7.5, 1.7 * len(shown) + 0.6), sharex=True, layout="constrained", squeeze=False
    )
    minute = result["minute"].to_numpy()
    for axes, number in zip(rows[:, 0], shown, strict=True):
        of = pm25[:, :, number]
        axes.fill_between(minute, of[0], of[4], color=SEEN, alpha=0.2, lw=0, label="90 % of runs")
        axes.fill_between(minute, of[1], of[3], color=SEEN, alpha=0.4, lw=0, label="half of the runs")
        axes.plot(minute, of[2], color=INK, lw=1, label="median")
        axes.set_title(str(result["listened"].to_numpy()[number]), loc="left", fontsize=9)
        axes.set_ylabel("µg/m³", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    rows[0, 0].legend(fontsize=8, frameon=False, ncols=3, loc="upper right")
    rows[-1, 0].set_xlabel("minutes since the start of the run")
    figure.suptitle("PM2.5, means of a minute", fontsize=11)
    figure.savefig(file, dpi=110, metadata={"Software": None})
    plt.close(figure)


def draw_places(site: Site, result: xr.Dataset, file: Path) -> None:
    """Draw where events were, coloured by how soon they were noticed."""
    figure, axes = plt.subplots(figsize=(7.5, 5.2), layout="constrained")
    _city(axes, site)
    x, y = site.map.to_xy(result["lat"].to_numpy(), result["lon"].to_numpy())
    minutes = result["delay_s"].to_numpy() / MINUTE_S
    found = np.isfinite(minutes)
    axes.scatter(x[~found], y[~found], marker="x", s=18, color=NEVER, label="not noticed", lw=1)
    points = axes.scatter(
        x[found], y[found], c=minutes[found], cmap="viridis_r", s=18, vmin=0, vmax=30, label="noticed"
    )
    figure.colorbar(points, ax=axes, label="minutes until noticed", shrink=0.8)
    axes.legend(loc="upper left", frameon=False, fontsize=8)
    _finish(figure, axes, file)


def draw_causes(result: xr.Dataset, names: Sequence[str], file: Path) -> None:
    """Draw the delay of every run over each number that differed between the runs."""
    figure, rows = plt.subplots(
        1, len(names), figsize=(3.2 * len(names) + 0.8, 3.6), sharey=True, layout="constrained", squeeze=False
    )
    minutes = result["delay_s"].to_numpy() / MINUTE_S
    found = np.isfinite(minutes)
    for axes, name in zip(rows[0], names, strict=True):
        values = result[name].to_numpy()
        axes.plot(values[found], minutes[found], ".", color=SEEN, ms=4, alpha=0.6)
        axes.plot(values[~found], np.full(np.count_nonzero(~found), 63.0), "x", color=NEVER, ms=4)
        unit = result[name].attrs.get("units", "")
        axes.set(xlabel=f"{name} [{unit}]" if unit else name, ylim=(0, 66))
        axes.spines[["top", "right"]].set_visible(False)
    rows[0, 0].set_ylabel("minutes until noticed (×: never)")
    figure.savefig(file, dpi=110, metadata={"Software": None})
    plt.close(figure)


def draw_placement(setup: Setup, placed: Placed, file: Path) -> None:
    """Draw what a station at each candidate would gain, the chosen ones, and the chosen loop."""
    site, gains_s = setup.site, placed.gains_s
    figure, axes = plt.subplots(figsize=(7.5, 5.2), layout="constrained")
    _city(axes, site, without=setup.candidates)
    stations = {station.name: station for station in site.stations}
    names = list(gains_s)
    x, y = site.map.to_xy(
        np.array([stations[name].lat for name in names]), np.array([stations[name].lon for name in names])
    )
    points = axes.scatter(
        x, y, c=[gains_s[name] for name in names], cmap="viridis", s=26, marker="s", label="candidate"
    )
    figure.colorbar(points, ax=axes, label="mean time saved by one station here [s]", shrink=0.8)
    for number, choice in enumerate(placed.chosen, start=1):
        at = site.map.to_xy(choice.station.lat, choice.station.lon)
        axes.plot(*at, "*", ms=17, color=NEVER, mec="white", mew=0.8, label="chosen" if number == 1 else None)
        axes.annotate(
            str(number), at, xytext=(9, 7), textcoords="offset points", fontsize=10, fontweight="bold", color=INK
        )
    if placed.loop is not None:
        corners = outline_of(site, placed.loop.robot.loop)
        axes.fill(*corners.T, facecolor="none", edgecolor=NEVER, lw=2, label="chosen loop of a robot")
    axes.legend(loc="upper left", frameon=False, fontsize=8)
    _finish(figure, axes, file)


def _city(axes: Axes, site: Site, without: frozenset[str] = frozenset()) -> None:
    for zone in site.zones:
        outline = outline_of(site, zone.outline)
        axes.fill(*outline.T, facecolor=QUIET, alpha=0.12, edgecolor=QUIET, lw=0.8)
        axes.annotate(
            zone.label_en,
            (outline[:, 0].mean(), outline[:, 1].max()),
            color=QUIET,
            fontsize=8,
            ha="center",
            va="bottom",
        )
    own: list[Any] = [station for station in site.stations if station.name not in without]
    x, y = site.map.to_xy(np.array([station.lat for station in own]), np.array([station.lon for station in own]))
    axes.plot(x, y, "^", color=INK, ms=5, label="station")
    axes.set_aspect("equal")
    axes.set(xlabel="metres east", ylabel="metres north")


def _finish(figure: Figure, axes: Axes, file: Path) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=110, metadata={"Software": None})
    plt.close(figure)
