"""What is particular to InfluxDB: the line protocol, failures half way, credentials, roll-ups, and another server that takes its writes."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import urllib3
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from airquality.errors import JeonjuError, UnavailableError, UserError
from airquality.site import Site
from broker.embedded import EmbeddedBroker, free_port
from ingest.service import Ingest
from storage.influx_names import AIR_1H, AIR_1M
from storage.influx_server import ROLL_UPS, Precision, Server, Version2, parse_address
from storage.influxdb import InfluxStore
from storage.line_protocol import MOST_BYTES, bodies, reading_lines
from storage.open import open_store
from storage.port import Commit, Series
from storage.schema import AlertRecord, DeadLetter, DeviceRecord, LedgerEntry, readings_table
from tests.ingest.test_service import leaving, send, sender
from tests.storage.influx_servers import Influxd, StandIn, victoria_metrics
from tests.waiting import wait_until

T0 = datetime(2026, 3, 2, tzinfo=UTC)
FOREVER = Series(site="jeonju", start=datetime(1, 1, 1, tzinfo=UTC), end=datetime(9999, 1, 1, tzinfo=UTC))
WHOLE = Commit(
    readings=readings_table(
        {"site": "jeonju", "device": device, "time": T0 + timedelta(seconds=second), "received_at": T0, "pm25": 1.5}
        for device in "abc"
        for second in range(10)
    ),
    devices=[DeviceRecord("jeonju", device, "palbok", "station", "real", "online", T0) for device in "abc"],
    dead_letters=[DeadLetter(T0, "air/x", b"\xff", "is not JSON"), DeadLetter(T0, "air/y", b"", "is empty")],
    ledger=[LedgerEntry("jeonju", device, None, 9, 10, 1, 2, 3, 4) for device in "abc"],
)


def holdings(store: InfluxStore) -> tuple[Any, ...]:
    return (
        store.readings(FOREVER).to_pylist(),
        store.devices("jeonju"),
        sorted(store.dead_letters()),
        store.ledger("jeonju"),
    )


TEXT = st.text(max_size=12) | st.text(alphabet=" ,=\"'\\\n\r\t%#é한\x00\u2028😀", max_size=12)
NUMBERS = count()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(site=TEXT, device=TEXT, boot=TEXT, quality=TEXT, extra=TEXT)
@example(site="\\", device="a\\,b\\ ", boot='"\\', quality='\\"', extra="\n")
@example(site="", device="", boot="", quality="", extra="")
def test_any_text_comes_back_as_it_was(
    influxd: Influxd, site: str, device: str, boot: str, quality: str, extra: str
) -> None:
    store = InfluxStore(influxd.url("texts"))
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
    assert store.dead_letters(limit=1) == [letter]
    store.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.floats(allow_nan=False, allow_infinity=False), seq=st.integers(-(2**63), 2**63 - 1))
def test_any_number_comes_back_as_it_was(influxd: Influxd, value: float, seq: int) -> None:
    store = InfluxStore(influxd.url("numbers"))
    at = T0 + timedelta(microseconds=next(NUMBERS))
    row = {"site": "jeonju", "device": "a", "time": at, "received_at": at, "pm25": value, "seq": seq}
    store.write(Commit(readings=readings_table([row])))
    (back,) = store.readings(Series(site="jeonju", start=at, end=at + timedelta(microseconds=1))).to_pylist()
    assert (back["pm25"], back["seq"]) == (value, seq)
    store.close()


def test_what_is_no_number_is_left_out(influxd: Influxd, database: str) -> None:
    store = InfluxStore(influxd.url(database))
    row = {"site": "jeonju", "device": "a", "time": T0, "received_at": T0, "pm25": float("nan"), "co": float("inf")}
    store.write(Commit(readings=readings_table([row | {"no2": 0.5}])))
    (back,) = store.readings(FOREVER).to_pylist()
    assert (back["pm25"], back["co"], back["no2"]) == (None, None, 0.5)
    store.close()


def test_bodies_hold_every_line_and_keep_their_size() -> None:
    lines = [f"m f={number}i" for number in range(300_000)]
    made = list(bodies([*lines, "x" * (2 * MOST_BYTES)]))
    assert b"\n".join(made).decode().split("\n")[:-1] == lines
    assert all(len(body) <= MOST_BYTES for body in made[:-1])


def test_large_dead_letter_is_kept_whole(influxd: Influxd, database: str) -> None:
    store = InfluxStore(influxd.url(database))
    letter = DeadLetter(T0, "air/x", b"\xff\n" * 4_000_000, "too large")
    store.write(Commit(dead_letters=[letter]))
    assert store.dead_letters() == [letter]
    store.close()


class Stumbling:
    """A server that fails at the chosen write, before or after the lines are in."""

    def __init__(self, behind: Server, fails_at: int, *, afterwards: bool) -> None:
        self._behind, self._left, self._afterwards = behind, fails_at, afterwards

    def write(self, lines: Iterable[str], precision: Precision) -> None:
        fails = self._left == 0
        self._left -= 1
        if not fails or self._afterwards:
            self._behind.write(lines, precision)
        if fails:
            raise UnavailableError("stumbled")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)


@pytest.mark.parametrize("afterwards", [False, True])
@pytest.mark.parametrize("fails_at", range(4))
def test_commit_that_broke_off_is_whole_after_it_is_repeated(
    influxd: Influxd, database: str, fails_at: int, afterwards: bool
) -> None:
    store = InfluxStore(influxd.url(database))
    real = store._server
    store._server = Stumbling(real, fails_at, afterwards=afterwards)
    with pytest.raises(UnavailableError):
        store.write(WHOLE)
    # The ledger, which counts the rest, is never ahead of it.
    assert store.ledger("jeonju") == (list(WHOLE.ledger) if fails_at == 3 and afterwards else [])
    store._server = real
    store.write(WHOLE)
    assert holdings(store) == (
        sorted(WHOLE.readings.to_pylist(), key=lambda row: (row["time"], row["device"])),
        list(WHOLE.devices), sorted(WHOLE.dead_letters), list(WHOLE.ledger),
    )  # fmt: skip
    store.close()


def test_commit_that_cannot_be_put_into_words_sends_nothing(influxd: Influxd, database: str) -> None:
    store = InfluxStore(influxd.url(database))
    with pytest.raises(AttributeError):
        store.write(Commit(readings=WHOLE.readings, ledger=[("too", "short")]))  # type: ignore[list-item]
    assert store.readings(FOREVER).num_rows == 0
    store.close()


WRITER = """
import sys, time
from datetime import UTC, datetime, timedelta
from airquality.errors import UnavailableError
from storage.open import open_store
from storage.port import Commit
from storage.schema import readings_table
store = open_store(sys.argv[1])
t0 = datetime(2026, 1, 1, tzinfo=UTC)
for number in range(1000):
    rows = [{"site": "jeonju", "device": f"d{d}", "time": t0 + timedelta(seconds=number), "received_at": t0, "pm25": float(number)} for d in range(20)]
    while True:
        try:
            store.write(Commit(readings=readings_table(rows)))
            break
        except UnavailableError:
            print("away", flush=True)
            time.sleep(0.1)
    print(number, flush=True)
store.close()
"""


def test_writer_outlives_a_killed_server_and_nothing_is_lost(new_influxd: Callable[..., Influxd]) -> None:
    server = new_influxd()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, server.url()], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    seen: list[str] = []
    for line in writer.stdout:
        seen.append(line.strip())
        if line.strip() == "150":
            server.stop(kill=True)
        if line.strip() == "away" and seen.count("away") == 2:
            server.start()
    assert writer.wait() == 0
    writer.stdout.close()
    assert "away" in seen
    store = InfluxStore(server.url())
    found = store.readings(FOREVER)
    assert found.num_rows == 20_000
    assert sorted(set(found["pm25"].to_pylist())) == [float(number) for number in range(1000)]
    store.close()


def test_ingest_waits_for_the_server_and_loses_nothing(
    broker: EmbeddedBroker, new_influxd: Callable[..., Influxd], jeonju: Site
) -> None:
    server = new_influxd()
    store = InfluxStore(server.url())
    with Ingest(jeonju, store, broker.url) as ingest, leaving(sender(broker)) as client:
        send(client, 0, 500)
        wait_until(lambda: ingest.stats().readings == 500, what="the first readings")
        server.stop(kill=True)
        send(client, 500, 1500)
        wait_until(lambda: not ingest.stats().store_available, what="the store away")
        server.start()
        wait_until(lambda: ingest.stats().readings == 1500, within_s=40, what="all readings")
    assert sorted(int(seq) for seq in store.readings(FOREVER)["seq"].to_pylist()) == list(range(1500))
    (entry,) = store.ledger("jeonju")
    assert (entry.received, entry.missing, entry.repeated) == (1500, 0, 0)
    store.close()


def test_server_that_is_away_is_unavailable_for_every_question(new_influxd: Callable[..., Influxd]) -> None:
    server = new_influxd()
    store = InfluxStore(server.url())
    server.stop()
    asks: list[Callable[[], object]] = [
        lambda: store.write(WHOLE), lambda: store.write_alerts([ALERT]), lambda: store.readings(FOREVER), lambda: store.latest("jeonju"),
        lambda: store.devices("jeonju"), lambda: store.ledger("jeonju"), lambda: store.alerts("jeonju"), store.dead_letters,
    ]  # fmt: skip
    for ask in asks:
        with pytest.raises(UnavailableError, match="cannot be reached") as caught:
            ask()
        assert "\n" not in str(caught.value)
    server.start()
    store.write(WHOLE)
    assert store.readings(FOREVER).num_rows == 30
    store.close()


ALERT = AlertRecord(
    "id", "jeonju", "smoke", "critical", "a", None, T0, T0, None, 1.0, None, "pm25", "연기", "smoke", "{}"
)


@pytest.mark.parametrize("options", ["", "?org=city&token=secret"])
def test_nobody_there_is_unavailable(options: str) -> None:
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:\d+/air cannot be reached"):
        open_store(f"influxdb://127.0.0.1:{free_port()}/air{options}")


def test_wrong_credentials_are_for_a_person_to_change(new_influxd: Callable[..., Influxd]) -> None:
    server = new_influxd(auth=True)
    server.ask("CREATE USER boss WITH PASSWORD 'p@:/ss' WITH ALL PRIVILEGES")
    address = f"127.0.0.1:{server.port}/air"
    for wrong in (f"influxdb://{address}", f"influxdb://boss:hidden@{address}"):
        with pytest.raises(UserError, match="refuses the user and password") as caught:
            open_store(wrong)
        assert "hidden" not in str(caught.value)
    store = InfluxStore(f"influxdb://boss:p%40%3A%2Fss@{address}")
    store.write(WHOLE)
    assert store.readings(FOREVER).num_rows == 30
    store.close()


def test_user_without_rights_can_do_what_is_left(
    new_influxd: Callable[..., Influxd], caplog: pytest.LogCaptureFixture
) -> None:
    server = new_influxd(auth=True)
    server.ask("CREATE USER boss WITH PASSWORD 'boss' WITH ALL PRIVILEGES")
    boss = urllib3.make_headers(basic_auth="boss:boss")
    for statement in (
        "CREATE DATABASE air",
        "CREATE USER writer WITH PASSWORD 'writer'",
        "GRANT WRITE ON air TO writer",
    ):
        server.ask(statement, headers=boss)
    address = f"influxdb://writer:writer@127.0.0.1:{server.port}"
    store = InfluxStore(f"{address}/air")
    assert "roll-ups air_1m and air_1h were not made" in caplog.text
    store.write(WHOLE)
    with pytest.raises(UserError, match="not authorized"):
        store.latest("jeonju")
    store.close()
    with pytest.raises(UserError, match="not authorized"):
        open_store(f"{address}/another")


def test_wrong_token_is_for_a_person_to_change(stand_in: StandIn) -> None:
    with pytest.raises(UserError, match=r"refuses .* the token: unauthorized access") as caught:
        open_store(stand_in.url(token="hidden"))
    assert "hidden" not in str(caught.value)


def test_token_may_come_from_the_surroundings(
    stand_in: StandIn, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFLUXDB_TOKEN", "t=0k&en")
    store = InfluxStore(stand_in.url(database).split("&token=")[0])
    store.write(WHOLE)
    assert store.readings(FOREVER).num_rows == 30
    store.close()


@pytest.mark.parametrize(
    "url",
    ["influxdb://", "influxdb://host", "influxdb://host/", "influxdb://host/a/b", "influxdb://user:hidden@host:x/air", "influxdb://host/air?token", "influxdb://host/air?rp=one", "influxdb://user:hidden@/air"],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(UserError, match=r"no address of an InfluxDB.*; write it like influxdb://") as caught:
        open_store(url)
    assert "hidden" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_token_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INFLUXDB_TOKEN", raising=False)
    with pytest.raises(UserError, match="set INFLUXDB_TOKEN"):
        open_store("influxdb://host/air?org=city")


def test_addresses_are_read() -> None:
    plain = parse_address("influxdb://boss:p%40ss@host/air")
    assert (plain.base, plain.name, plain.user, plain.password, plain.org) == (
        "http://host:8086",
        "air",
        "boss",
        "p@ss",
        None,
    )
    safe = parse_address("influxdbs://[::1]:99/my%20air?org=a+b&token=x%3D")
    assert (safe.base, safe.name, safe.org, safe.token) == ("https://[::1]:99", "my air", "a b", "x=")


def test_something_else_than_influxdb_is_said_in_one_line(tmp_path: Path) -> None:
    with victoria_metrics(tmp_path / "vm") as port, pytest.raises(JeonjuError) as caught:
        open_store(f"influxdb://127.0.0.1:{port}/air?org=o&token=t")
    assert "\n" not in str(caught.value)


def test_names_that_need_quotes_can_be_used(influxd: Influxd) -> None:
    for name in ("two%20words", "a%22b", "it's", "%ED%95%9C"):
        store = InfluxStore(influxd.url(name))
        store.write(WHOLE)
        assert store.readings(FOREVER).num_rows == 30
        store.close()
        InfluxStore(influxd.url(name)).close()


def roll_ups(influxd: Influxd, database: str) -> dict[str, str]:
    return {
        name: query
        for series in influxd.ask("SHOW CONTINUOUS QUERIES")
        if series["name"] == database
        for name, query in series.get("values", [])
    }


def test_roll_ups_are_made_once_and_give_means(influxd: Influxd, database: str) -> None:
    InfluxStore(influxd.url(database)).close()
    made = roll_ups(influxd, database)
    assert set(made) == {AIR_1M, AIR_1H} == {name for name, _, _ in ROLL_UPS}
    store = InfluxStore(influxd.url(database))
    assert roll_ups(influxd, database) == made
    now = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=5)
    rows = [
        {"site": "jeonju", "device": "a", "time": now + timedelta(seconds=s), "received_at": now, "pm25": float(s)}
        for s in (0, 20, 40)
    ]
    store.write(Commit(readings=readings_table(rows)))
    # What the server would do on the minute.
    select = (
        made[AIR_1M]
        .split(" BEGIN ")[1]
        .removesuffix(" END")
        .replace(" GROUP BY", f" WHERE time >= {int(now.timestamp())}s GROUP BY")
    )
    influxd.ask(select, database)
    (series,) = influxd.ask(f'SELECT pm25, site, device FROM "{AIR_1M}"', database)
    assert series["values"] == [[int(now.timestamp()) * 1_000_000, 20.0, "jeonju", "a"]]
    store.close()


def test_readings_that_the_server_would_forget_do_not_hold_up_the_rest(influxd: Influxd, database: str) -> None:
    store = InfluxStore(influxd.url(database))
    influxd.ask(f'ALTER RETENTION POLICY autogen ON "{database}" DURATION 10d SHARD DURATION 1d')
    now = datetime.now(UTC)
    times = (now - timedelta(days=20), now)
    rows = [{"site": "jeonju", "device": "a", "time": at, "received_at": now, "pm25": 1.0} for at in times]
    store.write(Commit(readings=readings_table(rows), devices=WHOLE.devices))
    assert store.readings(FOREVER)["time"].to_pylist() == [now]
    assert store.devices("jeonju") == list(WHOLE.devices)
    store.close()


def test_field_of_another_type_is_refused_with_the_reason(influxd: Influxd, database: str) -> None:
    store = InfluxStore(influxd.url(database))
    store._server.write(['air,site=jeonju,device=a pm25="text" 1772409600000000'], "us")
    with pytest.raises(UserError, match="field type conflict"):
        store.write(WHOLE)
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


def test_other_servers_take_what_the_client_sends(tmp_path: Path) -> None:
    with victoria_metrics(tmp_path / "vm") as port:
        server = Version2(parse_address(f"influxdb://127.0.0.1:{port}/air?org=city&token=any"))
        server.write(reading_lines(WHOLE.readings), "us")
        server.close()
        urllib3.request("GET", f"http://127.0.0.1:{port}/internal/force_flush")
        answer = urllib3.request("GET", f"http://127.0.0.1:{port}/api/v1/export?match[]=air_pm25").data
    series = {one["metric"]["device"]: one for one in map(json.loads, answer.splitlines())}
    assert {name: one["values"] for name, one in series.items()} == {name: [1.5] * 10 for name in "abc"}
    assert series["a"]["timestamps"] == [int(T0.timestamp() + second) * 1000 for second in range(10)]
