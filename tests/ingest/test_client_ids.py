"""Nobody can take ingest's session, and what waits in the session of an earlier version is not lost."""

import re
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from jeonju.broker import client as broker_client
from jeonju.broker.embedded import EmbeddedBroker, Kind
from jeonju.broker.identity import FILE_NAME, lasting_id, passing_id
from jeonju.cli.doctor import diagnoses
from jeonju.contract import topics
from jeonju.contract.site import Site
from jeonju.ingest import handover, sessions
from jeonju.ingest.service import Ingest
from jeonju.ingest.wanted import NAME
from jeonju.stack.city import UpSettings, running_city
from jeonju.stack.http_server import HttpSettings
from jeonju.storage.duckdb.store import DuckDBStore
from tests.broker.guarded import Ears, security_with, url_of
from tests.conftest import need_broker
from tests.ingest.test_service import leaving, safe, send, sender, stored_seqs
from tests.ingest.test_subscriptions import filters, say_on, site_with
from tests.waiting import wait_until

SECRET = re.compile(r".+-[0-9a-f]{32}")
READING = '{{"device":"two","seq":{},"boot":"1","time":"2026-01-01T00:00:00Z","values":{{"pm25":1}}}}'


def ids_of(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list in which every client id appears that is used from now on."""
    used: list[str] = []
    begin = broker_client.Client.begin

    def note(client: broker_client.Client, **session: object) -> None:
        used.append(client._client_id.decode())
        begin(client, **session)  # type: ignore[arg-type]

    monkeypatch.setattr(broker_client.Client, "begin", note)
    return used


def roles_of(ids: Iterable[str]) -> set[str]:
    """Return which services the ids are of: `ingest` of jeonju-ingest-0123…"""
    return {item.split("-")[1] for item in ids if item.startswith("jeonju-")}


def test_id_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "new" / FILE_NAME
    assert SECRET.fullmatch(lasting_id(NAME, file))
    assert lasting_id(NAME, file) == lasting_id(NAME, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [item.name for item in file.parent.iterdir()] == [FILE_NAME]
    assert passing_id("some") != passing_id("some")


def test_services_have_ids_that_nobody_can_guess_and_show_them_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    used = ids_of(monkeypatch)
    settings = UpSettings(
        data=tmp_path, mqtt_port=0, history_s=0, http=HttpSettings(port=0), security=tmp_path / "none"
    )
    rounds: list[set[str]] = []
    for _ in range(2):
        with running_city(settings) as city:
            next(diagnoses(city.site, city.broker_url, "air/#", lambda _wait: False))
            # Services connect in threads of their own.
            wait_until(lambda: roles_of(used) >= {"ingest", "api", "simulator", "doctor"}, within_s=30)
            services = {item for item in used if item.startswith("jeonju-") and not item.startswith("jeonju-jeonju")}
            devices = {f"jeonju-{item.name}" for item in city.site.devices}
            devices |= {f"{item}-robot" for item in devices}
            # Sessions of earlier versions are looked for under the name they had.
            rounds.append(services - devices - {NAME})
        used.clear()
    for ids in rounds:
        assert all(SECRET.fullmatch(item.removesuffix("-2").removesuffix("-o2")) for item in ids), ids
    assert {item for item in rounds[0] & rounds[1] if item.startswith(NAME)}
    secret = lasting_id(NAME, tmp_path / FILE_NAME).removeprefix(f"{NAME}-")
    said = capfd.readouterr()
    assert secret not in said.out + said.err
    assert (tmp_path / "nats" / "broker.log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["embedded", "mosquitto"])
def test_whoever_connects_under_the_known_name_makes_nothing_lost(tmp_path: Path, jeonju: Site, kind: Kind) -> None:
    need_broker(kind)
    security, accounts = security_with(tmp_path / "security", jeonju, "one", "two")
    with (
        EmbeddedBroker(tmp_path, kind=kind, port=0, security=security) as broker,
        closing(DuckDBStore(tmp_path / "air.duckdb")) as store,
        Ears(url_of(broker, security, accounts["two"]), "two") as two,
    ):
        client_id, number = lasting_id(NAME, tmp_path / FILE_NAME), 0
        topic = topics.readings("jeonju", "two")
        with Ingest(jeonju, store, broker.url_for("ingest"), client_id=client_id):
            pass
        for clean in (True, False) * 5:
            two.say(topic, READING.format(number))
            number += 1
            with Ears(url_of(broker, security, accounts["one"]), NAME, clean_session=clean):
                two.say(topic, READING.format(number))
                number += 1
        with Ingest(jeonju, store, broker.url_for("ingest"), client_id=client_id) as ingest:
            wait_until(lambda: ingest.stats().readings >= number, what="all readings")
        (entry,) = [item for item in store.ledger("jeonju") if item.device == "two"]
        assert (entry.received, entry.missing) == (number, 0)


@pytest.mark.parametrize("kind", ["embedded", "mosquitto"])
def test_what_waits_in_the_session_of_an_earlier_version_is_taken_and_the_session_cleared(
    tmp_path: Path, jeonju: Site, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_broker(kind)
    monkeypatch.setattr(handover, "AT_LEAST_S", 5.0)
    monkeypatch.setattr(handover, "QUIET_S", 2.0)
    with (
        EmbeddedBroker(tmp_path, kind=kind, port=0) as broker,
        closing(DuckDBStore(tmp_path / "air.duckdb")) as store,
        leaving(sender(broker)) as client,
    ):
        with Ingest(jeonju, store, broker.url):
            pass
        acknowledged = safe(client)
        infos = send(client, 0, 500)
        wait_until(lambda: acknowledged >= set(infos), what="the sender's acknowledgements")
        with Ingest(jeonju, store, broker.url, client_id="jeonju-ingest-secret") as ingest:
            send(client, 500, 600)
            wait_until(lambda: stored_seqs(store) == list(range(600)), what="all readings")
            wait_until(lambda: not ingest._sessions._tidier.is_alive(), what="the old session to be given up")
        with Ears(broker.url, NAME, clean_session=False) as old:
            assert not old.had_session


def test_session_that_a_smaller_site_does_not_need_is_emptied_and_cleared(
    tmp_path: Path, jeonju: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left alone it would fill the broker's disk."""
    monkeypatch.setattr(handover, "AT_LEAST_S", 5.0)
    monkeypatch.setattr(handover, "QUIET_S", 2.0)
    with (
        EmbeddedBroker(tmp_path, port=0) as broker,
        closing(DuckDBStore(tmp_path / "air.duckdb")) as store,
        leaving(sender(broker)) as client,
    ):
        with Ingest(site_with(jeonju, *filters(6)), store, broker.url):
            pass
        say_on(client, filters(6)[-1])
        with Ingest(site_with(jeonju), store, broker.url) as ingest:
            wait_until(lambda: ingest.stats().messages == 1, what="what waited there")
            wait_until(lambda: not ingest._sessions._tidier.is_alive(), what="the sessions to be given up")
        with Ears(broker.url, sessions._numbered(NAME, 2), clean_session=False) as old:
            assert not old.had_session


def test_handover_ends_when_nothing_comes_that_does_not_come_elsewhere_too(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("jeonju.ingest.handover.time.monotonic", lambda: now)
    over = handover.Handover()
    for second in range(60):
        now = float(second)
        over.over_the_old_one("t", b"waited %d" % second)
    assert not over.is_empty
    for second in range(60, 70):
        now = float(second)
        pair = [over.over_a_used_one, over.over_the_old_one]
        for tell in pair if second % 2 else reversed(pair):
            tell("t", b"live %d" % second)
    assert over.is_empty
