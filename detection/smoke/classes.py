"""What a set of rises means: the probability of each class from the ratios in which quantities rise together.

Each profile is a thing that happens, given by the quantity that leads and, for the others, the ratio to it (median and spread of its logarithm).
How strong it is does not matter, so the strength is averaged out. All numbers are ratios of published emission factors; nothing was fitted.

CO and particles together distinguish burning from dust, steam and traffic: 100 µg/m³ of smoke PM2.5 comes with 0.16 to 1.4 ppm CO (1.9 g/g for
buildings and vehicles, 4 to 7 for wood, 16 for straw), engines give 50 to 150 g CO for each gram of PM2.5, dust, fog and solvent none.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.fuels import stored_units
from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.detection.smoke.baseline import WATCHED

CLASSES: Final = ("fire", "industrial", "dust", "traffic", "regional", "sensor fault")
STEPS: Final = 20  # strengths that are tried for each profile
CHUNK: Final = 256  # devices that are compared with all profiles and strengths at once, for the sake of memory
# Two instruments of one plume disagree by their gains, their lags and its unrest.
DISAGREEMENT: Final = 0.25
# Now and then an instrument is wrong altogether: one quantity alone never decides against all others.
WRONG_SHARE: Final = 0.01
FOG_FROM_PERCENT: Final = 90.0


class Profile(NamedTuple):
    """Something that happens: `ratios` holds quantity → (units per unit of `leads`, spread of its logarithm); all others do not rise."""

    what: str
    of_class: str  # one of CLASSES, or "" for nothing at all
    prior: float
    leads: str
    strength: tuple[float, float]  # of `leads`, in its unit: from the least that matters to the most that is seen
    ratios: dict[str, tuple[float, float]]


def _per_pm25(quantity: str, g_per_g: float) -> float:
    """Return stored units of a quantity for each µg/m³ of PM2.5."""
    return float(stored_units({quantity: g_per_g})[KEYS.index(quantity)]) * 1e-6


def _per_co(quantity: str, g_per_g: float) -> float:
    """Return stored units of a quantity for each ppm of CO."""
    of = stored_units({quantity: g_per_g, "co": 1.0})
    return float(of[KEYS.index(quantity)] / of[KEYS.index("co")])


# How often each is behind a rise that is worth a look, at an instrument among works and roads: our own judgement; small beside what ratios say.
PROFILES: Final = (
    # Wood, paper, straw (GFED4; flaming and smouldering): 5 to 14 g CO, 0.5 to 1.5 g VOC for each gram of PM2.5.
    Profile(
        "smoke of wood, paper or straw",
        "fire",
        0.12,
        "pm25",
        (10.0, 3000.0),
        {
            "pm10": (1.2, 0.15),
            "co": (_per_pm25("co", 7.5), 0.5),
            "tvoc": (_per_pm25("tvoc", 0.9), 0.5),
            "no2": (_per_pm25("no2", 0.03), 0.8),
            "so2": (_per_pm25("so2", 0.03), 0.8),
        },
    ),
    # Plastics, tyres, vehicles, buildings (Holder 2023, Hoffer 2020, Akagi 2011): 1.3 to 4.5 g CO, 0.3 to 1.1 g VOC.
    Profile(
        "smoke of plastics, tyres or buildings",
        "fire",
        0.12,
        "pm25",
        (10.0, 3000.0),
        {
            "pm10": (1.2, 0.15),
            "co": (_per_pm25("co", 2.4), 0.5),
            "tvoc": (_per_pm25("tvoc", 0.65), 0.5),
            "no2": (_per_pm25("no2", 0.02), 0.8),
            "so2": (_per_pm25("so2", 0.06), 1.0),
        },
    ),
    # Heating and boilers burn, too, but what reaches the street is little.
    Profile(
        "heating or boilers",
        "industrial",
        0.06,
        "pm25",
        (2.0, 12.0),
        {
            "pm10": (1.3, 0.2),
            "co": (_per_pm25("co", 9.0), 0.6),
            "no2": (_per_pm25("no2", 2.5), 0.8),
            "tvoc": (_per_pm25("tvoc", 0.5), 0.8),
        },
    ),
    Profile(
        "plume of a stack",
        "industrial",
        0.04,
        "so2",
        (0.004, 0.5),
        {
            "no2": (1.2, 0.8),
            "co": (2.0, 1.0),
            "pm25": (60.0, 1.0),
            "pm10": (90.0, 1.0),
        },
    ),
    Profile("solvent", "industrial", 0.10, "tvoc", (60.0, 20_000.0), {}),
    Profile("hydrogen sulphide", "industrial", 0.05, "h2s", (0.003, 5.0), {}),
    Profile("solvent with hydrogen sulphide", "industrial", 0.03, "tvoc", (60.0, 20_000.0), {"h2s": (8e-5, 1.2)}),
    Profile("ammonia", "industrial", 0.03, "nh3", (0.1, 100.0), {}),
    Profile(
        "slurry, sewage or food waste",
        "industrial",
        0.05,
        "nh3",
        (0.1, 100.0),
        {"h2s": (0.04, 1.0), "tvoc": (60.0, 1.5)},
    ),
    # AP-42 unpaved roads and yards: a tenth to a fifth is PM2.5, and optical counters miss a third of the coarse.
    Profile("coarse dust", "dust", 0.20, "pm10", (25.0, 3000.0), {"pm25": (0.2, 0.35)}),
    # 50 to 150 g CO for each gram of exhaust PM2.5; resuspension adds coarse dust. NO₂ some hundred metres on.
    Profile(
        "engines",
        "traffic",
        0.15,
        "co",
        (0.05, 20.0),
        {
            "no2": (_per_co("no2", 0.2), 0.5),
            "pm25": (_per_co("pm25", 0.017), 0.5),
            "pm10": (_per_co("pm10", 0.05), 0.8),
            "tvoc": (_per_co("tvoc", 0.12), 0.6),
        },
    ),
    Profile("fog or steam", "regional", 0.06, "pm25", (5.0, 500.0), {"pm10": (1.5, 0.3)}),
    Profile("particle counter", "sensor fault", 0.02, "pm25", (5.0, 1000.0), {}),
    Profile("particle counter", "sensor fault", 0.005, "pm10", (20.0, 3000.0), {}),
    Profile("carbon monoxide cell", "sensor fault", 0.005, "co", (0.1, 50.0), {}),
    Profile("nitrogen dioxide cell", "sensor fault", 0.01, "no2", (0.02, 1.0), {}),
    Profile("sulphur dioxide cell", "sensor fault", 0.005, "so2", (0.02, 1.0), {}),
    Profile("nothing", "", 0.3, "pm25", (0.0, 0.0), {}),
)
_FOG: Final = next(number for number, row in enumerate(PROFILES) if row.what == "fog or steam")
_OF_CLASS: Final = np.array([[row.of_class == name for row in PROFILES] for name in (*CLASSES, "")], dtype=float)


def _tables() -> tuple[Floats, Floats]:
    """Return what each profile adds at each strength (profiles, STEPS, WATCHED) and the spread of its logarithm (profiles, WATCHED)."""
    adds = np.zeros((len(PROFILES), STEPS, len(WATCHED)))
    spread = np.full((len(PROFILES), len(WATCHED)), DISAGREEMENT)
    for number, row in enumerate(PROFILES):
        low, high = row.strength
        strength = np.geomspace(low, high, STEPS) if low > 0 else np.zeros(STEPS)
        adds[number, :, WATCHED.index(row.leads)] = strength
        for key, (ratio, log_spread) in row.ratios.items():
            adds[number, :, WATCHED.index(key)] = ratio * strength
            spread[number, WATCHED.index(key)] = np.hypot(DISAGREEMENT, log_spread)
    return adds, spread


_ADDS, _LOG_SPREAD = _tables()


def log_likelihoods(local: Floats, spread: Floats, present: NDArray[np.bool_]) -> Floats:
    """Return the logarithm of how likely each profile makes the rises (devices, WATCHED) of each device: (devices, profiles).

    Rises are compared on a scale that is linear within the scatter and logarithmic above, asinh(rise / 2σ), so that what counts is the difference
    for small and the ratio for large rises.
    """
    chunks = [slice(first, first + CHUNK) for first in range(0, len(local), CHUNK)]
    return np.concatenate([_log_likelihoods(local[chunk], spread[chunk], present[chunk]) for chunk in chunks])


def _log_likelihoods(local: Floats, spread: Floats, present: NDArray[np.bool_]) -> Floats:
    scale = 2.0 * spread[:, None, None, :]
    expected = _ADDS[None]
    variance = (0.25 * scale**2 + (_LOG_SPREAD[None, :, None, :] * expected) ** 2) / (scale**2 + expected**2)
    off = np.arcsinh(local[:, None, None, :] / scale) - np.arcsinh(expected / scale)
    density = np.exp(-0.5 * off**2 / variance) / np.sqrt(variance)
    each = np.where(present[:, None, None, :], np.log((1 - WRONG_SHARE) * density + 0.1 * WRONG_SHARE), 0.0).sum(
        axis=-1
    )
    most = each.max(axis=-1)
    return np.asarray(most + np.log(np.mean(np.exp(each - most[..., None]), axis=-1)))


def probabilities(log_likelihood: Floats, humidity: Floats, log_odds: Floats) -> Floats:
    """Return the probability of each of CLASSES, and of nothing last, (devices, 7); `log_odds` weighs classes for each device."""
    prior = np.log(np.array([row.prior for row in PROFILES]))
    log_weight = log_likelihood + prior + log_odds @ _OF_CLASS
    # Without humid air there is no fog; where nobody measures it, nothing speaks for fog or against it.
    log_weight[:, _FOG] += np.where(np.isnan(humidity), 0.0, np.where(humidity >= FOG_FROM_PERCENT, 1.0, -2.0))
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    return np.asarray((weight / weight.sum(axis=1, keepdims=True)) @ _OF_CLASS.T)
