"""One picture of a run: where everything was, and what was measured, true, and raised."""

import json
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jeonju.airquality.pollutants import QUANTITY
from jeonju.contract.site import Road, Site, Stack, load_site
from jeonju.simulator.scenario import Scenario

SHOWN_DEVICES: Final = 3
INK, QUIET, TRUE, SEEN, ALARM = "#17202a", "#8796a5", "#1fa14a", "#2b7de1", "#d7322d"
# The quantities that show each kind of event best.
SHOWN_QUANTITIES: Final = {
    "fire": ("pm25", "co"),
    "leak": ("tvoc", "h2s"),
    "dust": ("pm10", "pm25"),
    "odour": ("h2s", "nh3"),
}
KIND_COLOURS: Final = {"smoke": ALARM, "release": "#7a4fd0", "dust": "#b07d2b"}


def draw(scenario: Scenario, run: Path, file: Path) -> None:
    """Draw the run that `run` holds into a PNG file."""
    site = load_site(scenario.site)
    events = json.loads((run / "events.json").read_text(encoding="utf-8"))
    alerts = pq.read_table(run / "alerts.parquet").to_pylist()
    keys = SHOWN_QUANTITIES[events[0]["kind"]] if events else ("pm25", "pm10")
    devices = _most_affected(run, events, alerts, keys[0])
    figure = plt.figure(figsize=(15, 8), layout="constrained", facecolor="white")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.1))
    _map(left.subplots(), site, run, events, alerts)
    axes = right.subplots(len(devices) * 2, 1, sharex=True, squeeze=False)[:, 0]
    for number, device in enumerate(devices):
        for offset, key in enumerate(keys):
            _value_history(axes[2 * number + offset], run, device, key, events, alerts)
    axes[-1].xaxis.set_major_formatter(
        mdates.ConciseDateFormatter(axes[-1].xaxis.get_major_locator(), tz=scenario.start.tzinfo)
    )
    for axis in axes[:-1]:
        axis.tick_params(labelbottom=False)
    named = dict(zip(*reversed(axes[0].get_legend_handles_labels()), strict=True))
    axes[0].legend(named.values(), named.keys(), loc="upper left", fontsize=8, frameon=False, ncols=4)
    end = scenario.start_s + scenario.duration
    axes[-1].set_xlim(mdates.date2num(_instant(scenario.start_s)), mdates.date2num(_instant(end)))
    figure.suptitle(
        f"{scenario.title_en}  ·  {scenario.start:%Y-%m-%d %H:%M %z}, {scenario.duration / 3600:g} h, seed {scenario.seed}",
        fontsize=13,
    )
    figure.savefig(file, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _most_affected(run: Path, events: list[dict[str, Any]], alerts: list[dict[str, Any]], key: str) -> list[str]:
    """Return the devices that the events reached most; where there are none, those with alerts or the highest values."""
    peaks = {device: peak.get(key, 0.0) for event in events for device, peak in event["peak"].items()}
    if not any(peaks.values()):
        table = pq.read_table(run / "readings.parquet", columns=["device", key])
        top = table.group_by("device").aggregate([(key, "max")]).to_pylist()
        peaks = {row["device"]: row[f"{key}_max"] or 0.0 for row in top}
        peaks.update(
            {alert["device"]: 1e9 for alert in alerts if alert["kind"] in KIND_COLOURS and alert["device"] in peaks}
        )
    return sorted(peaks, key=lambda device: -peaks[device])[:SHOWN_DEVICES]


def _map(axis: Any, site: Site, run: Path, events: list[dict[str, Any]], alerts: list[dict[str, Any]]) -> None:
    for zone in site.zones:
        lats, lons = zip(*zone.outline, zone.outline[0], strict=True)
        axis.fill(lons, lats, color="#e7edf3", ec="#c4ced8", zorder=0)
        axis.annotate(
            zone.label_en, (sum(lons) / len(lons), max(lats)), ha="center", va="bottom", color=QUIET, fontsize=9
        )
    for source in site.sources:
        if isinstance(source, Road):
            axis.plot([p[1] for p in source.line], [p[0] for p in source.line], color="#d8dee5", lw=2.5, zorder=1)
        elif isinstance(source, Stack):
            axis.plot(source.lon, source.lat, "^", color=QUIET, ms=6, zorder=2)
    robots = {robot.name for robot in site.robots}
    tracks = pq.read_table(
        run / "truth.parquet", columns=["device", "lat", "lon"], filters=[("device", "in", sorted(robots))]
    )
    for robot in sorted(robots):
        rows = tracks.filter(pc.equal(tracks["device"], robot))
        axis.plot(
            rows["lon"].to_numpy()[::10], rows["lat"].to_numpy()[::10], color="#7a4fd0", lw=0.8, alpha=0.6, zorder=2
        )
    raised = {alert["device"]: KIND_COLOURS[alert["kind"]] for alert in alerts if alert["kind"] in KIND_COLOURS}
    for station in site.stations:
        axis.plot(station.lon, station.lat, "o", color=raised.get(station.name, SEEN), ms=8, mec="white", zorder=4)
        axis.annotate(
            station.name, (station.lon, station.lat), xytext=(5, 4), textcoords="offset points", fontsize=6.5, color=INK
        )
    for event in events:
        if "lat" in event:
            axis.plot(event["lon"], event["lat"], "*", color=ALARM, ms=19, mec="white", zorder=5)
            axis.annotate(
                event["title"] or event["kind"],
                (event["lon"], event["lat"]),
                xytext=(8, -12),
                textcoords="offset points",
                fontsize=9,
                color=ALARM,
            )
    _source_maps(axis, run)
    _wind(axis, run)
    axis.set_aspect(1 / 0.81)
    axis.margins(0.02)
    axis.set_axis_off()
    axis.set_title(
        "Stations (red: alert), robots' tracks, stacks, roads; star: the event; dark and light: half and nine tenths of where it seemed to be",
        fontsize=9,
        color=QUIET,
    )


def _source_maps(axis: Any, run: Path) -> None:
    """Show the source maps of the events: the cells that hold half of what is stored of the map, and the rest of nine tenths."""
    cells = pq.read_table(run / "sources.parquet")
    for number in set(cells["event"].to_pylist()):
        one = cells.filter(pc.equal(cells["event"], number))
        share = one["probability"].to_numpy()
        order = np.argsort(-share)
        held = np.cumsum(share[order]) / share.sum()
        lon, lat = (one[key].to_numpy()[order] for key in ("lon", "lat"))
        for begin, end, alpha in ((0.0, 0.5, 0.6), (0.5, 0.9, 0.2)):
            region = (np.concatenate([[0.0], held[:-1]]) >= begin) & (np.concatenate([[0.0], held[:-1]]) < end)
            axis.scatter(lon[region], lat[region], s=9, marker="s", c=ALARM, alpha=alpha, lw=0, zorder=3)


def _wind(axis: Any, run: Path) -> None:
    """Show the mean wind of the run as an arrow in the corner."""
    table = pq.read_table(run / "truth.parquet", columns=["wind_speed", "wind_direction"])
    angle = pc.multiply(pc.cast(table["wind_direction"], pa.float64()), 3.141592653589793 / 180)
    east = -pc.mean(pc.multiply(table["wind_speed"], pc.sin(angle))).as_py()
    north = -pc.mean(pc.multiply(table["wind_speed"], pc.cos(angle))).as_py()
    speed = max((east**2 + north**2) ** 0.5, 1e-9)
    axis.annotate(
        "",
        xy=(0.09 + 0.06 * east / speed, 0.09 + 0.06 * north / speed),
        xytext=(0.09 - 0.06 * east / speed, 0.09 - 0.06 * north / speed),
        xycoords="axes fraction",
        arrowprops={"arrowstyle": "-|>", "color": SEEN, "lw": 2.5},
    )
    axis.text(0.17, 0.07, f"mean wind {speed:.1f} m/s", transform=axis.transAxes, color=SEEN, fontsize=9)


def _value_history(
    axis: Any, run: Path, device: str, key: str, events: list[dict[str, Any]], alerts: list[dict[str, Any]]
) -> None:
    for name, colour, label, width in (("truth", TRUE, "truth", 2.2), ("readings", SEEN, "measured", 0.7)):
        table = pq.read_table(
            run / f"{name}.parquet", columns=["device", "time", key], filters=[("device", "=", device)]
        )
        step = max(table.num_rows // 4000, 1)
        axis.plot(
            table["time"].to_numpy()[::step],
            table[key].to_numpy()[::step],
            color=colour,
            lw=width,
            label=label,
            zorder=2 if name == "truth" else 3,
        )
    for event in events:
        reached = event["reached_s"].get(device)
        if reached is not None:
            axis.axvline(mdates.date2num(_instant(reached)), color=TRUE, ls=":", lw=1.2, label="plume arrives")
        axis.axvspan(
            mdates.date2num(_instant(event["start_s"])),
            mdates.date2num(_instant(event["end_s"])),
            color="#f7e9e8",
            zorder=0,
        )
    for alert in alerts:
        if alert["device"] == device and alert["kind"] in KIND_COLOURS:
            axis.axvline(
                mdates.date2num(alert["started_at"]),
                color=KIND_COLOURS[alert["kind"]],
                lw=1.6,
                label=f"{alert['kind']} alert",
            )
    row = QUANTITY[key]
    axis.set_ylabel(f"{row.label_en}\n{row.unit}", fontsize=8)
    axis.tick_params(labelsize=8)
    axis.set_title(device, fontsize=9, loc="left", pad=2)
    axis.spines[["top", "right"]].set_visible(False)


def _instant(posix_s: float) -> Any:
    return pa.scalar(int(posix_s * 1e6), pa.timestamp("us", tz="UTC")).as_py()
