"""`jeonju evaluate smoke`: a recorded network through the alert engine as a stream, and how its smoke alerts compare with the fires that burnt.

The engine is given what was there at each instant and nothing later. An alert counts from the reading after which the engine raised it: the 20 s for
which late readings are waited for come on top, as they do before the first affected sensor can be known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.contract.columns import readings_table
from jeonju.contract.records import AlertRecord
from jeonju.detection.engine import AlertEngine
from jeonju.detection.windows import ALLOWED_LATENESS_S
from jeonju.evaluation.recorded_network import Event, Network, read_network, utc
from jeonju.rules.watched import WINDOW_S

# A sensor is affected that rises by more than this above its own last hours and above the network.
AFFECTED_UG_M3: Final = 20.0
LAST_HOURS_S: Final = 3 * 3600.0
# Ends of fires are known to some hours, remains smoulder on, and smoke stays in the valleys: alerts for so long after the end belong to the fire.
AFTERMATH_S: Final = 6 * 3600.0
# Of fewer sensors the median is no network.
LEAST_NETWORK: Final = 4
WEEK_S: Final = 7 * 86_400.0
NETWORK_DEVICES: Final = 26
MINUTE_S: Final = 60.0


@dataclass(frozen=True)
class RaisedAlert:
    """A smoke alert, and when in the stream it was raised."""

    at_s: float
    alert: AlertRecord


def evaluate_smoke(folder: Path, on_progress: Callable[[float], None] = lambda _: None) -> dict[str, Any]:
    """Play a folder of recordings and score it.

    Raises UserError for files, columns or values that are missing or wrong.
    """
    network = read_network(folder)
    return score_smoke(network, play(network, on_progress))


def play(network: Network, on_progress: Callable[[float], None] = lambda _: None) -> list[RaisedAlert]:
    """Return the smoke alerts of the engine that is shown the recording instant by instant."""
    engine = AlertEngine(network.site, is_behind=False)
    raised: dict[str, RaisedAlert] = {}
    next_s = np.append(network.times_s[1:], np.inf)
    for number, time_s in enumerate(network.times_s.tolist()):
        changed = engine.update(readings_table(_rows(network, number)))
        # As the live service: what is complete is judged once late readings could have come, not when the next ones do.
        changed += engine.pass_time(utc(min(time_s + WINDOW_S + ALLOWED_LATENESS_S, float(next_s[number]))))
        for alert in changed:
            if alert.kind == "smoke":
                raised.setdefault(alert.id, RaisedAlert(time_s, alert))
        if number % 100 == 0:
            on_progress(number / len(network.times_s))
    return list(raised.values())


def _rows(network: Network, number: int) -> list[dict[str, Any]]:
    at = utc(float(network.times_s[number]))
    rows = []
    for sensor, name in enumerate(network.sensors):
        values = {key: float(table[number, sensor]) for key, table in network.values.items()}
        known = {key: value for key, value in values.items() if np.isfinite(value)}
        if known:
            rows.append({"site": network.site.name, "device": name, "time": at, "received_at": at, **known})
    return rows


def score_smoke(network: Network, raised: list[RaisedAlert]) -> dict[str, Any]:
    """Compare alerts with fires: one belongs to a fire if it was raised while that burnt or in its aftermath, every other is false."""
    risen = rises(network)
    events = [_described(network, risen, event, raised) for event in network.events]
    false = [alert for alert in raised if not any(_in(event, alert.at_s) for event in network.events)]
    delays = [event["delay_min"] for event in events if event["delay_min"] is not None]
    weeks = _quiet_device_weeks(network)
    return {
        "events": len(events),
        "detected": sum(event["detected"] for event in events),
        "delay_min": round(float(np.median(delays)), 1) if delays else None,
        "false_alerts": len(false),
        "device_weeks": round(weeks, 2),
        "false_per_26_device_weeks": round(len(false) / weeks * NETWORK_DEVICES, 2) if weeks else None,
        "lasers_disagree": network.disagreements,
        "event_list": events,
        "false_list": [
            {"at": f"{utc(alert.at_s):%Y-%m-%dT%H:%MZ}", "device": alert.alert.device, "rise": alert.alert.value}
            for alert in false
        ],
    }


def rises(network: Network) -> Floats:
    """Return how far each sensor is above the median of its own last hours, less the median of that over the network."""
    pm25, times_s = network.values["pm25"], network.times_s
    own = np.full(pm25.shape, np.nan)
    first = np.searchsorted(times_s, times_s - LAST_HOURS_S)
    for number in range(1, len(times_s)):
        own[number] = pm25[number] - _medians(pm25[first[number] : number].T)
    common = np.array(
        [np.median(known) if len(known := row[np.isfinite(row)]) >= LEAST_NETWORK else 0.0 for row in own]
    )
    return np.asarray(own - common[:, None])


def _medians(rows: Floats) -> Floats:
    return np.array([np.median(known) if len(known := row[np.isfinite(row)]) else np.nan for row in rows])


def _described(network: Network, risen: Floats, event: Event, raised: list[RaisedAlert]) -> dict[str, Any]:
    lasts = (network.times_s >= event.start_s) & (network.times_s <= event.end_s + AFTERMATH_S)
    affected = np.argwhere((np.nan_to_num(risen) > AFFECTED_UG_M3) & lasts[:, None])
    first = None if not len(affected) else (float(network.times_s[affected[0, 0]]), network.sensors[affected[0, 1]])
    found = min((alert for alert in raised if _in(event, alert.at_s)), key=lambda alert: alert.at_s, default=None)
    return {
        "name": event.name,
        "first_affected": None if first is None else f"{utc(first[0]):%Y-%m-%dT%H:%MZ}",
        "affected_sensor": None if first is None else first[1],
        "detected": found is not None,
        "detected_at": None if found is None else f"{utc(found.at_s):%Y-%m-%dT%H:%MZ}",
        "detected_by": None if found is None else found.alert.device,
        "delay_min": None if first is None or found is None else round((found.at_s - first[0]) / MINUTE_S, 1),
    }


def _in(event: Event, time_s: float) -> bool:
    return event.start_s <= time_s <= event.end_s + AFTERMATH_S


def _quiet_device_weeks(network: Network) -> float:
    """Return for how long sensors were heard outside of fires: every reading stands for the usual step of its sensor."""
    quiet = ~np.any([[_in(event, time_s) for time_s in network.times_s] for event in network.events], axis=0)
    quiet = np.broadcast_to(quiet, network.times_s.shape)
    total_s = 0.0
    for column in network.values["pm25"].T:
        heard = np.isfinite(column)
        if heard.sum() > 1:
            total_s += float((heard & quiet).sum() * np.median(np.diff(network.times_s[heard])))
    return total_s / WEEK_S
