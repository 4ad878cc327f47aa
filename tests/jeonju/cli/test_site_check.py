"""`jeonju site check` says what a site lacks."""

from pathlib import Path

from typer.testing import CliRunner

from jeonju.cli.site import app
from jeonju.contract.site import BUILT_IN_SITES

TEXT = (BUILT_IN_SITES / "jeonju.toml").read_text(encoding="utf-8")


def test_site_without_a_station_that_measures_the_wind_is_good_but_says_what_that_means(tmp_path: Path) -> None:
    path = tmp_path / "city.toml"
    path.write_text(TEXT.replace(', "wind_direction"', ""), encoding="utf-8")
    done = CliRunner().invoke(app, ["check", str(path)])
    assert done.exit_code == 0
    (line,) = done.stderr.splitlines()
    assert "no station measures the wind" in line
    assert "good; 3 zones" in done.stdout


def test_site_with_wind_says_nothing_of_it() -> None:
    assert not CliRunner().invoke(app, ["check", "jeonju"]).stderr
