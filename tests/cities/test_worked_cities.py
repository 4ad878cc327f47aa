"""The two worked cities: a fire in the factory belt is found, a fire beside a dense district too, a morning jam is no fire."""

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from jeonju.contract.site import load_site, load_sites
from jeonju.evaluation.offline import OfflineRun
from jeonju.simulator.scenario import Scenario, load_scenario


def hurried(name: str, begin_s: float, duration_s: float) -> Scenario:
    """A part of a scenario: from `begin_s` after its start on."""
    whole = load_scenario(name)
    events = [event.model_copy(update={"after": event.after - begin_s}) for event in whole.events]
    start = whole.start + timedelta(seconds=begin_s)
    return whole.model_copy(update={"start": start, "duration": duration_s, "events": events})


@pytest.mark.parametrize(
    ("scenario", "begin_s", "duration_s"),
    [("gwangju-tyre-works-fire", 31 * 60, 34 * 60), ("gangnam-guryong-fire", 32 * 60, 26 * 60)],
)
def test_the_fire_is_found(scenario: str, begin_s: float, duration_s: float, tmp_path: Path) -> None:
    result = OfflineRun(hurried(scenario, begin_s, duration_s), tmp_path).run()
    (fire,) = result["events"]
    assert fire["detected"]
    assert fire["class"] in ("fire", "smouldering")
    assert result["false_alarms"] == 0


def test_a_morning_jam_is_no_fire_though_the_air_is_worse_at_the_streets(tmp_path: Path) -> None:
    result = OfflineRun(hurried("gangnam-rush-hour-jam", 90 * 60, 35 * 60), tmp_path).run()
    assert result["false_alarms"] == 0
    assert not result["events"]
    # What is true, as instruments differ by more: streets against the foot of the mountain. Every station reports it.
    street, foot, reporting = duckdb.execute(
        "select avg(t.co2) filter (t.device in ('samseong', 'seolleung', 'yeoksam')), "
        "avg(t.co2) filter (t.device in ('guryong-village', 'school-yangjeon')), count(distinct r.device) filter (r.co2 > 380) "
        "from read_parquet(?) t join read_parquet(?) r on t.device = r.device and t.time = r.time",
        [str(tmp_path / "truth.parquet"), str(tmp_path / "readings.parquet")],
    ).fetchall()[0]
    assert street > foot + 2
    assert reporting >= 19


def test_the_cities_can_be_served_together_and_have_a_climate_with_its_source() -> None:
    sites = load_sites(("jeonju", "gangnam", "gwangju"))
    assert [site.name for site in sites] == ["jeonju", "gangnam", "gwangju"]
    for site in sites[1:]:
        assert site.climate is not None
        assert site.climate.source
        assert site.climate.air.source
    gangnam = load_site("gangnam")
    schools = [one for one in gangnam.stations if one.name.startswith("school-")]
    assert len(schools) >= 6
    assert all("co2" in one.quantities for one in schools)
