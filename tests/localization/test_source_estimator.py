"""The source estimator on releases that were made with the same physics, and on what it cannot know."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability
from jeonju.airquality.dispersion.puffs import Puffs
from jeonju.evaluation.named_sources import Candidate, NamedSources
from jeonju.localization.footprints import GridSources
from jeonju.localization.source_estimator import FAILS, Course, SourceEstimate, SourceEstimator, observations_in

RATES = np.geomspace(0.01, 1000.0, 41)
PLACES = [
    Candidate("a", 0.0, 0.0, 2.0),
    Candidate("b", 80.0, 30.0, 2.0),
    Candidate("c", -60.0, 70.0, 2.0),
    Candidate("d", 20.0, -90.0, 2.0),
]
AROUND = np.array([[150 * np.cos(a), 150 * np.sin(a), 2.0] for a in np.linspace(0, 2 * np.pi, 8, endpoint=False)])
OPTIONS = {"surroundings": "open", "averaging_time_s": 600.0, "max_age_s": 900.0}


def airs(from_deg: float, n: int = 150, speed: float = 3.0) -> list[Meteorology]:
    return [
        Meteorology(
            wind_speed_m_s=speed,
            wind_from_deg=from_deg,
            stability=Stability.D,
            mixing_height_m=800.0,
            temperature_k=290.0,
            roughness_m=0.05,
        )
    ] * n


def sought(
    true: Candidate | None,
    rate: float,
    candidates: list[Candidate],
    receptors: np.ndarray = AROUND,
    *,
    seed: int = 1,
    blocks: int = 18,
    error: float = 0.5,
    blind: list[int] | None = None,
) -> SourceEstimate:
    """Release from one place while the wind goes round, with errors of the model and noise of the sensors; return what is found."""
    rng = np.random.default_rng(seed)
    plumes = NamedSources(candidates, **OPTIONS)  # type: ignore[arg-type]
    truth = NamedSources([true or Candidate("none", 0.0, 0.0, 2.0)], **OPTIONS)  # type: ignore[arg-type]
    estimator = SourceEstimator(len(candidates), rates=RATES, detection_level=1.0)
    for block in range(blocks):
        air = airs(360.0 * block / 18)
        signal = (rate if true else 0.0) * truth.respond(4.0, air, receptors[None])[:, 0] * 1e3
        excess = signal * np.exp(error * rng.standard_normal(len(receptors))) + 0.3 * rng.standard_normal(
            len(receptors)
        )
        excess[blind or []] = np.nan
        estimator.add(excess, 1e3 * plumes.respond(4.0, air, receptors[None]), 600.0)
    return estimator.estimate()


@pytest.mark.parametrize("number", range(len(PLACES)))
def test_true_source_and_rate_are_found(number: int) -> None:
    found = sought(PLACES[number], 5.0, PLACES)
    assert found.best == number
    assert not found.is_unsure()
    low, _, high = found.rates[number]
    assert low <= 5.0 * 1.3
    assert high >= 5.0 / 1.3


def test_interval_of_the_rate_holds_the_truth_about_as_often_as_it_says() -> None:
    """90 % intervals over 60 releases; the model's error is as large as the estimator thinks, and its tails are lighter."""
    held = 0
    for seed in range(60):
        rng = np.random.default_rng(1000 + seed)
        number, rate = int(rng.integers(4)), float(np.exp(rng.uniform(np.log(1), np.log(50))))
        found = sought(PLACES[number], rate, PLACES, seed=seed, error=1.0)
        held += found.rates[number][0] <= rate <= found.rates[number][2]
    assert held >= 48


def test_no_release_leaves_it_unsure() -> None:
    assert sought(None, 0.0, PLACES).is_unsure()


@pytest.mark.parametrize("place", [Candidate("outside", 400.0, 400.0, 2.0), Candidate("outside", 160.0, 160.0, 2.0)])
def test_source_that_is_no_candidate_leaves_it_unsure(place: Candidate) -> None:
    assert sought(place, 50.0, PLACES).is_unsure()


def test_source_that_no_candidate_explains_is_elsewhere() -> None:
    """The sensors upwind of every candidate see it, whatever the wind."""
    plumes = NamedSources(PLACES, **OPTIONS)  # type: ignore[arg-type]
    estimator = SourceEstimator(len(PLACES), rates=RATES, detection_level=1.0)
    for block in range(18):
        response = 1e3 * plumes.respond(4.0, airs(360.0 * block / 18), AROUND[None])
        estimator.add(np.where(response.max(axis=1) < 1e-3, 50.0, 0.0), response, 600.0)
    found = estimator.estimate()
    assert found.elsewhere > 0.9
    assert found.is_unsure()


def test_single_sensor_answers_widely_and_without_nan() -> None:
    found = sought(PLACES[1], 5.0, PLACES, AROUND[:1])
    assert np.all(np.isfinite(found.probability))
    assert found.rates[found.best][2] > 3 * found.rates[found.best][0]


def test_silent_sensors_and_missing_blocks_are_left_out() -> None:
    found = sought(PLACES[2], 5.0, PLACES, blind=[0, 4])
    assert found.best == 2
    nothing = sought(PLACES[2], 5.0, PLACES, blind=list(range(8)))
    assert nothing.blocks == 0
    assert np.allclose(nothing.probability, nothing.probability[0])
    assert nothing.is_unsure()


def test_evidence_grows_with_every_block() -> None:
    assert (
        sought(PLACES[0], 5.0, PLACES, blocks=4).probability[0]
        <= sought(PLACES[0], 5.0, PLACES, blocks=18).probability[0]
    )


def test_minutes_close_together_count_as_one_observation() -> None:
    """The same ten minutes given as one block or as ten say the same."""
    once, often = (SourceEstimator(2, rates=RATES, detection_level=1.0) for _ in range(2))
    excess, response = np.array([3.0, 0.0]), np.array([[1.0, 0.1], [0.0, 1.0]])
    once.add(excess, response, 600.0)
    for _ in range(10):
        often.add(excess, response, 60.0)
    assert np.allclose(once.estimate().probability, often.estimate().probability)


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(np.float64, (5, 3), elements=st.one_of(st.floats(-1e9, 1e9), st.just(np.nan), st.just(np.inf))),
    hnp.arrays(np.float64, (5, 3, 4), elements=st.one_of(st.floats(0, 1e9), st.just(np.nan))),
)
def test_answer_is_a_distribution_whatever_comes(excess: np.ndarray, response: np.ndarray) -> None:
    estimator = SourceEstimator(4, rates=RATES, detection_level=0.1)
    for row, block in zip(excess, response, strict=True):
        estimator.add(row, block, 600.0)
    found = estimator.estimate()
    assert found.probability.sum() + found.elsewhere == pytest.approx(1.0)
    assert np.all(np.isfinite(found.rates))
    assert np.all(np.diff(found.rates, axis=1) >= 0)


def test_grid_is_the_same_as_a_run_from_each_cell() -> None:
    """Shifting one run of puffs to a cell gives what releasing there gives."""
    x, y = np.arange(-200.0, 201.0, 50.0), np.arange(-100.0, 101.0, 50.0)
    grid = GridSources(x, y, height_m=1.0, **OPTIONS)  # type: ignore[arg-type]
    receptors = np.array([[[120.0, 10.0, 2.0], [60.0, -80.0, 3.0]]])
    wind = airs(270.0, 60) + airs(240.0, 60)
    response = grid.respond(4.0, wind, receptors).reshape(2, len(x), len(y))
    for a, b in ((1, 2), (4, 0), (6, 3)):
        puffs = Puffs(
            n_sources=1, box_m=(-2000, -2000, 2000, 2000), surroundings="open", averaging_time_s=600.0, max_age_s=900.0
        )
        for tick in range(60):
            puffs.release(
                0, x_m=x[a], y_m=y[b], z_m=1.0, mass=4.0, sigma_y_m=50 / np.sqrt(12), sigma_z_m=1.0, tick=tick
            )
        # The dilution is that in the middle of the ticks.
        puffs.march(4.0, wind[:60])
        # A puff is cut off at a square here and at a circle there: below a thousandth of its peak.
        assert np.allclose(
            response[:, a, b], puffs.concentration(receptors[0])[:, 0, 0], rtol=1e-6, atol=1e-3 * response.max()
        )


def test_plume_of_each_onset_is_that_of_a_release_from_then_on() -> None:
    """One run with three onsets gives what three runs that begin at those moments give."""
    x, y = np.arange(-200.0, 201.0, 50.0), np.arange(-100.0, 101.0, 50.0)
    receptors = np.array([[[120.0, 10.0, 2.0], [60.0, -80.0, 3.0]]])
    winds = [airs(270.0, 30), airs(250.0, 30), airs(290.0, 30)]
    together = GridSources(x, y, height_m=1.0, onsets=3, **OPTIONS)  # type: ignore[arg-type]
    for onset, wind in enumerate(winds):
        by_onset = together.respond(4.0, wind, receptors, onset=onset).reshape(2, 3, len(x), len(y))
    for onset in range(3):
        alone = GridSources(x, y, height_m=1.0, **OPTIONS)  # type: ignore[arg-type]
        for wind in winds[onset:]:
            response = alone.respond(4.0, wind, receptors).reshape(2, len(x), len(y))
        assert np.allclose(by_onset[:, onset], response, atol=1e-12)


def test_long_stretch_of_one_sensor_is_worth_few_observations() -> None:
    assert observations_in(60.0) == observations_in(600.0) == 1.0
    assert 1.9 < observations_in(1800.0) < 2.2
    assert 14.0 < observations_in(6 * 3600.0) < 17.0


def test_no_claim_is_surer_than_models_have_been_right() -> None:
    estimator = SourceEstimator(2, rates=RATES, detection_level=1.0)
    for _ in range(50):
        estimator.add(np.array([30.0, 0.0]), np.array([[1.0, 0.0], [0.0, 1.0]]), 600.0)
    found = estimator.estimate()
    assert 0.9 < found.probability[0] < 1.0 - FAILS / 2
    assert found.elsewhere > 0.0


def test_source_elsewhere_does_not_blur_where_it_is_among_the_candidates() -> None:
    """How open the place is because models fail does not grow with how likely it is that the source is none of the candidates."""
    estimator = SourceEstimator(2, rates=RATES, detection_level=1.0)
    for _ in range(3):
        estimator.add(np.array([30.0, 30.0]), np.array([[1.0, 0.0], [1.0, 0.0]]), 600.0)
    estimator.add_evidence(np.full(2, -60.0))
    found = estimator.estimate()
    assert found.elsewhere > 0.9
    assert found.probability[0] / found.probability.sum() > 1 - FAILS


def test_what_a_camera_saw_holds_where_the_plume_model_fails() -> None:
    """Evidence of another kind is not weakened by how often plume models fail."""
    estimator = SourceEstimator(3, rates=RATES, detection_level=1.0)
    estimator.add_evidence(np.array([0.0, 12.0, 0.0]))
    assert estimator.estimate().probability[1] > 0.999


def test_no_candidate_that_can_be_right_is_elsewhere_without_nan() -> None:
    estimator = SourceEstimator(2, rates=RATES, detection_level=1.0)
    estimator.add_evidence(np.full(2, -5000.0))
    found = estimator.estimate()
    assert found.elsewhere > 0.9
    assert np.all(np.isfinite(found.probability))


def test_release_that_ended_is_not_held_against_its_source() -> None:
    """A sensor in the plume for a while, then clean in the same wind: with a course in which releases end, the source stays the answer."""
    steady, ending = (
        SourceEstimator(2, rates=RATES, detection_level=1.0, course=course)
        for course in (Course(), Course(drift_log_per_hour=1.0, ends_per_hour=1.0))
    )
    response = np.array([[1.0, 0.0], [0.0, 1.0]])
    for estimator in (steady, ending):
        for block in range(10):
            estimator.add(np.array([20.0 if block < 5 else 0.0, 0.0]), response, 600.0)
    assert ending.estimate().log_evidence > steady.estimate().log_evidence + 2.0
    low, _, high = ending.rate_of(np.array([True, False]))
    assert low < 20.0 < high


def test_candidates_in_groups_are_the_same_as_side_by_side() -> None:
    rng = np.random.default_rng(4)
    response = np.exp(rng.normal(size=(3, 2, 5)))
    grouped, flat = (SourceEstimator(15, rates=RATES, detection_level=1.0) for _ in range(2))
    grouped.add(np.array([3.0, 0.0]), response, 600.0)
    flat.add(np.array([3.0, 0.0]), np.concatenate(list(response), axis=1), 600.0)
    assert np.allclose(grouped.estimate().probability, flat.estimate().probability)
