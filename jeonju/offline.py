"""Run a scenario as fast as possible: readings, truth, alerts, score and a picture into one folder."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import simpy

from airquality.errors import UserError
from airquality.site import Site, load_site
from api.alerts.engine import AlertEngine
from api.alerts.rules import Rules, shipped_rules
from ingest.ledger import Ledger
from jeonju.located import locate_events
from simulator.outlets.parquet import ParquetOutlet
from simulator.scenario import Scenario
from simulator.score import score
from simulator.world import World
from storage.schema import INSTANT, AlertRecord

ALERTS: Final = pa.schema(
    [
        pa.field(name, INSTANT if name.endswith("_at") else pa.float64() if name in ("value", "limit") else pa.string())
        for name in AlertRecord._fields
    ]
)
PROGRESS_STEPS: Final = 200


@dataclass
class OfflineRun:
    """One scenario on its way through simulator and alert engine."""

    scenario: Scenario
    out: Path
    on_progress: Callable[[float], None] = lambda _share: None
    rules: Rules = field(default_factory=shipped_rules)

    def run(self) -> dict[str, Any]:
        """Run it and return the score; everything is in `out` afterwards, nothing half-written."""
        site = load_site(self.scenario.site)
        engine, ledger, alerts = AlertEngine(site, self.rules), Ledger(), dict[str, AlertRecord]()

        def judge(batch: pa.RecordBatch) -> None:
            table = pa.Table.from_batches([batch])
            for device, boot, seq in zip(*(table[name].to_pylist() for name in ("device", "boot", "seq")), strict=True):
                ledger.count(site.name, device, boot, seq)
            alerts.update({alert.id: alert for alert in engine.update(table)})

        outlet = ParquetOutlet(self.out, site=site.name, on_readings=judge)
        try:
            world = self._simulate(site, outlet)
            alerts.update({alert.id: alert for alert in engine.finish()})
            outlet.close()
        except BaseException:
            outlet.abandon()
            raise
        found = sorted(alerts.values(), key=lambda alert: (alert.started_at, alert.id))
        losses = {entry.device: {"received": entry.received, "repeated": entry.repeated, "missing": entry.missing, "late": entry.late}
                  for entry in ledger.changes()}  # fmt: skip
        result = {**score(world.exposure.events, found), "alerts": len(found), "loss": losses}
        located, maps = locate_events(site, self.out, world.exposure.events, found, world.emissions)
        result["events"] = [{**event, **where} for event, where in zip(result["events"], located, strict=True)]
        self._write(world, found, maps, result)
        return result

    def _simulate(self, site: Site, outlet: ParquetOutlet) -> World:
        env = simpy.Environment(initial_time=self.scenario.start_s)
        world = World(site, env, outlet, seed=self.scenario.seed, weather=self.scenario.weather)
        for event in self.scenario.events:
            world.add(event)
        for step in range(1, PROGRESS_STEPS + 1):
            # Blocks end on whole minutes; the last one must be in.
            env.run(until=self.scenario.start_s + self.scenario.duration * step / PROGRESS_STEPS + 1e-6)
            self.on_progress(step / PROGRESS_STEPS)
        return world

    def _write(self, world: World, alerts: list[AlertRecord], maps: pa.Table, result: dict[str, Any]) -> None:
        rows = [alert._asdict() for alert in alerts]
        events = [followed.as_dict() for followed in world.exposure.events]
        try:
            pq.write_table(pa.Table.from_pylist(rows, schema=ALERTS), self.out / "alerts.parquet")
            pq.write_table(maps, self.out / "sources.parquet")
            (self.out / "events.json").write_text(json.dumps(events, ensure_ascii=False, indent=2), encoding="utf-8")
            (self.out / "score.json").write_text(json.dumps(result, ensure_ascii=False, indent=2), encoding="utf-8")
        except OSError as error:
            raise UserError(
                f"cannot write to {self.out}: {error.strerror or error}; free some space or choose another --out"
            ) from error
