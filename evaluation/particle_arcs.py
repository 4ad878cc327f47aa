"""Prairie Grass on the particles of the second nature: the same runs and samplers, nothing of the puffs."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.evaluation.tables import Row
from jeonju.simulator.nature.boundary_layer import REFERENCE_M, Layer
from jeonju.simulator.nature.particles import Air, Particles

TICK_S: Final = 2.0
BATCHES: Final = 8
# The plume is steady once the slowest air has passed the last arc; then means of this time are taken.
MEAN_OVER_S: Final = 240.0
# Height of a stable layer 0.4·√(u*·L/f) (Zilitinkevich 1972), with the Coriolis parameter of 42.5° N.
CORIOLIS_PER_S: Final = 0.99e-4


def predict(run: Row, receptors_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ten-minute mean [mg/m³] at receptors (n, 3) relative to the foot of the source."""
    u_star, length = run.number("friction_velocity_m_s"), run.number("obukhov_length_m")
    mixing_m = run.optional("mixing_height_m")
    height_m = 0.4 * float(np.sqrt(u_star * abs(length) / CORIOLIS_PER_S)) if mixing_m is None else mixing_m
    layer = Layer(u_star, length, max(height_m, 20.0), run.number("roughness_m"), 0.0)
    speed, at_2_m = float(layer.speed_m_s(REFERENCE_M)), float(layer.speed_m_s(2.0))
    towards = np.radians(run.number("wind_from_deg") + 180.0)
    std = np.radians(run.number("wind_from_std_deg"))
    air = Air(layer, (speed * float(np.sin(towards)), speed * float(np.cos(towards))), sigma_v_m_s=at_2_m * float(std))
    farthest_m = float(np.hypot(receptors_m[:, 0], receptors_m[:, 1]).max())
    reach_m = 1.1 * farthest_m
    particles = Particles(box_m=(-reach_m, -reach_m, reach_m, reach_m), seed=(1,))
    lead = int(2.0 * farthest_m / max(at_2_m, 0.5) / TICK_S)
    ticks = int(MEAN_OVER_S / TICK_S)
    place = np.tile([0.0, 0.0, run.number("source_height_m")], (8 * BATCHES, 1))
    late_s = (np.arange(8 * BATCHES) + 0.5) * TICK_S / (8 * BATCHES)
    mass_mg = 1000.0 * run.number("source_rate_g_s") * TICK_S
    means = np.zeros(len(receptors_m))
    # Nobody looks before the plume is steady.
    for length_ticks, watched in ((lead, receptors_m[:0]), (ticks, receptors_m)):
        for tick in range(length_ticks):
            particles.release(0, place, mass=mass_mg, tick=tick, late_s=late_s, width_m=0.3, height_m=0.2)
        means = particles.march(TICK_S, [air] * length_ticks, watched[None], 1)[..., 0, 0].mean(axis=0)
    return means
