"""The life of an alert: pending, firing, kept firing, ended; its severity, a restart, and kinds that are switched off. Every time is given."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.condition import Condition
from jeonju.detection.lifecycle import AlertBook
from jeonju.rules.rule import Rule
from jeonju.rules.rules import Rules

START = datetime(2026, 3, 4, tzinfo=UTC)
KIND, PLACE = "smoke", "palbok-03"
FOR_S, KEEP_S = 30.0, 120.0


class Life:
    """One book and its clock: `at` says which conditions hold at a second, and returns what changed."""

    def __init__(self, site: Site, rules: Mapping[str, Rule] | None = None) -> None:
        self.book = AlertBook(site, Rules(rules or {KIND: Rule(hold=FOR_S, keep=KEEP_S)}))

    def at(self, second: float, *conditions: Condition, kinds: frozenset[str] = frozenset({KIND})) -> list[AlertRecord]:
        self.book.hold(kinds, conditions, START + timedelta(seconds=second))
        return self.book.take_changes()


def condition(severity: str = "warning", *, kind: str = KIND, place: str = PLACE, **more: Any) -> Condition:
    return Condition(kind=kind, place=place, severity=severity, summary_ko="", summary_en="", **more)


def seconds(at: datetime | None) -> float | None:
    return None if at is None else (at - START).total_seconds()


def test_alert_is_pending_fires_is_kept_firing_and_ends(jeonju: Site) -> None:
    life = Life(jeonju)
    assert life.at(0, condition()) == []  # pending
    assert life.at(29, condition()) == []
    (fired,) = life.at(30, condition(value=80.0))
    assert (seconds(fired.started_at), fired.ended_at, fired.value) == (30, None, 80.0)
    assert (fired.device, fired.zone, fired.severity) == (PLACE, "palbok", "warning")
    assert life.at(40) == []  # gone, and kept firing
    assert life.at(40 + KEEP_S - 1) == []
    (ended,) = life.at(40 + KEEP_S)
    assert (ended.id, seconds(ended.ended_at)) == (fired.id, 40 + KEEP_S)
    assert life.book.active == []
    assert life.at(1000) == []


def test_condition_that_breaks_off_while_pending_begins_anew(jeonju: Site) -> None:
    life = Life(jeonju)
    life.at(0, condition())
    life.at(20)
    assert life.at(35, condition()) == []
    assert life.at(60, condition()) == []
    assert [seconds(alert.started_at) for alert in life.at(65, condition())] == [65]


def test_condition_that_comes_back_in_time_keeps_the_alert(jeonju: Site) -> None:
    life = Life(jeonju, {KIND: Rule(keep=KEEP_S)})
    (fired,) = life.at(0, condition())
    life.at(10)
    life.at(10 + KEEP_S - 1, condition())  # back at 129 s
    # The time without it counts from when it went last, not from when it went first.
    assert life.at(140) == []
    assert life.at(140 + KEEP_S - 1) == []
    (ended,) = life.at(140 + KEEP_S)
    assert ended.id == fired.id


def test_change_of_severity_is_handed_out_at_once_and_the_same_state_once_a_minute(jeonju: Site) -> None:
    life = Life(jeonju, {KIND: Rule()})
    (fired,) = life.at(0, condition("warning", value=1.0))
    assert life.at(59, condition("warning", value=2.0)) == []
    (refreshed,) = life.at(60, condition("warning", value=3.0))
    assert (refreshed.id, refreshed.value) == (fired.id, 3.0)
    (worse,) = life.at(61, condition("critical"))
    assert (worse.id, worse.severity, seconds(worse.started_at)) == (fired.id, "critical", 0)


def test_rule_lays_the_severity_down(jeonju: Site) -> None:
    (fired,) = Life(jeonju, {KIND: Rule(severity="info")}).at(0, condition("critical"))
    assert fired.severity == "info"


def test_alert_of_before_a_restart_goes_on_and_ends(jeonju: Site) -> None:
    (fired,) = Life(jeonju, {KIND: Rule()}).at(0, condition())
    life = Life(jeonju)
    life.book.resume([fired])
    assert [alert.id for alert in life.book.active] == [fired.id]
    (going_on,) = life.at(100, condition())  # it is firing: nothing is pending again
    assert (going_on.id, going_on.started_at) == (fired.id, fired.started_at)
    life.at(110)
    (ended,) = life.at(110 + KEEP_S)
    assert (ended.id, seconds(ended.ended_at)) == (fired.id, 110 + KEEP_S)


def test_disabled_kind_never_fires_and_one_that_fires_ends(jeonju: Site) -> None:
    (fired,) = Life(jeonju, {KIND: Rule()}).at(0, condition())
    life = Life(jeonju, {KIND: Rule(enabled=False)})
    assert life.at(0, condition()) == []
    life.book.resume([fired])
    (ended,) = life.at(10, condition())
    assert (ended.id, seconds(ended.ended_at)) == (fired.id, 10)


def test_kind_that_no_rule_names_any_more_ends_when_it_was_last_known(jeonju: Site) -> None:
    (fired,) = Life(jeonju, {KIND: Rule()}).at(7, condition())
    life = Life(jeonju)
    life.book.resume([fired])
    life.book.end_all_but(frozenset({"dust"}))
    assert [seconds(alert.ended_at) for alert in life.book.take_changes()] == [7]


@pytest.mark.parametrize("other", [{"kind": "dust"}, {"place": "palbok-04"}])
def test_each_kind_and_place_has_a_life_of_its_own(jeonju: Site, other: dict[str, str]) -> None:
    life, both = Life(jeonju, {KIND: Rule(), "dust": Rule()}), frozenset({KIND, "dust"})
    assert len(life.at(0, condition(), condition(**other), kinds=both)) == 2
    (ended,) = life.at(10, condition(), kinds=both)
    assert (ended.kind, ended.device) == (other.get("kind", KIND), other.get("place", PLACE))


def test_kinds_that_were_not_judged_are_left_alone(jeonju: Site) -> None:
    life = Life(jeonju, {KIND: Rule(), "dust": Rule()})
    life.at(0, condition())
    assert life.at(1000, kinds=frozenset({"dust"})) == []
    assert len(life.book.active) == 1
