"""A broker that is away is one line in the log of a process, however many clients it has."""

import logging

import pytest

from jeonju.broker.client import Client
from jeonju.broker.embedded import EmbeddedBroker
from tests.waiting import wait_until

LINE = "no broker answers"


def test_clients_of_one_process_say_once_that_the_broker_is_away(
    broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    clients = [Client(broker.url, f"device-{number}") for number in range(8)]
    for client in clients:
        client.begin()
    try:
        wait_until(lambda: all(client.is_connected() for client in clients), what="all clients")
        with caplog.at_level(logging.WARNING):
            broker.stop()
            wait_until(lambda: all(client._is_away for client in clients), what="all clients found it away")
        assert caplog.text.count(LINE) == 1
    finally:
        for client in clients:
            client.end()
