"""Rivers and open land of a site: faults have their line, and the wind over them is faster by the law of the profile."""

from pathlib import Path

import numpy as np
import pytest

from jeonju.airquality.dispersion.roughness import speed_ratio
from jeonju.common.errors import UserError
from jeonju.contract.land import Land
from jeonju.contract.site import BUILT_IN_SITES, Site, load_site

TEXT = (BUILT_IN_SITES / "jeonju.toml").read_text(encoding="utf-8")
LAND_LINES = [number for number, text in enumerate(TEXT.splitlines(), start=1) if text == "[[land]]"]


@pytest.mark.parametrize(
    ("old", "new", "stretch", "message"),
    [
        ("[35.9120, 126.9900]", "[36.9120, 126.9900]", 3, "more than 20 km from the origin of the map"),
        (
            "[35.8525, 127.0785], [35.8720, 127.0785]",
            "[35.8720, 127.0785], [35.8525, 127.0785]",
            0,
            "the outline crosses itself: the side from point 1 meets the side from point 3",
        ),
        ("width_m = 150\n", "", 1, "a river needs a `line` of two points or more and its `width_m`"),
        ('kind = "open"', 'kind = "open"\ndrains = true', 0, "`drains` are for rivers"),
    ],
    ids=["off-the-map", "self-crossing", "river-without-width", "field-that-drains"],
)
def test_fault_in_land_is_named_with_its_line(tmp_path: Path, old: str, new: str, stretch: int, message: str) -> None:
    assert old in TEXT
    path = tmp_path / "city.toml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_site(path)
    assert message in str(caught.value)
    assert f"{path}:{LAND_LINES[stretch]}: land[{stretch}]" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_figure_of_eight_touching_in_a_corner_is_no_outline() -> None:
    with pytest.raises(ValueError, match="crosses itself"):
        Land(kind="open", outline=[(0, 0), (0, 2), (1, 1), (2, 2), (2, 0), (1, 1)])


def test_wind_is_faster_over_open_land_and_along_the_river_and_usual_in_town(jeonju: Site) -> None:
    ratios = jeonju.speed_ratios
    town, fields, river = (
        float(ratios.at(*jeonju.map.to_xy(*place)))
        for place in ((35.8330, 127.0600), (35.8700, 127.0300), (35.855, 127.1085))
    )
    assert town == pytest.approx(1.0, abs=0.02)
    # ln(10/0.1)/ln(60/0.1) over ln(10/0.8)/ln(60/0.8)
    assert fields == pytest.approx(1.230, abs=0.002)
    assert 1.05 < river < 1.2


def test_land_of_the_reference_roughness_changes_nothing_and_rougher_land_slows() -> None:
    assert speed_ratio(0.8, 0.8) == pytest.approx(1.0)
    assert np.all(np.diff(speed_ratio(np.array([0.005, 0.1, 0.8, 2.0]), 0.8)) < 0)


def test_site_without_land_is_alike_everywhere(jeonju: Site) -> None:
    bare = Site.model_validate({**jeonju.model_dump(), "land": []})
    assert np.all(bare.speed_ratios.ratio == 1.0)
