"""Writes docs/validation.md and docs/smoke.md from their templates, with every number and picture computed again."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from string import Template
from typing import Any, Final

import numpy as np

from jeonju.common.errors import UserError
from jeonju.evaluation.dispersion import Arc, evaluate_dispersion
from jeonju.evaluation.instruments import FIGURES, evaluate_instruments
from jeonju.evaluation.markdown import percent, table
from jeonju.evaluation.natures_page import maps_table
from jeonju.evaluation.pictures import draw_arcs, draw_releases, draw_reliability
from jeonju.evaluation.plumes import evaluate_plumes
from jeonju.evaluation.release_score import evaluate_releases
from jeonju.evaluation.smoke_page import side_by_side, smoke_page
from jeonju.evaluation.smoke_score import evaluate_smoke
from jeonju.evaluation.weather import evaluate_weather, weather_table

TEMPLATE: Final = Path(__file__).with_name("validation.md.in")
FRESH_MINUTES: Final = (2, 5, 10, 30)
BENCHMARKS: Final = ("dispersion", "incidents", "detection")
CITY_COLUMNS: Final = {
    "fires": "fires",
    "located": "found",
    "median_error_m": "median error [m]",
    "p90_error_m": "9 of 10 within [m]",
    "within_300_m": "within 300 m",
    "sure": "sure",
    "median_error_when_sure_m": "median error when sure [m]",
    "rate_within_x2": "rate within ×2",
}


def write_report(
    data: Path, benchmarks: Path, out: Path, on_progress: Callable[[float], None] = lambda _: None
) -> None:
    """Evaluate the folders in `data`, read the benchmarks' JSON, and write the page, smoke.md beside it and the pictures in images/.

    Raises UserError for files that are missing or cannot be written.
    """
    measured = _benchmarks(benchmarks)
    (out.parent / "images").mkdir(parents=True, exist_ok=True)
    dispersion, arcs = evaluate_dispersion(data / "prairie_grass", lambda share: on_progress(0.2 * share))
    draw_arcs(arcs, dispersion, out.parent / "images" / "validation-arcs.png")
    releases, found, truth = evaluate_releases(
        data / "controlled_release", lambda share: on_progress(0.2 + 0.5 * share)
    )
    draw_releases(data / "controlled_release", found, truth, out.parent / "images" / "validation-releases.png")
    draw_reliability(releases["reliability"], out.parent / "images" / "validation-reliability.png")
    plumes = evaluate_plumes(data / "ginninderra")
    smoke = evaluate_smoke(data / "boulder_fires", lambda share: on_progress(0.7 + 0.1 * share))
    weather = evaluate_weather(data / "jeonju_hourly", lambda share: on_progress(0.8 + 0.2 * share))
    instruments = evaluate_instruments(data / "lowcost")
    puffs = measured["dispersion"]
    rates = sorted(release.rate_kg_h for release in truth)
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        {key: f"{dispersion[key]:.2f}" for key in ("fac2", "fb", "nmse", "mg", "vg")},
        n_arcs=dispersion["n_arcs"],
        n_runs=len({arc.run for arc in arcs}),
        arc_table=_arc_table(arcs),
        n_releases=releases["releases"],
        rates_span=f"{rates[0]:.1f} to {rates[-1]:.1f} kg/h",
        detected=releases["detected"],
        events=releases["events"],
        false_events=releases["false_events"],
        localized_percent=percent(releases["localized_fraction"]),
        rate_percent=percent(releases["rate_within_x2"]),
        delay=releases["median_delay_min"],
        finder_table=_finder_table(releases, plumes),
        fresh_table=_fresh_table(measured.get("fresh_fires")),
        fresh_particles_table=_fresh_table(measured.get("fresh_fires_particles"), "fresh_fires --nature particles"),
        natures_table=maps_table(measured.get("two_natures")),
        release_table=_release_table(releases["event_list"]),
        wind_read_as=releases["wind_read_as"],
        city_table=_city_table(measured["incidents"]),
        first_map_s=measured["incidents"]["first_map_s"],
        seeds=max(row["fires"] for name, row in measured["incidents"].items() if name not in ("first_map_s", "all")),
        puff_5_s=_thousands(puffs["puff_every_5_s"]["times_real_time"]),
        puff_1_s=_thousands(puffs["puff_every_1_s"]["times_real_time"]),
        puff_error=max(row["error_percent"] for row in puffs.values()),
        instruments_table=_instruments_table(instruments),
        smoke_table=side_by_side(smoke, measured["detection"]),
        weather_table=weather_table(weather),
    )
    _write(out, text)
    _write(out.with_name("smoke.md"), smoke_page(smoke, measured))


def _write(page: Path, text: str) -> None:
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {page}: {error.strerror}; choose another --out") from error


def _benchmarks(path: Path) -> dict[str, Any]:
    make = f"make it with: python -m benchmarks {' '.join(BENCHMARKS)} > {path}"
    try:
        measured: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); {make}") from error
    if missing := set(BENCHMARKS) - set(measured):
        raise UserError(f"{path} has no {' and no '.join(sorted(missing))}; {make}")
    return measured


def _arc_table(arcs: Sequence[Arc]) -> str:
    rows = []
    for distance_m in sorted({arc.distance_m for arc in arcs}):
        here = [arc for arc in arcs if arc.distance_m == distance_m and arc.measured > 0]
        ratios = {
            stable: [a.predicted / a.measured for a in here if stable is None or a.is_stable == stable]
            for stable in (None, False, True)
        }
        within = np.mean([0.5 <= ratio <= 2 for ratio in ratios[None]])
        medians = (f"{np.median(values):.2f}" if values else "–" for values in ratios.values())
        rows.append((f"{distance_m:g} m", str(len(here)), *medians, f"{within:.2f}"))
    return table(("arc", "runs", "median of predicted / measured", "in unstable air", "in stable air", "FAC2"), rows)


def _release_table(events: Sequence[dict[str, Any]]) -> str:
    rows = []
    for event in events:
        truth = event["release"]
        low, rate, high = event["rate_kg_h"]
        when = f"{event['start'][5:16]} to {event['end'][5:16]}".replace("T", " ")
        released = f"{truth['source']}, {truth['rate_kg_h']:.2f} kg/h" if truth else "nothing"
        found = f"{event['source']} ({percent(event['probability'])} %{', unsure' if event['unsure'] else ''})"
        rows.append((when, released, found, f"{rate:.2f} ({low:.2f} to {high:.2f})"))
    return table(("event, UTC", "released", "found", "rate [kg/h] (90 %)"), rows)


def _finder_table(releases: dict[str, Any], plumes: dict[str, Any]) -> str:
    rows = [
        ("events, windows", releases["events"] - releases["false_events"], plumes["windows"], "–"),
        ("log score of the named source", f"{releases['log_score']:.2f}", "place is known", "below 0.6; guessing 1.61"),
        ("Brier score", f"{releases['brier']:.2f}", "–", "–"),
        (
            "90 % interval of the rate holds the truth",
            f"{percent(releases['rate_coverage_90'])} %",
            f"{percent(plumes['rate_coverage_90'])} %",
            "85 %",
        ),
        ("median rate off by", "–", f"{percent(plumes['median_rate_error'])} %", "36 % (Cartwright 2019)"),
        (
            "half-hour means above 0.1 ppm: FAC2, FB",
            "–",
            f"{plumes['fac2']:.2f}, {plumes['fb']:.2f} ({plumes['pairs']} pairs)",
            "above 0.5, below 0.3 either way",
        ),
    ]
    return table(("", "METEC", "Ginninderra", "aim"), [tuple(map(str, row)) for row in rows])


def _fresh_table(fresh: dict[str, Any] | None, command: str = "fresh_fires") -> str:
    """Return the maps of fresh fires by minutes after the first alert."""
    if fresh is None:
        return f"Not measured for this page: `python -m benchmarks {command}` prints it."
    rows = [
        (
            f"{minutes} min",
            f"{at['location_error_m']:.0f} ({at['naive_error_m']:.0f})",
            f"{100 * at['area_share']:.2f} %",
            f"{percent(at['in_90'])} % ({at['area_90_km2']:.2f} km²)",
            f"{percent(at['in_50'])} % ({at['area_50_km2']:.2f} km²)",
            str(at["worse_than_blind"]),
            f"{at['sure']}, {at['sure_and_right']}",
        )
        for minutes in FRESH_MINUTES
        for at in [fresh[f"{minutes} min"]]
    ]
    head = (
        f"{fresh['fires']} fires, leaks and dusts; after",
        "best cell (alerting device) off [m]",
        "as probable as the true cell",
        "90 % region holds it (area)",
        "50 % region",
        "worse than blind",
        "sure, right within 300 m",
    )
    return table(head, rows)


def _instruments_table(result: dict[str, Any]) -> str:
    """Return real and simulated instruments, each co-location of hours a row, and the gains of every network."""
    rows = [
        (f"{row['instrument']}, {row['values']} h ({row['file']})", *(_beside(row[name]) for name in FIGURES))
        for row in result["colocations"]
        if "lag_1" in row
    ]
    units = [
        (f"{of['units']} units, {of['quantity']} ({of['file']})", _beside(of["gain_mean"]), _beside(of["gain_spread"]))
        for of in result["networks"]
    ]
    hourly = table(("instrument", "slope", "R²", "residual from hour to hour"), rows)
    return f"{hourly}\n\n{table(('units', 'mean gain', 'spread of gains'), units)}"


def _beside(figure: dict[str, Any]) -> str:
    """Return real: simulated (range of four fifths), bold where they are within a fifth."""
    if figure["simulated"] is None or figure["real"] is None:
        return "–"
    low, high = figure["range"]
    text = f"{figure['real']:.2f}: {figure['simulated']:.2f}"
    return f"{f'**{text}**' if figure['within_a_fifth'] else text} ({low:.2f} to {high:.2f})"


def _city_table(incidents: dict[str, Any]) -> str:
    rows = [
        (name, *(str(row.get(key, "–")) for key in CITY_COLUMNS))
        for name, row in incidents.items()
        if isinstance(row, dict)
    ]
    return table(("scenario", *CITY_COLUMNS.values()), rows)


def _thousands(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")
