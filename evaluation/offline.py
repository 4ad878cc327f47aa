"""Run a scenario as fast as possible: readings, truth, alerts, source maps and score into one folder."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import simpy

from jeonju.common.errors import UserError
from jeonju.contract.columns import INSTANT
from jeonju.contract.events import Dust, Fire, Leak
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site, load_site
from jeonju.detection.engine import AlertEngine
from jeonju.evaluation.closed_loop import ClosedLoop, ScoredVisit, score_visit
from jeonju.evaluation.located import locate_events
from jeonju.evaluation.score import fitting, score
from jeonju.ingest.ledger import Ledger
from jeonju.messages.alerts import Labels, with_words
from jeonju.rules.rules import Rules, shipped_rules
from jeonju.simulator.block import Sink
from jeonju.simulator.cadence import OFFLINE, unattended
from jeonju.simulator.exposure import EventExposure
from jeonju.simulator.nature.names import NatureName
from jeonju.simulator.scenario import Scenario
from jeonju.simulator.sinks.parquet import ParquetSink
from jeonju.simulator.world import World

ALERTS: Final = pa.schema(
    [
        pa.field(name, INSTANT if name.endswith("_at") else pa.float64() if name in ("value", "limit") else pa.string())
        for name in AlertRecord._fields
    ]
)
PROGRESS_STEPS: Final = 200


@dataclass
class OfflineRun:
    """One run of a scenario, in one of the natures, through the alert engine; with `dispatch`, robots are sent to its incidents."""

    scenario: Scenario
    out: Path
    on_progress: Callable[[float], None] = lambda _share: None
    dispatch: bool = False
    rules: Rules = field(default_factory=shipped_rules)
    nature: NatureName = "puffs"

    def run(self) -> dict[str, Any]:
        """Run the scenario and return the score. The files are in `out` afterwards, each of them complete.

        Raises UserError where `out` cannot be written."""
        site = load_site(self.scenario.site)
        engine, ledger, alerts = AlertEngine(site, rules=self.rules), Ledger(), dict[str, AlertRecord]()

        def detect(batch: pa.RecordBatch) -> None:
            table = pa.Table.from_batches([batch])
            for device, boot, seq in zip(*(table[name].to_pylist() for name in ("device", "boot", "seq")), strict=True):
                ledger.count(site.name, device, boot, seq)
            changed = engine.update(table)
            alerts.update({alert.id: alert for alert in changed})
            if self.dispatch:
                loop.handle(batch, changed)

        sink = ParquetSink(self.out, site=site.name, on_readings=detect)
        loop = ClosedLoop(site, sink)
        try:
            world = self._simulate(site, loop if self.dispatch else sink, loop)
            alerts.update({alert.id: alert for alert in engine.finish()})
            sink.close()
        except BaseException:
            sink.abandon()
            raise
        found = sorted(alerts.values(), key=lambda alert: (alert.started_at, alert.id))
        losses = {
            entry.device: {
                "received": entry.received,
                "repeated": entry.repeated,
                "missing": entry.missing,
                "late": entry.late,
            }
            for entry in ledger.changes()
        }
        result = {**score(world.exposure.events, found), "alerts": len(found), "loss": losses, "nature": self.nature}
        if world.particles is not None:
            result["particles_dropped"] = world.particles.particles.dropped
        located, maps = locate_events(site, self.out, world.exposure.events, found, world.emissions)
        result["events"] = [{**event, **where} for event, where in zip(result["events"], located, strict=True)]
        if self.dispatch:
            result["visits"] = _visits(site, loop, world.exposure.events, found)
        self._write(world, found, maps, result)
        return result

    def _simulate(self, site: Site, sink: Sink, loop: ClosedLoop) -> World:
        env = simpy.Environment(initial_time=self.scenario.start_s)
        world = World(
            site,
            env,
            sink,
            seed=self.scenario.seed,
            weather=self.scenario.weather,
            # Orders to robots take effect at the end of a block.
            cadence=(lambda _now_s: OFFLINE) if self.dispatch else unattended(self.scenario),
            nature=self.nature,
        )
        loop.send_order = world.enqueue_order
        for event in self.scenario.events:
            world.add(event)
        for step in range(1, PROGRESS_STEPS + 1):
            # Blocks end on whole minutes; the last one must be in.
            env.run(until=self.scenario.start_s + self.scenario.duration * step / PROGRESS_STEPS + 1e-6)
            self.on_progress(step / PROGRESS_STEPS)
        return world

    def _about(self) -> dict[str, Any]:
        """Return what `jeonju show` needs to know of the run besides its results."""
        scenario = self.scenario
        about = {name: getattr(scenario, name) for name in ("title_ko", "title_en", "site", "seed", "duration")}
        return {**about, "start": scenario.start.isoformat(), "nature": self.nature}

    def _write(self, world: World, alerts: list[AlertRecord], maps: pa.Table, result: dict[str, Any]) -> None:
        labels = Labels(load_site(self.scenario.site))
        rows = [with_words(alert, labels, self.rules.title)._asdict() for alert in alerts]
        events = [exposure.to_dict() for exposure in world.exposure.events]
        try:
            pq.write_table(pa.Table.from_pylist(rows, schema=ALERTS), self.out / "alerts.parquet")
            pq.write_table(maps, self.out / "sources.parquet")
            (self.out / "events.json").write_text(json.dumps(events, ensure_ascii=False, indent=2), encoding="utf-8")
            (self.out / "run.json").write_text(
                json.dumps(self._about(), ensure_ascii=False, indent=2), encoding="utf-8"
            )
            (self.out / "score.json").write_text(json.dumps(result, ensure_ascii=False, indent=2), encoding="utf-8")
        except OSError as error:
            raise UserError(
                f"cannot write to {self.out}: {error.strerror or error}; free some space or choose another --out"
            ) from error


def _visits(
    site: Site, loop: ClosedLoop, events: Sequence[EventExposure], alerts: Sequence[AlertRecord]
) -> list[dict[str, Any]]:
    """Return the score of each robot's visit against the event whose alerts opened its incident; a false alarm has no true place."""
    places: dict[int, tuple[float, float]] = {}
    event_of: dict[str, int] = {}  # alert → event
    for number, event in enumerate(events):
        if isinstance(event.event, Fire | Leak | Dust):
            x_m, y_m = (float(value) for value in site.map.to_xy(event.event.lat, event.event.lon))
            places[number] = x_m, y_m
            for alert in fitting(event, alerts):
                event_of.setdefault(alert.id, number)

    def scored(visit: ScoredVisit) -> dict[str, Any]:
        raised = loop.incidents[visit.visit.incident].alerts
        number = next((event_of[alert_id] for alert_id in raised if alert_id in event_of), None)
        return {"event": number, **score_visit(visit, None if number is None else places[number])}

    return [scored(visit) for visit in loop.visits]
