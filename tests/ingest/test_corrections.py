"""Corrections: nothing without a person's agreement, nothing of the past, nothing beside the device and quantity; what was measured is kept."""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract.correction import BEGINS_AFTER, SUBJECT, corrections_of
from jeonju.contract.quality import CORRECTED, decode_flags
from jeonju.contract.records import JournalEntry
from jeonju.contract.site import Site, load_site
from jeonju.decoders.message import Message
from jeonju.ingest import service
from jeonju.ingest.official import publish
from jeonju.ingest.pipeline import Pipeline
from jeonju.ingest.service import Ingest
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Series, Store
from tests.clients import local_client
from tests.waiting import wait_until

SITE = load_site("jeonju")
AGREED = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
FROM = AGREED + BEGINS_AFTER
ENDED = AGREED + timedelta(hours=1)
DEVICE = "palbok-03"
WANTED = {"device": DEVICE, "quantity": "pm25", "gain": 1.25, "offset": 2.0, "reason": "30 days beside 팔복동"}


def entry(action: str, at: datetime, details: Any, name: str = "one") -> JournalEntry:
    return JournalEntry(name, "jeonju", at, "kim", action, SUBJECT, json.dumps(details))


def rows(
    entries: list[JournalEntry], *readings: tuple[str, datetime, dict[str, float]], times: int = 1
) -> list[dict[str, Any]]:
    """Return what ingest makes of readings, after so many repeats in other commits."""
    pipeline = Pipeline(SITE)
    pipeline.corrections.put(corrections_of(entries).values())
    messages = [
        Message(
            f"air/v1/jeonju/{device}/readings",
            json.dumps({"device": device, "time": at.isoformat(), "values": values}).encode(),
            at + timedelta(seconds=1),
        )
        for device, at, values in readings
    ]
    for _ in range(times - 1):
        pipeline.commit(messages)
    return pipeline.commit(messages).readings.to_pylist()


def measured(row: dict[str, Any], key: str) -> float:
    """Return what was measured, as docs/decisions/0051 says that it is found."""
    flag = decode_flags(row["quality"] or "{}").get(key)
    for reason in flag.reasons if flag else ():
        if reason.code == CORRECTED:
            return float(dict(reason.parameters)["measured"])
    return float(row[key])


@given(
    gain=st.floats(0.1, 10),
    offset=st.floats(-500, 500),
    value=st.floats(-1, 6000),
    humidity=st.floats(0, 100),
    after_s=st.integers(-7200, 7200),
)
def test_what_was_measured_is_kept_and_all_else_is_as_without_a_correction(
    gain: float, offset: float, value: float, humidity: float, after_s: int
) -> None:
    at = AGREED + timedelta(seconds=after_s)
    entries = [
        entry("correction", AGREED, WANTED | {"gain": gain, "offset": offset}),
        entry("correction-withdrawn", ENDED, {"correction": "one"}, "two"),
    ]
    readings = [(DEVICE, at, {"pm25": value, "humidity": humidity}), ("palbok-01", at, {"pm25": value, "pm10": value})]
    plain, made = rows([], *readings), rows(entries, *readings)
    assert made[1] == plain[1]
    assert made == rows(entries, *readings, times=2)
    holds = FROM <= at < ENDED + BEGINS_AFTER and 0 <= value <= 5000
    if not holds:
        assert made == plain
        return
    assert measured(made[0], "pm25") == value
    assert math.isclose(made[0]["pm25"], max((value - offset) / gain, 0.0), rel_tol=1e-12)
    assert made[0]["humidity"] == plain[0]["humidity"]


def test_graver_flag_keeps_what_was_measured() -> None:
    one = rows([entry("correction", AGREED, WANTED)], (DEVICE, FROM, {"pm25": 52.0, "humidity": 99.9, "pm10": 10.0}))[0]
    flag = decode_flags(one["quality"])["pm25"]
    assert flag.severity == "suspect"
    assert {reason.code for reason in flag.reasons} >= {"pm-order", CORRECTED}
    assert (one["pm25"], measured(one, "pm25")) == (40.0, 52.0)


def test_newer_one_ends_the_older_and_what_cannot_be_read_corrects_nothing() -> None:
    later = AGREED + timedelta(minutes=10)
    known = corrections_of(
        [
            entry("correction", AGREED, WANTED),
            entry("correction", later, WANTED | {"gain": 0}, "zero"),
            entry("correction", later, WANTED | {"gain": 2.0}, "newer"),
            entry("correction-withdrawn", later + BEGINS_AFTER, {"correction": "one"}, "in vain"),
            entry("correction-withdrawn", later, "?", "odd"),
        ]
    )
    assert [(one.id, one.until_at, one.withdrawn_by) for one in known.values()] == [
        ("one", later + BEGINS_AFTER, None),
        ("newer", None, None),
    ]


@pytest.fixture
def client(jeonju: Site, store: DuckDBStore) -> Iterator[TestClient]:
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: AGREED)) as started:
        yield started


def test_people_accept_see_and_withdraw(client: TestClient, store: DuckDBStore, jeonju: Site) -> None:
    path = "/api/v1/corrections"
    made = client.post(path, json=WANTED, headers={"X-Operator": "kim"})
    assert made.status_code == 201, made.text
    one = made.json()
    assert one == WANTED | {
        "id": one["id"],
        "who": "kim",
        "agreed_at": "2026-03-02T08:00:00Z",
        "from_at": "2026-03-02T08:01:00Z",
        "until_at": None,
        "withdrawn_by": None,
    }
    assert client.get(path).json() == [one]
    assert client.get(path, params={"device": "palbok-01"}).json() == []
    journal = client.get("/api/v1/journal", params={"subject": SUBJECT}).json()
    assert [(each["who"], each["action"]) for each in journal] == [("kim", "correction")]
    ended = client.post(f"{path}/{one['id']}/withdraw", headers={"X-Operator": "lee"}).json()
    assert (ended["until_at"], ended["withdrawn_by"]) == ("2026-03-02T08:01:00Z", "lee")
    assert client.post(f"{path}/{one['id']}/withdraw").status_code == 404
    assert client.get(path, params={"state": "all"}).json() == [ended]


@pytest.mark.parametrize(
    ("wrong", "status", "said"),
    [
        ({"device": "nobody"}, 404, "is no device"),
        ({"device": "airkorea-palbok"}, 422, "is official: its values are kept as AirKorea publishes them"),
        ({"device": "kma-62-89"}, 422, "is official: its values are kept as KMA publishes them"),
        ({"quantity": "happiness"}, 422, "is none"),
        ({"quantity": "wind_direction"}, 422, "goes round"),
        ({"gain": 0}, 422, "gain"),
        ({"gain": "NaN"}, 422, "gain"),
        ({"offset": 1e9}, 422, "can differ by"),
        ({"offset": "inf"}, 422, "offset"),
        ({"reason": ""}, 422, "reason"),
    ],
)
def test_what_cannot_be_applied_is_refused(client: TestClient, wrong: dict[str, Any], status: int, said: str) -> None:
    answer = client.post("/api/v1/corrections", json=WANTED | wrong)
    assert answer.status_code == status
    assert said in answer.text
    assert client.get("/api/v1/corrections").json() == []


def test_running_ingest_reads_of_an_agreement_and_the_devices_tell(
    jeonju: Site, store: DuckDBStore, broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    agree_while_it_runs(jeonju, store, broker, monkeypatch)


def agree_while_it_runs(jeonju: Site, store: Store, broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured before an agreement stays, what is measured after it is corrected and says so; whichever the store is."""
    monkeypatch.setattr(service, "CORRECTIONS_EVERY_S", 0.05)

    def send(at: datetime) -> None:
        content = {"device": DEVICE, "time": at.isoformat(), "values": {"pm25": 52.0}}
        publish(broker.url, f"air/v1/jeonju/{DEVICE}/readings", json.dumps(content).encode())

    def stored(at: datetime) -> list[float]:
        wanted = Series(site="jeonju", start=at, end=at + timedelta(seconds=1))
        return store.readings(wanted)["pm25"].to_pylist()

    with (
        Ingest(jeonju, store, broker.url, now=lambda: FROM + timedelta(seconds=30)) as ingest,
        local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: AGREED)) as client,
    ):
        send(AGREED)
        wait_until(lambda: stored(AGREED), what="the reading before")
        assert client.post("/api/v1/corrections", json=WANTED).status_code == 201
        taken = ingest._committer._pipeline.corrections
        wait_until(lambda: taken._of_device, what="the agreement at ingest")
        send(FROM)
        wait_until(lambda: stored(FROM), what="the reading after")
        assert (stored(AGREED), stored(FROM)) == ([52.0], [40.0])
        device = client.get("/api/v1/devices").json()[0]
        assert [(one["quantity"], one["gain"]) for one in device["corrections"]] == [("pm25", 1.25)]
        said = client.get("/api/v1/latest").json()[0]
        assert said["quality"]["pm25"] == [
            "estimated",
            "52.0 µg/m³ as measured, corrected as agreed by gain 1.25 and offset 2.0 µg/m³",
        ]
