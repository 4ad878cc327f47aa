"""One picture of a what-if: where the plume goes and whom it reaches, and what the stations that change most would measure, beside what they did."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np

from jeonju.airquality.pollutants import QUANTITY
from jeonju.contract.site import Site
from jeonju.evaluation.picture import ALARM, INK, QUIET, SEEN, TRUE

SHOWN_STATIONS: Final = 4
TOLD: Final = "#e07b00"
# Of the times of a plume, that which is drawn [minutes ahead].
DRAWN_MIN: Final = 30


def draw(site: Site, answer: Mapping[str, Any], file: Path) -> None:
    """Draw an answer of the api into a PNG file."""
    key = answer["downwind"][0]["quantity"] if answer["downwind"] else "pm25"
    stations = _most_changed(answer["levels"]["stations"], key)
    figure = plt.figure(figsize=(14, 7), layout="constrained", facecolor="white")
    left, right = figure.subfigures(1, 2, width_ratios=(1.1, 1))
    _map(left.subplots(), site, answer)
    axes = right.subplots(max(len(stations), 1), 1, sharex=True, squeeze=False)[:, 0]
    for axis, name in zip(axes, stations, strict=False):
        _levels(axis, site, answer, name, key)
    zone = ZoneInfo(site.timezone)
    axes[-1].xaxis.set_major_locator(mdates.AutoDateLocator(tz=zone, maxticks=8))
    axes[-1].xaxis.set_major_formatter(mdates.DateFormatter("%H:%M", tz=zone))
    what = ", ".join(change["kind"] for change in answer["changes"]) or "nothing is changed"
    begun = datetime.fromisoformat(answer["at"]).astimezone(zone)
    figure.suptitle(
        f"What if: {answer['title'] or what}  ·  {begun:%Y-%m-%d %H:%M}, {answer['hours']:g} h, seed {answer['seed']}",
        fontsize=13,
    )
    figure.savefig(file, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _most_changed(stations: Mapping[str, Any], key: str) -> list[str]:
    def change(name: str) -> float:
        row = stations[name].get(key)
        known = [value for value in (row["then"] if row else []) if value is not None]
        return max(known) - (row["now"] or 0.0) if known and row else -np.inf

    return sorted((name for name in stations if key in stations[name]), key=lambda name: -change(name))[:SHOWN_STATIONS]


def _map(axis: Any, site: Site, answer: Mapping[str, Any]) -> None:
    for zone in site.zones:
        lats, lons = zip(*zone.outline, zone.outline[0], strict=True)
        axis.fill(lons, lats, color="#e7edf3", ec="#c4ced8", zorder=0)
        axis.annotate(
            zone.label_en, (sum(lons) / len(lons), max(lats)), ha="center", va="bottom", color=QUIET, fontsize=9
        )
    for one in answer["downwind"]:
        _plume(axis, one["plume"])
        change = answer["changes"][one["change"]]
        axis.plot(change["lon"], change["lat"], "*", color=ALARM, ms=18, mec="white", zorder=5)
    notices = {alert["device"] for alert in answer["alerts"] if alert["change"] is not None}
    reached = {name for one in answer["noticed"] for name in one["reached"]}
    for station in site.stations:
        colour = ALARM if station.name in notices else TOLD if station.name in reached else SEEN
        axis.plot(station.lon, station.lat, "o", color=colour, ms=8, mec="white", zorder=4)
    for robot in answer["robots"]:
        if robot["position"] is not None:
            lat, lon = robot["position"]
            axis.plot(
                lon, lat, "s", color=ALARM if robot["robot"] in notices else "#7a4fd0", ms=7, mec="white", zorder=4
            )
    axis.set_aspect(1 / np.cos(np.radians(site.origin[0])))
    axis.tick_params(labelsize=8, colors=QUIET)
    axis.set_title(
        f"plume {DRAWN_MIN} minutes after it begins (10, 30, 50, 90 %); red notices, orange is reached; squares are robots",
        fontsize=9,
        color=INK,
    )


def _plume(axis: Any, plume: Mapping[str, Any] | None) -> None:
    if plume is None or plume["grid"] is None:
        return
    grid, number = plume["grid"], plume["minutes"].index(DRAWN_MIN)
    percent = np.array(plume["percent"][0][number]).reshape(grid["rows"], grid["columns"])
    lat = grid["south"] + grid["step_lat"] * np.arange(grid["rows"])
    lon = grid["west"] + grid["step_lon"] * np.arange(grid["columns"])
    axis.contourf(lon, lat, percent, levels=(10, 30, 50, 90, 101), colors=[TOLD], alpha=0.28, zorder=1)
    axis.contour(lon, lat, percent, levels=(10, 30, 50, 90), colors=[TOLD], linewidths=0.8, zorder=2)


def _levels(axis: Any, site: Site, answer: Mapping[str, Any], name: str, key: str) -> None:
    levels, step_s = answer["levels"], answer["levels"]["step_s"]
    row = levels["stations"][name][key]
    times = [datetime.fromisoformat(time) for time in levels["times"]]
    middles = mdates.date2num(times) + step_s / 2 / 86_400
    axis.axhline(row["now"] if row["now"] is not None else np.nan, color=QUIET, lw=1, ls=":", label="now")
    axis.plot(middles, _numbers(row["then"]), "o-", color=SEEN, ms=3, lw=1.4, label="foreseen")
    measured = answer.get("then", {}).get("levels", {}).get(name, {}).get(key)
    if measured:
        axis.plot(middles[: len(measured)], _numbers(measured), "s-", color=TRUE, ms=3, lw=1.4, label="measured")
    for alert in answer["alerts"]:
        if alert["device"] == name and alert["change"] is not None:
            axis.axvline(
                mdates.date2num(datetime.fromisoformat(alert["started_at"])), color=ALARM, lw=1, label=alert["kind"]
            )
    station = next((one for one in site.stations if one.name == name), None)
    axis.set_title(
        f"{station.label_en or name if station else name}: {QUANTITY[key].label_en} [{QUANTITY[key].unit}]",
        fontsize=9,
        loc="left",
    )
    axis.tick_params(labelsize=8)
    named = dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    axis.legend(named.values(), named.keys(), loc="upper right", fontsize=8, frameon=False, ncols=4)


def _numbers(values: list[float | None]) -> Any:
    return np.array([np.nan if value is None else value for value in values])
