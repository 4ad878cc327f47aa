"""The wheel as a user gets it: installed away from the checkout, run from an empty folder."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = sorted(path.name for path in (ROOT / "jeonju").iterdir() if path.is_symlink())
# What is for readers of the repository, and what only builds other files.
# Documents, what only Compose mounts, and what keeps an empty folder.
NOT_INSTALLED = {".md", ".sh", ""}

SHORT = """
title_ko = "짧은 화재"
title_en = "A short fire"
start = 2026-03-02T03:00:00+09:00
duration = "20m"
events = [{ kind = "fire", after = "5m", lat = 35.8546, lon = 127.0976, fuel = "waste-paper", peak_heat_mw = 5.0 }]
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, because setuptools leaves a folder in the checkout from which old files get into the next wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    left_out = shutil.ignore_patterns(
        ".git", ".venv", "build", "data", "*.egg-info", "__pycache__", ".*_cache", "tests"
    )
    shutil.copytree(ROOT, folder / "checkout", symlinks=True, ignore=left_out)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--disable-pip-version-check"]
    built = subprocess.run([*command, "--wheel-dir", folder, folder / "checkout"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a new environment, which shares the libraries and the broker of this one but knows nothing of the checkout."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    installed = subprocess.run(
        [*command, str(wheel)], cwd=folder, env=clean_environment(), capture_output=True, text=True
    )
    assert installed.returncode == 0, installed.stderr
    _bring_compiled(packages / "jeonju")
    # Of a folder that a .pth names, the .pth files are not read, so the editable installation of this environment stays out.
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    shared_broker = Path(sysconfig.get_path("scripts")) / "nats-server"
    (folder / "bin" / "nats-server").symlink_to(shared_broker)
    return folder / "bin" / "jeonju"


def _bring_compiled(package: Path) -> None:
    """Let numba take what it has compiled in the checkout, half a minute's work: its cache goes by the time and size of a source."""
    for compiled in (path for room in ROOMS for path in (ROOT / room).rglob("__pycache__/*.nb[ic]")):
        here = compiled.relative_to(ROOT)
        (package / here).parent.mkdir(exist_ok=True)
        shutil.copy(compiled, package / here)
        source = here.parents[1] / f"{compiled.name.partition('.')[0]}.py"
        os.utime(package / source, ns=(0, (ROOT / source).stat().st_mtime_ns))


def clean_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def run(program: Path, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [program, *arguments], cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_one_name_is_installed_with_every_file_of_the_rooms(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"jeonju"}
    rooms = [(ROOT / "jeonju" / room, f"jeonju/{room}") for room in ROOMS]
    expected = {
        f"{prefix}/{path.relative_to(folder)}"
        for folder, prefix in rooms
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in NOT_INSTALLED
    }
    assert ROOMS
    assert not {name for name in expected - names if "/cases/" not in name}


def test_scenarios_and_sites_come_with_it(program: Path, tmp_path: Path) -> None:
    listed = json.loads(run(program, tmp_path, "scenario", "list", "--json"))
    assert set(listed) == {path.stem for path in (ROOT / "simulator/scenarios").glob("*.toml")}
    assert "20 stations" in run(program, tmp_path, "site", "check", "jeonju")


def test_a_scenario_runs_from_an_empty_folder_beside_a_module_named_api(program: Path, tmp_path: Path) -> None:
    (tmp_path / "api.py").write_text("raise SystemExit('a module of the user was imported')")
    (tmp_path / "short.toml").write_text(SHORT)
    run(program, tmp_path, "run", "short.toml", "--out", "out")
    assert json.loads((tmp_path / "out/score.json").read_text())["events"]


def test_a_city_goes_live_from_an_empty_folder(program: Path, tmp_path: Path) -> None:
    said = run(program, tmp_path, "up", "--history", "0s", "--for", "20s", "--port", "0", "--mqtt-port", "0")
    assert "26 devices heard" in said


def test_measurements_are_evaluated_from_an_empty_folder(program: Path, tmp_path: Path) -> None:
    data = (ROOT / "../shared/data/prairie_grass").resolve()
    if not data.exists():
        pytest.skip(f"{data} is not there")
    assert json.loads(run(program, tmp_path, "evaluate", "dispersion", str(data)))["fac2"] > 0
