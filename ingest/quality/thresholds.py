"""Every number the rules judge by, in the quantity's unit, with source and validity.

Sources: data sheets as in `simulator/instrument_table.py` (SPS30, Alphasense B4 cells, SGP40); where nothing else is said the number is our choice.
Valid for low-cost instruments outdoors that send between every second and every ten minutes.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Steps:
    """How far a value may move between two readings: `noise` + `noise_share` · value + `rise` · min(1, time / `response_s`).

    `noise` and `noise_share` are about six standard deviations of the difference of two readings. `rise` is the highest change of
    the air itself that we believe next to a source; the instrument follows it within `response_s` (time to 63 %, data sheets).
    """

    noise: float
    rise: float
    response_s: float
    noise_share: float = 0.0


STEPS: Final[dict[str, Steps]] = {
    # Optical counters answer fully within 10 s; smoke of 1000 µg/m³ and whirled-up dust of 2000 µg/m³ are real. Up to the range of 1000 µg/m³.
    "pm1": Steps(noise=10, noise_share=0.35, rise=1000, response_s=4),
    "pm25": Steps(noise=10, noise_share=0.45, rise=1000, response_s=4),
    "pm10": Steps(noise=20, noise_share=0.60, rise=2000, response_s=4),
    # Electrochemical cells: t90 of 80, 80, 30, 15, 60 and 150 s; noise from the data sheets, rises ours.
    "no2": Steps(noise=0.030, rise=1, response_s=35),
    "o3": Steps(noise=0.035, rise=0.5, response_s=35),
    "so2": Steps(noise=0.025, rise=3, response_s=13),
    "co": Steps(noise=0.15, noise_share=0.05, rise=100, response_s=6.5),
    "h2s": Steps(noise=0.010, rise=5, response_s=26),
    "nh3": Steps(noise=0.20, rise=50, response_s=65),
    # SGP40: 63 % within 10 s; CO2: common NDIR cells, ±30 ppm.
    "tvoc": Steps(noise=30, noise_share=0.20, rise=10_000, response_s=9),
    "voc_index": Steps(noise=20, noise_share=0.10, rise=500, response_s=9),
    "co2": Steps(noise=60, noise_share=0.05, rise=5000, response_s=20),
    # A robot leaving a heated bay, a front, a gust: a sensor in its shield.
    "temperature": Steps(noise=0.6, rise=15, response_s=30),
    "humidity": Steps(noise=4, rise=50, response_s=20),
    "pressure": Steps(noise=0.6, rise=3, response_s=60),
}

# Not judged: wind and sound jump by nature, the hottest pixel when a flame comes into view, what a device says of itself.

# After a longer silence anything may have happened. Our choice.
STEP_GAP_S: Final = 900.0
# After this long a new level is believed. Our choice: longer than a glitch, shorter than a fire.
STEP_HOLD_S: Final = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Ends:
    """Values up to `low` and from `high` on may stand still in a healthy instrument: clean air, calm, fog, its last digit."""

    low: float
    high: float = float("inf")


# Only quantities whose noise exceeds the last digit that common instruments send (noise from data sheets, ends ours).
STUCK_ENDS: Final[dict[str, Ends]] = {
    "pm1": Ends(low=2),
    "pm25": Ends(low=2),
    "pm10": Ends(low=3),
    "no2": Ends(low=0.002),
    "o3": Ends(low=0.002),
    "so2": Ends(low=0.005),
    "co": Ends(low=0.1),
    "h2s": Ends(low=0.01),
    "nh3": Ends(low=0.1),
    "tvoc": Ends(low=1),
    "voc_index": Ends(low=1, high=500),
    "co2": Ends(low=400),
    "temperature": Ends(low=-40),
    "humidity": Ends(low=0, high=99),
    "pressure": Ends(low=500),
    "wind_speed": Ends(low=0.5),
    "noise": Ends(low=30),
}
STUCK_SUSPECT_S: Final = 1800.0  # our choice, 1800 readings at one a second
STUCK_BAD_S: Final = 6 * 3600.0  # our choice
STUCK_AT_AN_END_S: Final = 24 * 3600.0  # suspect, never bad; our choice
# Fewer equal readings prove nothing, however long they take: hourly values repeat. Our choice.
STUCK_READINGS: Final = 30
# A coarse digit stands still by itself: what has stood still before and moved again may do so three times as long, up to a day. Our choice.
STUCK_TIMES_LONGEST: Final = 3
# A run of equal values does not reach over a longer silence. Our choice; hourly values must pass.
STUCK_GAP_S: Final = 7200.0

# Clocks, all our choice. A minute ahead is more than NTP or GNSS leave, five minutes behind more than a live link takes.
CLOCK_AHEAD_S: Final = 60.0
CLOCK_BEHIND_S: Final = 300.0
# What is more than a day old is a recording played again.
CLOCK_HISTORY_S: Final = 86_400.0
# A backlog comes faster than it was measured; a slow clock keeps the pace of arrival for at least this long, without pauses.
CLOCK_BEHIND_FOR_S: Final = 600.0
CLOCK_PAUSE_S: Final = 120.0
CLOCK_PACE: Final = (0.5, 2.0)
# A clock stands still when different readings with one time arrive for this long; the same reading again is only a repeat.
CLOCK_FROZEN_FOR_S: Final = 60.0
CLOCK_FROZEN_READINGS: Final = 3

# κ-Köhler: hygroscopicity κ of PM2.5 0.15 to 0.29, of coarse dust 0.05 to 0.13 (Atmos. Meas. Tech. 17, 6073, 2024); PM10 is a mixture. In air rich in
# nitrate and sulphate κ is 0.3 to 0.4. Density of dry particles as Crilley et al. (2018). Valid from 40 to 95 %; above, droplets are counted.
KAPPA: Final[dict[str, float]] = {"pm1": 0.20, "pm25": 0.20, "pm10": 0.15}
PARTICLE_DENSITY_G_CM3: Final = 1.65
HUMID_PERCENT: Final = 75.0
FOG_PERCENT: Final = 95.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Excess:
    """By how much the smaller size of particles may be above the larger one in one reading: `floor` in µg/m³ + `share` of the larger one."""

    floor: float
    share: float


# PM1 is part of PM2.5, and PM2.5 of PM10. Data sheets: PMS5003 ±10 µg/m³ up to 100 µg/m³ and ±10 % up to 500; SDS011 ±10 µg/m³ or ±15 %; SPS30
# ±5 µg/m³ ±5 % for PM2.5, ±25 µg/m³ or ±25 % for PM10. Two that may err by 10 µg/m³ differ by 14 (root of the sum of squares), and by some 15 to
# 30 % in smoke. The simulated city needs up to 10.4 µg/m³ beside the 30 %. Valid up to 1000 µg/m³.
PM_ORDER: Final = Excess(floor=15, share=0.30)
# Wet particles raise the smaller size by up to a third more, the ratio of both κ, and the noise with it; the city needs 12 µg/m³ beside the 60 %.
PM_ORDER_HUMID: Final = Excess(floor=20, share=0.60)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """By how much healthy neighbours differ in a mean over ten minutes, as a standard deviation: `floor` + `share` · median."""

    floor: float
    share: float = 0.0


# What a whole zone has in common: calibration between units (data sheets: PM ±10 %, ±0.3 °C, ±2 to 3 %, O₃ some ppb) and place (ours).
NEIGHBOURS: Final[dict[str, Spread]] = {
    "pm25": Spread(floor=2.5, share=0.10),
    "o3": Spread(floor=0.005, share=0.12),
    "temperature": Spread(floor=0.8),
    "humidity": Spread(floor=4),
    "pressure": Spread(floor=1.5),
}
# What smoke or a release raises besides. If one of these is up, too, the deviation is the air's. Unit spreads from data sheets.
EVIDENCE: Final[dict[str, Spread]] = {
    "pm10": Spread(floor=5, share=0.15),
    "co": Spread(floor=0.05, share=0.06),
    "no2": Spread(floor=0.005, share=0.10),
    "so2": Spread(floor=0.003, share=0.10),
    "h2s": Spread(floor=0.002, share=0.10),
    "nh3": Spread(floor=0.05, share=0.10),
    "tvoc": Spread(floor=15, share=0.20),
}
NEIGHBOUR_MEAN_S: Final = 600.0
NEIGHBOUR_Z: Final = 4.0  # our choice
EVIDENCE_Z: Final = 2.0  # our choice: rather a fault unseen than smoke called a fault
NEIGHBOUR_MEANS: Final = 3  # must deviate to the same side one after the other; our choice
NEIGHBOURS_NEEDED: Final = 4  # stations with this quantity, the judged one included; our choice
