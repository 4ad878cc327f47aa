"""The report of a sweep in Korean and in English: one HTML file each, with its pictures inside."""

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
from jeonju.evaluation.sweep.variation import Variation
from jeonju.evaluation.sweep.words import Words
from jeonju.messages.catalogue import LANGUAGES, Language

TEMPLATE: Final = Path(__file__).with_name("report.html.in")
REPORTS: Final[dict[Language, str]] = {"en": "report.html", "ko": "report.ko.html"}
MOST_CAUSES: Final = 4


def write_reports(setup: Setup, result: xr.Dataset, placed: Placed | None, folder: Path) -> None:
    """Write the report in each language into a folder. Raises UserError where it cannot be written."""
    for language in LANGUAGES:
        text = _report(Words(language), setup, result, placed)
        file = folder / REPORTS[language]
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UserError(
                f"cannot write {file} ({error.strerror}); make room, then give the same command again"
            ) from error


def _report(words: Words, setup: Setup, result: xr.Dataset, placed: Placed | None) -> str:
    with TemporaryDirectory() as folder, pictures.style():
        shown = _pictures(words, setup, result, Path(folder))
        placement = _placement(words, setup, placed, Path(folder)) if placed is not None else ""
    figures = summary(result)
    scenario = words.of(setup.scenario, "title")
    about = words(
        "setup",
        runs=str(figures["runs"]),
        scenario=scenario,
        seed=str(setup.seed),
        nature=words("nature", key=setup.nature, value=setup.nature),
    )
    other = next(language for language in LANGUAGES if language != words.language)
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        language=words.language,
        other_language=other,
        other_file=REPORTS[other],
        other_name=words("other-language"),
        title=html.escape(words("title", scenario=scenario)),
        setup=html.escape(about),
        varied=html.escape(_varied(words, setup.variations)),
        summary=_table(_summary(words, figures)),
        pictures=shown,
        placement=placement,
        files=words(
            "files",
            rows="<code>runs.parquet</code>",
            dataset="<code>sweep.nc</code>",
            folder="<code>runs/</code>",
        ),
    )


def _summary(words: Words, figures: dict[str, Any]) -> list[tuple[str, str]]:
    counts = [(words(key.replace("_", "-")), str(figures[key])) for key in ("runs", "false_alarms")]
    if "affected" not in figures:
        return counts
    found = [(words(key), str(figures[key])) for key in ("affected", "detected")]
    delays = [(words("half-within"), "median_delay_s"), (words("most-within"), "p90_delay_s")]
    return [counts[0], *found, *((name, words.seconds(figures[key])) for name, key in delays), counts[1]]


def _varied(words: Words, variations: Sequence[Variation]) -> str:
    if not variations:
        return words("seed-alone")
    return words("varied", what="; ".join(_variation(words, one) for one in variations))


def _variation(words: Words, one: Variation) -> str:
    name = words.cause(one.name)
    if one.choices:
        return words("choices", name=name, choices=", ".join(map(words.choice, one.choices)))
    return words("range-log" if one.is_log else "range", name=name, low=f"{one.low:g}", high=f"{one.high:g}")


def _pictures(words: Words, setup: Setup, result: xr.Dataset, folder: Path) -> str:
    bands = folder / "bands.svg"
    pictures.draw_bands(words, result, bands)
    measured = _picture(words("measured"), bands, words("measured-note"))
    return "\n".join([*(_of_events(words, setup, result, folder) if "delay_s" in result else ()), measured])


def _of_events(words: Words, setup: Setup, result: xr.Dataset, folder: Path) -> list[str]:
    """Return the pictures that a scenario with an event has: how soon, where, and what that depends on."""
    curve, places, causes = (folder / f"{name}.svg" for name in ("curve", "places", "causes"))
    own = [name for name in result["device"].to_numpy() if name not in setup.candidates]
    affected = result["affected_after_s"].sel(device=own).to_numpy()
    first = np.where(np.isfinite(affected).any(axis=1), np.nanmin(np.nan_to_num(affected, nan=np.inf), axis=1), np.nan)
    curves = [(words("curve-affected"), first), (words("curve-detected"), result["delay_s"].to_numpy())]
    pictures.draw_detection(words, curves, curve)
    parts = [_picture(words("how-soon"), curve, words("how-soon-note"))]
    if result["lat"].dtype.kind == "f" and bool(result["lat"].notnull().all()):
        stations = [station for station in setup.site.stations if station.name not in setup.candidates]
        pictures.draw_places(words, setup.site.model_copy(update={"stations": stations}), result, places)
        parts.append(_picture(words("where"), places, ""))
    if numbers := [one.name for one in setup.variations if one.name in result and result[one.name].dtype.kind == "f"][
        :MOST_CAUSES
    ]:
        pictures.draw_causes(words, result, numbers, causes)
        parts.append(_picture(words("depends-on"), causes, ""))
    return parts


def _placement(words: Words, setup: Setup, placed: Placed, folder: Path) -> str:
    drawn = folder / "placement.svg"
    pictures.draw_placement(words, setup, placed, drawn)
    zones = {zone.name: words.of(zone, "label") for zone in setup.site.zones}
    rows = [(words("placement-none"), "", words.seconds(placed.before_s))]
    rows += [
        (f"+ {k}", f"{one.station.lat}, {one.station.lon} ({zones[one.station.zone]})", words.seconds(one.mean_s))
        for k, one in enumerate(placed.chosen, start=1)
    ]
    count = str(len(placed.chosen))
    networks = [
        (words("network-as-it-is"), placed.without),
        (words("network-with-stations", count=count), placed.with_them),
    ]
    if placed.loop is not None and placed.with_loop is not None:
        lat, lon = np.mean(placed.loop.robot.loop, axis=0)
        where = words("placement-loop", at=f"{lat:.5f}, {lon:.5f}", zone=zones[placed.loop.robot.zone])
        rows.append((words("placement-robot"), where, words.seconds(placed.loop.mean_s)))
        networks.append((words("network-with-robot"), placed.with_loop))
    columns = ("placement-stations", "placement-place")
    expected = [(*map(words, columns), words("placement-mean", minutes=f"{CAP_S / 60:.0f}")), *rows]
    return "\n".join(
        [
            _picture(words("placement"), drawn, ""),
            _table(expected, head=True),
            f"<p>{html.escape(words('placement-measured'))}</p>",
            _table([*_measured(words, networks)], head=True),
        ]
    )


def _measured(words: Words, networks: Sequence[tuple[str, dict[str, Any]]]) -> list[tuple[str, ...]]:
    columns = ("network", "network-noticed", "network-half", "network-most", "network-false-alarms")
    rows = [
        (
            name,
            words("of", part=str(of["detected"]), whole=str(of["runs"])),
            words.seconds(of["median_delay_s"]),
            words.seconds(of["p90_delay_s"]),
            str(of["false_alarms"]),
        )
        for name, of in networks
    ]
    return [tuple(map(words, columns)), *rows]


def _picture(title: str, file: Path, below: str) -> str:
    name, data = html.escape(title), base64.b64encode(file.read_bytes()).decode()
    shown = f'<h2>{name}</h2>\n<img alt="{name}" src="data:image/svg+xml;base64,{data}">'
    return f'{shown}\n<p class="quiet">{html.escape(below)}</p>'


def _table(rows: Sequence[Sequence[str]], *, head: bool = False) -> str:
    def line(row: Sequence[str], cell: str) -> str:
        return "<tr>" + "".join(f"<{cell}>{html.escape(value)}</{cell}>" for value in row) + "</tr>"

    return "<table>" + "".join(line(row, "th" if head and k == 0 else "td") for k, row in enumerate(rows)) + "</table>"
