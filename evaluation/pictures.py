"""Pictures of the evaluations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from jeonju.common.errors import UserError
from jeonju.evaluation.dispersion import Arc
from jeonju.evaluation.release_score import Release
from jeonju.evaluation.releases import Found, read_site

INK, QUIET = "#17202a", "#8796a5"
# Distances from near to far: light to dark, readable in grey.
DISTANCE_COLOURS: Final = ("#fdae61", "#f46d43", "#d73027", "#7b3294", "#2b3a67")

# Colours that the colour-blind can tell apart (Okabe and Ito 2008).
SOURCE_COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442")


def draw_arcs(arcs: Sequence[Arc], result: dict[str, Any], file: Path) -> None:
    """Draw predicted against measured arc maxima, and their ratio over distance."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5.4), layout="constrained")
    shown = [arc for arc in arcs if arc.measured > 0 and arc.predicted > 0]
    distances = sorted({arc.distance_m for arc in shown})
    values = [value for arc in shown for value in (arc.measured, arc.predicted)]
    ends = np.array([min(values) / 1.5, max(values) * 1.5])
    left.fill_between(ends, ends / 2, ends * 2, color=QUIET, alpha=0.15, lw=0, label="within a factor of 2")
    left.plot(ends, ends, color=INK, lw=1)
    for factor in (0.5, 2.0):
        left.plot(ends, factor * ends, color=QUIET, lw=1, ls="--")
    for distance, colour in zip(distances, np.resize(DISTANCE_COLOURS, len(distances)), strict=True):
        for is_stable, marker in ((False, "o"), (True, "s")):
            here = [arc for arc in shown if arc.distance_m == distance and arc.is_stable == is_stable]
            label = f"{distance:g} m" if not is_stable else None
            left.plot(
                [a.measured for a in here],
                [a.predicted for a in here],
                marker,
                color=colour,
                ms=5,
                mec="white",
                mew=0.5,
                label=label,
            )
    left.set(
        xscale="log",
        yscale="log",
        xlim=ends,
        ylim=ends,
        xlabel="measured arc maximum [mg/m³]",
        ylabel="predicted [mg/m³]",
    )
    left.set_aspect("equal")
    left.legend(loc="upper left", fontsize=8, frameon=False)
    left.set_title(
        f"FAC2 {result['fac2']:.2f}   FB {result['fb']:+.2f}   NMSE {result['nmse']:.2f}   ({result['n_arcs']} arcs)",
        fontsize=11,
    )
    _ratios(right, shown, distances)
    figure.suptitle("Prairie Grass 1956: ten-minute means at 1.5 m, predicted from the weather alone", fontsize=12)
    save(figure, file)


def _ratios(axes: Any, arcs: Sequence[Arc], distances: Sequence[float]) -> None:
    """Show the spread of predicted over measured at each distance, unstable (circles) and stable (squares) runs beside each other."""
    axes.axhspan(0.5, 2.0, color=QUIET, alpha=0.15, lw=0)
    axes.axhline(1.0, color=INK, lw=1)
    for place, distance in enumerate(distances):
        for is_stable, marker, shift in ((False, "o", -0.12), (True, "s", 0.12)):
            ratios = [a.predicted / a.measured for a in arcs if a.distance_m == distance and a.is_stable == is_stable]
            if not ratios:
                continue
            jitter = np.linspace(-0.07, 0.07, len(ratios))
            axes.plot(place + shift + jitter, ratios, marker, color=QUIET, ms=4, alpha=0.7)
            axes.plot(place + shift, np.median(ratios), marker, color="#d73027", ms=9, mec="white")
    axes.set(
        yscale="log",
        ylim=(0.2, 5),
        xticks=range(len(distances)),
        xticklabels=[f"{d:g} m" for d in distances],
        ylabel="predicted / measured",
    )
    axes.set_yticks([0.25, 0.5, 1, 2, 4], ["1/4", "1/2", "1", "2", "4"])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_title("each arc (grey) and the median (red); circles unstable, squares stable", fontsize=11)


def draw_releases(folder: Path, found: Sequence[Found], releases: Sequence[Release], file: Path) -> None:
    """Draw what the sensors saw day by day, what was released when (above) and what was found (below), coloured by source."""
    site = read_site(folder)
    days = np.unique(site.times_s // 86_400)
    names = [candidate.name for candidate in site.candidates]
    colours = dict(zip(names, np.resize(SOURCE_COLOURS, len(names)), strict=True))
    figure, rows = plt.subplots(len(days), 1, figsize=(13, 2.2 * len(days)), layout="constrained", squeeze=False)
    lowest = float(np.nanmin(site.values_ppm)) * 0.98
    for axes, day in zip(rows[:, 0], days, strict=True):
        rows_of_day = site.times_s // 86_400 == day
        hours = site.times_s[rows_of_day] / 3600 - day * 24
        axes.plot(hours, np.fmax.reduce(site.values_ppm[rows_of_day], axis=1), color=INK, lw=0.6)
        for release in releases:
            _bar(
                axes, release.start_s / 3600 - day * 24, release.end_s / 3600 - day * 24, 0.93, colours[release.source]
            )
        for located in found:
            _bar(
                axes,
                located.event.started_s / 3600 - day * 24,
                located.event.last_evidence_s / 3600 - day * 24,
                0.83,
                colours[names[located.estimate.best]],
            )
        axes.set(
            xlim=(0, 24),
            yscale="log",
            ylim=(lowest, 200),
            yticks=[2, 5, 10, 50],
            yticklabels=["2", "5", "10", "50"],
            ylabel="ppm",
        )
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_title(str(np.datetime64(int(day), "D")), loc="left", fontsize=10)
    handles = [Patch(color=colour, label=name) for name, colour in colours.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=9, frameon=False)
    figure.suptitle(
        "METEC 2022: highest methane of all sensors; upper bar released, lower bar found",
        x=0.01,
        ha="left",
        fontsize=11,
    )
    rows[-1, 0].set_xlabel("hour of day, UTC")
    save(figure, file)


def draw_reliability(rows: Sequence[dict[str, Any]], file: Path) -> None:
    """Draw how often claims of a probability are right, over what they say; the size of a point is how many there are."""
    figure, axes = plt.subplots(figsize=(5.4, 5.4), layout="constrained")
    axes.plot([0, 1], [0, 1], color=QUIET, lw=1, ls="--")
    said, right, count = ([row[key] for row in rows] for key in ("said", "right", "claims"))
    axes.scatter(said, right, s=[60 + 30 * n for n in count], color="#0072B2", edgecolors="white", zorder=3)
    for row in rows:
        axes.annotate(
            f"{row['claims']}",
            (row["said"], row["right"]),
            ha="center",
            va="center",
            fontsize=8,
            color="white",
            zorder=4,
        )
    axes.set(xlim=(0, 1.05), ylim=(-0.05, 1.05), xlabel="probability of the named source", ylabel="share that is right")
    axes.set_title("Claims and how often they hold; on the line is honest", fontsize=11)
    save(figure, file)


def _bar(axes: Any, begin_h: float, end_h: float, height: float, colour: str) -> None:
    if end_h > 0 and begin_h < 24:
        axes.axvspan(max(begin_h, 0), min(end_h, 24), ymin=height, ymax=height + 0.07, color=colour, lw=0)


def save(figure: Figure, file: Path) -> None:
    """Write a figure as PNG.

    Raises UserError where the file cannot be written.
    """
    try:
        figure.savefig(file, dpi=110, format="png", metadata={"Software": None})
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror or error}; choose another --plot") from error
    finally:
        plt.close(figure)
