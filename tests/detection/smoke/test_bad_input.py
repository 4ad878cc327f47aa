"""Readings as they come in the field: alerts neither flap nor lie."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from jeonju.contract.columns import readings_table
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.engine import AlertEngine
from tests.detection.feeding import Row, joined, play
from tests.detection.smoke.timelines import SMOKE, STATIONS, T0, WARM_S, at, local_alerts, rows

FIRE = at("palbok-03", SMOKE, WARM_S, WARM_S + 300)
END_S = WARM_S + 600.0


def found(alerts: list[AlertRecord]) -> list[tuple[str, str | None, str]]:
    return [(alert.kind, alert.device, alert.id) for alert in local_alerts(alerts)]


@pytest.fixture(scope="module")
def steps(jeonju: Site) -> list[list[Row]]:
    return rows(jeonju, FIRE, 0.0, END_S)


@pytest.fixture(scope="module")
def expected(jeonju: Site, steps: list[list[Row]]) -> list[tuple[str, str | None, str]]:
    ids = found(play(AlertEngine(jeonju), steps))
    assert [kind for kind, _, _ in ids] == ["smoke"]
    return ids


def test_out_of_order_within_the_allowed_lateness(
    jeonju: Site, steps: list[list[Row]], expected: list[tuple[str, str | None, str]]
) -> None:
    rng = np.random.default_rng(5)
    pairs = [[*first, *second] for first, second in zip(steps[::2], steps[1::2], strict=True)]
    assert (
        found(play(AlertEngine(jeonju), [[pair[i] for i in rng.permutation(len(pair))] for pair in pairs])) == expected
    )


def test_repeated_at_once_and_minutes_later(
    jeonju: Site, steps: list[list[Row]], expected: list[tuple[str, str | None, str]]
) -> None:
    again = [[*step, *step, *(steps[number - 30] if number >= 30 else [])] for number, step in enumerate(steps)]
    assert found(play(AlertEngine(jeonju), again)) == expected


def test_an_hour_late_raises_nothing_and_is_counted(jeonju: Site, steps: list[list[Row]]) -> None:
    engine = AlertEngine(jeonju)
    late = [row for step in steps for row in step if row["device"] == "palbok-03"]
    said = play(engine, [[row for row in step if row["device"] != "palbok-03"] for step in steps])
    without = rows(jeonju, lambda name, _: None if name == "palbok-03" else {}, END_S, END_S + 3600)
    said += play(engine, joined(without))
    said += play(engine, [late])
    assert local_alerts(said) == []
    assert engine.late == len(late)


def test_missing_for_a_day_and_back_with_another_level(jeonju: Site) -> None:
    """What was usual a day ago is no measure; a fire half an hour later is one."""
    day_s = 86_400.0
    engine = AlertEngine(jeonju)
    said = play(engine, joined(rows(jeonju, lambda _n, _s: {}, 0.0, WARM_S)))
    without = rows(jeonju, lambda name, _s: None if name == "palbok-03" else {}, WARM_S, WARM_S + day_s, every_s=600.0)
    said += play(engine, without)
    back_s = WARM_S + day_s

    def adds(name: str, second: float) -> dict[str, float]:
        if name != "palbok-03":
            return {}
        fire = SMOKE if second >= back_s + 2400 else {}
        return {
            key: value + fire.get(key, 0.0)
            for key, value in {**dict.fromkeys(fire, 0.0), "pm25": 40.0, "pm10": 50.0, "co": 0.2}.items()
        }

    said += play(engine, joined(rows(jeonju, adds, back_s, back_s + 2700)))
    (alert,) = local_alerts(said)
    assert (alert.kind, alert.device) == ("smoke", "palbok-03")
    assert alert.started_at - T0 >= timedelta(seconds=back_s + 2400)


def test_a_clock_two_hours_ahead_is_not_judged_and_not_held_against_it_later(jeonju: Site) -> None:
    def shifted(step: list[Row]) -> list[Row]:
        wrong = [
            row
            for row in step
            if row["device"] == "palbok-03" and WARM_S - 600 <= (row["time"] - T0).total_seconds() < WARM_S
        ]
        return [
            *(row for row in step if row not in wrong),
            *({**row, "time": row["time"] + timedelta(hours=2), **SMOKE} for row in wrong),
        ]

    engine = AlertEngine(jeonju)
    alerts = local_alerts(play(engine, [shifted(step) for step in rows(jeonju, FIRE, 0.0, END_S)]))
    assert [(alert.kind, alert.device) for alert in alerts] == [("smoke", "palbok-03")]
    assert timedelta(seconds=WARM_S) < alerts[0].started_at - T0 < timedelta(seconds=WARM_S + 90)
    assert engine.late == 60


def moved(step: list[Row], begin_s: float, end_s: float, added: dict[str, float]) -> list[Row]:
    """Let palbok-03 be 50 km farther north for a while, where the air is another."""
    return [
        {**row, "lat": row["lat"] + 0.45, **{key: row[key] + value for key, value in added.items()}}
        if row["device"] == "palbok-03" and begin_s <= (row["time"] - T0).total_seconds() < end_s
        else row
        for row in step
    ]


def test_a_device_that_is_carried_50_km_away_and_back_raises_nothing(jeonju: Site) -> None:
    quiet = rows(jeonju, lambda _n, _s: {}, 0.0, WARM_S + 4800)
    away = [moved(step, WARM_S, WARM_S + 2400, SMOKE) for step in quiet]
    assert local_alerts(play(AlertEngine(jeonju), joined(away))) == []


def test_one_wrong_position_hides_no_fire(jeonju: Site, steps: list[list[Row]]) -> None:
    wrong = [moved(step, WARM_S - 20, WARM_S - 10, {}) for step in steps]
    (alert,) = local_alerts(play(AlertEngine(jeonju), wrong))
    assert (alert.kind, alert.device) == ("smoke", "palbok-03")
    assert alert.started_at - T0 < timedelta(seconds=WARM_S + 90)


def test_a_restart_in_the_middle_of_a_fire_neither_ends_nor_repeats_it(jeonju: Site) -> None:
    """The engine is rebuilt as the api does it: lasting alerts, ten-minute means of the past, and the last forty minutes as they were."""
    fire = at("palbok-03", SMOKE, 5400.0, 9000.0)
    before = rows(jeonju, fire, 0.0, 8400.0)
    first = AlertEngine(jeonju)
    lasting = [alert for alert in local_alerts(play(first, joined(before))) if alert.ended_at is None]
    assert len(lasting) == 1

    second = AlertEngine(jeonju)
    latest = readings_table(before[-1])
    second.restore(lasting, ten_minute_means(before[:600]), 600.0, latest)
    said = play(second, joined(before[600:]))
    said += play(second, joined(rows(jeonju, fire, 8400.0, 10_800.0)))
    (alert,) = local_alerts(said)
    assert alert.id == lasting[0].id
    assert alert.ended_at is not None
    assert timedelta(seconds=9000) < alert.ended_at - T0 < timedelta(seconds=9000 + 900)


def ten_minute_means(steps: list[list[Row]]) -> pa.Table:
    """Return what a store gives for a series over ten minutes."""
    means = []
    for begin in range(0, len(steps), 60):
        for device in STATIONS:
            mine = [row for step in steps[begin : begin + 60] for row in step if row["device"] == device]
            numbers = {
                key: float(np.mean([row[key] for row in mine]))
                for key, value in mine[0].items()
                if isinstance(value, float)
            }
            means.append({**mine[0], **numbers})
    return readings_table(means)
