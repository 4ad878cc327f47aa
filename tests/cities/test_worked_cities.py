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


def test_normals_of_seoul_are_those_that_others_print() -> None:
    """Daily lows and highs [°C] and rain [mm] by month, of 1991 to 2020, as Wikipedia's page on Seoul has them from KMA; mean of the year 12.8 °C."""
    printed = (
        (-5.5, 2.1, 16.8),
        (-3.2, 5.1, 28.2),
        (1.9, 11.0, 36.9),
        (8.0, 17.9, 72.9),
        (13.5, 23.6, 103.6),
        (18.7, 27.6, 129.5),
        (22.3, 29.0, 414.4),
        (22.9, 30.0, 348.2),
        (17.7, 26.2, 141.5),
        (10.6, 20.2, 52.2),
        (3.5, 11.9, 51.1),
        (-3.4, 4.2, 22.6),
    )
    climate = load_site("gangnam").climate
    assert climate is not None
    ours = list(zip(climate.minimum_c, climate.maximum_c, climate.rain_mm, strict=True))
    assert [(low, high) for low, high, _ in ours] == [(low, high) for low, high, _ in printed]
    assert [rain for *_, rain in ours] == pytest.approx([rain for *_, rain in printed], abs=0.51)
    assert sum(climate.mean_c) / 12 == pytest.approx(12.8, abs=0.05)
    assert (climate.mean_c[0], climate.mean_c[7]) == (-1.9, 26.1)


def test_normals_of_gwangju_are_near_what_others_print() -> None:
    """Means [°C] of 1991 to 2020 in the Encyclopedia of Korean Local Culture; months here are rounded to half a degree."""
    climate = load_site("gwangju").climate
    assert climate is not None
    mean = climate.mean_c
    assert (mean[0], mean[7]) == (1.0, 26.5)
    for months, printed in (((5, 6, 7), 25.0), ((11, 0, 1), 2.4), (range(12), 14.1)):
        assert sum(mean[month] for month in months) / len(months) == pytest.approx(printed, abs=0.25)


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
