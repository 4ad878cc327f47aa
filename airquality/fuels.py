"""What burns: how much heat and which emissions a kilogram gives, flaming and smouldering."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.pollutants import KEYS
from jeonju.airquality.units import MOLAR_VOLUME_25C_L_MOL, ppm_per_mg_m3

# TVOC is counted as toluene, the usual equivalent of photo-ionisation and metal-oxide sensors.
TVOC_MOLAR_MASS_G_MOL: Final = 92.14
# Some hundred metres from a fire about this share of NOx is NO₂: NO takes up ozone within minutes.
NO2_SHARE_OF_NOX: Final = 0.3
PM10_PER_PM25: Final = 1.25  # ratio of total to fine particles in biomass smoke (GFED4: 1.3 to 2), less for oily smoke
PM1_PER_PM25: Final = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class Fuel:
    """Grams emitted per kilogram burnt, flaming and smouldering, and the effective heat of combustion."""

    label_ko: str
    label_en: str
    heat_mj_kg: float
    flaming_g_kg: dict[str, float]
    smouldering_g_kg: dict[str, float]


def _smoke(co: float, pm25: float, nox: float, voc: float, so2: float, co2: float) -> dict[str, float]:
    return {
        "co": co,
        "pm25": pm25,
        "pm10": PM10_PER_PM25 * pm25,
        "pm1": PM1_PER_PM25 * pm25,
        "no2": NO2_SHARE_OF_NOX * nox,
        "tvoc": voc,
        "so2": so2,
        "co2": co2,
    }


# Flaming factors lie within published ranges: GFED4 (wood, straw: CO 63–102, PM2.5 6–17, NOx 2–4, SO₂ 0.4–1.1), Akagi et al. 2011
# (refuse: CO 38, PM2.5 10, VOC 23), Holder et al. 2023 (buildings, vehicles: CO 124 ± 130, PM 67 ± 85, skewed), Hoffer et al. 2020
# (plastics, tyres: PM10 11–82). Smouldering multiplies CO and PM by 2 to 4 and cuts NOx (Wang et al. 2023). Heats: wood 13–15, mixed
# waste 10–15, tyres about 30, furniture and buildings 14.2 effective (Regan 2021). CO₂ closes the carbon roughly.
FUELS: Final[dict[str, Fuel]] = {
    "waste-paper": Fuel(
        label_ko="파지",
        label_en="waste paper",
        heat_mj_kg=14.0,
        flaming_g_kg=_smoke(80, 12, 2, 10, 0.5, 1500),
        smouldering_g_kg=_smoke(180, 30, 0.7, 30, 0.5, 1200),
    ),
    "mixed-waste": Fuel(
        label_ko="혼합 폐기물",
        label_en="mixed waste and plastics",
        heat_mj_kg=13.0,
        flaming_g_kg=_smoke(60, 25, 3, 25, 1.5, 1500),
        smouldering_g_kg=_smoke(180, 55, 0.7, 60, 1.5, 1100),
    ),
    "tyres": Fuel(
        label_ko="타이어",
        label_en="tyres",
        heat_mj_kg=30.0,
        flaming_g_kg=_smoke(80, 60, 3, 20, 15, 2300),
        smouldering_g_kg=_smoke(180, 90, 0.8, 60, 12, 1600),
    ),
    "vehicle": Fuel(
        label_ko="차량",
        label_en="vehicle",
        heat_mj_kg=22.0,
        flaming_g_kg=_smoke(63, 40, 2, 12, 5, 2400),
        smouldering_g_kg=_smoke(150, 60, 0.7, 40, 4, 1600),
    ),
    "building": Fuel(
        label_ko="건물과 가구",
        label_en="building with furniture",
        heat_mj_kg=14.2,
        flaming_g_kg=_smoke(90, 20, 3, 15, 1, 1500),
        smouldering_g_kg=_smoke(200, 45, 0.8, 45, 1, 1100),
    ),
    "wood": Fuel(
        label_ko="목재",
        label_en="wood and pallets",
        heat_mj_kg=14.2,
        flaming_g_kg=_smoke(70, 10, 2.2, 8, 0.7, 1600),
        smouldering_g_kg=_smoke(200, 28, 0.7, 30, 0.7, 1250),
    ),
    "crop-residue": Fuel(
        label_ko="농업 잔재물",
        label_en="crop residue",
        heat_mj_kg=13.5,
        flaming_g_kg=_smoke(102, 7, 3.1, 10, 0.4, 1585),
        smouldering_g_kg=_smoke(180, 17, 0.8, 25, 0.4, 1250),
    ),
    # What burns around cities elsewhere: GFED4 (savanna; temperate forest; peat), peat in a chamber by Watson et al. 2019 (CO 157–171, PM2.5 14–61,
    # NOx 1.9), which glows far more than it flames.
    "grass": Fuel(
        label_ko="초지",
        label_en="grass and shrubs",
        heat_mj_kg=15.0,
        flaming_g_kg=_smoke(63, 7.2, 3.9, 8, 0.5, 1686),
        smouldering_g_kg=_smoke(130, 18, 1.0, 20, 0.5, 1400),
    ),
    "forest": Fuel(
        label_ko="산림",
        label_en="forest",
        heat_mj_kg=14.2,
        flaming_g_kg=_smoke(88, 12.9, 1.9, 10, 1.1, 1647),
        smouldering_g_kg=_smoke(200, 32, 0.6, 30, 1.1, 1250),
    ),
    "peat": Fuel(
        label_ko="이탄",
        label_en="peat",
        heat_mj_kg=13.0,
        flaming_g_kg=_smoke(130, 15, 1.9, 20, 0.4, 1550),
        smouldering_g_kg=_smoke(210, 35, 1.0, 35, 0.4, 1400),
    ),
}


def stored_units(grams: dict[str, float]) -> NDArray[np.float64]:
    """Turn grams per m³ of each species into the stored units (µg/m³, ppm, ppb), in the order of KEYS."""
    row = np.zeros(len(KEYS))
    for key, amount in grams.items():
        if key.startswith("pm"):
            factor = 1e6
        elif key == "tvoc":
            factor = 1e6 * MOLAR_VOLUME_25C_L_MOL / TVOC_MOLAR_MASS_G_MOL
        else:
            factor = 1e3 * ppm_per_mg_m3(key)
        row[KEYS.index(key)] = amount * factor
    return row
