"""Particles by themselves: limits that theory gives, mass, washout, bounds."""

import numpy as np
import pytest

from jeonju.simulator.nature import _kernels as kernels
from jeonju.simulator.nature import particles as module
from jeonju.simulator.nature.boundary_layer import Layer, layer_of
from jeonju.simulator.nature.particles import Air, Particles
from jeonju.simulator.nature.plume_rise import drawn_down, of_fire, rises
from jeonju.simulator.nature.turbulence import HEIGHTS_M, MEMORY_W, SIGMA_W, SLOPE_W, SPREAD, sigma_u_v_m_s

NOWHERE = np.zeros((1, 0, 3))
FAR = (-1e7, -1e7, 1e7, 1e7)
LAYERS = {
    "neutral": Layer(0.4, 1e5, 500.0, 0.8, 10.0),
    "stable": Layer(0.2, 40.0, 150.0, 0.8, 10.0),
    "convective": Layer(0.3, -30.0, 800.0, 0.8, 10.0),
    "open": Layer(0.2, 30.0, 120.0, 0.008, 0.0),
}


def released(
    count: int, heights_m: np.ndarray | float, layer: Layer, *, wind: float = 2.0, box: tuple[float, ...] = FAR
) -> tuple[Particles, Air]:
    particles = Particles(box_m=box, seed=(1,))  # type: ignore[arg-type]
    places = np.zeros((count, 3))
    places[:, 2] = heights_m
    particles.release(0, places, mass=1.0, tick=0)
    return particles, Air(layer, (wind, 0.0))


@pytest.mark.parametrize("name", LAYERS)
def test_what_is_mixed_stays_mixed(name: str) -> None:
    layer, edges = LAYERS[name], np.array([0.0, 5.0, 20.0, 60.0, 120.0])
    heights = (np.arange(8000) + 0.5) / 8000 * layer.height_m
    particles, air = released(8000, heights, layer)
    seen = np.zeros(len(edges) - 1)
    for _ in range(8):
        particles.march(5.0, [air] * 6, NOWHERE, 1)
        table = particles.table
        seen += np.histogram(table[kernels.Z], edges, weights=table[kernels.MASS])[0]
    share = seen / 8 / (np.diff(edges) / layer.height_m)
    # Eight looks at 8000 particles, not independent: about 6 % in the lowest five metres of a deep layer.
    assert share == pytest.approx(1.0, abs=0.2), share
    assert share[1:] == pytest.approx(1.0, abs=0.1), share


def test_spread_across_the_wind_is_taylors_at_both_ends() -> None:
    layer = LAYERS["neutral"]
    _, sigma_v = sigma_u_v_m_s(layer)
    # At a height where all tables are constant enough, and without small eddies' part in the far limit.
    particles, air = released(8000, 100.0, layer)
    particles.march(1.0, [air] * 4, NOWHERE, 1)
    sigma_w = float(np.interp(100.0, HEIGHTS_M, air.table[:, SIGMA_W]))
    spread = float(np.interp(100.0, HEIGHTS_M, air.table[:, SPREAD]))
    large = spread * air.columns[kernels.SIGMA_V]
    assert particles.table[kernels.Y].std() == pytest.approx(4.0 * np.hypot(large, sigma_w), rel=0.05)
    assert particles.table[kernels.Z].std() == pytest.approx(4.0 * sigma_w, rel=0.1)
    assert np.hypot(large, sigma_w) == pytest.approx(sigma_v, rel=0.3)


def test_large_eddies_spread_like_the_root_of_time_in_the_end() -> None:
    layer = LAYERS["neutral"]
    particles, _ = released(8000, 250.0, layer)
    air = Air(layer, (2.0, 0.0), sigma_v_m_s=2.0, side_memory=20.0)
    air.table[:, SPREAD], air.table[:, SIGMA_W], air.table[:, SLOPE_W] = 1.0, 1e-3, 0.0
    particles.march(5.0, [air] * 50, NOWHERE, 1)
    time_s, memory_s, sigma = 250.0, 20.0, air.columns[kernels.SIGMA_V]
    taylor = sigma * memory_s * np.sqrt(2 * (time_s / memory_s - 1 + np.exp(-time_s / memory_s)))
    assert particles.table[kernels.Y].std() == pytest.approx(taylor, rel=0.04)
    assert taylor == pytest.approx(np.sqrt(2 * sigma**2 * memory_s * time_s), rel=0.06)


def test_thinning_out_keeps_the_mass_and_bounds_the_number() -> None:
    particles, air = released(1600, 100.0, LAYERS["neutral"])
    particles.march(10.0, [air], NOWHERE, 1)
    for after_s, left in ((290.0, 1600), (310.0, 800), (910.0, 400), (2410.0, 200)):
        while particles.table[kernels.AGE].max() < after_s:
            particles.march(10.0, [air], NOWHERE, 1)
        assert len(particles) == left
        assert particles.table[kernels.MASS].sum() == pytest.approx(1.0)


def test_no_more_particles_than_the_bound_and_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 100)
    particles, air = released(80, 100.0, LAYERS["neutral"])
    particles.march(5.0, [air], NOWHERE, 1)
    particles.release(0, np.full((40, 3), 100.0), mass=1.0, tick=0)
    particles.march(5.0, [air], NOWHERE, 1)
    assert (len(particles), particles.dropped) == (100, 20)
    assert np.sum(particles.table[kernels.AGE] > 6.0) == 60


def test_receptors_on_all_sides_see_the_whole_mass() -> None:
    particles, air = released(800, 20.0, LAYERS["neutral"], wind=0.5)
    x, y, z = np.meshgrid(
        np.arange(-100, 160, 10.0), np.arange(-120, 121, 10.0), np.arange(2.5, 120, 5.0), indexing="ij"
    )
    receptors = np.column_stack([x.ravel(), y.ravel(), z.ravel()])
    out = particles.march(5.0, [air] * 8, receptors[None], 1)
    # Kernels are wide enough for a grid of 10 m after 40 s.
    assert out[-1, :, 0, 0].sum() * 10 * 10 * 5 == pytest.approx(1.0, rel=0.1)


def test_rain_takes_particulate_matter_and_no_gas() -> None:
    particles, _ = released(8, 100.0, LAYERS["neutral"])
    air = Air(LAYERS["neutral"], (2.0, 0.0), rain_mm_h=5.0)
    particles.march(10.0, [air] * 10, NOWHERE, 1)
    assert particles.table[kernels.LEFT] == pytest.approx(np.exp(-1e-4 * 5**0.8 * 100))
    assert particles.table[kernels.MASS].sum() == pytest.approx(1.0)


def test_buoyant_smoke_rises_like_the_two_thirds_law_and_cold_smoke_does_not() -> None:
    layer = layer_of(
        wind_speed_m_s=3.0,
        sun_deg=0.0,
        cloud_fraction=1.0,
        temperature_k=290.0,
        height_m=900.0,
        roughness_m=0.3,
        is_city=False,
        stability="D",
    )
    fluxes, rng = of_fire(10_000.0, 1.8), np.random.default_rng(1)
    particles, air = released(8, 1.0, layer)
    for lifted in (1.0, 0.0):
        particles.release(
            int(lifted), np.tile([0, 0, 1.0], (400, 1)), mass=1, tick=0, rises=rises(fluxes, np.full(400, lifted), rng)
        )
    particles.march(2.0, [air] * 15, NOWHERE, 2)
    table = particles.table
    hot, cold = (table[kernels.Z, (table[kernels.SOURCE] == s) & (table[kernels.AGE] > 0)].mean() for s in (1, 0))
    # Air faster aloft than at 10 m, and eddies, take it below 1.6·F^(1/3)·x^(2/3)/u.
    law_m = 1.6 * fluxes[0] ** (1 / 3) * 90.0 ** (2 / 3) / 3.0
    assert 0.6 * law_m < hot < 1.2 * law_m
    assert cold < 12.0


def test_wind_draws_weak_plumes_into_wakes() -> None:
    assert drawn_down(60.0, 1.0, 10.0) < 0.05 < 0.6 < drawn_down(6.0, 5.0, 10.0)
    assert drawn_down(6.0, 5.0, 0.0) == 0.0


@pytest.mark.parametrize("speed", [0.0, 0.3, 2.0, 12.0])
@pytest.mark.parametrize("sun", [-40.0, 0.0, 60.0])
@pytest.mark.parametrize("cloud", [0.0, 1.0])
def test_tables_are_finite_in_any_weather(speed: float, sun: float, cloud: float) -> None:
    for height_m in (30.0, 2000.0):
        layer = layer_of(
            wind_speed_m_s=speed,
            sun_deg=sun,
            cloud_fraction=cloud,
            temperature_k=270.0,
            height_m=height_m,
            roughness_m=0.8,
            is_city=True,
        )
        air = Air(layer, (speed, 0.0))
        assert np.isfinite(air.table).all()
        assert (air.table[:, [SIGMA_W, MEMORY_W]] > 0).all()
        assert np.isfinite(air.columns).all()


def test_sun_makes_unstable_air_and_a_clear_night_stable_air() -> None:
    def length(sun: float, cloud: float) -> float:
        return layer_of(
            wind_speed_m_s=2.0,
            sun_deg=sun,
            cloud_fraction=cloud,
            temperature_k=290.0,
            height_m=500.0,
            roughness_m=0.1,
            is_city=False,
        ).length_m

    assert -100 < length(60.0, 0.0) < 0 < length(-20.0, 0.0) < 100
    assert length(-20.0, 0.0) < length(-20.0, 1.0)
