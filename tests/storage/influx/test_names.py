"""What is written comes back as it was: texts, numbers, names, sizes, and through another server that takes the official client's writes."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
import urllib3
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jeonju.contract.columns import readings_table
from jeonju.contract.records import AlertRecord, DeadLetter, IncidentRecord
from jeonju.storage.influx.address import parse_address
from jeonju.storage.influx.line_protocol import MOST_BYTES, bodies, table_lines
from jeonju.storage.influx.names import AIR
from jeonju.storage.influx.records import record_lines
from jeonju.storage.influx.store import InfluxStore
from jeonju.storage.influx.v2 import Version2
from jeonju.storage.port import Commit, Series
from tests.storage.influx.examples import FOREVER, T0, WHOLE
from tests.storage.influx.servers import Influxd, victoria_metrics
from tests.storage.letters import as_written


@pytest.fixture
def store(influxd: Influxd, database: str) -> Iterator[InfluxStore]:
    store = InfluxStore(influxd.url(database))
    yield store
    store.close()


TEXT = st.text(max_size=12) | st.text(alphabet=" ,=\"'\\\n\r\t%#é한\x00\u2028😀", max_size=12)


NUMBERS = count()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(site=TEXT, device=TEXT, boot=TEXT, quality=TEXT, extra=TEXT)
@example(site="\\", device="a\\,b\\ ", boot='"\\', quality='\\"', extra="\n")
@example(site="", device="", boot="", quality="", extra="")
def test_any_text_comes_back_as_it_was(
    store: InfluxStore, site: str, device: str, boot: str, quality: str, extra: str
) -> None:
    at = T0 + timedelta(seconds=next(NUMBERS))
    written = {"site": site, "device": device, "time": at, "received_at": at}
    texts = {"boot": boot, "quality": quality, "extra": extra}
    alert = AlertRecord(
        f"{at}{site}", site, boot, quality, device, None, at, at, None, 0.1, None, extra, device, site, extra
    )
    letter = DeadLetter(at, site, extra.encode(), device)
    store.write(Commit(readings=readings_table([written | texts]), dead_letters=[letter]))
    store.write_alerts([alert])
    (back,) = store.readings(Series(site=site, start=at, end=at + timedelta(seconds=1), devices=(device,))).to_pylist()
    assert {name: back[name] for name in written | texts} == written | texts
    assert alert in store.alerts(site)
    assert as_written(store.dead_letters(limit=1)) == [letter]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(value=st.floats(allow_nan=False, allow_infinity=False), seq=st.integers(-(2**63), 2**63 - 1))
def test_any_number_comes_back_as_it_was(store: InfluxStore, value: float, seq: int) -> None:
    at = T0 + timedelta(microseconds=next(NUMBERS))
    row = {"site": "jeonju", "device": "a", "time": at, "received_at": at, "pm25": value, "seq": seq}
    store.write(Commit(readings=readings_table([row])))
    (back,) = store.readings(Series(site="jeonju", start=at, end=at + timedelta(microseconds=1))).to_pylist()
    assert (back["pm25"], back["seq"]) == (value, seq)


def test_what_is_no_number_is_left_out(influxd: Influxd, database: str) -> None:
    store = InfluxStore(influxd.url(database))
    row = {"site": "jeonju", "device": "a", "time": T0, "received_at": T0, "pm25": float("nan"), "co": float("inf")}
    store.write(Commit(readings=readings_table([row | {"no2": 0.5}])))
    (back,) = store.readings(FOREVER).to_pylist()
    assert (back["pm25"], back["co"], back["no2"]) == (None, None, 0.5)
    store.close()


def test_bodies_hold_every_line_and_keep_their_size() -> None:
    lines = [f"m f={number}i" for number in range(300_000)]
    made = [body for body, _ in bodies([*lines, "x" * (2 * MOST_BYTES)])]
    assert b"\n".join(made).decode().split("\n")[:-1] == lines
    assert all(len(body) <= MOST_BYTES for body in made[:-1])


def test_large_dead_letter_is_kept_whole(influxd: Influxd, database: str) -> None:
    store = InfluxStore(influxd.url(database))
    letter = DeadLetter(T0, "air/x", b"\xff\n" * 2_000_000, "too large")
    store.write(Commit(dead_letters=[letter]))
    (listed,) = store.dead_letters()
    assert listed.id is not None
    whole = store.dead_letter(listed.id)
    assert whole is not None
    assert as_written([whole]) == [letter]
    store.close()


def test_long_answers_come_in_parts(influxd: Influxd, database: str) -> None:
    store = InfluxStore(influxd.url(database))
    rows = [
        {
            "site": "jeonju",
            "device": f"d{n % 7}",
            "time": T0 + timedelta(seconds=n),
            "received_at": T0,
            "pm25": float(n),
        }
        for n in range(25_000)
    ]
    store.write(Commit(readings=readings_table(rows)))
    assert store.readings(FOREVER)["pm25"].to_pylist() == [float(n) for n in range(25_000)]
    assert store.latest("jeonju")["pm25"].to_pylist() == [
        float(n) for n in sorted(range(24_993, 25_000), key=lambda n: n % 7)
    ]
    store.close()


def test_incident_of_an_earlier_version_lacks_what_came_later(influxd: Influxd, database: str) -> None:
    place = (35.85, 127.1, 120.0, None, 0.8)
    incident = IncidentRecord(
        "one", "jeonju", "open", "fire", "critical", "palbok", T0, T0, None, *place, "", "", "{}", 400.0
    )
    store = InfluxStore(influxd.url(database))
    (line,) = record_lines([incident])
    older = re.sub(r",?radius_90_m=[0-9.]+", "", line)
    assert older != line
    store._server.write([older], "us")
    assert store.incidents("jeonju") == [incident._replace(radius_90_m=None)]
    store.close()


def test_names_that_need_quotes_can_be_used(influxd: Influxd) -> None:
    for name in ("two%20words", "a%22b", "it's", "%ED%95%9C"):
        store = InfluxStore(influxd.url(name))
        store.write(WHOLE)
        assert store.readings(FOREVER).num_rows == 30
        store.close()
        InfluxStore(influxd.url(name)).close()


def test_other_servers_take_what_the_client_sends(tmp_path: Path) -> None:
    with victoria_metrics(tmp_path / "vm") as port:
        server = Version2(parse_address(f"influxdb://127.0.0.1:{port}/air?org=city&token=any"))
        server.write(table_lines(AIR, WHOLE.readings), "us")
        server.close()
        urllib3.request("GET", f"http://127.0.0.1:{port}/internal/force_flush")
        answer = urllib3.request("GET", f"http://127.0.0.1:{port}/api/v1/export?match[]=air_pm25").data
    series = {item["metric"]["device"]: item for item in map(json.loads, answer.splitlines())}
    assert {name: item["values"] for name, item in series.items()} == {name: [1.5] * 10 for name in "abc"}
    assert series["a"]["timestamps"] == [int(T0.timestamp() + second) * 1000 for second in range(10)]
