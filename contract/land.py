"""What the land of a city is: rivers, open and densely built land, over which the wind is faster or slower than where the site file says nothing."""

from typing import Annotated, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from jeonju.common.arrays import Floats

# Roughness lengths [m] of the classes of Davenport as Wieringa (1992) gives them: "smooth" for water between banks, "roughly open" for fields with
# houses and trees here and there, "closed" for dense suburbs.
ROUGHNESS_M: Final = {"river": 0.005, "open": 0.1, "built": 1.0}
# The map is flat; beyond this distance from its origin that is no longer true.
MAP_REACH_M: Final = 20_000.0

Point = tuple[Annotated[float, Field(ge=-90, le=90)], Annotated[float, Field(ge=-180, le=180)]]


class Land(BaseModel):
    """A stretch of land: an `outline` (open, built), or the `line` of a river, downstream, and its width.

    Cold air that `drains` follows the line on clear, calm nights in the order of its points.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["river", "open", "built"]
    label_ko: str = ""
    label_en: str = ""
    outline: list[Point] = []
    line: list[Point] = []
    width_m: Annotated[float, Field(gt=0, le=5000)] | None = None
    drains: bool = False
    roughness_m: Annotated[float, Field(gt=0, le=5)] | None = None

    @model_validator(mode="after")
    def _has_a_shape(self) -> "Land":
        if self.kind == "river":
            if len(self.line) < 2 or self.width_m is None or self.outline:
                raise ValueError("a river needs a `line` of two points or more and its `width_m`, and has no `outline`")
            return self
        if len(self.outline) < 3 or self.line or self.width_m is not None or self.drains:
            raise ValueError(
                f"land that is {self.kind} needs an `outline` of three points or more; `line`, `width_m` and `drains` are for rivers"
            )
        if crossing := _crossing(np.array(self.outline)):
            first, second = crossing
            raise ValueError(
                f"the outline crosses itself: the side from point {first + 1} meets the side from point {second + 1}; "
                "give the corners in order around the land"
            )
        return self

    @property
    def z0_m(self) -> float:
        """Its roughness length [m]."""
        return ROUGHNESS_M[self.kind] if self.roughness_m is None else self.roughness_m


def _crossing(corners: Floats) -> tuple[int, int] | None:
    """Return the numbers of the first two sides of a polygon that meet although they are not neighbours; None where there are none."""
    many = len(corners)
    begins, ends = corners, np.roll(corners, -1, axis=0)
    for first in range(many):
        for second in range(first + 2, many):
            are_neighbours = first == 0 and second == many - 1
            if not are_neighbours and _meet(begins[first], ends[first], begins[second], ends[second]):
                return first, second
    return None


def _meet(a: Floats, b: Floats, c: Floats, d: Floats) -> bool:
    """Return whether the stretches a–b and c–d have a point in common."""

    def side(p: Floats, q: Floats, r: Floats) -> float:
        return float((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    def is_on(p: Floats, q: Floats, r: Floats) -> bool:
        return bool(side(p, q, r) == 0 and (np.minimum(p, q) <= r).all() and (r <= np.maximum(p, q)).all())

    if side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0:
        return True
    return is_on(a, b, c) or is_on(a, b, d) or is_on(c, d, a) or is_on(c, d, b)
