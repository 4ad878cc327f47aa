"""What a device says of others never counts: accounts, topics and payloads are drawn, at both brokers, and looked for in what is stored and heard.

Only topics that are documented as gateways let one account speak for several devices (docs/security.md); no account here has such a right.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from jeonju.broker.embedded import EmbeddedBroker, Kind
from jeonju.broker.rights import Rights, of_device, of_robot
from jeonju.broker.security import Security
from jeonju.contract import topics
from jeonju.contract.site import Site
from jeonju.ingest.service import Ingest
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Series
from tests.broker.guarded import NOW, Ears, url_of
from tests.conftest import need_broker
from tests.ingest.test_gateways import with_gateways
from tests.waiting import wait_until

# The account that attacks, a second one that does, and one that never speaks: whatever is known of it, others have said.
ONE, ROBOT, SILENT = "one", "robot", "silent"
MARK = {ONE: 111.0, ROBOT: 222.0}
PLANT = {"topic": "plant/+/up", "format": "json", "device": "{2}", "mapping": [{"pointer": "/pm25", "key": "pm25"}]}
RIGHTS = {
    ONE: of_device("jeonju", ONE) + Rights(publish=("plant/one/up",)),
    ROBOT: of_device("jeonju", ROBOT) + of_robot("KIT", ROBOT),
    SILENT: of_device("jeonju", SILENT),
}
LEVEL = st.sampled_from(
    ["air", "v1", "jeonju", "jeonju-truth", "other", "plant", "up", "airkorea", "vda5050", "v3", "KIT", *RIGHTS, "simulator", "alerts",
     "readings", "status", "adopt", "command", "committed", "state", "connection", "+", "#", "*", ">", "", "$SYS", "$MQTT", "one.silent", "silent "]
)  # fmt: skip
KINDS = st.sampled_from(["readings", "status", "adopt", "command"])
SITES = st.sampled_from(["jeonju", "jeonju-truth", "other"])
NAMES = st.sampled_from([*RIGHTS, "simulator", "palbok-01", "+", "silent/..", "one/../silent", "SILENT", "silent%2F"])
TOPIC = st.one_of(
    st.builds("air/v1/{}/{}/{}".format, SITES, NAMES, KINDS),
    st.builds("plant/{}/up".format, NAMES),
    st.builds("vda5050/v3/KIT/{}/{}".format, NAMES, st.sampled_from(["state", "connection", "order", "factsheet"])),
    st.builds("air/v1/jeonju/alerts/{}".format, NAMES),
    st.builds("{}.{}".format, st.just("air/v1/jeonju"), st.just("silent.readings")),
    st.lists(LEVEL, min_size=1, max_size=7).map("/".join),
)


def reading(device: str, mark: float) -> dict[str, Any]:
    return {"device": device, "seq": 1, "boot": "1", "values": {"pm25": mark}}


def payloads(mark: float) -> st.SearchStrategy[str]:
    single = st.builds(reading, NAMES, st.just(mark))
    status = st.fixed_dictionaries(
        {
            "state": st.sampled_from(["online", "offline"]),
            "device": NAMES,
            "kind": st.just("station"),
            "mark": st.just(mark),
        }
    )
    robot = st.fixed_dictionaries(
        {
            "manufacturer": st.just("KIT"),
            "serialNumber": NAMES,
            "connectionState": st.just("ONLINE"),
            "mark": st.just(mark),
        }
    )
    lines = st.builds("air,device={0} pm25={1}".format, NAMES, st.just(mark))
    return st.one_of(
        single.map(json.dumps), st.lists(single, max_size=4).map(json.dumps), status.map(json.dumps), robot.map(json.dumps), lines,
        st.just(json.dumps({"zone": "palbok", "kind": "station", "mark": mark})), st.just(json.dumps({"pm25": mark, "device": SILENT})),
    )  # fmt: skip


class Said(NamedTuple):
    topic: str
    payload: str
    retained: bool
    is_will: bool


def sayings(account: str) -> st.SearchStrategy[list[Said]]:
    said = st.builds(Said, TOPIC, payloads(MARK[account]), st.booleans(), st.booleans())
    return st.lists(said, min_size=1, max_size=6)


def certain(account: str) -> tuple[str, list[Said]]:
    """Return what an attacker tries first."""
    mark = MARK[account]
    forged, mixed = reading(SILENT, mark), [reading(account, mark), reading(SILENT, mark)]
    state = {"state": "offline", "mark": mark}
    said = [
        (topics.readings("jeonju", SILENT), forged),
        (topics.readings("jeonju", account), forged),
        (topics.readings("jeonju", account), mixed),
        (topics.readings("jeonju-truth", "simulator"), [forged]),
        (topics.status("jeonju", SILENT), state),
        (topics.adopt("jeonju", SILENT), {"zone": "palbok", "kind": "station", "mark": mark}),
        (f"plant/{SILENT}/up", {"pm25": mark}),
        (f"vda5050/v3/KIT/{SILENT}/state", {"mark": mark}),
        (topics.alert("jeonju", "fire"), {"mark": mark}),
    ]
    sayings = [Said(topic, json.dumps(payload), retained=False, is_will=False) for topic, payload in said]
    return account, [*sayings, sayings[0]._replace(retained=True), sayings[0]._replace(is_will=True)]


class Place:
    """A broker with accounts, ingest, and ears that hear all that our services may."""

    def __init__(self, folder: Path, kind: Kind, site: Site, stack: ExitStack) -> None:
        security = Security(folder / "security")
        security.setup([], [site], NOW)
        secrets = {name: security.add(f"jeonju.{name}", rights, NOW) for name, rights in RIGHTS.items()}
        broker = stack.enter_context(EmbeddedBroker(folder, kind=kind, port=0, security=security))
        self.urls = {name: url_of(broker, security, secret) for name, secret in secrets.items()}
        self.store = DuckDBStore(folder / "air.duckdb")
        stack.callback(self.store.close)
        stack.enter_context(Ingest(site, self.store, broker.url_for("ingest"), client_id="ingest-secret"))
        self.ears = [
            stack.enter_context(
                Ears(broker.url_for("api"), "api", "vda5050/#", "air/v1/+/+/status", "air/v1/+/alerts/+")
            ),
            stack.enter_context(Ears(broker.url_for("doctor"), "doctor", "#")),
        ]
        self._numbers = count(10)

    def say(self, account: str, said: list[Said]) -> None:
        """Say everything as this account, and return when ingest has stored what this account said last, on its own topic."""
        for each in said:
            if each.is_will:
                self._die(account, each)
            else:
                self._publish(account, each)
        seq = next(self._numbers)
        last = {"device": account, "seq": seq, "boot": "1", "values": {"pm10": 1.0}}
        with Ears(self.urls[account], account) as fence:
            fence.say(topics.readings("jeonju", account), json.dumps(last))
        wait_until(lambda: seq in self.rows()["seq"].to_pylist(), what="the last reading")

    def rows(self) -> Any:
        return self.store.readings(Series(site="jeonju", start=NOW.replace(year=2020), end=NOW.replace(year=2100)))

    def _publish(self, account: str, said: Said) -> None:
        with Ears(self.urls[account], account) as client, suppress(ValueError, RuntimeError):
            # One that ends the connection for the topic would do so again and again: what counts is that it was sent.
            client.on_disconnect = lambda *_: client._ending.set()
            info = client.publish(said.topic, said.payload, qos=1, retain=said.retained)
            wait_until(lambda: info.is_published() or client._ending.is_set(), what="the answer of the broker")

    def _die(self, account: str, said: Said) -> None:
        client = Ears(self.urls[account], account)
        with suppress(ValueError):
            client.will_set(said.topic, said.payload, qos=1, retain=said.retained)
            client.on_disconnect = lambda *_: client._ending.set()
            client.begin(patiently=True)
            wait_until(
                lambda: client.ready or client.failure or client._ending.is_set(), what="the answer of the broker"
            )
            if client.ready and isinstance(connection := client.socket(), socket.socket):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            wait_until(client._ending.is_set, what="the end")
            client.end()


@pytest.fixture(scope="module", params=["embedded", "mosquitto"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, jeonju: Site) -> Iterator[Place]:
    need_broker(request.param)
    with ExitStack() as stack:
        yield Place(tmp_path_factory.mktemp("crossings"), request.param, with_gateways(jeonju, PLANT), stack)


# No shrinking: every example costs connections. What was drawn is shown.
@settings(
    max_examples=8, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(drawn=st.one_of(*(st.tuples(st.just(account), sayings(account)) for account in MARK)))
@example(certain(ONE))
@example(certain(ROBOT))
def test_nothing_of_a_device_comes_from_the_account_of_another(place: Place, drawn: tuple[str, list[Said]]) -> None:
    place.say(*drawn)
    speakers = {row["device"] for row in place.rows().to_pylist() if row["pm25"] is not None}
    for row in place.rows().to_pylist():
        marked = {name for name, mark in MARK.items() if row["pm25"] == mark}
        assert not marked or row["device"] in marked, row
    assert speakers <= MARK.keys()
    # Neither a device, nor a state of one, nor a count of what it lost.
    for site in ("jeonju", "jeonju-truth", "other"):
        known = {record.device for record in place.store.devices(site)}
        assert known <= MARK.keys(), (site, known)
        assert not {entry.device for entry in place.store.ledger(site)} - MARK.keys()
    # What services heard came on topics of the one whose mark it bears.
    for ears in place.ears:
        for topic, payload in list(ears.heard):
            for name, mark in MARK.items():
                if str(mark).encode() in payload:
                    assert any(topic_matches_sub(own, topic) for own in RIGHTS[name].publish), (name, topic, payload)
