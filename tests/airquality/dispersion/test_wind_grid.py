"""Puffs in a wind that is not the same over the whole city."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import ArrayLike

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability, wind_towards
from jeonju.airquality.dispersion.puffs import Puffs
from jeonju.airquality.dispersion.wind_grid import WindGrid

BOX = (-20_000.0, -20_000.0, 20_000.0, 20_000.0)
AIR = Meteorology(
    wind_speed_m_s=4.0, wind_from_deg=250.0, stability=Stability.E, mixing_height_m=800.0, temperature_k=290.0
)


def grid(east: ArrayLike, north: ArrayLike, *, cell_m: float = 500.0) -> WindGrid:
    return WindGrid(-1000.0, -1000.0, cell_m, np.asarray(east, dtype=float), np.asarray(north, dtype=float))


def released(*, x_m: float = 0.0, y_m: float = 0.0, z_m: float = 10.0) -> Puffs:
    puffs = Puffs(n_sources=1, box_m=BOX)
    puffs.release(0, x_m=x_m, y_m=y_m, z_m=z_m, mass=1.0)
    return puffs


@pytest.mark.parametrize("kept", [1, 30])
def test_a_wind_that_is_the_same_everywhere_is_that_of_the_air(kept: int) -> None:
    airs = [replace(AIR, wind_from_deg=250.0 + 2 * t if kept > 1 else 250.0) for t in range(30)]
    winds = np.array([wind_towards(air) for air in airs[:kept]]) * AIR.wind_speed_m_s
    receptors = np.array([[[x, y, 3.0] for x in (100.0, 300.0) for y in (0.0, 60.0)]])
    everywhere = np.ones((kept, 3, 4))
    fields = []
    for given in (None, grid(winds[:, 0, None, None] * everywhere, winds[:, 1, None, None] * everywhere)):
        puffs = Puffs(n_sources=1, box_m=BOX)
        for tick in range(30):
            puffs.release(0, x_m=0.0, y_m=0.0, z_m=5.0, mass=1.0, tick=tick)
        fields.append(puffs.march(5.0, airs, receptors, winds=given))
    assert fields[0].max() > 0
    np.testing.assert_allclose(fields[1], fields[0], rtol=1e-9, atol=1e-30)


def test_each_puff_moves_with_the_wind_at_its_own_place() -> None:
    # Eastwards in the west, northwards in the east, half of each between.
    winds = grid([[[2.0, 0.0], [2.0, 0.0]]], [[[0.0, 4.0], [0.0, 4.0]]], cell_m=2000.0)
    puffs = Puffs(n_sources=1, box_m=BOX)
    puffs.release(0, x_m=[-1000.0, 0.0, 1000.0, 9000.0], y_m=[0.0, 0.0, 0.0, 9000.0], z_m=10.0, mass=1.0)
    puffs.march(1.0, [AIR], winds=winds)
    moved = puffs.centres_m[:, :2] - np.array([[-1000.0, 0.0], [0.0, 0.0], [1000.0, 0.0], [9000.0, 9000.0]])
    # At the height for which the winds are given, they are the winds of the grid (the kernel's tables of u(z) are linear between heights).
    np.testing.assert_allclose(moved, [[2.0, 0.0], [1.0, 2.0], [0.0, 4.0], [0.0, 4.0]], rtol=1e-3, atol=1e-12)


def test_the_local_wind_changes_with_height_as_that_of_the_air() -> None:
    low, high = released(z_m=10.0), released(z_m=100.0)
    for puffs in (low, high):
        puffs.march(1.0, [AIR], winds=grid([[[3.0]]], [[[0.0]]]))
    alone_low, alone_high = released(z_m=10.0), released(z_m=100.0)
    for puffs in (alone_low, alone_high):
        puffs.march(1.0, [AIR])
    ratio = high.centres_m[0, 0] / low.centres_m[0, 0]
    assert ratio == pytest.approx(alone_high.centres_m[0, 0] / alone_low.centres_m[0, 0], rel=1e-9)
    assert ratio > 1.2


def test_a_still_place_holds_its_puffs_and_they_still_spread() -> None:
    puffs = released()
    puffs.march(10.0, [replace(AIR, wind_speed_m_s=0.0)] * 6, winds=grid([[[0.0]]], [[[0.0]]]))
    assert puffs.centres_m[0, :2].tolist() == [0.0, 0.0]
    assert puffs.concentration(np.array([[5.0, 0.0, 10.0]]))[0, 0, 0] > 0


@pytest.mark.parametrize(
    ("winds", "message"),
    [
        (grid(np.ones((2, 3, 3)), np.ones((2, 3, 3))), "are for 2 ticks; there are 3"),
        (grid(np.ones((1, 3, 3)), np.ones((1, 3, 2))), "ticks, ny, nx"),
        (grid(np.ones((3, 3)), np.ones((3, 3))), "ticks, ny, nx"),
        (grid(np.ones((1, 0, 3)), np.ones((1, 0, 3))), "ticks, ny, nx"),
        (grid(np.full((1, 2, 2), np.nan), np.ones((1, 2, 2))), "finite"),
        (grid(np.ones((1, 2, 2)), np.ones((1, 2, 2)), cell_m=0.0), "wider than zero"),
    ],
)
def test_a_grid_that_cannot_carry_puffs_is_refused(winds: WindGrid, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        released().march(1.0, [AIR] * 3, winds=winds)
