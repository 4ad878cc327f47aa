"""Moving readings by hand, and saying what was moved."""

import json
from contextlib import closing
from pathlib import Path

from typer.testing import CliRunner

from jeonju.cli.app import app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.storage.test_archive import DAYS, KEPT, fill


def said(*command: str | Path) -> str:
    result = CliRunner().invoke(app, [str(word) for word in command], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_readings_are_moved_by_hand_and_backups_name_their_days(tmp_path: Path) -> None:
    path, place = tmp_path / "air.duckdb", tmp_path / "archive"
    with closing(DuckDBStore(path, KEPT)) as store:
        fill(store)
    where = ("--archive", place)
    assert said("archive", "status", *where) == f"{place} holds no readings\n"
    moved = said("archive", "move", *where, "--store", path, "--older-than", "1d")
    assert moved == f"{DAYS - 1} days were moved to {place}\n"
    assert said("archive", "move", *where, "--store", path, "--older-than", "1d") == f"0 days were moved to {place}\n"
    [site] = json.loads(said("archive", "status", *where, "--json"))["sites"]
    size = site.pop("bytes")
    assert site == {"site": "s", "days": DAYS - 1, "first": "2026-03-01", "last": "2026-03-02"}
    assert size == sum(file.stat().st_size for file in place.rglob("*.parquet"))
    others = ("--keys", tmp_path / "none", "--security", tmp_path / "none")
    text = said("backup", tmp_path / "one.tar", "--store", path, *others)
    assert "; readings of s from 2026-03-01 to 2026-03-02 are in the archive, not in it" in text
