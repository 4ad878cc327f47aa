"""Alerts neither begin nor end because the clock was set, by hours, days or years, there and back; nor over a suspension."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from jeonju.broker.connection import ConnectionState
from jeonju.contract.columns import readings_table
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.service import DetectionService
from jeonju.rules.rules import shipped_rules
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from tests.detection.feeding import CLEAN, STATIONS

START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
STEPS = [timedelta(hours=2), timedelta(days=20_000), timedelta(hours=-2), timedelta(days=-700)]


class Broker:
    """A connection that is there, or not."""

    def __init__(self) -> None:
        self.connected = True
        self.handlers: dict[str, Callable[[str, bytes], None]] = {}

    @property
    def state(self) -> ConnectionState:
        return ConnectionState(connected=self.connected, refusal=None, refused=0)

    def watch(self, **_callbacks: object) -> None: ...

    def listen(self, topic: str, _qos: int, handler: Callable[[str, bytes], None]) -> None:
        self.handlers[topic] = handler


class Alerts:
    """Where alerts go."""

    def __init__(self, store: DuckDBStore) -> None:
        self.store = store
        self.changed: list[AlertRecord] = []

    def restore(self, active: Sequence[AlertRecord]) -> None: ...

    def publish(self, alerts: Sequence[AlertRecord], _seen_until: datetime | None) -> None:
        self.store.write_alerts(list(alerts))
        self.changed += alerts

    def hold_back(self, alerts: Sequence[AlertRecord]) -> None:
        self.changed += alerts


class City:
    """Detection on a machine whose clock can be set; its thread is not started, this one does its work."""

    def __init__(self, site: Site, store: DuckDBStore) -> None:
        self.site, self.store, self.broker, self.alerts = site, store, Broker(), Alerts(store)
        self.passed, self.offset = timedelta(0), timedelta(0)
        self.detection = DetectionService(
            site,
            store,
            shipped_rules(),
            self.broker,  # type: ignore[arg-type]
            self.now,
            self.alerts,
            clock_offset_s=lambda: self.offset.total_seconds(),
        )

    def now(self) -> datetime:
        return START + self.passed + self.offset

    def work(self) -> None:
        for task in self.detection._worker._always:
            task()

    def wait(self, seconds: float) -> None:
        """Let time pass in which nothing comes."""
        for _ in range(int(seconds // 5)):
            self.passed += timedelta(seconds=5)
            self.work()

    def hear(self, seconds: float, ahead: timedelta = timedelta(0)) -> None:
        """Let all stations send every 10 s; as ingest commits it, with a time that is `ahead` of the clock."""
        for _ in range(int(seconds // 10)):
            self.passed += timedelta(seconds=10)
            self.work()
            rows: list[dict[str, Any]] = [
                {
                    "site": self.site.name,
                    "device": device,
                    "time": self.now() + ahead,
                    "received_at": self.now(),
                    **CLEAN,
                }
                for device in STATIONS
            ]
            table = readings_table(rows)
            self.store.write(Commit(readings=table))
            self.detection._judge(as_stream(table))

    @property
    def kinds(self) -> list[str]:
        return sorted(alert.kind for alert in self.detection._engine.active)


def as_stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


@pytest.fixture
def city(jeonju: Site, store: DuckDBStore) -> City:
    made = City(jeonju, store)
    made.detection._follow()
    made.hear(120)
    # The robots of the site have never been heard.
    assert "no-data" not in made.kinds
    made.alerts.changed.clear()
    return made


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_no_alert_begins_or_ends_when_the_clock_is_set_there_and_back(city: City, step: timedelta) -> None:
    before = city.kinds
    for offset in (step, timedelta(0)):
        city.offset = offset
        city.wait(60)
        city.hear(60)
        assert city.kinds == before
    assert not [alert for alert in city.alerts.changed if alert.kind == "no-data" or alert.ended_at]


@pytest.mark.parametrize("step", STEPS[::3], ids=str)
def test_no_data_is_still_said_after_three_minutes(city: City, step: timedelta) -> None:
    city.wait(60)
    city.offset = step
    city.wait(90)
    assert "no-data" not in city.kinds
    city.wait(60)
    assert "no-data" in city.kinds
    city.offset = timedelta(0)
    city.wait(60)
    assert "no-data" in city.kinds
    city.hear(60)
    assert "no-data" not in city.kinds


@pytest.mark.parametrize("step", STEPS[::3], ids=str)
def test_broker_that_is_away_stays_so(city: City, step: timedelta) -> None:
    city.broker.connected = False
    city.wait(60)
    assert "broker-away" in city.kinds
    (raised,) = [alert for alert in city.alerts.changed if alert.kind == "broker-away"]
    city.offset = step
    city.wait(120)
    assert [alert.id for alert in city.detection._engine.active if alert.kind == "broker-away"] == [raised.id]


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(days=700)], ids=str)
def test_readings_are_judged_within_a_minute_of_the_clock_being_right(
    jeonju: Site, store: DuckDBStore, ahead: timedelta
) -> None:
    """A machine that starts with a clock which is ahead, and devices without one: what they sent then is in the future of what they send now."""
    city = City(jeonju, store)
    city.offset = ahead
    city.detection._offset_s = ahead.total_seconds()
    city.detection._follow()
    city.hear(120)
    city.offset = timedelta(0)
    city.detection._set_back_for_s = 0.0
    city.hear(60)
    late = city.detection._engine.late
    city.hear(60)
    assert city.detection._engine.late == late
    assert abs(city.detection._engine._windows.watermark_s - city.now().timestamp()) < 60
    assert "many-silent" not in city.kinds
