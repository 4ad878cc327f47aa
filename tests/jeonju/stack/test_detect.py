"""Detection in a process of its own, and two apis beside it: with a real broker and a real InfluxDB."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from jeonju.broker.client import Client
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.common.errors import UserError
from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode
from jeonju.contract.records import JournalEntry
from jeonju.contract.site import BUILT_IN_SITES, Site, load_site
from jeonju.ingest.service import Ingest
from jeonju.response.notify.outbox import OPENED
from jeonju.rules.rules import load_rules
from jeonju.stack.services import api_app, check_is_shared
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.open import open_store
from tests.clients import local_client
from tests.processes import started
from tests.response.notifying import SECRET, control_room
from tests.storage.influx.servers import Influxd
from tests.waiting import wait_until

KIND = "high-pm25"
RULES = """
[rules.high-pm25]
title_ko = "높은 값"
title_en = "high"
quantity = "pm25"
mean_over = "1m"
above = "50 µg/m³"
devices = ["palbok-01"]

[[channels]]
name = "control-room"
type = "webhook"
url = "{url}"
secret = "env:CONTROL_ROOM"
kinds = ["high-pm25"]
group_wait = "0s"
"""


@contextmanager
def detect(folder: Path, broker: str, store: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "jeonju", "detect", "--site", str(folder / "small.toml")]
    command += ["--broker", broker, "--store", store, "--rules", str(folder / "rules.toml")]
    with started(command) as process:
        try:
            yield process
        finally:
            process.kill()


def two_stations(folder: Path) -> Path:
    blocks = re.split(r"(?m)^(?=\[\[)", (BUILT_IN_SITES / "jeonju.toml").read_text(encoding="utf-8"))
    stations = [block for block in blocks if block.startswith("[[stations]]")][:2]
    zones = [block for block in blocks if block.startswith("[[zones]]")]
    (folder / "small.toml").write_text("".join([blocks[0], *zones, *stations]), encoding="utf-8")
    return folder / "small.toml"


def send(device: Client, begin: datetime, values: dict[str, float | None]) -> None:
    """Send three minutes of both stations; that of the other is always clean."""
    for name in ("palbok-01", "palbok-02"):
        readings = [
            Reading(
                device=name,
                time=begin + timedelta(seconds=10 * step),
                values={"pm25": 8.0 + step / 10, **(values if name == "palbok-01" else {})},
            )
            for step in range(18)
        ]
        device.publish(topics.readings("jeonju", name), encode(readings), qos=1)


def listed(client: TestClient) -> list[dict[str, Any]]:
    return [alert for alert in client.get("/api/v1/alerts?state=all").json() if alert["kind"] == KIND]


def is_shown_as_active(client: TestClient) -> bool:
    return f'jeonju_api_alerts_active{{kind="{KIND}"' in client.get("/metrics").text


def is_over(client: TestClient) -> bool:
    return not is_shown_as_active(client)


def test_alert_reaches_every_api_and_a_killed_detection_neither_loses_nor_repeats_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTROL_ROOM", SECRET)
    site = load_site(str(two_stations(tmp_path)))
    retained: dict[str, bytes] = {}
    begin = datetime.now(UTC) - timedelta(minutes=12)
    with (
        Influxd(tmp_path / "influx") as influx,
        control_room() as room,
        EmbeddedBroker(tmp_path, port=0) as broker,
        closing(open_store(influx.url())) as to_write,
        closing(open_store(influx.url())) as of_first,
        closing(open_store(influx.url())) as of_second,
        Ingest(site, to_write, broker.url) as ingest,
    ):
        (tmp_path / "rules.toml").write_text(RULES.format(url=room.url), encoding="utf-8")
        rules = load_rules(tmp_path / "rules.toml")
        device = Client(broker.url, "device", filters=[(topics.alert("jeonju", "+"), 1)])
        device.on_message = lambda _c, _d, message: retained.__setitem__(message.topic, bytes(message.payload))
        device.begin()
        # Alerts that ended before a channel existed are not sent; this channel has existed for long.
        opened = JournalEntry("opened", "jeonju", begin, "system", OPENED, "channel:control-room", "{}")
        to_write.write_journal([opened])
        responding = api_app(site, of_first, broker.url, rules=rules, detection="elsewhere")
        showing = api_app(site, of_second, broker.url, rules=rules, detection="elsewhere", responds=False)
        with local_client(responding) as first, local_client(showing) as second:
            with detect(tmp_path, broker.url, influx.url()) as process:
                send(device, begin, {"pm25": 120.0})
                for client in (first, second):
                    wait_until(partial(is_shown_as_active, client), what="the alert in each api")
                (alert,) = listed(first)
                assert alert["summary_ko"]
                topic = topics.alert("jeonju", alert["id"])
                wait_until(lambda: room.events, what="the notification")
                # What an operator does at one api is known to the others, and stays in what the broker retains.
                assert second.post(f"/api/v1/alerts/{alert['id']}/acknowledge").status_code == 200
                wait_until(lambda: listed(first)[0]["handling"]["state"] == "acknowledged", what="the acknowledgement")
                wait_until(lambda: b'"acknowledged"' in retained[topic], what="the retained acknowledgement")
                process.send_signal(signal.SIGKILL)
                process.wait()
            send(device, begin + timedelta(minutes=3), {"pm25": 120.0})
            wait_until(lambda: ingest.stats().readings == 72, what="the readings while detection is down")
            with detect(tmp_path, broker.url, influx.url()):
                wait_until(lambda: listed(first)[0]["updated_at"] > alert["updated_at"], what="the alert to go on")
                assert [row["id"] for row in listed(second)] == [alert["id"]]
                assert json.loads(retained[topic])["handling"]["state"] == "acknowledged"
                send(device, begin + timedelta(minutes=6), {"pm25": 5.0})
                for client in (first, second):
                    wait_until(partial(is_over, client), what="the end in each api")
                wait_until(lambda: retained[topic] == b"", what="the end at the broker")
                wait_until(lambda: len(room.events) == 2, what="the end to be notified")
            assert [row["id"] for row in listed(first)] == [alert["id"]]
            assert len(set(room.events)) == len(room.events) == 2
        device.end()


def test_store_of_one_process_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"the DuckDB file data/air\.duckdb serves one at a time"):
        check_is_shared("data/air.duckdb", "jeonju detect")
    check_is_shared("influxdbs://host/air", "jeonju detect")


def test_api_that_does_not_respond_says_where_to_go(jeonju: Site, store: DuckDBStore) -> None:
    app = api_app(jeonju, store, "mqtt://127.0.0.1:1", detection="elsewhere", responds=False)
    with local_client(app) as client:
        assert client.get("/healthz").status_code == 200
        refused = client.post("/api/v1/robots/robot-1/recall")
        assert refused.status_code == 409
        assert "--no-respond" in refused.json()["detail"]
        assert client.get("/api/v1/robots").json() == []
