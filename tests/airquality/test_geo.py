import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.airquality.geo import LocalMap

JEONJU = LocalMap(35.845, 127.08)


def test_known_distances_along_meridian_and_parallel() -> None:
    # WGS84 at 35.845° N: one degree of latitude is 110 951 m, one of longitude 90 348 m (closed formulas of the ellipsoid).
    x_m, y_m = JEONJU.to_xy(35.855, 127.09)
    assert y_m == pytest.approx(1109.5, abs=0.5)
    assert x_m == pytest.approx(903.5, abs=0.5)


@given(st.floats(-20_000, 20_000), st.floats(-20_000, 20_000))
def test_there_and_back_is_the_same_place(x_m: float, y_m: float) -> None:
    assert np.allclose(JEONJU.to_xy(*JEONJU.to_latlon(x_m, y_m)), (x_m, y_m), atol=1e-4)


def test_arrays_keep_their_shape() -> None:
    x_m, y_m = JEONJU.to_xy(np.full((3, 2), 35.85), np.full((3, 2), 127.1))
    assert x_m.shape == y_m.shape == (3, 2)
