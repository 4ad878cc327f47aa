"""The loop closes by itself: an alert, a map, an order, a robot that looks, a better map, and home."""

from pathlib import Path

from jeonju.evaluation.offline import OfflineRun
from jeonju.simulator.scenario import load_scenario


def test_robot_finds_the_fire_and_the_map_is_at_most_half_as_far_off(tmp_path: Path) -> None:
    scenario = load_scenario("smouldering-heap").model_copy(update={"duration": 1.6 * 3600})
    result = OfflineRun(scenario, tmp_path, dispatch=True).run()
    (visit,) = result["visits"]
    assert visit["event"] == 0
    assert visit["outcome"] == "located"
    assert visit["error_after_m"] <= 0.5 * min(visit["error_before_m"], visit["error_without_visit_m"])
    assert visit["error_after_m"] <= 45
