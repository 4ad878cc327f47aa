"""History that is made up for: event time runs a thousand times as fast as arrival, and every device has a queue of its own."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from jeonju.contract.columns import readings_table
from jeonju.contract.site import Site
from jeonju.detection.engine import AlertEngine
from jeonju.detection.windows import PATIENCE_S
from tests.detection.feeding import CLEAN

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
BLOCK_S, BLOCKS = 600, 12
BEGIN = NOW - timedelta(seconds=BLOCK_S * BLOCKS)


def feed(
    engine: AlertEngine, devices: Iterable[str], first: datetime, count: int, every_s: float, arrived: datetime
) -> None:
    """Feed the same times of every device as one batch."""
    times = [first + timedelta(seconds=every_s * step) for step in range(count)]
    engine.update(
        readings_table(
            [
                {"site": "jeonju", "device": device, "time": time, "received_at": arrived, **CLEAN}
                for time in times
                for device in devices
            ]
        )
    )


def history(engine: AlertEngine, device: str, arrived: datetime, blocks: int = BLOCKS) -> None:
    for block in range(blocks):
        feed(engine, [device], BEGIN + timedelta(seconds=BLOCK_S * block), 60, 10.0, arrived)


def names(site: Site) -> list[str]:
    return [device.name for device in site.devices]


def moments() -> Iterator[datetime]:
    """Arrivals a tenth of a second apart."""
    arrived = NOW
    while True:
        yield arrived
        arrived += timedelta(seconds=0.1)


def test_first_start_waits_for_every_device_of_the_site(jeonju: Site) -> None:
    engine, arrivals = AlertEngine(jeonju), moments()
    # The whole history of one device after that of another, as connections come up.
    for name in names(jeonju):
        history(engine, name, next(arrivals))
    assert engine.late == 0
    assert engine.pollution.cai or engine.pollution.us_aqi


def test_device_whose_last_history_comes_after_the_present_of_the_others_is_judged(jeonju: Site) -> None:
    engine, arrivals = AlertEngine(jeonju), moments()
    *others, slow = names(jeonju)
    for name in [*others, slow]:
        history(engine, name, next(arrivals), BLOCKS - 1)
    # Every second from here, at first much faster than the clock.
    began = BEGIN + timedelta(seconds=BLOCK_S * (BLOCKS - 1))
    for second in range(BLOCK_S):
        arrived = NOW + timedelta(seconds=3 + second / 200)
        feed(engine, others, began + timedelta(seconds=second), 1, 1.0, arrived)
        if second < 300:
            feed(engine, [slow], began + timedelta(seconds=second), 1, 1.0, arrived)
    # The others have caught up and go on with the clock while the rest of the slow one is under way.
    for second in range(5):
        at = NOW + timedelta(seconds=6 + second)
        feed(engine, others, at, 1, 1.0, at)
    feed(engine, [slow], began + timedelta(seconds=300), 300, 1.0, NOW + timedelta(seconds=11))
    assert engine.late == 0


def test_device_of_the_site_that_never_comes_delays_the_others_only_briefly(jeonju: Site) -> None:
    engine = AlertEngine(jeonju)
    *others, _absent = names(jeonju)
    for second in range(0, 1200, 10):
        at = NOW + timedelta(seconds=second)
        feed(engine, others, at, 1, 10.0, at)
    # Judged without the absent one, so what comes from so long ago is too late.
    feed(engine, others[:1], NOW, 1, 10.0, NOW + timedelta(seconds=1200))
    assert engine.late == 1


@pytest.mark.parametrize("behind", [timedelta(minutes=5), timedelta(days=9000)])
def test_clock_that_is_behind_delays_no_other_device_once_the_past_is_made_up_for(
    jeonju: Site, behind: timedelta
) -> None:
    engine, arrivals = AlertEngine(jeonju), moments()
    *others, wrong = names(jeonju)
    for name in others:
        history(engine, name, next(arrivals))
    for second in range(0, 120, 10):
        at = NOW + timedelta(seconds=10 + second)
        feed(engine, others, at, 1, 10.0, at)
        feed(engine, [wrong], at - behind, 1, 10.0, at)
    before = engine.late
    feed(engine, others[:1], NOW + timedelta(seconds=20), 1, 10.0, NOW + timedelta(seconds=131))
    assert engine.late == before + 1


def test_devices_that_stay_silent_hold_nothing_up_once_nothing_more_arrives(jeonju: Site) -> None:
    """Part of the network sends its past at once and then nothing: the clock alone ends the wait for the others."""
    engine = AlertEngine(jeonju)
    arrived = BEGIN + timedelta(hours=1)
    rows = [
        {
            "site": "jeonju",
            "device": device,
            "time": BEGIN + timedelta(seconds=10 * step),
            "received_at": arrived,
            **CLEAN,
        }
        | ({"pm25": 150.0, "pm10": 180.0, "co": 1.5} if device == "palbok-03" and step >= 180 else {})
        for step in range(360)
        for device in ("palbok-01", "palbok-02", "palbok-03")
    ]
    assert engine.update(readings_table(rows)) == []
    changed = engine.pass_time(arrived + timedelta(seconds=PATIENCE_S + 1))
    assert [alert.kind for alert in changed if alert.device == "palbok-03"] == ["smoke"]
    assert engine.late == 0
