"""Pictures of a sweep: detection over time, PM2.5 over the runs, where fires were and were not noticed, what the delay depends on.

They are SVG whose text stays text: whoever looks at them has the letters of their language, whatever fonts this machine has.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jeonju.common.arrays import Floats
from jeonju.contract.site import Site
from jeonju.evaluation.sweep.placed import Placed
from jeonju.evaluation.sweep.play import Setup
from jeonju.evaluation.sweep.results import detected_within
from jeonju.evaluation.sweep.variation import outline_of
from jeonju.evaluation.sweep.words import Words

INK, QUIET, SEEN, AFFECTED, NEVER = "#17202a", "#8796a5", "#0072B2", "#009E73", "#D55E00"
SHOWN_DEVICES: Final = 4
CURVE_MIN: Final = np.linspace(0.0, 60.0, 241)
MINUTE_S: Final = 60.0
# They only measure how much room Korean text takes; without any of them it is taken to be as wide as other letters.
KOREAN_FONTS: Final = ("NanumGothic", "Noto Sans CJK KR", "Noto Sans KR", "Malgun Gothic", "Apple SD Gothic Neo")


@contextmanager
def style() -> Iterator[None]:
    """Draw as the report wants its pictures: the same picture in the same bytes, every point of thousands in pixels."""
    installed = set(font_manager.get_font_names())
    settings = {
        "font.family": ["DejaVu Sans", *(name for name in KOREAN_FONTS if name in installed)],
        "svg.fonttype": "none",
        "svg.hashsalt": "sweep",
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def draw_detection(words: Words, curves: Sequence[tuple[str, Floats]], file: Path) -> None:
    """Draw the share of runs found within a time from the start of the event, one curve for each name and its delays [s]."""
    figure, axes = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
    for (name, delay_s), colour in zip(curves, (AFFECTED, SEEN, NEVER, INK), strict=False):
        share, low, high = detected_within(delay_s, CURVE_MIN * MINUTE_S)
        axes.fill_between(CURVE_MIN, 100 * low, 100 * high, color=colour, alpha=0.15, lw=0)
        axes.plot(CURVE_MIN, 100 * share, color=colour, label=name)
    axes.set(xlabel=words("axis-since-event"), ylabel=words("axis-share"), xlim=(0, 60), ylim=(0, 100))
    axes.legend(loc="lower right", frameon=False)
    _finish(figure, axes, file)


def draw_bands(words: Words, result: xr.Dataset, file: Path) -> None:
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
        axes.fill_between(minute, of[0], of[4], color=SEEN, alpha=0.2, lw=0, label=words("band-wide"))
        axes.fill_between(minute, of[1], of[3], color=SEEN, alpha=0.4, lw=0, label=words("band-narrow"))
        axes.plot(minute, of[2], color=INK, lw=1, label=words("median"))
        axes.set_title(str(result["listened"].to_numpy()[number]), loc="left", fontsize=9)
        axes.set_ylabel("µg/m³", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    rows[0, 0].legend(fontsize=8, frameon=False, ncols=3, loc="upper right")
    rows[-1, 0].set_xlabel(words("axis-since-start"))
    figure.suptitle(words("bands-title"), fontsize=11)
    _save(figure, file)


def draw_places(words: Words, site: Site, result: xr.Dataset, file: Path) -> None:
    """Draw where events were, coloured by how soon they were noticed."""
    figure, axes = plt.subplots(figsize=(7.5, 5.2), layout="constrained")
    _city(words, axes, site)
    x, y = site.map.to_xy(result["lat"].to_numpy(), result["lon"].to_numpy())
    minutes = result["delay_s"].to_numpy() / MINUTE_S
    found = np.isfinite(minutes)
    axes.scatter(x[~found], y[~found], marker="x", s=18, color=NEVER, label=words("not-noticed"), lw=1, rasterized=True)
    points = axes.scatter(
        x[found],
        y[found],
        c=minutes[found],
        cmap="viridis_r",
        s=18,
        vmin=0,
        vmax=30,
        label=words("curve-detected"),
        rasterized=True,
    )
    figure.colorbar(points, ax=axes, label=words("axis-delay"), shrink=0.8)
    axes.legend(loc="upper left", frameon=False, fontsize=8)
    _finish(figure, axes, file)


def draw_causes(words: Words, result: xr.Dataset, names: Sequence[str], file: Path) -> None:
    """Draw the delay of every run over each number that differed between the runs."""
    figure, rows = plt.subplots(
        1, len(names), figsize=(3.2 * len(names) + 0.8, 3.6), sharey=True, layout="constrained", squeeze=False
    )
    minutes = result["delay_s"].to_numpy() / MINUTE_S
    found = np.isfinite(minutes)
    for axes, name in zip(rows[0], names, strict=True):
        values = result[name].to_numpy()
        axes.plot(values[found], minutes[found], ".", color=SEEN, ms=4, alpha=0.6, rasterized=True)
        never = np.full(np.count_nonzero(~found), 63.0)
        axes.plot(values[~found], never, "x", color=NEVER, ms=4, rasterized=True)
        axes.set(xlabel=words.cause(name, result[name].attrs.get("units", "")), ylim=(0, 66))
        axes.spines[["top", "right"]].set_visible(False)
    rows[0, 0].set_ylabel(words("axis-delay-or-never"))
    _save(figure, file)


def draw_placement(words: Words, setup: Setup, placed: Placed, file: Path) -> None:
    """Draw what a station at each candidate would gain, the chosen ones, and the chosen loop."""
    site, gains_s = setup.site, placed.gains_s
    figure, axes = plt.subplots(figsize=(7.5, 5.2), layout="constrained")
    _city(words, axes, site, without=setup.candidates)
    stations = {station.name: station for station in site.stations}
    names = list(gains_s)
    x, y = site.map.to_xy(
        np.array([stations[name].lat for name in names]), np.array([stations[name].lon for name in names])
    )
    points = axes.scatter(
        x, y, c=[gains_s[name] for name in names], cmap="viridis", s=26, marker="s", label=words("candidate")
    )
    figure.colorbar(points, ax=axes, label=words("axis-gain"), shrink=0.8)
    for number, choice in enumerate(placed.chosen, start=1):
        at = site.map.to_xy(choice.station.lat, choice.station.lon)
        label = words("chosen") if number == 1 else None
        axes.plot(*at, "*", ms=17, color=NEVER, mec="white", mew=0.8, label=label)
        axes.annotate(
            str(number), at, xytext=(9, 7), textcoords="offset points", fontsize=10, fontweight="bold", color=INK
        )
    if placed.loop is not None:
        corners = outline_of(site, placed.loop.robot.loop)
        axes.fill(*corners.T, facecolor="none", edgecolor=NEVER, lw=2, label=words("chosen-loop"))
    axes.legend(loc="upper left", frameon=False, fontsize=8)
    _finish(figure, axes, file)


def _city(words: Words, axes: Axes, site: Site, without: frozenset[str] = frozenset()) -> None:
    for zone in site.zones:
        outline = outline_of(site, zone.outline)
        axes.fill(*outline.T, facecolor=QUIET, alpha=0.12, edgecolor=QUIET, lw=0.8)
        axes.annotate(
            words.of(zone, "label"),
            (outline[:, 0].mean(), outline[:, 1].max()),
            color=QUIET,
            fontsize=8,
            ha="center",
            va="bottom",
        )
    own: list[Any] = [station for station in site.stations if station.name not in without]
    x, y = site.map.to_xy(np.array([station.lat for station in own]), np.array([station.lon for station in own]))
    axes.plot(x, y, "^", color=INK, ms=5, label=words("station"))
    axes.set_aspect("equal")
    axes.set(xlabel=words("axis-east"), ylabel=words("axis-north"))


def _finish(figure: Figure, axes: Axes, file: Path) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, file)


def _save(figure: Figure, file: Path) -> None:
    figure.savefig(file, dpi=110, metadata={"Date": None})
    plt.close(figure)
