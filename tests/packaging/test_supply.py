"""What is installed: versions with hashes, licences, and tools that say it when they could not look."""

import json
import re
import runpy
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
LICENCES = runpy.run_path(str(ROOT / "scripts" / "licences"))
PIN = re.compile(
    r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: *;[^\\]*)? \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n?)+)", re.MULTILINE
)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> dict[str, str]:
    return {canonical(found[1]): found[2] for found in PIN.finditer((ROOT / lock).read_text())}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_the_versions_of_the_constraints_each_with_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert PIN.sub("", text) == "", "make lock"
    assert "http" not in PIN.sub("", text)
    constraints = {
        canonical(name): release
        for name, release in (line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
    }
    other = {name: release for name, release in pins(lock).items() if constraints.get(name, release) != release}
    assert other == {}, "make lock"


@pytest.mark.parametrize(
    ("lock", "extras"), [("requirements.lock", ["all"]), ("requirements-dev.lock", ["all", "dev"])]
)
def test_lock_has_all_that_the_project_asks_for(lock: str, extras: list[str]) -> None:
    asked = subprocess.run(
        [sys.executable, ROOT / "scripts" / "requirements", *extras], capture_output=True, text=True, check=True
    )
    names = {canonical(re.split(r"[<>=!\[; ]", line)[0]) for line in asked.stdout.split("\n") if line}
    assert names - pins(lock).keys() == set(), "make lock"


def test_licences_are_listed_and_allowed() -> None:
    """For what is installed here in the version of the lock; another system needs other packages."""
    listed = (ROOT / "docs" / "licences.md").read_text()
    for name, release in pins("requirements-dev.lock").items():
        try:
            is_here = version(name) == release
        except PackageNotFoundError:
            is_here = False
        if is_here:
            said = LICENCES["licence_of"](name)
            assert LICENCES["is_allowed"](said), (name, said)
            assert f"| {name} | {said} |" in listed, f"make licences: {name} is {said}"
        else:
            assert f"| {name} | " in listed, f"make licences: {name}"


@pytest.mark.parametrize(
    ("expression", "is_allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-or-later", False),
        ("GPL-2.0-or-later OR LGPL-2.1-or-later", True),
        ("MIT AND GPL-3.0-only", False),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("BSD-2-Clause AND Apache-2.0 WITH LLVM-exception", True),
        ("AGPL-3.0-only", False),
        ("", False),
        ("Proprietary", False),
    ],
)
def test_what_a_licence_must_be(expression: str, is_allowed: bool) -> None:
    assert LICENCES["is_allowed"](expression) is is_allowed


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        ({"dependencies": [{"name": "a", "version": "1", "vulns": []}]}, 0, "1 packages, no known vulnerability"),
        (
            {"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}]},
            1,
            "a 1: PYSEC-1, fixed in 2",
        ),
        (
            {"dependencies": [{"name": "a", "skip_reason": "not found"}]},
            3,
            "NOT AUDITED: the advisory database does not know 1 of 1",
        ),
        (None, 3, "NOT AUDITED: the advisory database does not answer (ConnectionError: no route)"),
    ],
)
def test_audit_tells_apart_what_is_good_and_what_nobody_looked_at(
    tmp_path: Path, answer: object, status: int, says: str
) -> None:
    """With a stand-in for pip-audit, which ends with 0 where a mirror has no advisories at all."""
    stand_in = tmp_path / "pip-audit"
    spoken = (
        "echo 'ConnectionError: no route' >&2; exit 1" if answer is None else f"cat <<'END'\n{json.dumps(answer)}\nEND"
    )
    stand_in.write_text(f"#!/bin/sh\n{spoken}\n")
    stand_in.chmod(0o755)
    audit = subprocess.run(
        [sys.executable, ROOT / "scripts" / "audit", stand_in], capture_output=True, text=True, check=False
    )
    assert audit.returncode == status
    assert audit.stdout.startswith(says)
