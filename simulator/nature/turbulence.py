"""Turbulence at all heights of a boundary layer, as tables that the particles read.

σw: Ryall and Maryon (1998, Atmos. Environ. 32, 4265) in unstable, Hanna (1982) in stable air. σu, σv: Panofsky and
others (1977, Boundary-Layer Meteorol. 11, 355). Memory of the vertical wind: near the ground such that matter is mixed
there as heat is, K/σw² with K = κ·u*·z/φh of Högström (1988, Boundary-Layer Meteorol. 42, 55), bounded by Hanna's of
the whole layer (as in FLEXPART: Stohl and others 2005, Atmos. Chem. Phys. 5, 2461). Between buildings turbulence falls
off downwards and has the memory of eddies of roof height (Raupach 1989).
"""

from typing import Final

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.simulator.nature.boundary_layer import KARMAN, REFERENCE_M, Layer

LEVELS: Final = 96
# Heights of the tables: z = BEND·(exp(i·STEP) − 1), dense near the ground, up to 3.2 km.
BEND_M: Final = 1.0
STEP: Final = 0.085
HEIGHTS_M: Final = BEND_M * np.expm1(STEP * np.arange(LEVELS))
# Columns of a table.
SPEED, TURN_COS, TURN_SIN, SIGMA_W, SLOPE_W, MEMORY_W, SPREAD, STABILITY = range(8)
COLUMNS: Final = 8

NEUTRAL_U: Final = 2.4
NEUTRAL_V: Final = 1.9
NEUTRAL_W: Final = 1.3
# At least this much of the variance is of large eddies.
LARGE_SHARE: Final = 0.3
CONVECTIVE_V: Final = 0.5
# From the ground to the top of the layer the wind turns clockwise by about this much (Ekman; more in stable air).
TURN_DEG: Final = 12.0
STABLE_TURN_DEG: Final = 25.0
# Above the layer there is hardly any turbulence (Stohl and others 2005 use a similar floor).
LEAST_SIGMA_M_S: Final = 0.02
LEAST_MEMORY_S: Final = 0.2
ABOVE_MEMORY_S: Final = 100.0
LEAST_SIDE_MEMORY_S: Final = 60.0
MOST_SIDE_MEMORY_S: Final = 600.0
# Perturbations of the wind grow with height as the wind does, up to this.
FASTEST: Final = 4.0


def table(layer: Layer) -> Floats:
    """Return the profiles (LEVELS, COLUMNS): wind relative to 10 m, its turn, σw, dσw/dz, memory of w, σ of u and v relative to the ground, N²."""
    z = HEIGHTS_M
    inside = np.minimum(z / layer.height_m, 1.0)
    out = np.empty((LEVELS, COLUMNS))
    at_reference = float(layer.speed_m_s(REFERENCE_M))
    out[:, SPEED] = np.minimum(layer.speed_m_s(z) / max(at_reference, 1e-6), FASTEST)
    turn = np.radians(STABLE_TURN_DEG if 0 < layer.length_m < 500 else TURN_DEG)
    # Degrees count clockwise, so does the turn with height on this hemisphere.
    angle = turn * (inside - min(REFERENCE_M / layer.height_m, 1.0))
    out[:, TURN_COS], out[:, TURN_SIN] = np.cos(angle), np.sin(angle)
    sigma = _sigma_w(layer, z)
    out[:, SIGMA_W] = sigma
    out[:-1, SLOPE_W] = np.diff(sigma) / np.diff(z)
    out[-1, SLOPE_W] = 0.0
    out[:, MEMORY_W] = _memory_w(layer, z, sigma)
    spread = np.ones(LEVELS) if layer.length_m < 0 else np.maximum(1 - 0.8 * inside, 0.1)
    out[:, SPREAD] = np.where(z <= layer.height_m, spread, 0.1) * _between_roofs(layer, z)
    out[:, STABILITY] = layer.stability_per_s2(z)
    return out


def sigma_u_v_m_s(layer: Layer) -> tuple[float, float]:
    """Return the standard deviations of the wind along and across near the ground (Panofsky and others 1977)."""
    convective = CONVECTIVE_V * layer.height_m / -layer.length_m if layer.length_m < 0 else 0.0
    return (
        layer.u_star_m_s * float((NEUTRAL_U**3 + convective) ** (1 / 3)),
        layer.u_star_m_s * float((NEUTRAL_V**3 + convective) ** (1 / 3)),
    )


def large_m_s(layer: Layer, sigma_m_s: float) -> float:
    """Return the part of a horizontal σ that large eddies make.

    Eddies of the size of their height are alike in all directions: they have σw and its memory in the horizontal, too.
    """
    return float(np.sqrt(max(sigma_m_s**2 - (NEUTRAL_W * layer.u_star_m_s) ** 2, LARGE_SHARE * sigma_m_s**2)))


def side_memory_s(layer: Layer) -> float:
    """Return the Lagrangian time scale of the horizontal wind: 0.15·h/σv (Hanna 1982)."""
    _, sigma_v = sigma_u_v_m_s(layer)
    return float(np.clip(0.15 * layer.height_m / sigma_v, LEAST_SIDE_MEMORY_S, MOST_SIDE_MEMORY_S))


def _sigma_w(layer: Layer, z: Floats) -> Floats:
    inside = np.minimum(z / layer.height_m, 1.0)
    if layer.length_m < 0:
        mechanical = NEUTRAL_W**2 * (1 - 0.8 * inside) * layer.u_star_m_s**2
        sigma = np.sqrt(1.2 * layer.w_star_m_s**2 * (1 - 0.9 * inside) * inside ** (2 / 3) + mechanical)
    else:
        sigma = NEUTRAL_W * layer.u_star_m_s * (1 - 0.9 * inside)
    # From the layer's top on it falls to the floor within a tenth of its height, so that the slope stays finite.
    fade = np.clip((1.1 * layer.height_m - z) / (0.1 * layer.height_m), 0.0, 1.0)
    return np.maximum(sigma * _between_roofs(layer, z) * fade, LEAST_SIGMA_M_S)


def _between_roofs(layer: Layer, z: Floats) -> Floats:
    return 0.5 + 0.5 * np.minimum(z / layer.roofs_m, 1.0) if layer.roofs_m > 0 else np.ones(len(z))


def _memory_w(layer: Layer, z: Floats, sigma: Floats) -> Floats:
    level = np.maximum(z, layer.roughness_m)
    zeta = level / layer.length_m
    gradient = 0.95 * (1 - 11.6 * zeta) ** -0.5 if layer.length_m < 0 else 0.95 + 7.8 * zeta
    near = KARMAN * layer.u_star_m_s * level / gradient / sigma**2
    whole = 0.15 * layer.height_m / sigma * -np.expm1(-5 * level / layer.height_m)
    memory = np.minimum(near, whole)
    if layer.roofs_m > 0:
        memory = np.where(z < layer.roofs_m, np.maximum(memory, 0.3 * layer.roofs_m / layer.u_star_m_s), memory)
        # Memory does not jump at the roofs.
        memory = np.maximum(memory, 0.3 * layer.roofs_m / layer.u_star_m_s * np.exp(1 - z / layer.roofs_m))
    return np.clip(np.where(z < layer.height_m, memory, ABOVE_MEMORY_S), LEAST_MEMORY_S, 1000.0)
