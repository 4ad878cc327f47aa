"""The command as people type it."""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.main import get_command

from jeonju.__main__ import main
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.cli import overview
from jeonju.cli.app import app
from jeonju.common.folder_lock import only_user_of
from jeonju.contract.site import load_site
from jeonju.evaluation.finished_run import NEEDED
from jeonju.ingest.service import Ingest
from jeonju.simulator.scenario import load_scenario
from jeonju.stack.http_server import HttpSettings
from jeonju.stack.shown_run import shown_run
from jeonju.storage.duckdb.store import DuckDBStore
from tests.jeonju.cli.command import jeonju, jeonju_process
from tests.processes import started
from tests.waiting import wait_until


def quick_up(folder: Path, *more: object) -> list[str]:
    return [
        sys.executable,
        "-m",
        "jeonju",
        *map(str, ("up", "--data", folder, "--port", 0, "--mqtt-port", 0, "--history", "30m", "--json", *more)),
    ]


def test_up_makes_up_for_history_and_goes_live(tmp_path: Path) -> None:
    with started(quick_up(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            live = json.loads(process.stdout.readline())
            wait_until(
                lambda: _figure(live["url"], "ingest_readings") > live["readings"], what="readings of the present"
            )
            wait_until(
                lambda: _figure(live["url"], "api_readings") > live["readings"], what="all of the past to be judged"
            )
            assert _figure(live["url"], "api_readings_too_late") == 0
            process.send_signal(signal.SIGTERM)
            out, errors = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    stopped = json.loads(out)
    assert (live["event"], stopped["event"]) == ("live", "stopped")
    assert live["devices_heard"] == 26
    assert stopped["rejected"] == 0
    # What ingest had no time to take at the end, such as a goodbye, the broker keeps for the next start.
    with (
        closing(DuckDBStore(tmp_path / "air.duckdb")) as store,
        EmbeddedBroker(tmp_path, port=0) as broker,
        Ingest(load_site("jeonju"), store, broker.url),
    ):
        wait_until(lambda: {record.state for record in store.devices("jeonju")} == {"offline"}, what="every goodbye")
        wait_until(lambda: not any(entry.missing for entry in store.ledger("jeonju")), what="every reading")
        ledger = store.ledger("jeonju")
    assert len(ledger) == 26
    assert not any(entry.rejected for entry in ledger)


def _figure(url: str, name: str) -> float:
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as page:
        families = text_string_to_metric_families(page.read().decode())
        return next(
            sample.value for family in families for sample in family.samples if sample.name == f"jeonju_{name}_total"
        )


def test_up_is_stopped_cleanly_and_goes_on_at_the_next_start(tmp_path: Path) -> None:
    counts = []
    for how in (signal.SIGINT, signal.SIGTERM):
        with started(quick_up(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            live = process.stdout.readline()
            process.send_signal(how)
            _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
        counts.append(json.loads(live)["readings"])
    # The second start only makes up for the time in between.
    assert counts[1] < counts[0]


def test_up_on_a_port_in_use_says_so_in_one_line_and_exits_with_2(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = jeonju("up", "--data", tmp_path, "--port", taken.getsockname()[1], "--mqtt-port", 0)
    # No client tries for ever to reach the broker that has ended.
    assert not [thread.name for thread in set(threading.enumerate()) - before if "paho" in thread.name]
    assert done.returncode == 2
    assert "choose another port with --port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("up", "--broker", "nonsense", "--data", "{tmp}"), "is no broker address"),
        (("up", "--store", "mysql://x", "--data", "{tmp}"), "no store is of the kind 'mysql'"),
        (("up", "--scenario", "nothing", "--data", "{tmp}"), "no scenario is named 'nothing'"),
        (("run", "nothing"), "no scenario is named 'nothing'"),
        (("run", "winter-day", "--nature", "smoke"), "no nature is named 'smoke'; there are: puffs, particles"),
        (("evaluate", "dispersion", "/nowhere", "--nature", "smoke"), "no nature is named 'smoke'"),
        (("run", "winter-day", "--out", "/dev/null/x"), "cannot write to /dev/null/x"),
        (("replay", "{tmp}"), "is no recording"),
        (("site", "check", "seoul"), "no site is named 'seoul'"),
        (("scenario", "check", "{tmp}/absent.toml"), "absent.toml: cannot be read"),
        (("up", "--for", "ever"), "is no duration"),
        (("doctor", "--topic", "v3/##"), "'v3/##' is no topic filter"),
        (("doctor", "--topic", ""), "'' is no topic filter"),
        (("ingest", "--store", "/dev/null/x.duckdb"), "/dev/null/x.duckdb cannot be opened as a store"),
        (("ingest", "--store", "{tmp}/x.duckdb", "--site", "seoul"), "no site is named 'seoul'"),
        (("evaluate", "gateways", "{tmp}"), "holds no {format}/{case}/case.json"),
    ],
)
def test_mistake_is_one_clear_line_and_exit_status_2(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = jeonju(*(argument.replace("{tmp}", str(tmp_path)) for argument in arguments))
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_package_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def needs_one(**_: object) -> None:
        importlib.import_module("matplotlib_that_is_not_there.pyplot")

    monkeypatch.setattr("jeonju.__main__.app", needs_one)
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "this needs matplotlib_that_is_not_there, which is not installed: pip install" in capsys.readouterr().err


def test_store_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    import duckdb

    DuckDBStore(tmp_path / "air.duckdb").close()
    with duckdb.connect(str(tmp_path / "air.duckdb")) as connection:
        connection.execute("UPDATE meta SET schema_version = 77")
    done = jeonju("up", "--data", tmp_path, "--port", 0, "--mqtt-port", 0)
    assert done.returncode == 2
    assert "written by a newer version (schema 77" in done.stderr


def test_store_in_use_by_another_process_is_refused(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"from jeonju.storage.duckdb.store import DuckDBStore; s = DuckDBStore({str(tmp_path / 'air.duckdb')!r}); print('held', flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    done = jeonju_process("up", "--data", tmp_path, "--port", 0, "--mqtt-port", 0)
    holder.communicate("\n")
    assert done.returncode == 2
    assert "in use by another process" in done.stderr


def test_run_writes_everything_and_finds_the_fire(tmp_path: Path) -> None:
    done = jeonju("run", "smouldering-heap", "--out", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    score = json.loads(done.stdout)
    assert score == json.loads((tmp_path / "score.json").read_text())
    (event,) = score["events"]
    assert event["detected"]
    assert event["class"] == "fire"
    assert event["delay_from_first_reached_s"] < 600
    assert event["location_error_m"] < 500
    assert event["rank_of_true_cell"] >= 1
    assert event["rate_ratio"] > 0
    assert event["located_by"] == "pm25"
    assert score["false_alarms"] == 0
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")
    alerts = pq.read_table(tmp_path / "alerts.parquet").to_pylist()
    # Two hours in its smoke are at the level of an advisory at that station.
    assert "smoke" in {alert["kind"] for alert in alerts} <= {"smoke", "pm25-advisory", "pm10-advisory"}
    assert all(alert["device"] for alert in alerts)
    assert pq.read_metadata(tmp_path / "readings.parquet").num_rows == 4 * 3600 * 26
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "alerts.parquet",
        "events.json",
        "readings.parquet",
        "run.json",
        "run.png",
        "score.json",
        "sources.parquet",
        "truth.parquet",
    ]
    _is_shown(tmp_path, event)


def _is_shown(run: Path, event: dict[str, Any]) -> None:
    """The api over a finished run has all of it: readings, alerts, the incident with its map, the truth and the score."""
    with shown_run(run, HttpSettings(port=0)) as url:

        def asked(path: str) -> Any:
            with urllib.request.urlopen(f"{url}/api/v1/{path}", timeout=60) as answer:
                return json.load(answer)

        found = asked("simulation")
        assert found["kind"] == "run"
        assert found["title_en"] == load_scenario("smouldering-heap").title_en
        (happened,) = found["happened"]
        assert happened["result"]["delay_s"] == event["delay_s"]
        assert happened["reached"]
        assert found["score"]["detected"] == 1
        incident = asked(f"incidents/{happened['result']['incident']}")
        assert incident["details"]["source"]["cells"]
        assert happened["result"]["detected_by"] in incident["details"]["devices"]
        assert len(asked("state")["latest"]) == 26
        middle = asked(f"state?at={happened['started_at']}")
        assert len(middle["latest"]) == 26
        assert asked("health")["ledger"]["received"] == 4 * 3600 * 26
        assert asked(f"series?site=jeonju-truth&device=palbok-03&start={found['start']}&end={found['end']}")["devices"]
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(
                urllib.request.Request(f"{url}/api/v1/simulation/events", b"{}", {"Content-Type": "application/json"}),
                timeout=60,
            )
        with refused.value:
            assert refused.value.code == 409


def test_folder_that_is_no_run_is_refused_in_one_line(tmp_path: Path) -> None:
    done = jeonju("show", tmp_path)
    assert done.returncode == 2
    assert f"{tmp_path} is no finished run: readings.parquet is missing" in done.stderr
    for name in NEEDED:
        (tmp_path / name).write_bytes(b"")
    done = jeonju("show", tmp_path)
    assert done.returncode == 2
    assert f"{tmp_path} cannot be shown" in done.stderr
    assert "Traceback" not in done.stderr


def test_lists_and_checks_speak_to_people_and_to_scripts() -> None:
    assert "winter-day" in jeonju("scenario", "list").stdout
    assert json.loads(jeonju("scenario", "list", "--json").stdout)["winter-day"]["title_ko"]
    assert json.loads(jeonju("site", "check", "jeonju", "--json").stdout) == {
        "zones": 3,
        "stations": 20,
        "robots": 6,
        "sources": 21,
    }
    assert json.loads(jeonju("scenario", "show", "winter-day").stdout)["seed"] == 11


def test_help_teaches_every_command() -> None:
    for command in ("up", "run", "replay", "simulate", "ingest", "api", "site", "scenario"):
        done = jeonju(command, "--help")
        assert done.returncode == 0
        assert len(done.stdout.split()) > 15


def test_help_lists_every_command_under_a_heading_what_one_begins_with_first() -> None:
    listed = [name for names in overview.HEADINGS.values() for name in names]
    assert sorted(listed) == sorted(get_command(app).commands)  # type: ignore[attr-defined]
    said = jeonju("--help").stdout
    places = [said.index(part) for part in (*overview.HEADINGS,)]
    assert places == sorted(places)
    assert said.index(" up ") < said.index(" what-if ") < said.index(" run ")
    assert "[up] port" in " ".join(said.split())


def test_version_is_asked_for_and_never_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert jeonju("--version").stdout == f"jeonju {version('jeonju-air')}\n"
    monkeypatch.setenv("JEONJU_VERSION", "1")
    assert "winter-day" in jeonju("scenario", "list").stdout


def test_process_of_its_own_says_the_same() -> None:
    for arguments in (("site", "--help"), ("scenario", "check", "/nowhere.toml")):
        here, alone = jeonju(*arguments), jeonju_process(*arguments)
        assert (here.returncode, here.stdout, here.stderr) == (alone.returncode, alone.stdout, alone.stderr)


def test_commands_that_simulate_nothing_load_no_compiler() -> None:
    program = "import sys, jeonju.cli.app; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_broker_dies_with_a_killed_city(tmp_path: Path) -> None:
    process = subprocess.Popen(quick_up(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    process.kill()
    process.communicate()
    wait_until(lambda: not any(_runs(int(child)) for child in children), what="the end of the broker")


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[-1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_second_up_on_one_folder_says_so_whatever_its_store_is(tmp_path: Path) -> None:
    with only_user_of(tmp_path, "--data"):
        done = jeonju("up", "--data", tmp_path, "--store", "influxdb://127.0.0.1:1/air", "--port", 0, "--mqtt-port", 0)
    assert done.returncode == 2
    assert f"another process (number {os.getpid()}) uses the folder {tmp_path}" in " ".join(done.stderr.split())
    assert [file.name for file in tmp_path.iterdir()] == ["in-use"]
