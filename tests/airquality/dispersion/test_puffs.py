import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeonju.airquality.dispersion import _kernels as kernels
from jeonju.airquality.dispersion.meteorology import Meteorology, Stability
from jeonju.airquality.dispersion.plume_rise import buoyant_rise, fire_buoyancy_flux
from jeonju.airquality.dispersion.puffs import Puffs
from jeonju.airquality.dispersion.sigmas import sigma_y, sigma_z
from jeonju.airquality.dispersion.surface_layer import SurfaceLayer, mean_height_slope, wind_speed_at

BOX = (-20_000.0, -20_000.0, 20_000.0, 20_000.0)
AIR = Meteorology(
    wind_speed_m_s=4.0, wind_from_deg=270.0, stability=Stability.D, mixing_height_m=5000.0, temperature_k=293.15
)


def steady(
    air: Meteorology,
    *,
    height_m: float,
    seconds: int = 1200,
    dt_s: float = 1.0,
    surroundings: str = "urban",
    **release: object,
) -> Puffs:
    """One gram per second since `seconds` ago at the origin."""
    puffs = Puffs(n_sources=1, box_m=BOX, surroundings=surroundings)  # type: ignore[arg-type]
    for _ in range(int(seconds / dt_s)):
        puffs.release(0, x_m=0.0, y_m=0.0, z_m=height_m, mass=dt_s, **release)  # type: ignore[arg-type]
        puffs.step(dt_s, air)
    return puffs


def at(puffs: Puffs, *points: tuple[float, float, float]) -> np.ndarray:
    return puffs.concentration(np.array(points), cull_sigmas=np.inf)[:, 0, 0]


# Only where the puff does not reach down to where the wind is another: σz below 0.7 of the height.
@pytest.mark.parametrize(
    ("stability", "distance_m"),
    [(stability, 300.0) for stability in Stability] + [(Stability.E, 1000.0), (Stability.F, 1000.0)],
)
def test_steady_train_is_the_closed_form_plume(stability: Stability, distance_m: float) -> None:
    """An elevated source, where the wind at puff height is constant: C = Q/(2π·u·σy·σz)·exp(−y²/2σy²)·[two vertical images]."""
    height_m = 120.0
    air = replace(AIR, stability=stability)
    wind = wind_speed_at(air.surface_layer(), height_m)
    across_m, up_m = 30.0, 100.0
    sy, sz = sigma_y(distance_m, stability, "urban"), sigma_z(distance_m, stability, "urban")
    assert sz < 0.7 * height_m
    plume = (
        np.exp(-0.5 * (across_m / sy) ** 2)
        * (np.exp(-0.5 * ((up_m - height_m) / sz) ** 2) + np.exp(-0.5 * ((up_m + height_m) / sz) ** 2))
        / (2 * np.pi * wind * sy * sz)
    )
    puffs = steady(air, height_m=height_m)
    # The closed form leaves out the spread along the wind, which the puffs have: they differ by the curvature of the plume.
    assert at(puffs, (distance_m, across_m, up_m))[0] == pytest.approx(float(plume), rel=0.02)


def test_many_ticks_in_one_call_are_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(4)
    airs = [
        replace(AIR, wind_from_deg=float(d), stability=Stability(int(s)))
        for d, s in zip(rng.uniform(230, 310, 40), rng.integers(0, 6, 40), strict=True)
    ]
    receptors = np.concatenate([rng.uniform(-100, 900, (40, 7, 2)), np.full((40, 7, 1), 2.0)], axis=2)
    together, single = Puffs(n_sources=2, box_m=BOX), Puffs(n_sources=2, box_m=BOX)
    one_by_one = []
    for tick, air in enumerate(airs):
        for puffs, due in ((together, tick), (single, 0)):
            puffs.release(tick % 2, x_m=[0.0, 10.0], y_m=0.0, z_m=5.0, mass=1.0, tick=due)
        single.step(5.0, air)
        one_by_one.append(single.concentration(receptors[tick]))
    in_one_call = together.march(5.0, airs, receptors)
    assert in_one_call.max() > 0
    assert np.allclose(in_one_call, one_by_one, rtol=1e-12, atol=0)


@pytest.mark.parametrize("length_m", [-20.0, np.inf, 30.0])
def test_plume_over_open_land_grows_as_its_mean_height_should(length_m: float) -> None:
    """The mean height of a near-ground plume follows van Ulden's dz̄/dx, integrated here by itself."""
    layer = SurfaceLayer(0.3, length_m, 0.02)
    air = replace(AIR, surface=layer, wind_speed_m_s=wind_speed_at(layer, 10.0), roughness_m=0.02)
    puffs = Puffs(n_sources=1, box_m=BOX, surroundings="open")
    puffs.release(0, x_m=0.0, y_m=0.0, z_m=0.0, mass=1.0, sigma_z_m=1.0)
    mean_m, at_m = 1.0 * np.sqrt(2 / np.pi), 0.0
    for _ in range(400):
        puffs.step(0.25, air)
        here_m = puffs.centres_m[0, 0]
        mean_m, at_m = mean_m + float(mean_height_slope(mean_m, length_m, 0.02)) * (here_m - at_m), here_m
    # The spread at release adds in quadrature, the integration starts from it: they differ a little.
    assert puffs.table[kernels.SIGMA_Z, 0] * np.sqrt(2 / np.pi) == pytest.approx(mean_m, rel=0.15)


def test_all_mass_is_found_again_in_the_air() -> None:
    puffs = Puffs(n_sources=1, box_m=BOX)
    puffs.release(0, x_m=0.0, y_m=0.0, z_m=40.0, mass=7.0)
    for _ in range(100):
        puffs.step(1.0, AIR)
    axis_x, axis_y, axis_z = np.linspace(0, 1200, 121), np.linspace(-400, 400, 81), np.linspace(2.5, 797.5, 160)
    grid = np.stack(np.meshgrid(axis_x, axis_y, axis_z, indexing="ij"), axis=-1).reshape(-1, 3)
    total = puffs.concentration(grid, cull_sigmas=np.inf).sum(axis=0)[0, 0] * 10.0 * 10.0 * 5.0
    assert total == pytest.approx(7.0, rel=1e-3)


def test_field_is_symmetric_about_the_plume_axis() -> None:
    left, right = at(steady(AIR, height_m=10.0), (500.0, 60.0, 2.0), (500.0, -60.0, 2.0))
    assert left == pytest.approx(right)


def test_ground_doubles_what_would_go_below_it() -> None:
    puffs = Puffs(n_sources=1, box_m=BOX)
    puffs.release(0, x_m=0.0, y_m=0.0, z_m=0.0, mass=1.0, sigma_y_m=10.0, sigma_z_m=10.0)
    unbounded = 1.0 / ((2 * np.pi) ** 1.5 * 1000.0)
    puffs.step(0.0, AIR)
    assert at(puffs, (0.0, 0.0, 0.0))[0] == pytest.approx(2 * unbounded)


def test_low_lid_mixes_the_air_below_it() -> None:
    lid_m = 150.0
    puffs = steady(replace(AIR, mixing_height_m=lid_m, stability=Stability.B), height_m=10.0, seconds=1200)
    near_ground, under_lid = at(puffs, (3000.0, 0.0, 1.5), (3000.0, 0.0, 140.0))
    assert near_ground == pytest.approx(under_lid, rel=0.01)


def test_image_sum_and_well_mixed_limit_meet() -> None:
    values = []
    for sigma_m in (119.9, 120.1):
        puffs = Puffs(n_sources=1, box_m=BOX)
        puffs.release(0, x_m=0.0, y_m=0.0, z_m=20.0, mass=1.0, sigma_y_m=100.0, sigma_z_m=sigma_m)
        puffs.step(0.0, replace(AIR, mixing_height_m=100.0))
        values.append(at(puffs, (0.0, 0.0, 2.0))[0])
    assert values[0] == pytest.approx(values[1], rel=5e-3)


@given(
    lid_m=st.floats(30, 2500),
    height=st.floats(0, 0.99),
    place=st.floats(0, 1),
    spread=st.floats(0.01, kernels.WELL_MIXED_RATIO),
)
def test_reflections_are_the_sum_of_all_images(lid_m: float, height: float, place: float, spread: float) -> None:
    height_m, z_m, sigma_m = height * lid_m, place * lid_m, spread * lid_m
    shift_m = 2.0 * lid_m * np.arange(-3, 4)
    away_m = np.concatenate([z_m - height_m + shift_m, z_m + height_m + shift_m])
    expected = np.exp(-(away_m**2) / (2 * sigma_m**2)).sum() / (np.sqrt(2 * np.pi) * sigma_m)
    unfelt = spread <= kernels.LID_UNFELT_RATIO and height + 3 * spread <= 1
    # Where the lid is not felt, its first image is three spreads away at least from all that the puff reaches itself.
    allowed = np.exp(-((2 - height - place) ** 2) / (2 * spread**2)) / sigma_m if unfelt else 0.0
    assert kernels.vertical(z_m, height_m, sigma_m, lid_m) == pytest.approx(expected, abs=1e-8 / sigma_m + allowed)


def test_puff_above_the_lid_does_not_reach_the_ground() -> None:
    assert at(steady(replace(AIR, mixing_height_m=100.0), height_m=150.0), (1000.0, 0.0, 1.5))[0] == 0.0


def test_change_of_stability_neither_jumps_nor_shrinks() -> None:
    puffs = Puffs(n_sources=1, box_m=BOX)
    puffs.release(0, x_m=0.0, y_m=0.0, z_m=50.0, mass=1.0)
    peaks = []
    for stability in (Stability.A, Stability.F, Stability.C):
        for _ in range(100):
            puffs.step(1.0, replace(AIR, stability=stability))
            peaks.append(at(puffs, tuple(puffs.centres_m[0]))[0])
    ratios = np.array(peaks[1:]) / np.array(peaks[:-1])
    assert np.all(ratios <= 1.0 + 1e-9)
    assert np.all(ratios[50:] > 0.9)


def test_rain_takes_particles_and_leaves_gases() -> None:
    puffs = Puffs(n_sources=1, box_m=BOX)
    puffs.release(0, x_m=0.0, y_m=0.0, z_m=5.0, mass=1.0)
    for _ in range(600):
        puffs.step(1.0, replace(AIR, wind_speed_m_s=0.5, rain_mm_h=5.0))
    gas, particles = puffs.concentration(puffs.centres_m)[0, 0]
    assert particles / gas == pytest.approx(np.exp(-8.4e-5 * 5**0.79 * 600))


def test_puffs_are_forgotten_outside_the_box_and_when_old() -> None:
    puffs = Puffs(n_sources=1, box_m=(-100, -100, 100, 100), max_age_s=50)
    puffs.release(0, x_m=[0.0, 95.0], y_m=[0.0, 0.0], z_m=5.0, mass=[1.0, 2.0])
    puffs.step(5.0, replace(AIR, wind_speed_m_s=2.0))
    assert puffs.mass.tolist() == [1.0]
    for _ in range(10):
        puffs.step(5.0, replace(AIR, wind_speed_m_s=0.0))
    assert len(puffs) == 0


def test_sources_are_distinguished() -> None:
    puffs = Puffs(n_sources=1, box_m=BOX)
    second = puffs.add_source()
    puffs.release(second, x_m=0.0, y_m=0.0, z_m=2.0, mass=1.0)
    puffs.step(1.0, AIR)
    result = puffs.concentration(puffs.centres_m)
    assert result.shape == (1, 2, 2)
    assert result[0, 0, 0] == 0.0
    assert result[0, 1, 0] > 0.0


@pytest.mark.parametrize(
    ("heat_mw", "wind_m_s", "stability", "expected_ug_m3"),
    # Near-ground centre-line PM2.5 at 100 m and 500 m, computed independently with Briggs' urban curves and rise
    # (12 g/kg, 14.2 MJ/kg, 1.5 m above ground): order of magnitude and the ranking of cases must agree.
    [(1.0, 3.0, Stability.D, (120, 17)), (5.0, 3.0, Stability.D, (136, 32)), (1.0, 1.5, Stability.D, (31, 25))],
)
def test_buoyant_fires_pass_over_the_sensors(
    heat_mw: float, wind_m_s: float, stability: Stability, expected_ug_m3: tuple[float, float]
) -> None:
    air = replace(AIR, wind_speed_m_s=wind_m_s, stability=stability, mixing_height_m=1000.0)
    rise = buoyant_rise(fire_buoyancy_flux(heat_mw * 1e6, air.temperature_k), wind_m_s, air)
    rate_ug_s = heat_mw / 14.2 * 12e6
    lofted = at(steady(air, height_m=1.0, rise=rise), (100.0, 0.0, 1.5), (500.0, 0.0, 1.5)) * rate_ug_s
    flat = at(steady(air, height_m=1.0), (100.0, 0.0, 1.5), (500.0, 0.0, 1.5)) * rate_ug_s
    assert lofted == pytest.approx(expected_ug_m3, rel=0.7)
    assert flat[0] > 3 * lofted[0]


def test_culling_changes_the_sum_by_less_than_one_percent() -> None:
    rng = np.random.default_rng(1)
    puffs = steady(AIR, height_m=5.0, seconds=900, dt_s=5.0)
    receptors = np.column_stack([rng.uniform(50, 3000, 50), rng.uniform(-300, 300, 50), np.full(50, 3.0)])
    full = puffs.concentration(receptors, cull_sigmas=np.inf)[:, 0, 0]
    assert np.abs(puffs.concentration(receptors)[:, 0, 0] - full).max() < 0.01 * full.max()


@settings(max_examples=100, deadline=None)
@given(
    wind=st.floats(0, 40),
    direction=st.floats(0, 360),
    stability=st.sampled_from(Stability),
    lid=st.floats(50, 3000),
    rain=st.floats(0, 100),
    height=st.floats(0, 300),
    x=st.floats(-3000, 3000),
    y=st.floats(-3000, 3000),
    dt=st.floats(0.1, 60),
)
def test_field_is_finite_and_never_negative(
    wind: float,
    direction: float,
    stability: Stability,
    lid: float,
    rain: float,
    height: float,
    x: float,
    y: float,
    dt: float,
) -> None:
    air = Meteorology(
        wind_speed_m_s=wind,
        wind_from_deg=direction,
        stability=stability,
        mixing_height_m=lid,
        temperature_k=285.0,
        rain_mm_h=rain,
    )
    puffs = Puffs(n_sources=1, box_m=BOX)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(5):
            puffs.release(0, x_m=0.0, y_m=0.0, z_m=height, mass=1.0, rise=buoyant_rise(10.0, wind, air))
            puffs.step(dt, air)
        result = puffs.concentration(np.array([[x, y, 1.5]]))
    assert np.all(np.isfinite(result))
    assert np.all(result >= 0)


def swept(turn_deg: float, interval_s: float, *, exact: bool = False) -> tuple[np.ndarray, Puffs]:
    """Half an hour of one source in a wind that swings, at 26 places in 4 × 4 km; puffs are followed as far as they reach one."""
    rng = np.random.default_rng(1)
    receptors = np.column_stack([rng.uniform(-2000, 2000, (26, 2)), np.full(26, 3.0)])
    ticks = int(1800 / interval_s)
    swing = np.sin(np.arange(ticks) * interval_s / 300)
    airs = [replace(AIR, wind_speed_m_s=3.0, wind_from_deg=250.0 + turn_deg * each) for each in swing]
    puffs = Puffs(n_sources=1, box_m=(-3500.0, -3500.0, 3500.0, 3500.0))
    for tick in range(ticks):
        puffs.release(0, x_m=-1000.0, y_m=0.0, z_m=5.0, mass=interval_s, tick=tick)
    cull, merge = (np.inf, 0.0) if exact else (kernels.CULL_SIGMAS, kernels.MERGE_SIGMAS)
    field = puffs.march(interval_s, airs, receptors[None], cull_sigmas=cull, merge_sigmas=merge)
    return field[..., 0, 0], puffs


@pytest.mark.parametrize(("turn_deg", "interval_s"), [(10.0, 5.0), (10.0, 1.0), (40.0, 5.0)])
def test_merged_and_culled_puffs_are_within_one_percent_of_the_sum_of_all(turn_deg: float, interval_s: float) -> None:
    exact, every = swept(turn_deg, interval_s, exact=True)
    quick, merged = swept(turn_deg, interval_s)
    assert np.abs(quick - exact).max() < 0.01 * exact.max()
    assert len(merged) < 0.5 * len(every)


def test_merging_keeps_mass_and_its_centre() -> None:
    rows = []
    for merge_sigmas in (0.0, kernels.MERGE_SIGMAS):
        puffs = Puffs(n_sources=2, box_m=BOX)
        for tick in range(600):
            puffs.release(tick % 2, x_m=0.0, y_m=0.0, z_m=20.0, mass=1.0 + tick % 3, tick=tick)
        puffs.march(1.0, [replace(AIR, rain_mm_h=2.0)] * 600, merge_sigmas=merge_sigmas)
        table = puffs.table
        of = table[kernels.SOURCE]
        mass = table[kernels.MASS]
        particles = mass * table[kernels.PARTICLES_LEFT]
        rows.append(
            [(mass[of == s].sum(), particles[of == s].sum(), mass[of == s] @ table[kernels.X, of == s]) for s in (0, 1)]
        )
        counted = len(puffs)
    assert counted < 300
    np.testing.assert_allclose(np.array(rows[1])[:, 0], np.array(rows[0])[:, 0], rtol=1e-12)
    np.testing.assert_allclose(np.array(rows[1])[:, 1:], np.array(rows[0])[:, 1:], rtol=2e-3)


def test_puffs_of_two_sources_or_at_two_heights_are_never_merged() -> None:
    puffs = Puffs(n_sources=2, box_m=BOX)
    puffs.release(0, x_m=0.0, y_m=0.0, z_m=2.0, mass=1.0)
    puffs.release(1, x_m=0.0, y_m=0.0, z_m=2.0, mass=1.0)
    puffs.release(1, x_m=0.0, y_m=0.0, z_m=80.0, mass=1.0)
    puffs.march(1.0, [AIR] * kernels.MERGE_EVERY)
    assert len(puffs) == 3


def test_receptors_at_several_heights_and_in_any_order_get_what_each_gets_alone() -> None:
    rng = np.random.default_rng(3)
    puffs = steady(AIR, height_m=20.0, seconds=600, dt_s=5.0)
    receptors = np.column_stack(
        [rng.uniform(0, 1500, 40), rng.uniform(-200, 200, 40), rng.choice([1.5, 3.0, 40.0], 40)]
    )
    together = puffs.concentration(receptors)
    assert np.count_nonzero(together[:, 0, 0]) > 20
    alone = np.concatenate([puffs.concentration(receptor[None]) for receptor in receptors])
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_release_in_a_downtown_begins_as_wide_as_its_buildings_are_high() -> None:
    wide, narrow = (Puffs(n_sources=1, box_m=BOX, surroundings=each) for each in ("downtown", "urban"))
    for puffs in (wide, narrow):
        puffs.release(0, x_m=0.0, y_m=0.0, z_m=1.0, mass=1.0)
        puffs.release(0, x_m=0.0, y_m=0.0, z_m=100.0, mass=1.0)
        puffs.step(1.0, AIR)
    street, stack = wide.table[kernels.SIGMA_Z]
    assert street == pytest.approx(40.0, rel=0.01)
    assert stack == narrow.table[kernels.SIGMA_Z, 1]
