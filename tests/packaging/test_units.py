"""The systemd units: systemd itself finds no fault with them, and their settings are options that there are."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jeonju.cli.app import app

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


def test_stack_of_the_unit_waits_for_real_devices(tmp_path: Path) -> None:
    """As the unit starts it, with the same settings; only folder and ports are others."""
    settings = UNITS[0].with_name("air.toml")
    options = ["--data", str(tmp_path), "--port", "0", "--mqtt-port", "0", "--for", "2s", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "jeonju", "--config", str(settings), "up", *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    stopped = json.loads(done.stdout.splitlines()[-1])
    assert (stopped["event"], stopped["live"], stopped["devices_heard"]) == ("stopped", True, 0)


def test_only_the_main_process_is_asked_to_end() -> None:
    """NATS that shuts down as sessions are cleared purges its queue (tests/broker/test_nats_ends.py)."""
    assert "KillMode=mixed" in UNITS[0].with_name("jeonju.service").read_text().splitlines()


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_unit_waits_for_the_time(unit: Path) -> None:
    """A Raspberry Pi has no clock of its own and starts in the past."""
    settings = dict(line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line and line[0] != "#")
    assert "time-sync.target" in settings["After"].split()
    assert "time-sync.target" in settings["Wants"].split()
