import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeonju.common.errors import UserError
from jeonju.contract.site import BUILT_IN_SITES, Site, load_site

TEXT = (BUILT_IN_SITES / "jeonju.toml").read_text(encoding="utf-8")
LINES = TEXT.splitlines()


def line(containing: str, nth: int = 0) -> int:
    return [number for number, text in enumerate(LINES, start=1) if containing in text][nth]


def test_jeonju_has_the_devices_of_the_pilot(jeonju: Site) -> None:
    assert (len(jeonju.stations), len(jeonju.robots)) == (20, 6)
    assert {zone.name for zone in jeonju.zones} == {"palbok", "manseong", "innovation"}


def test_robot_loops_are_about_a_kilometre(jeonju: Site) -> None:
    for robot in jeonju.robots:
        corners = np.array([*robot.loop, robot.loop[0]])
        x, y = jeonju.map.to_xy(corners[:, 0], corners[:, 1])
        assert 800 < np.hypot(np.diff(x), np.diff(y)).sum() < 1300


def test_devices_stand_in_or_near_their_zone(jeonju: Site) -> None:
    outlines = {zone.name: np.array(zone.outline) for zone in jeonju.zones}
    for device in jeonju.stations:
        low, high = outlines[device.zone].min(axis=0) - 0.003, outlines[device.zone].max(axis=0) + 0.003
        assert np.all((low <= (device.lat, device.lon)) & ((device.lat, device.lon) <= high)), device.name


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        (
            "lat = 35.8462",
            "lat = 95.8462",
            line("lat = 35.8462"),
            "stations[0].lat Input should be less than or equal to 90 (got 95.8462)",
        ),
        ("lat = 35.8462", "latitude = 35.8462", line("lat = 35.8462"), "stations[0].latitude is not a known setting"),
        ('name = "palbok-02"', 'name = "palbok 02"', line('name = "palbok-02"'), "must be 1 to 64 letters"),
        ('timezone = "Asia/Seoul"\n', "", 1, "timezone is missing"),
        ('kind = "stack"', 'kind = "chimney"', line("[[sources]]"), "chimney"),
        ("height_m = 60", "height_m = -60", line("height_m = 60"), "greater than 0 (got -60)"),
        ('"humidity", "so2"', '"pm3"', line("quantities"), "is no known quantity; known are pm1, pm25"),
        ('name = "palbok-02"', 'name = "palbok-01"', 1, "two devices named 'palbok-01'"),
        ('zone = "manseong"', 'zone = "downtown"', 1, "in zone 'downtown', which is not among"),
        ("origin = [35.845, 127.080]", "origin = [35.845", None, "is not valid TOML"),
    ],
    ids=[
        "latitude-too-high",
        "misspelt-setting",
        "name-with-a-space",
        "missing-timezone",
        "unknown-kind-of-source",
        "negative-height",
        "unknown-quantity",
        "two-devices-of-one-name",
        "unknown-zone",
        "broken-toml",
    ],
)
def test_fault_in_a_site_file_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, at: int | None, message: str
) -> None:
    assert old in TEXT
    path = tmp_path / "city.toml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_site(path)
    assert message in str(caught.value)
    assert (f"{path}: " if at is None else f"{path}:{at}: ") in str(caught.value)


def test_unknown_site_says_which_there_are() -> None:
    with pytest.raises(UserError, match="no site is named 'seoul'; built in: gangnam, gwangju, jeonju"):
        load_site("seoul")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_any_damage_to_a_site_file_is_a_user_error_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, seed: int, cuts: int
) -> None:
    rng = random.Random(seed)
    text = TEXT[:6000]
    for _ in range(cuts):
        place = rng.randrange(len(text))
        text = (
            text[:place]
            + rng.choice(["", "[", "]", '"', "=", "\n", "-", "9", "x", "\x00"])
            + text[place + rng.randrange(4) :]
        )
    path = tmp_path_factory.mktemp("damaged") / "city.toml"
    path.write_text(text, encoding="utf-8")
    try:
        load_site(path)
    except UserError as error:
        assert str(path) in str(error)  # noqa: PT017
