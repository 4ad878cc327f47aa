"""What services show to supervisors, and how they log."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.common.errors import UserError
from jeonju.contract.site import Site
from jeonju.ingest.metrics import IngestMetrics
from jeonju.ingest.service import Ingest
from jeonju.ingest.stats import Stats
from jeonju.simulator.metrics import SimulatorMetrics
from jeonju.stack.health_server import HealthServer
from jeonju.storage.duckdb.store import DuckDBStore
from tests.waiting import wait_until

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def figures(text: str) -> dict[str, float]:
    return {sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples}


def test_ingest_shows_its_figures_and_is_ready_only_with_a_broker(
    jeonju: Site, store: DuckDBStore, tmp_path: Path
) -> None:
    with EmbeddedBroker(tmp_path, port=0) as broker, Ingest(jeonju, store, broker.url) as ingest:
        metrics = IngestMetrics(ingest.stats, lambda: NOW)
        notices: list[str] = []
        ready = lambda: ingest.stats().trouble_now  # noqa: E731
        with HealthServer("0", metrics, alive=lambda: None, ready=ready, notices=lambda: notices) as shown:
            wait_until(lambda: get(shown.port, "/readyz") == (200, "well\n"), what="readiness")
            notices.append("the archive does not take what it should")
            assert get(shown.port, "/readyz") == (200, "well\nthe archive does not take what it should\n")
            notices.clear()
            seen = figures(get(shown.port, "/metrics")[1])
            assert seen["jeonju_ingest_broker_connected"] == 1.0
            assert seen["jeonju_ingest_readings_total"] == 0.0
            broker.stop()
            wait_until(
                lambda: get(shown.port, "/readyz") == (503, "the broker is away\n"), what="the broker to be missed"
            )
            assert get(shown.port, "/healthz") == (200, "well\n")
            assert get(shown.port, "/elsewhere")[0] == 404


def test_figures_are_in_base_units_and_without_a_commit_there_is_no_age() -> None:
    stats = Stats(messages=3, readings=78, rejected=1, last_commit_at=NOW - timedelta(seconds=2), store_available=False)
    seen = {
        sample.name: sample.value
        for family in IngestMetrics(lambda: stats, lambda: NOW).collect()
        for sample in family.samples
    }
    assert seen["jeonju_ingest_readings_total"] == 78
    assert seen["jeonju_ingest_last_commit_age_seconds"] == 2.0
    assert seen["jeonju_ingest_store_available"] == 0.0
    fresh = [family.name for family in IngestMetrics(Stats, lambda: NOW).collect()]
    assert "jeonju_ingest_last_commit_age_seconds" not in fresh
    live = {family.name: family.samples[0].value for family in SimulatorMetrics(lambda: 90.0, lambda: False).collect()}
    assert live == {"jeonju_simulator_lag_seconds": 90.0, "jeonju_simulator_live": 0.0}


@pytest.mark.parametrize("address", ["", "metrics", "127.0.0.1", "99999999", "host:", "1:x"])
def test_address_that_is_none_is_said(address: str) -> None:
    with pytest.raises(UserError, match="is no address; give PORT or HOST:PORT"):
        HealthServer(address, SimulatorMetrics(lambda: 0.0, lambda: True), alive=lambda: None, ready=lambda: None)


def log_as(shape: str) -> subprocess.CompletedProcess[str]:
    program = "import logging; from jeonju.cli.logs import log_warnings; log_warnings(); logging.getLogger('x').warning('broker %s', '연결 끊김' * 50)"
    return subprocess.run(
        [sys.executable, "-c", program],
        env={"JEONJU_LOG_FORMAT": shape, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_logs_are_lines_for_people_or_objects_for_collectors() -> None:
    (line,) = log_as("text").stderr.splitlines()
    assert line.endswith(f" WARNING broker {'연결 끊김' * 50}")
    entry = json.loads(log_as("json").stderr)
    assert (entry["level"], entry["logger"], entry["message"]) == ("WARNING", "x", f"broker {'연결 끊김' * 50}")
    assert "JEONJU_LOG_FORMAT=xml is not known; use one of text, json" in log_as("xml").stderr
