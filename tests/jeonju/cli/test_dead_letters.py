"""Dead letters from the command line: a gateway that the site file described wrongly, and its messages after the file was mended."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jeonju.api.access.keys import KeyFile, Role
from jeonju.contract import site as sites
from jeonju.contract.records import LONGEST_LETTER_BYTES, DeadLetter, LetterMark
from jeonju.stack.city import City, UpSettings, running_city
from jeonju.stack.http_server import HttpSettings
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from tests.conftest import need_broker
from tests.ingest.test_service import leaving
from tests.jeonju.cli.command import jeonju, jeonju_process
from tests.storage.influx.servers import answers
from tests.storage.test_replay import pack, stored
from tests.waiting import wait_until

BUILT_IN = Path(sites.__file__).parent / "sites/jeonju.toml"
OLD = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)


@contextmanager
def city(folder: Path, gateway_format: str, broker: str = "embedded", keys: Path | None = None) -> Iterator[City]:
    file = folder / "jeonju.toml"
    file.write_text(f'{BUILT_IN.read_text()}\n[[gateways]]\ntopic = "senml/#"\nformat = "{gateway_format}"\n')
    settings = UpSettings(
        sites=(str(file),),
        simulate=False,
        broker=broker,
        data=folder / "data",
        mqtt_port=0,
        security=folder / "none",
        http=HttpSettings(port=0, keys=keys or folder / "none.json"),
    )
    with running_city(settings) as running:
        wait_until(lambda: answers(f"{running.url}/healthz"), what="the api")
        yield running


def dead_letters(*arguments: object, status: int = 0) -> str:
    done = jeonju("dead-letters", *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def listed(*arguments: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(dead_letters("list", "--json", *arguments))
    return found


@pytest.mark.parametrize("broker", ["embedded", "mosquitto"])
def test_messages_of_a_gateway_are_readings_after_the_site_file_was_mended(tmp_path: Path, broker: Any) -> None:
    need_broker(broker)
    with city(tmp_path, "chirpstack", broker) as running, leaving(_sender(running)) as client:
        for value in range(5):
            client.publish("senml/roof", pack(value), qos=1)
        client.publish("senml/roof", b"\xff\x00", qos=1)
        wait_until(lambda: running.ingest.stats().rejected == 6, what="the dead letters")
        letters = listed("--from", running.url)[::-1]
        assert [letter["payload"].encode() for letter in letters[:5]] == [pack(value) for value in range(5)]
        # Nothing is mended yet.
        assert "replayed 0, refused again 6, skipped 0 (replayed before), cut 0" in dead_letters(
            "replay", "--all", "--from", running.url, status=1
        )
        # The lock on the store keeps other processes out.
        done = jeonju_process("dead-letters", "list", "--store", tmp_path / "data/air.duckdb")
        assert done.returncode == 2
        assert "is in use; ask the service that has it: --from" in done.stderr
    with city(tmp_path, "senml", broker) as running:
        item = dead_letters("replay", letters[3]["id"], "--from", running.url)
        assert "replayed 1, refused again 0, skipped 0" in item
        rest = dead_letters("replay", "--topic", "senml/+", "--from", running.url, status=1)
        assert "replayed 4, refused again 1, skipped 1" in rest
        arrived = [datetime.fromisoformat(letter["received_at"]) for letter in letters[:5]]
        assert stored(running.store) == [(at, float(value)) for value, at in enumerate(arrived)]
        second = json.loads(dead_letters("replay", letters[0]["id"], "--json", "--from", running.url))
        assert second == {"replayed": 0, "refused": 0, "skipped": 1, "cut": [], "unknown": []}
        again = dead_letters("replay", *(letter["id"] for letter in letters[:5]), "--again", "--from", running.url)
        assert "replayed 5, refused again 0, skipped 0" in again
        assert len(stored(running.store)) == 5
    # Nothing runs now, and the file is free.
    kept = listed("--store", tmp_path / "data/air.duckdb")[::-1]
    assert [letter["replayed_at"] is None for letter in kept] == [False] * 5 + [True]
    shown = dead_letters("show", letters[5]["id"], "--store", tmp_path / "data/air.duckdb")
    assert "senml/roof" in shown
    assert "2 bytes\n\nff 00\n" in shown


def _sender(running: City) -> Any:
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    from jeonju.broker.address import parse_broker_url

    address = parse_broker_url(running.broker_url)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="sender")
    client.connect(address.host, address.port)
    client.loop_start()
    return client


def test_what_was_not_kept_whole_or_is_not_there_is_named(tmp_path: Path) -> None:
    cut = DeadLetter(OLD, "senml/x", b" " * LONGEST_LETTER_BYTES, "is not JSON (first 65536 of 70000 bytes kept)")
    with city(tmp_path, "senml") as running:
        running.store.write(
            Commit(dead_letters=[cut, cut._replace(topic="v3/x", payload=b"", reason="is\x1b[2J empty")])
        )
        first, second = running.store.letters_in_order(limit=9)
        letter = first if first.topic == cut.topic else second
        said = dead_letters("replay", letter.id, "nothing", "--from", running.url, status=1)
        assert f"{letter.id}: only the beginning of it was kept, so it cannot be replayed" in said
        assert "nothing: there is no such dead letter" in said
        assert "replayed 0, refused again 0, skipped 0 (replayed before), cut 1" in said
        # By a filter it is said as well, and is no failure.
        assert f"{letter.id}: only the beginning" in dead_letters("replay", "--topic", "senml/#", "--from", running.url)
        assert [item["topic"] for item in listed("--topic", "v3/+", "--reason", "EMPTY", "--from", running.url)] == [
            "v3/x"
        ]
        assert "\\x1b[2J empty" in dead_letters("list", "--since", "4d", "--from", running.url)
        assert listed("--since", "1h", "--from", running.url) == []
        assert "65536 bytes, the beginning of it only" in dead_letters("show", letter.id, "--from", running.url)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["replay"], "say which: ids, --topic FILTER or --all"),
        (["replay", "x", "--all"], "say which: ids, --topic FILTER or --all"),
        (["replay", "--topic", "a/#/b"], "--topic 'a/#/b' is no MQTT topic filter"),
        (["list", "--since", "yesterday"], "--since 'yesterday' is no instant with a time zone"),
        (["list", "--store", "/nowhere.duckdb"], "there is no store /nowhere.duckdb; name it with --store"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments: list[str], line: str) -> None:
    assert line in dead_letters(*arguments, status=2)


def test_service_that_is_away_may_be_asked_again() -> None:
    for command in (["replay", "--all"], ["list"], ["show", "x"]):
        said = dead_letters(*command, "--from", "http://127.0.0.1:1", status=75)
        assert "http://127.0.0.1:1 does not answer" in said


def test_an_operator_may_replay_and_a_viewer_may_not(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    files = {role: tmp_path / role.name for role in (Role.VIEWER, Role.OPERATOR)}
    for role, file in files.items():
        file.write_text(KeyFile(keys).add(role.name.lower(), role, OLD))
    with city(tmp_path, "senml", keys=keys) as running:
        running.store.write(Commit(dead_letters=[DeadLetter(OLD, "senml/roof", pack(1), "was wrong")]))
        at = ("--from", running.url, "--key-file")
        assert len(listed(*at, files[Role.VIEWER])) == 1
        assert "this needs one of an operator" in dead_letters("replay", "--all", *at, files[Role.VIEWER], status=2)
        assert "replayed 1" in dead_letters("replay", "--all", *at, files[Role.OPERATOR])
        assert stored(running.store) == [(OLD, 1.0)]
        (entry,) = [entry for entry in running.store.journal("jeonju") if entry.subject.startswith("/api")]
        assert (entry.who, entry.subject) == ("operator", "/api/v1/dead-letters/replay")


def test_what_an_interrupted_command_asked_for_is_taken_at_the_next_start_and_not_again(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "data/air.duckdb")
    store.write(Commit(dead_letters=[DeadLetter(OLD, "senml/roof", pack(1), "was wrong")]))
    (letter,) = store.letters_in_order(limit=1)
    store.mark_letters([LetterMark(letter.id, OLD, None, letter.reason)])
    store.close()
    with city(tmp_path, "senml") as running:
        wait_until(lambda: stored(running.store) == [(OLD, 1.0)], what="the reading")
        assert "replayed 0, refused again 0, skipped 1" in dead_letters("replay", "--all", "--from", running.url)
        assert stored(running.store) == [(OLD, 1.0)]
