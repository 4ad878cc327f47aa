"""A Docker engine of the tests' own, and base images without Docker Hub: made of the Debian packages and Python packages of this machine."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement

from tests.waiting import wait_until

ROOT: Final = Path(__file__).parents[1]
DOCKERD: Final = Path("/usr/sbin/dockerd")
# What the Dockerfiles install, and what they are run with.
PACKAGES: Final = {
    *("bash", "binutils", "coreutils", "dash", "findutils", "grep", "libc-bin", "login", "passwd", "sed", "python3"),
    *("fonts-nanum", "libharfbuzz-subset0", "libpango-1.0-0", "libpangoft2-1.0-0"),
    *("influxdb", "mosquitto"),
}
LEFT_OUT: Final = re.compile(r"/usr/share/(doc|man|locale|info|lintian|bug)/.")
# Beside the files of packages: what their scripts made.
MADE: Final = ("/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/nsswitch.conf")
VENV: Final = "opt/jeonju/.venv"


class Engine:
    """A running engine: what `docker` and `docker-compose` of Debian say to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.surroundings = os.environ | {
            # Debian's own client, whatever else is installed.
            "PATH": f"/usr/bin:/usr/sbin:/bin:{os.environ['PATH']}",
            "DOCKER_HOST": f"unix://{folder}/engine.sock",
            "DOCKER_BUILDKIT": "1",
            "COMPOSE_PROJECT_NAME": "air",
        }

    def run(self, *command: str, **options: Any) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=self.surroundings, capture_output=True, check=False, timeout=600, **options
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout.decode()}\n{done.stderr.decode()}"
        return done.stdout.decode()

    def inspect(self, container: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(self.run("docker", "inspect", container))
        return found[0]

    def volume(self, name: str) -> Path:
        """Return the folder of a volume."""
        return self.folder / f"data/volumes/air_{name}/_data"


@contextmanager
def engine() -> Iterator[Engine]:
    """Run an engine as long as the context lasts; it leaves nothing behind."""
    # Not pytest's folder: that is kept, and its path is too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="air-docker-"))
    options = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                DOCKERD,
                "--bridge=none",
                f"--host=unix://{folder}/engine.sock",
                *(f"--{key}={folder / name}" for key, name in options.items()),
            ],
            stdout=log,
            stderr=log,
        )
    running = Engine(folder)
    try:
        wait_until(lambda: process.poll() is not None or (folder / "engine.sock").exists(), what="the engine")
        wait_until(lambda: process.poll() is not None or _answers(running), what="the engine's answer")
        if process.poll() is not None:
            last = (folder / "log").read_text().strip().splitlines()[-1]
            pytest.skip(f"Docker's engine does not run here: {last}")
        try:
            yield running
        finally:
            subprocess.run(
                "docker ps --quiet --all | xargs --no-run-if-empty docker rm --force --volumes",
                shell=True,
                env=running.surroundings,
                capture_output=True,
                check=False,
            )
            subprocess.run(["docker", "network", "prune", "--force"], env=running.surroundings, capture_output=True)
    finally:
        process.terminate()
        process.wait(timeout=120)
        shutil.rmtree(folder, ignore_errors=True)


def make_bases(running: Engine) -> None:
    """Import `jeonju-base`, with the packages that the Dockerfiles install, and `jeonju-build`, which has our Python packages too."""
    made, packages = running.folder / "made", running.folder / "packages"
    _make_tables(made)
    _make_venv(packages)
    listing = running.folder / "files"
    listing.write_text("\n".join(_files_of_packages()))
    _import(running, "jeonju-base", listing, made)
    _import(running, "jeonju-build", listing, made, packages)


def missing_packages() -> list[str]:
    """Return the names of those Debian packages that are not installed."""
    return sorted(PACKAGES - set(_installed()))


def _answers(running: Engine) -> bool:
    done = subprocess.run(["docker", "version"], env=running.surroundings, capture_output=True, check=False)
    return done.returncode == 0


def _import(running: Engine, name: str, listing: Path, *trees: Path) -> None:
    command = ["tar", "--create", "--no-recursion", "--directory=/", f"--files-from={listing}"]
    for tree in trees:
        # Files only: an archive with a folder twice is refused.
        names = tree.with_suffix(".files")
        names.write_text("\n".join(str(path.relative_to(tree)) for path in tree.rglob("*") if _is_file(path)))
        command += [f"--directory={tree}", f"--files-from={names}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as packing:
        running.run("docker", "import", "-", name, stdin=packing.stdout)


def _installed() -> dict[str, str]:
    """Return what each installed package and each virtual one needs, by their names."""
    listed = subprocess.run(
        [
            "dpkg-query",
            "--show",
            "--showformat",
            "${Package}\t${db:Status-Status}\t${Depends}, ${Pre-Depends}\t${Provides}\n",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    needs: dict[str, str] = {}
    for line in listed.stdout.splitlines():
        name, status, wanted, provided = line.split("\t")
        if status == "installed":
            needs[name] = wanted
            for virtual in re.findall(r"[a-z0-9][a-z0-9+.-]+(?=[ ,]|$)(?![^(]*\))", provided):
                needs.setdefault(virtual, name)
    return needs


def _files_of_packages() -> list[str]:
    needs, wanted, chosen = _installed(), sorted(PACKAGES), set[str]()
    while wanted:
        name = wanted.pop()
        if name in needs and name not in chosen:
            chosen.add(name)
            wanted += [
                re.split(r"[ :(]", choice.strip())[0] for group in needs[name].split(",") for choice in group.split("|")
            ]
    real = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${Package}\n", *chosen], capture_output=True, text=True, check=False
    ).stdout.split()
    listed = subprocess.run(["dpkg-query", "--listfiles", *real], capture_output=True, text=True, check=False).stdout
    paths = {re.sub(r"^/(bin|sbin|lib|lib64)/", r"/usr/\1/", line) for line in listed.splitlines() if line[:1] == "/"}
    links = {str(path) for path in Path("/etc/alternatives").iterdir() if path.resolve().exists()}
    found = (path for path in {*MADE, *paths, *links} if os.path.lexists(path) and not LEFT_OUT.search(path + "/"))
    # In the order of their names folders come first.
    return sorted(path.removeprefix("/") for path in found if path != "/.")


def _make_tables(tree: Path) -> None:
    (tree / "etc").mkdir(parents=True)
    for table in ("passwd", "group"):
        shutil.copy(f"/usr/share/base-passwd/{table}.master", tree / "etc" / table)
    # What it would install is there.
    _make_script(tree / "usr/local/bin/apt-get", "exit 0")


def _make_venv(tree: Path) -> None:
    """Lay out the Python packages that the image needs, and pip, which then finds nothing to do."""
    venv = tree / VENV
    sites = venv / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    listing = subprocess.run(
        [ROOT / "scripts/requirements", "api", "broker", "cli", "ingest", "notify", "scale", "simulator"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in sorted(_with_needs([*listing.stdout.splitlines(), "pip"])):
        for file in importlib.metadata.distribution(name).files or ():
            source, place = Path(str(file.locate())), Path(os.path.normpath(sites / file))
            if place.is_relative_to(venv) and source.is_file():
                _link(source, place)
    for pip in (venv / "bin").glob("pip*"):
        pip.unlink()
    _make_script(venv / "bin/pip", f'exec /{VENV}/bin/python -m pip "$@"')
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    (venv / "bin/python").symlink_to("/usr/bin/python3")


def _is_file(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


def _link(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        place.hardlink_to(source)
    except OSError:
        shutil.copy2(source, place)


def _make_script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def _with_needs(lines: Iterable[str]) -> set[str]:
    found, wanted = set[str](), [Requirement(line) for line in lines]
    while wanted:
        asked = wanted.pop()
        name = asked.name.lower().replace("_", "-")
        for need in map(Requirement, importlib.metadata.requires(name) or ()) if name not in found else ():
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in (*asked.extras, "")):
                wanted.append(need)
        found.add(name)
    return found
