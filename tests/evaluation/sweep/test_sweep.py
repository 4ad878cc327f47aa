"""Sweeps with real worker processes: one killed midway, the whole killed and gone on with, a scheduler elsewhere that goes away."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import xarray as xr
from typer.testing import CliRunner

from jeonju.cli.app import app
from jeonju.common.errors import UserError
from jeonju.contract.site import load_site
from jeonju.evaluation.sweep.cluster import SweepError, play_all, workers
from jeonju.evaluation.sweep.folder import SweepFolder
from jeonju.evaluation.sweep.play import Outcome, Setup, play
from jeonju.evaluation.sweep.results import detected_within, quantile_of_all
from jeonju.simulator.scenario import Scenario
from tests.evaluation.sweep.reports import check_reports
from tests.waiting import wait_until

VARY = "wind=2..4,fire.position=50..300"


@pytest.fixture
def setup(scenario: Scenario) -> Setup:
    return Setup(scenario=scenario, site=load_site(scenario.site), variations=(), seed=3)


def sweep(file: Path, out: Path, runs: int, *more: str) -> list[str]:
    return [
        "sweep",
        str(file),
        "--runs",
        str(runs),
        "--vary",
        VARY,
        "--out",
        str(out),
        "--processes",
        "2",
        "--json",
        *more,
    ]


def test_a_killed_sweep_goes_on_without_repeating_what_is_finished(scenario_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    command = [sys.executable, "-m", "jeonju", *sweep(scenario_file, out, 12)]
    killed = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: len(list(out.glob("runs/*.parquet"))) >= 2, within_s=300)
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    finished = {file: file.stat().st_mtime_ns for file in out.glob("runs/*.parquet")}
    (out / "runs" / "000011.partial").write_bytes(b"cut off")
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    figures = json.loads(said.stdout)
    assert (figures["runs"], figures["failed"]) == (12, 0)
    assert {file: file.stat().st_mtime_ns for file in finished} == finished
    assert sorted(file.name for file in (out / "runs").iterdir()) == [f"{run:06}.parquet" for run in range(12)]
    with xr.open_dataset(out / "sweep.nc", engine="h5netcdf") as result:
        assert dict(result.sizes) == {"run": 12, "device": 26, "listened": 26, "minute": 5, "quantile": 5}
        assert result["pm25"].attrs["units"] == "ug m-3"
        assert ((result["wind"] >= 2) & (result["wind"] <= 4)).all()
    assert pq.read_table(out / "runs.parquet").num_rows == 12
    check_reports(out, pictures=4)
    # Other options would mix two sweeps.
    other = CliRunner().invoke(app, sweep(scenario_file, out, 12, "--seed", "5"))
    assert isinstance(other.exception, UserError)
    assert "holds another sweep (seed differs)" in str(other.exception)


def test_ctrl_c_ends_a_sweep_in_one_line(scenario_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    command = [sys.executable, "-m", "jeonju", *sweep(scenario_file, out, 40)]
    # As in a terminal, the workers get the signal as well.
    with subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as stopped:
        try:
            wait_until(lambda: len(list(out.glob("runs/*.parquet"))) >= 1, within_s=300)
            os.killpg(stopped.pid, signal.SIGINT)
            said = stopped.communicate(timeout=60)[1]
        finally:
            stopped.kill()
    assert stopped.returncode == 130
    assert said == "stopped; the same command goes on with the runs that are left\n"


def test_a_worker_that_is_killed_costs_no_run(setup: Setup) -> None:
    with workers(None, 2) as client:
        outcomes: list[Outcome] = []
        for run, outcome in play_all(client, setup, range(8)):
            assert isinstance(outcome, Outcome), outcome
            if not outcomes:
                os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
            assert outcome.run == run
            outcomes.append(outcome)
    assert sorted(outcome.run for outcome in outcomes) == list(range(8))
    # What a worker plays is what anybody plays.
    here, there = play(setup, 5), next(outcome for outcome in outcomes if outcome.run == 5)
    assert here.row == there.row
    assert np.array_equal(here.pm25, there.pm25, equal_nan=True)


@pytest.fixture
def lone_scheduler() -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A scheduler in a process of its own, without workers."""
    dask = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--no-dashboard",
    ]
    process = subprocess.Popen(dask, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    address = next(found[0] for line in process.stderr if (found := re.search(r"tcp://127\.0\.0\.1:\d+", line)))
    try:
        yield address, process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@contextmanager
def worker(address: str, folder: Path = Path()) -> Iterator[None]:
    """A worker in a process of its own; what is installed in a folder counts more for it."""
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address]
    options = ["--nthreads", "1", "--no-dashboard", "--death-timeout", "30"]
    process = subprocess.Popen([*command, *options], stderr=subprocess.DEVNULL, cwd=folder)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def scheduler(
    lone_scheduler: tuple[str, "subprocess.Popen[str]"],
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A scheduler with one worker."""
    with worker(lone_scheduler[0]):
        yield lone_scheduler


def test_a_scheduler_elsewhere_plays_until_it_goes_away(
    scheduler: tuple[str, "subprocess.Popen[str]"], setup: Setup
) -> None:
    address, process = scheduler
    outcomes = []

    def play_until_it_is_gone() -> None:
        with workers(address, 1) as client:
            for run, outcome in play_all(client, setup, range(50)):
                outcomes.append(run)
                assert isinstance(outcome, Outcome), outcome
                process.kill()

    # A worker joins a moment after the scheduler answers.
    wait_until(lambda: _has_workers(address), within_s=60)
    with pytest.raises(SweepError, match="the Dask scheduler is gone; the same command goes on"):
        play_until_it_is_gone()
    assert 1 <= len(outcomes) < 50


def _has_workers(address: str) -> bool:
    try:
        with workers(address, 1):
            return True
    except UserError as error:
        return "has no workers; start some with `dask worker" not in str(error)


def test_a_worker_of_another_version_is_refused_in_a_line(
    lone_scheduler: tuple[str, "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    installed = tmp_path / "jeonju_air-9.9.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: jeonju-air\nVersion: 9.9.0\n")
    address = lone_scheduler[0]
    with worker(address, tmp_path):
        wait_until(lambda: _has_workers(address), within_s=60)
        with (
            pytest.raises(UserError, match=r"has jeonju-air 9\.9\.0 on Python .*install the same version there"),
            workers(address, 1),
        ):
            pass


def test_no_scheduler_is_said_in_a_line(scenario_file: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, sweep(scenario_file, tmp_path / "s", 2, "--scheduler", "tcp://127.0.0.1:9"))
    assert isinstance(done.exception, UserError)
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in str(done.exception)


def test_a_full_disk_is_said_and_leaves_no_half_file(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = SweepFolder(tmp_path, setup)
    outcome = play(setup, 0)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(UserError, match="No space left on device"):
            folder.keep(outcome)
    assert list((tmp_path / "runs").iterdir()) == []
    folder.keep(outcome)
    assert folder.finished() == {0}


def test_shares_and_their_intervals() -> None:
    delay_s = np.array([60.0, 120.0, np.nan, np.nan])
    share, low, high = detected_within(delay_s, np.array([0.0, 60.0, 200.0]))
    assert share.tolist() == [0.0, 0.25, 0.5]
    assert (low <= share).all()
    assert (share <= high).all()
    # Wilson's interval of 2 in 4 at 90 %.
    assert (low[2], high[2]) == pytest.approx((0.18, 0.82), abs=0.01)
    assert quantile_of_all(delay_s, 0.5) == 120.0
    assert quantile_of_all(delay_s, 0.9) is None
