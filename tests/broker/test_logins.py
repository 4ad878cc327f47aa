"""Logins: passwords, certificates, anonymous clients, and accounts that were revoked."""

import contextlib
import os
import shutil
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from jeonju.broker.certificates import Authority
from jeonju.broker.client import Client, wait_for_broker
from jeonju.broker.embedded import EmbeddedBroker, Kind
from jeonju.broker.probe import lets_do_everything, warn_of_a_broker_without_rules
from jeonju.broker.rights import of_device, of_services
from jeonju.broker.security import Secret, Security
from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.site import Site
from jeonju.ingest.service import Ingest
from jeonju.storage.duckdb.store import DuckDBStore
from tests.broker.guarded import NOW, Ears, security_with, url_of
from tests.conftest import need_broker
from tests.waiting import wait_until

TOPIC = "air/v1/jeonju/one/readings"
BOTH: list[Kind] = ["embedded", "mosquitto"]


def refusal(url: str) -> str:
    """Return the line that a client says when a broker refuses it; empty where it is accepted."""
    client = Ears(url, "stranger")
    with contextlib.suppress(UserError):
        client.begin()
        wait_until(lambda: client.failure or client.ready, what="an answer")
    client.end()
    return str(client.failure or "")


@pytest.mark.parametrize("kind", BOTH)
def test_passwords_admit_their_accounts_until_they_are_changed(tmp_path: Path, jeonju: Site, kind: Kind) -> None:
    need_broker(kind)
    security, secrets = security_with(tmp_path / "security", jeonju, "one", "two")
    with EmbeddedBroker(tmp_path, kind=kind, port=0, host="0.0.0.0", security=security) as broker:
        ca = security.broker / "ca.pem"
        # 127.0.0.2 acts as another machine: the broker knows every address but 127.0.0.1 as foreign.
        elsewhere = f"mqtts://127.0.0.1:{broker.port}?ca={ca}"
        assert "refuses: Not authorized; a client without user needs the right JEONJU_MQTT_USER" in refusal(elsewhere)
        assert "user 'jeonju.one' needs" in refusal(url_of(broker, security, secrets["one"]._replace(password="wrong")))
        assert "user 'nobody' needs" in refusal(url_of(broker, security, secrets["one"]._replace(account="nobody")))
        assert "user 'ingest' needs" in refusal(url_of(broker, security, secrets["one"]._replace(account="ingest")))
        with socket.create_connection(("127.0.0.2", broker.port)) as plain:
            plain.sendall(bytes.fromhex("101000044d5154540402003c000473706965"))
            with contextlib.suppress(ConnectionResetError):
                assert not plain.recv(4).startswith(b"\x20"), "an anonymous client without TLS is not even answered"

        with (
            Ears(url_of(broker, security, secrets["one"]), "one") as one,
            Ears(url_of(broker, security, secrets["two"]), "two") as two,
        ):
            new = security.rotate("jeonju.one", NOW)
            wait_until(lambda: one.failure, what="the end of the old password")
            with Ears(url_of(broker, security, new), "one") as one:
                one.say(TOPIC, "with the new password")
                security.revoke("jeonju.one", NOW)
                wait_until(lambda: one.failure, what="the end of the account")
            assert two.is_connected()
            assert two.failure is None


@pytest.mark.parametrize("kind", BOTH)
def test_certificates_admit_their_accounts_until_they_are_revoked(tmp_path: Path, jeonju: Site, kind: Kind) -> None:
    need_broker(kind)
    security, secrets = security_with(tmp_path / "security", jeonju, "one", "two", login="certificate")
    expired = security.add(
        "jeonju.old", of_device("jeonju", "old"), NOW - timedelta(days=31), login="certificate", life=timedelta(days=30)
    )
    alien, _ = Authority.create("Another CA", NOW)
    forged = alien.for_client("jeonju.one", NOW)
    (tmp_path / "forged.pem").write_bytes(forged.certificate)
    (tmp_path / "forged.key").write_bytes(forged.key)
    with EmbeddedBroker(tmp_path, kind=kind, port=0, security=security, login="certificate") as broker:
        ca = security.broker / "ca.pem"
        assert "refuses: certificate expired; see the certificate in JEONJU_MQTT_CERT" in refusal(
            url_of(broker, security, expired)
        )
        assert "refuses: unknown ca" in refusal(
            f"mqtts://127.0.0.1:{broker.port}?ca={ca}&cert={tmp_path}/forged.pem&key={tmp_path}/forged.key"
        )
        assert "refuses: certificate required" in refusal(f"mqtts://jeonju.one:x@127.0.0.1:{broker.port}?ca={ca}")
        word = {"embedded": "Not authorized", "mosquitto": "certificate revoked"}[kind]
        first = url_of(broker, security, _kept(secrets["one"], tmp_path / "first"))
        with Ears(broker.url_for("ingest"), "reader", TOPIC) as reader, Ears(first, "one") as one:
            one.say(TOPIC, "first")
            second = url_of(broker, security, _kept(security.rotate("jeonju.one", NOW), tmp_path / "second"))
            wait_until(lambda: word in refusal(first), what="the end of the first certificate")
            with Ears(second, "one") as renewed:
                renewed.say(TOPIC, "second")
                security.revoke("jeonju.one", NOW)
                wait_until(lambda: word in refusal(second), what="the end of the account")
                # Mosquitto leaves the connection, but what comes over it has no right any more.
                renewed.say(TOPIC, "after the end")
            with Ears(broker.url_for("simulator"), "other") as other:
                other.say(TOPIC, "the last")
                wait_until(lambda: b"the last" in reader.payloads())
            assert reader.payloads() == [b"first", b"second", b"the last"]


def _kept(secret: Secret, folder: Path) -> Secret:
    """Return a copy of a certificate and its key, as a device keeps what it was given."""
    assert secret.certificate
    assert secret.key
    folder.mkdir()
    return secret._replace(
        certificate=Path(shutil.copy(secret.certificate, folder)), key=Path(shutil.copy(secret.key, folder))
    )


@pytest.mark.parametrize("kind", BOTH)
def test_broker_without_accounts_is_heard_on_loopback_only(tmp_path: Path, kind: Kind) -> None:
    need_broker(kind)
    with pytest.raises(
        UserError, match=r"listens on 0\.0\.0\.0 needs accounts.* `jeonju device setup`, or leave --mqtt-host"
    ):
        EmbeddedBroker(tmp_path, kind=kind, port=0, host="0.0.0.0", security=Security(tmp_path / "none")).start()
    with EmbeddedBroker(tmp_path, kind=kind, port=0) as broker:
        with Ears(broker.url, "local") as local:
            assert local.is_connected()
        # The same machine under another of its addresses, as anybody from elsewhere would have to call it.
        with pytest.raises(UnavailableError, match=r"no broker answers at 127\.0\.0\.2"):
            Client(f"mqtt://127.0.0.2:{broker.port}", "foreign").begin()


def test_broker_that_its_certificate_does_not_name_is_not_started(tmp_path: Path, jeonju: Site) -> None:
    security, _ = security_with(tmp_path / "security", jeonju)
    with pytest.raises(
        UserError,
        match=r"holds for 127\.0\.0\.1, ::1, localhost, not for 127\.0\.0\.2; add it with `jeonju device setup --name",
    ):
        EmbeddedBroker(tmp_path, port=0, host="127.0.0.2", security=security).start()
    security.setup(["127.0.0.2"], [jeonju], NOW)
    with (
        EmbeddedBroker(tmp_path, port=0, host="127.0.0.2", security=security) as broker,
        Ears(broker.url_for("api"), "api") as api,
    ):
        assert api.is_connected()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda url, _: url.partition("?")[0],
            "shows a certificate that is not trusted: .*; set JEONJU_MQTT_CA to the file of its CA",
        ),
        (lambda url, _: url.replace("127.0.0.1", "127.0.0.2"), "not trusted: IP address mismatch"),
        (
            lambda url, plain: url.replace(url[url.index("@127") : url.index("?")], f"@127.0.0.1:{plain}"),
            "does not agree on TLS|no broker answers",
        ),
    ],
)
def test_broker_that_cannot_be_trusted_is_reported_in_one_line(
    tmp_path: Path, jeonju: Site, change: Callable[[str, int], str], said: str
) -> None:
    security, secrets = security_with(tmp_path / "security", jeonju, "one")
    with (
        EmbeddedBroker(tmp_path / "plain", port=0) as plain,
        EmbeddedBroker(tmp_path, port=0, host="0.0.0.0", security=security) as broker,
        pytest.raises((UserError, UnavailableError), match=said) as caught,
    ):
        Client(change(url_of(broker, security, secrets["one"]), plain.port), "one").begin()
    assert "\n" not in str(caught.value)


def test_ingest_ends_with_the_reason_when_its_account_is_changed_under_it(
    tmp_path: Path, jeonju: Site, store: DuckDBStore
) -> None:
    security, _ = security_with(tmp_path / "security", jeonju)
    with (
        EmbeddedBroker(tmp_path, port=0, security=security) as broker,
        Ingest(jeonju, store, broker.url_for("ingest")) as ingest,
    ):
        security.rotate("ingest", NOW)
        wait_until(lambda: ingest.failure, what="the end of ingest")
        assert "user 'ingest' needs the right JEONJU_MQTT_USER" in str(ingest.failure)


@pytest.mark.parametrize("kind", BOTH)
def test_broker_without_rules_is_distinguished_from_one_with_them(
    tmp_path: Path, jeonju: Site, kind: Kind, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_broker(kind)
    security, secrets = security_with(tmp_path / "security", jeonju, "one")
    with EmbeddedBroker(tmp_path, kind=kind, port=0, security=security) as broker:
        logins = [*map(broker.url_for, of_services(jeonju)), url_of(broker, security, secrets["one"])]
        monkeypatch.setattr("jeonju.broker.probe.ANSWER_WITHIN_S", 0.3)
        assert not any(map(lets_do_everything, logins))
        assert not lets_do_everything(broker.url)
    monkeypatch.setattr("jeonju.broker.probe.ANSWER_WITHIN_S", 20)
    with EmbeddedBroker(tmp_path / "open", kind=kind, port=0) as broker:
        warn_of_a_broker_without_rules(broker.url)
        assert not caplog.records, "on loopback no other machine can reach it"
        monkeypatch.setattr("jeonju.broker.probe.LOOPBACK", ())
        warn_of_a_broker_without_rules(broker.url)
        assert len(caplog.records) == 1
        assert (
            f"the broker at 127.0.0.1:{broker.port} has no ACL: whoever gets in can speak as any device" in caplog.text
        )


def test_wait_for_broker_ends_with_the_broker_or_with_the_command(tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        asked: list[float] = []

        def over(wait_s: float) -> bool:
            asked.append(wait_s)
            if len(asked) == 2:
                reserved.listen()
            return False

        assert wait_for_broker(f"mqtt://127.0.0.1:{port}", over)
        assert asked == [0.5, 1.0]
    assert not wait_for_broker(f"mqtt://127.0.0.1:{port}", lambda _wait_s: True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_secret_of_a_service_that_cannot_be_read_is_said(tmp_path: Path, jeonju: Site) -> None:
    security, _ = security_with(tmp_path / "security", jeonju)
    (security.clients / "ingest.password").chmod(0)
    with pytest.raises(UserError, match=r"the secret file .*ingest\.password .* cannot be read: Permission denied"):
        security.url("ingest", "127.0.0.1", 1, "password")
