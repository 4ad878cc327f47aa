"""The report of a sweep: one HTML file with its pictures inside."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import xarray as xr

from jeonju.common.errors import UserError
from jeonju.evaluation.sweep import pictures
from jeonju.evaluation.sweep.placed import Placed
from jeonju.evaluation.sweep.placement import CAP_S
from jeonju.evaluation.sweep.play import Setup
from jeonju.evaluation.sweep.results import summary

TEMPLATE: Final = Path(__file__).with_name("report.html.in")
MOST_CAUSES: Final = 4


def write_report(setup: Setup, result: xr.Dataset, placed: Placed | None, file: Path) -> None:
    """Write the report. Raises UserError where it cannot be written."""
    with TemporaryDirectory() as folder:
        shown = _pictures(setup, result, Path(folder))
        placement = _placement(setup, placed, Path(folder)) if placed is not None else ""
    figures = summary(result)
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=html.escape(f"Sweep of {setup.scenario.title_en}"),
        runs=figures["runs"],
        scenario=html.escape(setup.scenario.title_en),
        seed=setup.seed,
        nature=setup.nature,
        varied=html.escape(_varied(setup)),
        summary=_table([(name, _said(figures.get(key))) for name, key in _FIGURES]),
        pictures=shown,
        placement=placement,
    )
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"cannot write {file} ({error.strerror}); make room, then give the same command again"
        ) from error


_FIGURES: Final = (
    ("runs", "runs"),
    ("events that affected a device that listens", "affected"),
    ("events noticed", "detected"),
    ("half of all events are noticed within", "median_delay_s"),
    ("nine of ten within", "p90_delay_s"),
    ("false alarms in all runs", "false_alarms"),
)


def _said(value: float | None) -> str:
    if value is None:
        return "never"
    return f"{value:.0f} s" if isinstance(value, float) else str(value)


def _varied(setup: Setup) -> str:
    if not setup.variations:
        return "They differ by the seed alone: weather, traffic and instruments."
    parts = [
        f"{one.name} {', '.join(one.choices)}"
        if one.choices
        else f"{one.name} {one.low:g} to {one.high:g}{' (logarithm)' if one.is_log else ''}"
        for one in setup.variations
    ]
    return f"They differ by the seed and by: {'; '.join(parts)}."


def _pictures(setup: Setup, result: xr.Dataset, folder: Path) -> str:
    parts = []
    pictures.draw_bands(result, folder / "bands.png")
    if "delay_s" in result:
        own = [name for name in result["device"].to_numpy() if name not in setup.candidates]
        affected = result["affected_after_s"].sel(device=own).to_numpy()
        first = np.where(
            np.isfinite(affected).any(axis=1), np.nanmin(np.nan_to_num(affected, nan=np.inf), axis=1), np.nan
        )
        pictures.draw_detection(
            [("a device is affected", first), ("noticed", result["delay_s"].to_numpy())], folder / "curve.png"
        )
        parts.append(
            _picture("How soon", folder / "curve.png", "Share of all runs; bands are intervals of 90 % (Wilson).")
        )
        if result["lat"].dtype.kind == "f" and bool(result["lat"].notnull().all()):
            pictures.draw_places(
                setup.site.model_copy(
                    update={"stations": [s for s in setup.site.stations if s.name not in setup.candidates]}
                ),
                result,
                folder / "places.png",
            )
            parts.append(_picture("Where", folder / "places.png", ""))
        if numbers := [
            one.name for one in setup.variations if one.name in result and result[one.name].dtype.kind == "f"
        ][:MOST_CAUSES]:
            pictures.draw_causes(result, numbers, folder / "causes.png")
            parts.append(_picture("What it depends on", folder / "causes.png", ""))
    parts.append(_picture("What was measured", folder / "bands.png", "The devices with the highest values."))
    return "\n".join(parts)


def _placement(setup: Setup, placed: Placed, folder: Path) -> str:
    pictures.draw_placement(setup, placed, folder / "placement.png")
    rows = [("without more", "", f"{placed.before_s:.0f} s")]
    rows += [
        (f"+ {k}", f"{one.station.lat}, {one.station.lon} ({one.station.zone})", f"{one.mean_s:.0f} s")
        for k, one in enumerate(placed.chosen, start=1)
    ]
    networks = [("as it is", placed.without), (f"with {len(placed.chosen)} more", placed.with_them)]
    if placed.loop is not None and placed.with_loop is not None:
        lat, lon = np.mean(placed.loop.robot.loop, axis=0)
        where = f"loop about {lat:.5f}, {lon:.5f} ({placed.loop.robot.zone})"
        rows.append(("or one robot more", where, f"{placed.loop.mean_s:.0f} s"))
        networks.append(("with one robot more instead", placed.with_loop))
    measured = [
        (
            name,
            f"{of['detected']} of {of['runs']}",
            _said(of["median_delay_s"]),
            _said(of["p90_delay_s"]),
            str(of["false_alarms"]),
        )
        for name, of in networks
    ]
    return "\n".join(
        [
            _picture("Where more stations are worth most", folder / "placement.png", ""),
            _table(
                [("stations", "place", f"mean time until one is affected (at most {CAP_S / 60:.0f} min)"), *rows],
                head=True,
            ),
            "<p>Measured with the detection listening to them, by runs of their own:</p>",
            _table(
                [("network", "noticed", "half of all within", "nine of ten within", "false alarms"), *measured],
                head=True,
            ),
        ]
    )


def _picture(title: str, file: Path, below: str) -> str:
    data = base64.b64encode(file.read_bytes()).decode()
    return f'<h2>{title}</h2>\n<img alt="{title}" src="data:image/png;base64,{data}">\n<p class="quiet">{below}</p>'


def _table(rows: Sequence[Sequence[Any]], *, head: bool = False) -> str:
    def line(row: Sequence[Any], cell: str) -> str:
        return "<tr>" + "".join(f"<{cell}>{html.escape(str(value))}</{cell}>" for value in row) + "</tr>"

    return "<table>" + "".join(line(row, "th" if head and k == 0 else "td") for k, row in enumerate(rows)) + "</table>"
