"""Alert rules before they are in force: are they well written, and what would they have done."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.table import Table

from jeonju.cli.options import Json, SiteName
from jeonju.cli.replay import parquet_of, recorded
from jeonju.common.errors import UserError
from jeonju.contract.as_json import alert_json
from jeonju.contract.columns import READINGS, readings_table
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site, load_site
from jeonju.messages.alerts import Labels, with_words
from jeonju.rules.rules import Rules, load_rules

app = typer.Typer(no_args_is_help=True, help="Alert rules: check them, and try them on recorded data (docs/alerts.md).")

SHIPPED: Final = "shipped"
ROWS_AT_ONCE: Final = 10_000
WIDE: Final = 250  # where nobody looks at the width
EXPECTATION_FAILED: Final = 1

RulesFile = Annotated[
    str, typer.Argument(help="A rules file, or `shipped` for those that come with the project alone.")
]
Kinds = list[str] | None
Shown = Annotated[Kinds, typer.Option("--kind", help="Show alerts of this kind only; may be repeated.")]
MustFire = Annotated[Kinds, typer.Option("--must-fire", help="End with status 1 unless this kind is raised.")]
MustStaySilent = Annotated[Kinds, typer.Option("--must-stay-silent", help="End with status 1 if this kind is raised.")]


@app.command()
def check(rules: RulesFile, *, as_json: Json = False) -> None:
    """Check a rules file; every fault is named with its line. The rules are not put in force."""
    loaded = _load(rules)
    counts = {
        "rules": len(loaded.rules),
        "thresholds": len(loaded.thresholds),
        "disabled": sum(not rule.enabled for rule in loaded.rules.values()),
        "channels": len(loaded.channels),
        "people": len(loaded.calling.people),
        "escalations": len(loaded.calling.escalations),
    }
    words = ", ".join(f"{count} {what}" for what, count in counts.items())
    for gap in loaded.calling.gaps():
        typer.echo(f"{rules}: {gap}", err=True)
    typer.echo(json.dumps(counts) if as_json else f"{rules}: good; with the shipped rules {words}")


@app.command("test")
def try_out(
    rules: RulesFile,
    timeline: Annotated[
        Path,
        typer.Argument(
            help="A readings.parquet or the folder of a `jeonju run`, a .csv (time, device, quantities), or a .jsonl of native messages."
        ),
    ],
    *,
    site: SiteName = "jeonju",
    kind: Shown = None,
    must_fire: MustFire = None,
    must_stay_silent: MustStaySilent = None,
    as_json: Json = False,
) -> None:
    """Run rules over recorded data and print when each alert would have been raised and ended.

    Status 0 when it ran, 1 when an expectation was not met, 2 when a file is wrong. Nothing is stored or sent.
    """
    loaded, place = _load(rules), load_site(site)
    for name in [*(kind or []), *(must_fire or []), *(must_stay_silent or [])]:
        if name not in loaded.kinds:
            raise UserError(f"{name!r} is no kind of alert; there are: {', '.join(sorted(loaded.kinds))}")
    alerts, too_late = judged(place, loaded, timeline)
    fired = {alert.kind for alert in alerts}
    failed = [f"{name} did not fire" for name in must_fire or [] if name not in fired]
    failed += [f"{name} fired" for name in must_stay_silent or [] if name in fired]
    shown = [alert for alert in alerts if not kind or alert.kind in kind]
    if as_json:
        answer = {"alerts": [alert_json(alert) for alert in shown], "too_late": too_late, "failed": failed}
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        _print(shown, place)
        if too_late:
            typer.echo(f"{too_late:,} readings came too late to be judged; sort the recording by time", err=True)
        for line in failed:
            typer.echo(f"expected otherwise: {line}", err=True)
    if failed:
        raise typer.Exit(EXPECTATION_FAILED)


def judged(site: Site, rules: Rules, timeline: Path) -> tuple[list[AlertRecord], int]:
    """Return every alert of a recording in its last state, in the order of their start, and how many readings were too late.

    Raises UserError for what is no recording.
    """
    # Here, because every command loads this file and only this one needs the detectors.
    from jeonju.detection.engine import AlertEngine

    engine, alerts = AlertEngine(site, rules=rules), dict[str, AlertRecord]()
    for table in _by_minute(_tables(site, timeline)):
        alerts.update({alert.id: alert for alert in engine.update(table)})
    alerts.update({alert.id: alert for alert in engine.finish()})
    labels = Labels(site)
    told = [with_words(alert, labels, rules.title) for alert in alerts.values()]
    return sorted(told, key=lambda alert: (alert.started_at, alert.id)), engine.late


def _tables(site: Site, timeline: Path) -> Iterator[pa.Table]:
    """Yield tables in the READINGS schema: Parquet as it lies, everything else in the order of time."""
    path = parquet_of(timeline)
    if path is None:
        rows: list[dict[str, Any]] = [
            {"site": site.name, "device": one.device, "time": one.time, "received_at": one.time, **one.values}
            | ({} if one.position is None else {"lat": one.position[0], "lon": one.position[1]})
            for _, one in recorded(timeline)
        ]
        rows.sort(key=lambda row: row["time"])
        for first in range(0, len(rows), ROWS_AT_ONCE):
            yield readings_table(rows[first : first + ROWS_AT_ONCE])
        return
    try:
        file = pq.ParquetFile(path)
        if missing := {"device", "time"} - set(file.schema_arrow.names):
            raise UserError(f"{path} has no column {', '.join(sorted(missing))}; is it a readings.parquet?")
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
            known = {name: batch[name] for name in batch.schema.names}
            known |= {"site": pa.array([site.name] * len(batch)), "received_at": batch["time"]}
            columns = [
                known[f.name].cast(f.type) if f.name in known else pa.nulls(len(batch), f.type) for f in READINGS
            ]
            yield pa.table(columns, schema=READINGS)
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UserError(f"{path} cannot be read as readings: {str(error).splitlines()[0]}") from error


def _by_minute(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield the rows minute by minute, about as they would come live: silence is judged by who is heard after each batch."""
    left: pa.Table | None = None
    for table in tables:
        whole = table if left is None else pa.concat_tables([left, table])
        minutes = whole["time"].cast(pa.int64()).to_numpy() // 60_000_000
        cuts = [0, *(int(row) + 1 for row in np.flatnonzero(np.diff(minutes)))]
        for first, end in pairwise(cuts):
            yield whole.slice(first, end - first)
        left = whole.slice(cuts[-1])
    if left is not None:
        yield left


def _load(rules: str) -> Rules:
    return load_rules(None if rules == SHIPPED else Path(rules))


def _print(alerts: list[AlertRecord], site: Site) -> None:
    if not alerts:
        typer.echo("no alert")
        return
    zone = ZoneInfo(site.timezone)
    table = Table(box=None, pad_edge=False)
    for name in ("kind", "place", "severity", "raised", "ended"):
        table.add_column(name, no_wrap=True)
    table.add_column("what")
    for alert in alerts:
        began, ended = (
            None if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
            for at in (alert.started_at, alert.ended_at)
        )
        table.add_row(
            alert.kind, alert.device or alert.zone or "all", alert.severity, began, ended or "lasts", alert.summary_en
        )
    console = Console()
    console.print(table, crop=False, width=None if console.is_terminal else WIDE)
