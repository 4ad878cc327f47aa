"""What a placement found: the chosen stations and the chosen loop, and the detection without and with them."""

from typing import Any, NamedTuple

from jeonju.evaluation.sweep.placement import Choice, LoopChoice


class Placed(NamedTuple):
    """What the choice expects and what was measured.

    The mean time until a device is affected before [s], the chosen stations, what each candidate alone would save [s], the chosen loop, and the
    summaries of the runs without anything more, with the stations, and with the loop instead, None where no robot shows how loops are.
    """

    before_s: float
    chosen: list[Choice]
    gains_s: dict[str, float]
    loop: LoopChoice | None
    without: dict[str, Any]
    with_them: dict[str, Any]
    with_loop: dict[str, Any] | None = None
