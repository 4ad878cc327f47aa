"""Tables that show both natures: what is found on puffs, and on particles that share nothing with what finds it."""

from collections.abc import Mapping
from typing import Any, Final

from jeonju.evaluation.markdown import number, percent, table

NATURES: Final = ("puffs", "particles")
MINUTES: Final = (2, 5, 10, 30)
NOT_MEASURED: Final = "Not measured for this page: `python -m benchmarks two_natures` prints it."


def found_table(natures: Mapping[str, Any] | None) -> str:
    """Return how many of the same drawn fires are found in each nature, and how soon."""
    if natures is None:
        return NOT_MEASURED
    rows = [
        (
            name,
            f"{at['detected']} / {at['affected']} / {at['drawn']}",
            f"{number(at['median_delay_s'])} s, {number(at['p90_delay_s'])} s",
            number(at["median_peak_pm25"]),
        )
        for name in NATURES
        for at in [natures[name]]
    ]
    head = ("nature", "found / affected / drawn", "delay: median, 90 %", "median of the highest PM2.5 added [µg/m³]")
    return table(head, rows)


def maps_table(natures: Mapping[str, Any] | None) -> str:
    """Return the source maps of the fires that were located in both natures."""
    if natures is None:
        return NOT_MEASURED
    both = natures["located_in_both"]
    rows = [
        (
            f"{minutes} min",
            name,
            f"{at['location_error_m']} ({at['naive_error_m']})",
            f"{100 * at['area_share']:.2f} %",
            f"{percent(at['in_90'])} % ({number(at['area_90_km2'])} km²)",
            f"{percent(at['in_50'])} %",
            f"{at['sure']}, {at['sure_and_right']}",
        )
        for minutes in MINUTES
        for name in NATURES
        if (at := both[name].get(f"{minutes} min")) is not None
    ]
    head = (
        f"{both['puffs']['maps']} fires; after",
        "nature",
        "best cell (alerting device) off [m]",
        "as probable as the true cell",
        "90 % region holds it (area)",
        "50 % region",
        "sure, right within 300 m",
    )
    return table(head, rows)
