"""Two clients with one client id: both say what it is, and the one that came later gives up."""

import logging
import subprocess
import sys

import pytest

from jeonju.broker import client as broker_client
from jeonju.broker.client import Client
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.broker.identity import shown
from jeonju.common.errors import UserError
from tests.waiting import wait_until

NEWCOMER = """
import sys, threading
from jeonju.broker.client import Client
ended = threading.Event()
client = Client(sys.argv[1], "one-id", on_refused=lambda _why: ended.set())
client.begin()
ended.wait()
print(client.failure)
client.end()
"""
LINE = "another client uses the client id 'one-id'"


def test_newcomer_gives_up_and_the_incumbent_goes_on(
    broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Here only: the other process keeps to the real figure.
    monkeypatch.setattr(broker_client, "HELD_S", 0.0)
    refused: list[UserError] = []
    incumbent = Client(broker.url, "one-id", on_refused=refused.append)
    incumbent.begin()
    try:
        wait_until(incumbent.is_connected, what="the incumbent")
        with caplog.at_level(logging.WARNING):
            other = subprocess.run(
                [sys.executable, "-c", NEWCOMER, broker.url], capture_output=True, text=True, timeout=120, check=True
            )
        assert LINE in other.stdout
        assert "--client-id-file" in other.stdout
        assert LINE in caplog.text
        wait_until(incumbent.is_connected, what="the incumbent to be back")
        assert refused == []
        assert incumbent.failure is None
    finally:
        incumbent.end()


def test_of_two_that_came_together_one_stays(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = iter((1, 6))
    monkeypatch.setattr("jeonju.broker.client.random.randint", lambda *_: next(pauses))
    both = [Client(broker.url, "one-id") for _ in range(2)]
    for client in both:
        client.begin()
    try:
        wait_until(lambda: any(client.failure for client in both), within_s=90, what="one to give up")
        (stays,) = [client for client in both if client.failure is None]
        wait_until(stays.is_connected, what="the other one to be connected")
    finally:
        for client in both:
            client.end()


def test_restarts_of_a_broker_are_no_other_client(broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture) -> None:
    client = Client(broker.url, "one-id")
    client.begin()
    try:
        with caplog.at_level(logging.WARNING):
            for _ in range(4):
                wait_until(client.is_connected, what="the connection")
                assert broker._process is not None
                broker._process.terminate()
                wait_until(lambda: not client.is_connected(), what="its end")
        assert client.failure is None
        assert LINE not in caplog.text
    finally:
        client.end()


def test_secret_part_of_an_id_is_not_shown() -> None:
    assert shown(f"jeonju-ingest-{'0a' * 16}-2") == "jeonju-ingest-…"
    assert shown("jeonju-palbok-01-robot") == "jeonju-palbok-01-robot"
