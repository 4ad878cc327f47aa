"""What a plume begins with: buoyancy, volume and momentum flux. `_kernels.rise` integrates the rest along its path."""

from typing import Final

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.simulator.nature.boundary_layer import GRAVITY_M_S2, HEAT_CAPACITY_J_M3_K, ROOFS_M

# Of a fire's heat about a third is radiated (Heskestad 1984, Fire Safety J. 7, 25).
CONVECTIVE_SHARE: Final = 0.67
# Speed of a plume at its foot, w = 1.8·(F/r)^(1/3), as in the solution of Morton, Taylor and Turner (1956).
FOOT_SPEED: Final = 1.8
# Entrainment by the cross wind: 0.6, and from one part of the plume to the next by a quarter of it.
ACROSS: Final = 0.6
ACROSS_SPREAD: Final = 0.25
# A buoyant plume between buildings of height H leaves their wakes where F/(u³·H) is well above this; far below it all of it is drawn down
# (scale of Hall and Waters 1986 for plumes that lift off; which share it is in between is our assumption).
LIFT_OFF: Final = 0.1
# What only smoulders beside flames is drawn into their plume in good part; the share is our assumption.
DRAWN_IN: Final = 0.7


def of_fire(heat_kw: float, radius_m: float) -> tuple[float, float, float]:
    """Return buoyancy, volume and momentum flux (each divided by π) at the foot of a fire's plume."""
    buoyancy = GRAVITY_M_S2 * CONVECTIVE_SHARE * 1000 * heat_kw / (np.pi * HEAT_CAPACITY_J_M3_K * 293.0)
    speed = FOOT_SPEED * (buoyancy / radius_m) ** (1 / 3)
    volume = radius_m**2 * speed
    return buoyancy, volume, volume * speed


def of_stack(
    exit_speed_m_s: float, diameter_m: float, exit_temperature_k: float, air_temperature_k: float
) -> tuple[float, float, float]:
    """Return the same of what a stack blows out."""
    excess = max(1 - air_temperature_k / exit_temperature_k, 0.0)
    # The hot gas takes less room once it is as cold as the air; momentum counts by its mass.
    volume = exit_speed_m_s * diameter_m**2 / 4 * air_temperature_k / exit_temperature_k
    return GRAVITY_M_S2 * exit_speed_m_s * diameter_m**2 / 4 * excess, volume, volume * exit_speed_m_s


def drawn_down(buoyancy: float, wind_m_s: float, roofs_m: float) -> float:
    """Return the share of a fire's smoke that is drawn into the wakes of buildings and does not rise."""
    if roofs_m <= 0:
        return 0.0
    return 1 / (1 + buoyancy / (LIFT_OFF * max(wind_m_s, 0.1) ** 3 * ROOFS_M))


def rises(fluxes: tuple[float, float, float], lifted: Floats, rng: np.random.Generator) -> Floats:
    """Return what `Particles.release` takes: fluxes and entrainment of each particle, zero for those that are not lifted."""
    entrainment = ACROSS * np.exp(ACROSS_SPREAD * rng.standard_normal(len(lifted)))
    return np.vstack([np.outer(fluxes, lifted), entrainment])
