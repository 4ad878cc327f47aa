"""One run of a sweep, as a worker plays it: simulated at full speed and judged by the detection, with nothing written."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import simpy

from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.engine import AlertEngine
from jeonju.evaluation.score import score
from jeonju.evaluation.sweep.variation import Variation, drawn
from jeonju.simulator.block import Block
from jeonju.simulator.nature.names import NatureName
from jeonju.simulator.scenario import Scenario
from jeonju.simulator.sinks.parquet import readings_batch
from jeonju.simulator.world import World

_PM25: Final = KEYS.index("pm25")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What all runs of a sweep have in common. `candidates` are stations of the site that measure but are not listened to."""

    scenario: Scenario
    site: Site
    variations: tuple[Variation, ...]
    seed: int
    nature: NatureName = "puffs"
    candidates: frozenset[str] = frozenset()


class Outcome(NamedTuple):
    """What came of one run: its row of the result, the minute means of PM2.5 (minutes, devices) [µg/m³], and when its event affected each device.

    `affected_after_s` counts from the start of the event and names candidates too.
    """

    run: int
    row: dict[str, Any]
    devices: tuple[str, ...]
    pm25: Floats
    affected_after_s: dict[str, float]


class _Listener:
    """Shows every block to the alert engine, and keeps what was said first and the mean PM2.5 of each block."""

    def __init__(self, setup: Setup) -> None:
        self.alerts: dict[str, AlertRecord] = {}
        self.pm25: list[Floats] = []
        self._site = setup.site
        self._listened = [device.name not in setup.candidates for device in setup.site.devices]
        self._names = pa.array([device.name for device in setup.site.devices if device.name not in setup.candidates])
        self._engine = AlertEngine(setup.site)

    def send(self, block: Block) -> None:
        """Judge one block."""
        table = pa.Table.from_batches([readings_batch(block, self._site.name)])
        if not all(self._listened):
            table = table.filter(pc.is_in(table["device"].cast(pa.string()), value_set=self._names))
        self._note(self._engine.update(table))
        self.pm25.append(_means(block)[self._listened])

    def close(self) -> None:
        """Judge what the engine was still waiting for."""
        self._note(self._engine.finish())

    def _note(self, alerts: list[AlertRecord]) -> None:
        for alert in alerts:
            self.alerts.setdefault(alert.id, alert)


def play(setup: Setup, run: int) -> Outcome:
    """Play run number `run` of a sweep."""
    values, scenario = drawn(setup.scenario, setup.site, setup.variations, setup.seed, run)
    env = simpy.Environment(initial_time=scenario.start_s)
    listener = _Listener(setup)
    world = World(setup.site, env, listener, seed=scenario.seed, weather=scenario.weather, nature=setup.nature)
    for event in scenario.events:
        world.add(event)
    # Blocks end on whole minutes; the last one must be in.
    env.run(until=scenario.start_s + scenario.duration + 1e-6)
    listener.close()
    affected = _affected_after_s(world)
    for exposure in world.exposure.events:
        exposure.reached_s = {name: at for name, at in exposure.reached_s.items() if name not in setup.candidates}
    row = {"run": run, **values, "seed": scenario.seed, "start": scenario.start.isoformat(), **_scored(world, listener)}
    names = tuple(device.name for device in setup.site.devices if device.name not in setup.candidates)
    return Outcome(run, row, names, np.array(listener.pm25, dtype=np.float32), affected)


def _affected_after_s(world: World) -> dict[str, float]:
    """Return how long after its start the first event affects each device [s]; nothing where there is no event."""
    for exposure in world.exposure.events[:1]:
        return {name: at - exposure.start_s for name, at in exposure.reached_s.items()}
    return {}


def _scored(world: World, listener: _Listener) -> dict[str, Any]:
    """Return the score of the first event, if there is one, and the false alarms of the run."""
    result = score(world.exposure.events, list(listener.alerts.values()))
    row: dict[str, Any] = {"false_alarms": result["false_alarms"], "alerts": len(listener.alerts)}
    if not result["events"]:
        return row
    first, exposure = result["events"][0], world.exposure.events[0]
    row |= {
        key: first[key] for key in ("kind", "outcome", "delay_s", "delay_from_first_reached_s", "detected_by", "class")
    }
    row["devices_affected"] = first["devices_reached"]
    row["lat"], row["lon"] = getattr(exposure.event, "lat", None), getattr(exposure.event, "lon", None)
    return row


def _means(block: Block) -> Floats:
    """Return the mean PM2.5 of every device in a block, NaN where there is none."""
    values, device = block.readings.values[:, _PM25], block.readings.device
    known = np.isfinite(values)
    total, count = (
        np.bincount(device[known], weights=of, minlength=len(block.devices)) for of in (values[known], None)
    )
    return np.divide(total, count, out=np.full(len(block.devices), np.nan), where=count > 0)
