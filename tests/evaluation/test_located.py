"""What the score says of a source map beside the truth, by hand."""

import numpy as np
import pytest

from jeonju.evaluation.located import _moment
from jeonju.evaluation.release_score import reliability
from jeonju.localization.source_map import SourceMap

AXIS = np.arange(0.0, 500.0, 50.0)


def map_of(probability: np.ndarray, elsewhere: float = 0.0) -> SourceMap:
    return SourceMap("pm25", AXIS, AXIS, probability, elsewhere, (0.1, 1.0, 10.0))


def peaked() -> np.ndarray:
    probability = np.full((10, 10), 0.1 / 97)
    probability[2, 3], probability[2, 4], probability[7, 7] = 0.5, 0.3, 0.1
    return probability


def test_regions_are_the_fewest_cells_that_hold_their_share() -> None:
    found = map_of(peaked())
    assert found.region(0.5).sum() == 1
    assert found.region(0.8).sum() == 2
    assert found.region(0.9).sum() == 3
    # A share of what is on the map, however much is elsewhere.
    assert map_of(0.2 * peaked(), 0.8).region(0.8).sum() == 2


def test_map_without_a_hint_says_nothing_and_its_region_is_all_of_it() -> None:
    flat = map_of(np.full((10, 10), 0.01))
    assert flat.region(0.5).all()
    assert flat.says_nothing
    assert not map_of(peaked()).says_nothing


def test_moment_compares_the_map_and_the_naive_answer_with_the_truth() -> None:
    moment = _moment(map_of(peaked()), (100.0, 200.0), (400.0, 200.0))
    assert moment["location_error_m"] == 50
    assert moment["area_share"] == pytest.approx(0.02)
    assert (moment["in_50"], moment["in_90"]) == (False, True)
    assert moment["area_90_km2"] == pytest.approx(3 * 0.0025)
    assert moment["naive_error_m"] == 300
    assert (moment["naive_in_50"], moment["naive_in_90"]) == (True, True)
    assert 0.3 < moment["naive_area_share"] < 0.8


def test_truth_off_the_map_has_the_whole_area_before_it() -> None:
    moment = _moment(map_of(peaked()), (9000.0, 0.0), (0.0, 0.0))
    assert moment["area_share"] == 1.0
    assert not moment["in_90"]


def test_reliability_sorts_claims_into_classes_and_counts_what_is_right() -> None:
    rows = reliability([(0.4, False), (0.85, True), (0.89, False), (1.0, True)])
    assert [(row["from"], row["claims"], row["right"]) for row in rows] == [
        (0.0, 1, 0.0),
        (0.8, 2, 0.5),
        (0.99, 1, 1.0),
    ]
    assert rows[1]["said"] == pytest.approx(0.87)
