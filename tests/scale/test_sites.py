"""What ingest of one site receives, and how a client finds the node that is there."""

from pathlib import Path

from jeonju.broker.client import Client, wait_for_broker
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract.site import Site
from jeonju.ingest.wanted import Wanted
from tests.waiting import wait_until


def test_ingest_of_a_site_receives_its_devices_its_truth_and_its_gateways(jeonju: Site) -> None:
    wanted = Wanted(jeonju, only_site=True)
    for topic in ("air/v1/jeonju/a/readings", "air/v1/jeonju/a/status", "air/v1/jeonju-truth/simulator/readings"):
        assert wanted.covers(topic)
    assert all(wanted.covers(gateway.topic) for gateway in jeonju.gateways)
    for topic in ("air/v1/other/a/readings", "air/v1/jeonju/a/command", "elsewhere"):
        assert not wanted.covers(topic)
    (subscribed,) = wanted.subscriptions().now.groups[:1]
    assert "air/v1/jeonju/+/readings" in subscribed
    assert "air/v1/+/+/readings" not in subscribed
    assert Wanted(jeonju).covers("air/v1/other/a/readings")


def test_client_goes_to_the_node_that_is_there(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path, port=0) as broker:
        url = f"mqtt://127.0.0.1:1,127.0.0.1:{broker.port}"
        assert wait_for_broker(url, lambda _s: False)
        client = Client(url, "device")
        client.begin()
        wait_until(client.is_connected)
        client.end()
