"""The systemd units: systemd itself finds no fault with them, and their settings are options that there are."""

import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jeonju.cli import app

UNITS = sorted((Path(__file__).parents[2] / "packaging/systemd").glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_finds_no_fault(unit: Path, tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed (apt-get install systemd)")
    # The program is elsewhere where nothing is installed; everything else is judged as it stands.
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/jeonju/.venv/bin/jeonju", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    assert unit.name not in done.stderr, done.stderr
    assert done.returncode == 0 or "jeonju" not in done.stderr, done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_command_of_a_unit_is_one_that_takes_the_settings(unit: Path) -> None:
    line = next(line for line in unit.read_text().splitlines() if line.startswith("ExecStart="))
    settings = unit.with_name("air.toml")
    arguments = line.partition(" ")[2].replace("/etc/jeonju/air.toml", str(settings)).split()
    assert CliRunner().invoke(app, [*arguments, "--help"], catch_exceptions=False).exit_code == 0
