"""Who is told when: shifts over midnight and on holidays, quiet hours, and what does not fit together."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.common.errors import UserError
from jeonju.rules.hours import DAY_MIN, DAYS, Hours, first_free
from jeonju.rules.people import Calling
from jeonju.rules.rules import load_rules

EXAMPLE = Path(__file__).parents[2] / "examples/notify/on-call.toml"
NEW_YEAR = date(2027, 1, 1)  # a Friday


@pytest.fixture(scope="module")
def calling() -> Calling:
    return load_rules(EXAMPLE).calling


@pytest.mark.parametrize(
    ("at", "people"),
    [
        ("2027-01-04T08:00", {"kim"}),
        ("2027-01-04T19:59", {"kim"}),
        ("2027-01-04T20:00", {"lee"}),
        ("2027-01-05T07:59", {"lee"}),
        # On New Year's Day the night shift of Thursday ends at eight, and everybody has the day.
        ("2027-01-01T07:00", {"kim", "lee"}),
        ("2027-01-01T09:00", {"kim", "lee"}),
        ("2027-01-02T03:00", {"kim", "lee"}),
        # Nobody: those of Sunday have gone, and Monday's begin at eight. All who are ever on duty are told.
        ("2027-01-04T03:00", {"kim", "lee"}),
    ],
)
def test_on_call_by_weekday_hour_and_holiday(calling: Calling, at: str, people: set[str]) -> None:
    assert calling.has("duty", datetime.fromisoformat(at)) == people


def test_escalation_waits_for_each_role(calling: Calling) -> None:
    monday = datetime(2027, 1, 4, 10, 0, tzinfo=UTC)
    waits = {
        name: calling.waits_s(name, "smoke", "palbok", "warning", monday)
        for name in ("team-chat", "kim-phone", "lee-phone", "city-hall")
    }
    assert waits == {"team-chat": 0.0, "kim-phone": 0.0, "lee-phone": 600.0, "city-hall": 1800.0}
    assert calling.waits_s("kim-phone", "cai", "palbok", "warning", monday) is None
    assert calling.waits_s("kim-phone", "cai", "palbok", "critical", monday) == 300.0


def test_hours_without_anybody_are_named(calling: Calling) -> None:
    assert list(calling.gaps()) == ["nobody is duty on mon 00:00; all who ever are will be told then"]


PEOPLE = """
[[channels]]
type = "apprise"
name = "a"
urls = ["env:A"]
{quiet}
[[people]]
name = "kim"
channels = ["{channel}"]
{of_kim}
[[on_call]]
role = "{role}"
people = ["{who}"]
[[escalations]]
steps = [{{ role = "{step}" }}{more}]
"""
GOOD = {"quiet": "", "channel": "a", "of_kim": "", "role": "duty", "who": "kim", "step": "duty", "more": ""}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step": "chief"}, "escalations[0].steps[0].role is 'chief', which nobody has; there are: duty"),
        ({"who": "lee"}, "on_call[0].people names 'lee', who is not among the people"),
        ({"role": "chief", "step": "chief", "channel": "b"}, "people[0].channels names 'b', which is no channel"),
        ({"quiet": "quiet = { from = '00:00', to = '24:00' }"}, "channels[0].quiet cover all day, every day"),
        ({"quiet": "quiet = { from = '07:00', to = '07:00' }"}, "channels[0].quiet cover all day, every day"),
        (
            {"quiet": "quiet = { from = '22:00', to = '08:00' }", "of_kim": "quiet = { from = '08:00', to = '22:00' }"},
            "channels[0].quiet cover all day, every day",
        ),
        ({"of_kim": "quiet = {}"}, "people[0].quiet cover all day, every day"),
        ({"quiet": "quiet = { from = '25:00' }"}, "channels[0].quiet.from is no time of day"),
        ({"quiet": "quiet = { from = '24:00', to = '08:00' }"}, "channels[0].quiet.from is the end of a day"),
        ({"quiet": "quiet = { days = ['monday'] }"}, "channels[0].quiet.days"),
        ({"more": ", { role = 'duty', after = '-5m' }"}, "escalations[0].steps[1].after is no duration"),
        ({"step": "duty', after = '5m' }, { role = 'duty".replace("'", '"')}, "not in the order of `after`"),
    ],
)
def test_what_does_not_fit_together_is_one_line(tmp_path: Path, change: dict[str, str], message: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(PEOPLE.format(**GOOD))
    load_rules(path)
    path.write_text(PEOPLE.format(**{**GOOD, **change}))
    with pytest.raises(UserError) as error:
        load_rules(path)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{path}:")


def test_person_whom_nothing_reaches_is_said(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(PEOPLE.format(**GOOD).split("[[escalations]]")[0])
    with pytest.raises(UserError, match="'kim' has no role of an escalation"):
        load_rules(path)


spans = st.builds(
    lambda days, begin, end: Hours(days=tuple(days), begin=begin, end=end),
    st.lists(st.sampled_from(DAYS), min_size=1, max_size=8),
    st.integers(0, DAY_MIN - 1),
    st.integers(0, DAY_MIN),
)


@given(given_spans=st.lists(spans, max_size=3))
def test_first_free_time_is_free_and_there_is_none_only_where_all_is_covered(given_spans: list[Hours]) -> None:
    """Against every minute of a week, one after the other."""
    monday = datetime(2027, 1, 4, tzinfo=UTC)
    week = [monday + timedelta(minutes=7 * minute) for minute in range(7 * DAY_MIN // 7)]
    edges = [edge % DAY_MIN for span in given_spans for edge in (span.begin, span.end)]
    week += [monday + timedelta(days=day, minutes=edge) for day in range(7) for edge in edges]
    free = [at for at in week if not any(span.cover(at, ()) for span in given_spans)]
    found = first_free(given_spans)
    assert (found is None) == (not free)
    if found is not None:
        day, clock = found.split()
        at = monday + timedelta(days=DAYS.index(day), hours=int(clock[:2]), minutes=int(clock[3:]))
        assert not any(span.cover(at, ()) for span in given_spans)


@given(span=spans, day=st.dates(date(2026, 1, 1), date(2027, 12, 31)))
def test_hours_last_as_long_as_they_say(span: Hours, day: date) -> None:
    """Every day: those that begin on it cover so many minutes until the same time a day later."""
    every = Hours(days=DAYS, begin=span.begin, end=span.end)
    begin = datetime.combine(day, datetime.min.time()) + timedelta(minutes=span.begin % DAY_MIN)
    covered = sum(every.cover(begin + timedelta(minutes=minute), ()) for minute in range(DAY_MIN))
    assert covered == every.lasts_min
