"""Writes docs/smoke.md from its template: what `python -m benchmarks detection` found in the simulated city, and what a real network showed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any, Final

from jeonju.evaluation.markdown import number, percent, table
from jeonju.evaluation.natures_page import found_table

TEMPLATE: Final = Path(__file__).with_name("smoke.md.in")
ALERTS: Final = ("smoke", "dust", "release")
SAID: Final = ("fire", "industrial", "dust", "traffic", "nothing")
WEEK_DAYS: Final = 7.0


def side_by_side(real: Mapping[str, Any], simulated: Mapping[str, Any]) -> str:
    """Return what a real network and the simulated city say of the same things."""
    flaming, smouldering, quiet = simulated["flaming"]["all"], simulated["smouldering"]["all"], simulated["quiet"]
    false_real = f"{real['false_alerts']} in {number(real['device_weeks'])} device-weeks"
    false_simulated = f"{quiet['all']['smoke']} in {number(quiet['all']['days'])} days"
    rows = [
        (
            "fires found",
            f"{real['detected']} of {real['events']}",
            f"{_share(flaming)} flaming, {_share(smouldering)} smouldering",
        ),
        (
            "delay from the first affected device, median",
            f"{number(real['delay_min'])} min",
            f"{number(flaming['median_delay_s'])} s, {number(smouldering['median_delay_s'])} s",
        ),
        (
            "false smoke alerts per week of a network of 26",
            f"{number(real['false_per_26_device_weeks'])} ({false_real})",
            f"{number(quiet['all']['smoke_per_week'])} ({false_simulated})",
        ),
        ("of these in nothing but rush hours", "–", f"{number(quiet['rush-hours']['smoke_per_week'])} a week"),
    ]
    return table(("", "real: particles only, every 10 min (Boulder)", "simulated: CO and VOC too, every second"), rows)


def _share(found: Mapping[str, Any]) -> str:
    return f"{found['detected']} of {found['affected']}"


def smoke_page(real: Mapping[str, Any], benchmarks: Mapping[str, Any]) -> str:
    """Return the page from what a real network showed and what the benchmarks printed."""
    simulated = benchmarks["detection"]
    first, last = simulated["blind_seeds"]
    flaming, smouldering = simulated["flaming"]["all"], simulated["smouldering"]["all"]
    confusion = simulated["confusion"]
    answered = sum(count for said in confusion.values() for name, count in said.items() if name != "nothing")
    right = sum(said.get(truth, 0) for truth, said in confusion.items())
    quiet = simulated["quiet"]["all"]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        side_by_side=side_by_side(real, simulated),
        false_alerts=real["false_alerts"],
        device_weeks=number(real["device_weeks"]),
        event_table=_event_table(real["event_list"]),
        false_table=_false_table(real["false_list"]),
        lasers_disagree=real["lasers_disagree"],
        blind_seeds=f"{first} to {last}",
        n_seeds=last - first + 1,
        fires_table=_fires_table(simulated),
        natures_table=found_table(benchmarks.get("two_natures")),
        particles_table=_particles_table(benchmarks.get("detection_particles")),
        flaming_percent=_percent_1(flaming["share_of_affected"]),
        median_s=number(flaming["median_delay_s"]),
        p90_s=number(flaming["p90_delay_s"]),
        smouldering_percent=percent(smouldering["share_of_affected"]),
        smouldering_drawn_percent=percent(smouldering["share_of_drawn"]),
        false_smoke=quiet["smoke"],
        network_weeks=number(round(quiet["days"] / WEEK_DAYS, 1)),
        smoke_per_week=number(quiet["smoke_per_week"]),
        rush_per_week=number(simulated["quiet"]["rush-hours"]["smoke_per_week"]),
        class_percent=percent(right / answered) if answered else "–",
        answered=answered,
        confusion_table=_confusion_table(confusion),
        quiet_table=_quiet_table(simulated["quiet"]),
        false_beside=simulated["false_smoke_beside_events"],
        missed=_missed(simulated["missed"]),
    )


def _event_table(events: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            event["name"],
            event["first_affected"] or "–",
            event["affected_sensor"] or "–",
            event["detected_at"] or "–",
            event["detected_by"] or "–",
        )
        for event in events
    ]
    return table(("fire", "first affected", "sensor", "alert", "sensor"), rows)


def _false_table(alerts: Sequence[Mapping[str, Any]]) -> str:
    return table(("at", "sensor", "rise [µg/m³]"), [(a["at"], a["device"], f"{a['rise']:.0f}") for a in alerts])


def _fires_table(simulated: Mapping[str, Any]) -> str:
    rows = []
    for name in simulated["flaming"]:
        cells = []
        for kind in ("flaming", "smouldering"):
            row = simulated[kind][name]
            cells.append(f"{row['detected']} / {row['affected']} / {row['drawn']}")
            cells.append(f"{number(row['median_delay_s'])} s, {number(row['p90_delay_s'])} s")
        rows.append((f"**{name}**" if name == "all" else name, *cells))
    head = ("scenario", "flaming: found / affected / drawn", "median, 90 %", "smouldering: the same", "median, 90 %")
    return table(head, rows)


def _particles_table(particles: Mapping[str, Any] | None) -> str:
    """Return the fires of all scenarios on particles, and the false alerts there."""
    if particles is None:
        return "Not measured for this page: `python -m benchmarks detection --nature particles` prints it."
    first, last = particles["blind_seeds"]
    quiet = particles["quiet"]["all"]
    false = f"false smoke alerts on days without fires: {quiet['smoke']} in {number(quiet['days'])} days"
    return f"Seeds {first} to {last}; {false}.\n\n{_fires_table(particles)}"


def _confusion_table(confusion: Mapping[str, Mapping[str, int]]) -> str:
    said = [name for name in SAID if any(name in row for row in confusion.values()) or name != "traffic"]
    return table(
        ("it was", *said), [(truth, *(str(row.get(name, 0)) for name in said)) for truth, row in confusion.items()]
    )


def _quiet_table(quiet: Mapping[str, Mapping[str, Any]]) -> str:
    return table(
        ("", "days", *ALERTS),
        [(name, number(row["days"]), *(str(row[key]) for key in ALERTS)) for name, row in quiet.items()],
    )


def _missed(missed: Sequence[Mapping[str, Any]]) -> str:
    """Say how strong the fires were that were not found."""
    said = []
    for kind in ("flaming", "smouldering"):
        peaks = sorted((row["peak_pm25"] for row in missed if row["kind"] == kind), reverse=True)
        if peaks:
            strongest = " and ".join(f"{peak:.0f}" for peak in peaks[:2])
            said.append(
                f"of those that flamed the strongest added {strongest}"
                if kind == "flaming"
                else f"of those that smouldered {strongest}"
            )
    return (
        f"Of the fires that were missed, {', '.join(said)} µg/m³ PM2.5 at their worst moment anywhere."
        if said
        else "None was missed."
    )


def _percent_1(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"
