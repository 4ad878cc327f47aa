"""What a placement found: the chosen stations, and the detection without and with them."""

from typing import Any, NamedTuple

from jeonju.evaluation.sweep.placement import Choice


class Placed(NamedTuple):
    """The mean time until a station is affected before [s], the chosen stations, what each candidate alone would save [s], and both summaries."""

    before_s: float
    chosen: list[Choice]
    gains_s: dict[str, float]
    without: dict[str, Any]
    with_them: dict[str, Any]
