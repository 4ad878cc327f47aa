"""A server that breaks off, dies, stays away or has other types: nothing is lost, and one line says what is wrong."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.ingest.service import Ingest
from jeonju.storage.influx.names import RAW
from jeonju.storage.influx.store import InfluxStore
from jeonju.storage.open import open_store
from jeonju.storage.port import Commit
from tests.ingest.test_service import leaving, send, sender
from tests.storage.influx.examples import FOREVER, T0, WHOLE, Stumbling, holdings
from tests.storage.influx.servers import Influxd
from tests.waiting import wait_until

ALERT = AlertRecord(
    "id", "jeonju", "smoke", "critical", "a", None, T0, T0, None, 1.0, None, "pm25", "연기", "smoke", "{}"
)


@pytest.mark.parametrize("afterwards", [False, True])
@pytest.mark.parametrize("fails_at", range(6))
def test_commit_that_broke_off_is_whole_after_it_is_repeated(
    influxd: Influxd, database: str, fails_at: int, afterwards: bool
) -> None:
    store = InfluxStore(influxd.url(database))
    real = store._server
    store._server = Stumbling(real, fails_at, afterwards=afterwards)
    with pytest.raises(UnavailableError):
        store.write(WHOLE)
    # The ledger, which counts the rest, is never ahead of it.
    assert store.ledger("jeonju") == (list(WHOLE.ledger) if fails_at == 5 and afterwards else [])
    store._server = real
    store.write(WHOLE)
    assert holdings(store) == (
        sorted(WHOLE.readings.to_pylist(), key=lambda row: (row["time"], row["device"])),
        list(WHOLE.devices),
        sorted(WHOLE.dead_letters),
        list(WHOLE.ledger),
    )
    store.close()


def test_commit_that_cannot_be_put_into_words_sends_nothing(influxd: Influxd, database: str) -> None:
    store = InfluxStore(influxd.url(database))
    with pytest.raises(KeyError):
        store.write(Commit(readings=WHOLE.readings, ledger=[("too", "short")]))  # type: ignore[list-item]
    assert store.readings(FOREVER).num_rows == 0
    store.close()


WRITER = """
import itertools, sys, time
from datetime import UTC, datetime, timedelta
from jeonju.common.errors import UnavailableError
from jeonju.storage.open import open_store
from jeonju.storage.port import Commit
from jeonju.contract.columns import readings_table
store = open_store(sys.argv[1])
t0 = datetime(2026, 1, 1, tzinfo=UTC)
left = None
for number in itertools.count():
    rows = [{"site": "jeonju", "device": f"d{d}", "time": t0 + timedelta(seconds=number), "received_at": t0, "pm25": float(number)} for d in range(20)]
    while True:
        try:
            store.write(Commit(readings=readings_table(rows)))
            break
        except UnavailableError:
            print("away", flush=True)
            time.sleep(0.1)
            left = 500
    print(number, flush=True)
    # It goes on until it has met the server away, however late that is, and for a while after.
    if left is not None:
        left -= 1
        if not left:
            break
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
    written = int(seen[-1]) + 1
    assert found.num_rows == 20 * written
    assert sorted(set(found["pm25"].to_pylist())) == [float(number) for number in range(written)]
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
        # Where the server takes long to start, some come once more.
        wait_until(lambda: new_ones(store) == 1500, what="all readings")
    assert sorted(int(seq) for seq in store.readings(FOREVER)["seq"].to_pylist()) == list(range(1500))
    (entry,) = store.ledger("jeonju")
    assert entry.missing == 0
    store.close()


def new_ones(store: InfluxStore) -> int:
    return sum(entry.received - entry.repeated for entry in store.ledger("jeonju"))


def test_server_that_is_away_is_unavailable_for_every_question(new_influxd: Callable[..., Influxd]) -> None:
    server = new_influxd()
    store = InfluxStore(server.url())
    server.stop()
    asks: list[Callable[[], object]] = [
        lambda: store.write(WHOLE),
        lambda: store.write_alerts([ALERT]),
        lambda: store.readings(FOREVER),
        lambda: store.latest("jeonju"),
        lambda: store.devices("jeonju"),
        lambda: store.ledger("jeonju"),
        lambda: store.alerts("jeonju"),
        store.dead_letters,
    ]
    for ask in asks:
        with pytest.raises(UnavailableError, match="cannot be reached") as caught:
            ask()
        assert "\n" not in str(caught.value)
    server.start()
    store.write(WHOLE)
    assert store.readings(FOREVER).num_rows == 30
    store.close()


@pytest.mark.parametrize("options", ["", "?org=city&token=secret"])
def test_nobody_there_is_unavailable(options: str) -> None:
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1/air cannot be reached"):
        open_store(f"influxdb://127.0.0.1:1/air{options}")


def test_field_of_another_type_is_refused_with_the_reason(influxd: Influxd, database: str) -> None:
    store = InfluxStore(influxd.url(database))
    store._server.write(['air,site=jeonju,device=a pm25="text" 1772409600000000'], "us", RAW)
    with pytest.raises(UserError, match="field type conflict"):
        store.write(WHOLE)
    store.close()
