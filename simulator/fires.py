"""The burning of a fire over time: rates of flaming and smouldering, heat, and the hot spot that a thermal camera would see."""

from typing import Final, NamedTuple

import numpy as np

from jeonju.airquality.fuels import FUELS
from jeonju.contract.events import Fire

# Q = α·t² [kW/s²]: 1055 kW after 600, 300, 150 and 75 s (NFPA 92, NFPA 72).
GROWTH_KW_S2: Final = {"slow": 0.00293, "medium": 0.0117, "fast": 0.0469, "ultra-fast": 0.1876}
# Heat released per area of burning fuel [kW/m²]: 500 to 1500 for pallets, waste and tyres.
HEAT_PER_AREA_KW_M2: Final = 800.0
# Luminous flame and glowing surface as a camera sees them [°C].
FLAME_C: Final = 800.0
GLOW_C: Final = 350.0
SMOULDER_AREA_PER_KG_S: Final = 60.0  # m² that glow for each kg/s, about 17 g/(m²·s)


class Burning(NamedTuple):
    """Fuel burnt per second in flames and smouldering, and the heat released."""

    flaming_kg_s: float
    smouldering_kg_s: float
    heat_kw: float


class Flame(NamedTuple):
    """A hot spot as a thermal camera may see it."""

    x_m: float
    y_m: float
    area_m2: float
    temperature_c: float


def peak_after_s(fire: Fire) -> float:
    """Return how long the flames grow until the peak."""
    return float(np.sqrt(1000 * fire.peak_heat_mw / GROWTH_KW_S2[fire.growth]))


def lifetime_s(fire: Fire) -> float:
    """Return how long the fire lasts, from the first smouldering to the end of its tail."""
    # After five decay times the flames are below one percent.
    flames_s = peak_after_s(fire) + fire.plateau + 5 * fire.decay if fire.peak_heat_mw > 0 else 0.0
    return fire.smoulder + flames_s + fire.tail


def burning(fire: Fire, age_s: float) -> Burning:
    """Return what burns `age_s` seconds after the first smouldering; nothing before it and after the end."""
    if not 0 <= age_s < lifetime_s(fire):
        return Burning(0.0, 0.0, 0.0)
    heat_kw = _heat_kw(fire, age_s - fire.smoulder)
    peak_kw = 1000 * fire.peak_heat_mw
    if age_s < fire.smoulder or peak_kw == 0:
        smouldering = fire.smoulder_kg_s
    else:
        # As the flames die down, more and more only smoulders.
        past_peak = age_s - fire.smoulder > peak_after_s(fire) + fire.plateau
        smouldering = fire.tail_kg_s * (1 - heat_kw / peak_kw) if past_peak else fire.smoulder_kg_s
    return Burning(heat_kw / (1000 * FUELS[fire.fuel].heat_mj_kg), smouldering, heat_kw)


def _heat_kw(fire: Fire, since_flames_s: float) -> float:
    peak_kw = 1000 * fire.peak_heat_mw
    if since_flames_s < 0 or peak_kw == 0:
        return 0.0
    since_plateau_s = since_flames_s - peak_after_s(fire)
    if since_plateau_s < 0:
        return GROWTH_KW_S2[fire.growth] * since_flames_s**2
    since_decay_s = since_plateau_s - fire.plateau
    if since_decay_s < 0:
        return peak_kw
    return peak_kw * float(np.exp(-since_decay_s / fire.decay)) if since_decay_s < 5 * fire.decay else 0.0


def flame(fire: Fire, age_s: float, x_m: float, y_m: float) -> Flame | None:
    """Return the fire's hot spot, or None when nothing burns."""
    now = burning(fire, age_s)
    if now.heat_kw > 10.0:
        return Flame(x_m, y_m, now.heat_kw / HEAT_PER_AREA_KW_M2, FLAME_C)
    if now.smouldering_kg_s > 0:
        return Flame(x_m, y_m, now.smouldering_kg_s * SMOULDER_AREA_PER_KG_S, GLOW_C)
    return None
