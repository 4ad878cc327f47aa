"""Where more stations are worth most: chosen rightly where that is known, and measured."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from jeonju.airquality.geo import is_within
from jeonju.cli.app import app
from jeonju.common.errors import UserError
from jeonju.contract.site import Robot, load_site
from jeonju.evaluation.sweep import pictures
from jeonju.evaluation.sweep.placement import (
    CAP_S,
    LOOP_PREFIX,
    MOST_CANDIDATES,
    MOST_LOOPS,
    choose,
    choose_loop,
    gain_of_each,
    with_candidates,
)
from jeonju.evaluation.sweep.variation import outline_of
from jeonju.evaluation.sweep.words import Words
from tests.evaluation.sweep.reports import check_reports

SITE = load_site("jeonju")


def test_candidates_cover_the_zones_and_are_few() -> None:
    site, candidates = with_candidates(SITE)
    assert 100 < len([name for name in candidates if not name.startswith(LOOP_PREFIX)]) <= MOST_CANDIDATES
    own = [station for station in site.stations if station.name in candidates]
    for zone in SITE.zones:
        outline = outline_of(SITE, zone.outline)
        x_m, y_m = SITE.map.to_xy(*np.array([(one.lat, one.lon) for one in own if one.zone == zone.name]).T)
        inside = is_within(outline[:, 0], outline[:, 1], x_m, y_m)
        assert len(inside) > 5
        assert inside.all()


def test_the_best_ones_are_chosen_one_after_the_other() -> None:
    site, candidates = with_candidates(SITE)
    a, b, c = sorted(candidates)[:3]
    # a hears two of three events early, b hears the same but later, c alone hears the third.
    rows = [
        {"affected_after_s": {"palbok-01": 1000.0, a: 100.0, b: 200.0}},
        {"affected_after_s": {a: 100.0, b: 200.0}},
        {"affected_after_s": {c: 300.0}},
    ]
    before_s, chosen = choose(site, candidates, rows, 2)
    assert before_s == pytest.approx((1000 + 2 * CAP_S) / 3)
    assert [choice.station.name for choice in chosen] == [a, c]
    assert chosen[0].mean_s == pytest.approx((100 + 100 + CAP_S) / 3)
    assert chosen[1].mean_s == pytest.approx((100 + 100 + 300) / 3)
    assert gain_of_each(site, candidates, rows)[b] == pytest.approx((800 + CAP_S - 200) / 3)


def test_loops_are_as_that_of_the_first_robot_and_the_best_one_is_chosen() -> None:
    site, candidates = with_candidates(SITE)
    robots = [robot for robot in site.robots if robot.name in candidates]
    assert 10 < len(robots) <= MOST_LOOPS
    for robot in robots:
        assert length_m(robot) == pytest.approx(length_m(SITE.robots[0]), rel=1e-3)
    a, b = robots[3].name, robots[5].name
    rows: list[dict[str, Any]] = [
        {"affected_after_s": {"robot-1": 1000.0, a: 900.0, b: 200.0}},
        {"affected_after_s": {a: 3000.0}},
        {"affected_after_s": {}},
    ]
    choice = choose_loop(site, candidates, rows)
    assert choice is not None
    assert choice.robot.name == b
    assert choice.mean_s == pytest.approx((200 + 2 * CAP_S) / 3)
    bare, without_robots = with_candidates(SITE.model_copy(update={"robots": []}))
    assert choose_loop(bare, without_robots, rows) is None


def length_m(robot: Robot) -> float:
    corners = outline_of(SITE, [*robot.loop, robot.loop[0]])
    return float(np.hypot(*np.diff(corners, axis=0).T).sum())


def test_a_site_without_stations_is_refused() -> None:
    with pytest.raises(UserError, match="has no station whose instruments another could have"):
        with_candidates(SITE.model_copy(update={"stations": []}))


def test_a_placement_is_reported_with_what_it_is_worth(scenario_file: Path, tmp_path: Path) -> None:
    command = [
        "sweep",
        str(scenario_file),
        "--runs",
        "3",
        "--vary",
        "fire.position=city",
        "--placement",
        "2",
        "--out",
        str(tmp_path / "s"),
        "--processes",
        "2",
        "--json",
    ]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    placement = json.loads(done.stdout)["placement"]
    assert len(placement["stations"]) == 2
    assert placement["with"]["runs"] == placement["without"]["runs"] == placement["loop"]["with"]["runs"] == 3
    report = (tmp_path / "s" / "report.html").read_text()
    assert "Where more stations are worth most" in report
    assert "with one robot more instead" in report
    check_reports(tmp_path / "s", pictures=4)


def test_pictures_are_drawn_where_no_font_has_korean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "KOREAN_FONTS", ())
    with pictures.style():
        pictures.draw_detection(Words("ko"), [("감지", np.array([60.0, 120.0]))], tmp_path / "curve.svg")
    assert "감지" in (tmp_path / "curve.svg").read_text(encoding="utf-8")
