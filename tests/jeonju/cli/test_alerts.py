"""Rules tried on recorded data from the command line."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jeonju.contract.columns import readings_table
from jeonju.contract.reading import Reading, encode
from tests.detection.feeding import CLEAN, STATIONS, T0
from tests.jeonju.cli.command import jeonju

RULES = "[rules.cold]\nquantity = 'temperature'\nbelow = 0\nmean_over = '1m'\ntitle_en = 'Frost'\n"


def rows() -> list[dict[str, Any]]:
    """Half an hour of two stations, one of which is cold for ten minutes; not in the order of time."""
    return [
        {"site": "jeonju", "device": device, "time": T0 + timedelta(seconds=10 * step), "received_at": T0, **CLEAN}
        | ({"temperature": -5.0} if device == "palbok-01" and 60 <= step < 120 else {})
        for device in STATIONS[:2]
        for step in range(180)
    ]


@pytest.fixture
def recordings(tmp_path: Path) -> dict[str, Path]:
    import pyarrow.parquet as pq

    paths = {kind: tmp_path / f"jeonju.{kind}" for kind in ("csv", "jsonl", "parquet")}
    keys = ["time", "device", *CLEAN]
    lines = [",".join(str(row[key]) for key in keys) for row in rows()]
    paths["csv"].write_text("\n".join([",".join(keys), *lines]))
    readings = [
        Reading(device=str(row["device"]), time=row["time"], values={key: row[key] for key in CLEAN}) for row in rows()
    ]
    paths["jsonl"].write_bytes(b"\n".join([*(encode(reading) for reading in readings[:-2]), encode(readings[-2:])]))
    pq.write_table(readings_table(sorted(rows(), key=lambda row: str(row["time"]))), paths["parquet"])
    (tmp_path / "rules.toml").write_text(RULES)
    return paths


def test_every_format_of_recording_gives_the_same_alerts(recordings: dict[str, Path], tmp_path: Path) -> None:
    answers = []
    for path in recordings.values():
        done = jeonju(
            "alerts",
            "test",
            tmp_path / "rules.toml",
            path,
            "--json",
            "--must-fire",
            "cold",
            "--must-stay-silent",
            "smoke",
        )
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout))
    assert answers[0] == answers[1] == answers[2]
    (alert,) = answers[0]["alerts"]
    assert (alert["kind"], alert["device"], alert["started_at"]) == ("cold", "palbok-01", "2026-03-04T00:10:40Z")
    assert alert["ended_at"] == "2026-03-04T00:20:30Z"
    assert answers[0]["too_late"] == 0


def test_table_and_exit_status_are_for_people_and_scripts(recordings: dict[str, Path], tmp_path: Path) -> None:
    done = jeonju("alerts", "test", tmp_path / "rules.toml", recordings["csv"], "--must-stay-silent", "cold")
    assert done.returncode == 1
    assert "2026-03-04 09:10:40" in done.stdout  # Asia/Seoul
    assert "Frost" in done.stdout
    assert "expected otherwise: cold fired" in done.stderr
    silent = jeonju("alerts", "test", "shipped", recordings["csv"])
    assert (silent.returncode, silent.stdout) == (0, "no alert\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "{tmp}/absent.toml"), "absent.toml: cannot be read"),
        (("test", "shipped", "{tmp}/absent.csv"), "absent.csv: cannot be read"),
        (("test", "shipped", "{tmp}"), "is no recording"),
        (("test", "shipped", "{tmp}/jeonju.csv", "--kind", "smok"), "'smok' is no kind of alert"),
        (("test", "shipped", "{tmp}/wrong.csv"), "wrong.csv:2: Invalid isoformat string"),
        (("test", "shipped", "{tmp}/wrong.jsonl"), "wrong.jsonl:1: a reading has no time"),
        (("test", "shipped", "{tmp}/wrong.parquet"), "cannot be read as readings"),
    ],
)
def test_mistake_is_one_line(
    recordings: dict[str, Path], tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "wrong.csv").write_text("time,device,pm25\nyesterday,palbok-01,3\n")
    (tmp_path / "wrong.jsonl").write_text('{"device": "palbok-01", "values": {"pm25": 3}}\n')
    (tmp_path / "wrong.parquet").write_text("no")
    done = jeonju("alerts", *(argument.replace("{tmp}", str(tmp_path)) for argument in arguments))
    assert done.returncode == 2
    assert message in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


def test_check_counts_what_is_in_force(recordings: dict[str, Path], tmp_path: Path) -> None:
    counts = json.loads(jeonju("alerts", "check", tmp_path / "rules.toml", "--json").stdout)
    shipped = json.loads(jeonju("alerts", "check", "shipped", "--json").stdout)
    assert counts["thresholds"] == shipped["thresholds"] + 1
