"""What a device that has logged in can and cannot do, against real brokers."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from jeonju.broker.embedded import EmbeddedBroker, Kind
from jeonju.broker.rights import Login
from jeonju.broker.security import Security
from jeonju.contract.site import Site
from tests.broker.guarded import Ears, security_with, url_of
from tests.conftest import need_broker
from tests.waiting import wait_until

READINGS = "air/v1/jeonju/{}/readings"
COMMAND = "air/v1/jeonju/{}/command"


class Guarded(NamedTuple):
    broker: EmbeddedBroker
    security: Security
    one: str
    two: str


@pytest.fixture(
    scope="module",
    params=[
        ("embedded", "password"),
        ("embedded", "certificate"),
        ("mosquitto", "password"),
        ("mosquitto", "certificate"),
    ],
    ids=lambda param: "-".join(param),
)
def guarded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, jeonju: Site
) -> Iterator[Guarded]:
    """A broker with the accounts of our services and of the devices one and two."""
    kind: Kind = request.param[0]
    login: Login = request.param[1]
    need_broker(kind)
    folder: Path = tmp_path_factory.mktemp("guarded")
    security, secrets = security_with(folder / "security", jeonju, "one", "two", login=login)
    with EmbeddedBroker(folder, kind=kind, port=0, security=security, login=login) as broker:
        yield Guarded(broker, security, *(url_of(broker, security, secrets[name]) for name in ("one", "two")))


def test_device_cannot_publish_as_another(guarded: Guarded) -> None:
    with (
        Ears(guarded.broker.url_for("ingest"), "reader", "air/v1/+/+/readings") as reader,
        Ears(guarded.one, "one") as one,
    ):
        one.say(READINGS.format("two"), "forged")
        one.say("air/v1/jeonju/alerts/fire", "forged")
        one.say("air/v1/jeonju/committed", "forged")
        one.say(READINGS.format("one"), "own")
        wait_until(lambda: b"own" in reader.payloads(), what="its own reading")
        assert reader.payloads() == [b"own"]


def test_last_will_cannot_speak_for_another(guarded: Guarded) -> None:
    with Ears(guarded.broker.url_for("ingest"), "reader", "air/v1/+/+/status") as reader:
        for device in ("two", "one"):
            doomed = Ears(guarded.one, f"doomed-{device}")
            doomed.will_set(f"air/v1/jeonju/{device}/status", f"{device} is gone", qos=1)
            with doomed:
                connection = doomed.socket()
                assert isinstance(connection, socket.socket)
                connection.shutdown(socket.SHUT_RDWR)
                wait_until(lambda: doomed.ready == 2, what="its return")  # noqa: B023
        wait_until(lambda: b"one is gone" in reader.payloads(), what="its own last will")
        assert reader.payloads() == [b"one is gone"]


def test_device_cannot_read_what_is_not_its_own(guarded: Guarded) -> None:
    nosy = (
        COMMAND.format("one"),
        COMMAND.format("two"),
        "air/v1/jeonju/+/command",
        "air/v1/#",
        "#",
        "$MQTT/#",
        "+/v1/+/+/+",
    )
    with (
        Ears(guarded.one, "one", *nosy) as one,
        Ears(guarded.two, "two", COMMAND.format("two")) as two,
        Ears(guarded.broker.url_for("api"), "api") as api,
    ):
        two.say(READINGS.format("two"), "private")
        api.say(COMMAND.format("two"), "for two")
        api.say(COMMAND.format("one"), "for one")
        wait_until(lambda: b"for one" in one.payloads() and b"for two" in two.payloads(), what="the commands")
        assert set(one.payloads()) == {b"for one"}


# Each alone: what one filter does not hear, another one on the same connection may.
NOSY = (
    "#",
    "+/#",
    "/#",
    "air/#",
    "air/+/jeonju/two/readings",
    "air/v1/+/+/+",
    "air/v1/jeonju/+/command",
    "air/v1/jeonju/two/#",
    "air/v1/jeonju/two/status",
    "air/v1/jeonju/alerts/+",
    "air/v1/jeonju/committed",
    "+/v3/+/+/order",
    "airkorea/+",
    "$SYS/#",
    "$share/thieves/air/v1/jeonju/+/command",
    "$share/thieves/#",
    "$MQTT/#",
    "$MQTT/sub/#",
    "$JS/#",
)


def test_each_filter_that_is_not_its_own_hears_nothing(guarded: Guarded) -> None:
    """Mosquitto grants subscriptions and delivers nothing; NATS refuses them. Each hears its own command, which says that all before is over."""
    own = COMMAND.format("one")
    url_for = guarded.broker.url_for
    with ExitStack() as stack:
        nosy = {wanted: stack.enter_context(Ears(guarded.one, "one", wanted, own)) for wanted in NOSY}
        two = stack.enter_context(Ears(guarded.two, "two"))
        api = stack.enter_context(Ears(url_for("api"), "api"))
        ingest = stack.enter_context(Ears(url_for("ingest"), "ingest"))
        airkorea = stack.enter_context(Ears(url_for("airkorea"), "airkorea"))
        for kind in ("readings", "status"):
            two.say(f"air/v1/jeonju/two/{kind}", "private")
        api.say("air/v1/jeonju/alerts/fire", "an alert")
        api.say("vda5050/v3/KIT/1/order", "an order")
        api.say(COMMAND.format("two"), "for two")
        ingest.say("air/v1/jeonju/committed", "a batch")
        airkorea.say("airkorea/전북", "an hour")
        api.say(own, "for one")
        for wanted, client in nosy.items():
            wait_until(lambda: client.heard, what=f"its own command beside {wanted}")  # noqa: B023
        # Each is asked once more, so that what came late would have come by now.
        api.say(own, "the last")
        for wanted, client in nosy.items():
            wait_until(lambda: b"the last" in client.payloads(), what=f"the last command beside {wanted}")  # noqa: B023
            assert set(client.heard) == {(own, b"for one"), (own, b"the last")}, wanted


def test_client_id_of_another_does_not_open_its_queue(guarded: Guarded) -> None:
    with Ears(guarded.broker.url_for("ingest"), "jeonju-ingest", READINGS.format("+"), clean_session=False):
        pass
    with Ears(guarded.two, "two") as two:
        two.say(READINGS.format("two"), "waits for ingest")
    with (
        Ears(guarded.one, "jeonju-ingest", clean_session=False) as thief,
        Ears(guarded.broker.url_for("api"), "api") as api,
    ):
        thief.subscribe(COMMAND.format("one"), 1)
        wait_until(lambda: thief.granted, what="the answer")
        api.say(COMMAND.format("one"), "its own")
        wait_until(lambda: thief.heard, what="its own command")
        assert thief.payloads() == [b"its own"]


def test_every_service_can_do_its_work_and_no_more(guarded: Guarded) -> None:
    url_for = guarded.broker.url_for
    with (
        Ears(
            url_for("ingest"), "ingest", "air/v1/+/+/readings", "air/v1/+/+/adopt", "airkorea/+", COMMAND.format("+")
        ) as ingest,
        Ears(url_for("api"), "api", "air/v1/jeonju/committed", "air/v1/jeonju/+/status", READINGS.format("+")) as api,
        Ears(url_for("detect"), "detect", "air/v1/jeonju/committed", "air/v1/jeonju/alerts/+", "vda5050/#") as detect,
        Ears(url_for("simulator"), "simulator", COMMAND.format("simulator"), "air/v1/jeonju/committed") as simulator,
        Ears(url_for("airkorea"), "airkorea") as airkorea,
        Ears(url_for("doctor"), "doctor", "#") as doctor,
    ):
        simulator.say(READINGS.format("any"), "a reading")
        simulator.say("air/v1/jeonju/any/status", "online")
        api.say("air/v1/jeonju/any/adopt", "an adoption")
        api.say("air/v1/jeonju/alerts/fire", "an alert")
        detect.say("air/v1/jeonju/alerts/dust", "another alert")
        api.say(COMMAND.format("simulator"), "a command")
        ingest.say("air/v1/jeonju/committed", "a batch")
        airkorea.say("airkorea/전북", "an hour")
        for client, topic in (
            (api, READINGS.format("x")),
            (airkorea, READINGS.format("x")),
            (doctor, READINGS.format("x")),
            (ingest, COMMAND.format("x")),
            (simulator, "air/v1/jeonju/alerts/x"),
            (detect, COMMAND.format("x")),
            (detect, "air/v1/jeonju/x/adopt"),
        ):
            client.say(topic, "not its work")
        simulator.say(READINGS.format("any"), "the last")
        everything = [
            b"a reading",
            b"online",
            b"an adoption",
            b"an alert",
            b"another alert",
            b"a command",
            b"a batch",
            b"an hour",
            b"the last",
        ]
        wait_until(lambda: set(everything) <= set(doctor.payloads()), what="what the doctor hears")
        wait_until(
            lambda: (
                b"the last" in ingest.payloads()
                and b"a batch" in api.payloads()
                and simulator.heard
                and len(detect.heard) == 3
            ),
            what="the rest",
        )
        assert set(doctor.payloads()) == set(everything)
        assert set(ingest.payloads()) == {b"a reading", b"an adoption", b"an hour", b"the last"}
        assert set(api.payloads()) == {b"online", b"a batch"}
        assert set(detect.payloads()) == {b"a batch", b"an alert", b"another alert"}
        assert set(simulator.payloads()) == {b"a command"}
