"""Detection, response and api while they start and end."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from jeonju.api.app import NO_KEYS, create_app
from jeonju.api.services import Services
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.common.errors import UnavailableError
from jeonju.common.worker import Worker
from jeonju.contract.site import Site
from jeonju.stack.services import api_services
from jeonju.storage.port import Store
from tests.clients import local_client
from tests.waiting import wait_until

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def worker(services: Services, name: str) -> Worker:
    found: Worker = getattr(services, name)._worker
    return found


@pytest.mark.parametrize("name", ["detection", "response"])
def test_what_arrived_before_the_end_is_finished_with_the_broker_still_there(
    jeonju: Site, store: Store, tmp_path: Path, name: str
) -> None:
    said: list[str] = []
    with EmbeddedBroker(tmp_path, port=0) as broker:
        services = api_services(jeonju, store, broker.url, now=lambda: NOW)
        services.start()
        wait_until(lambda: services.connection.state.connected, what="the broker")
        wait_until(services.detection.followed.is_set, what="the start")

        def publish() -> None:
            # The end has been asked for once its mark stands behind this piece of work.
            wait_until(lambda: not worker(services, name).is_idle, what="the end")
            try:
                assert services.response.fleet is not None
                services.response.fleet.enable("robot-1", "operator")
                said.append("published")
            except UnavailableError as error:
                said.append(str(error))

        worker(services, name).put(publish)
        wait_until(lambda: worker(services, name).is_idle, what="the work to be taken up")
        services.stop()
    assert said == ["published"]


def test_readiness_is_what_devices_see(jeonju: Site, store: Store, tmp_path: Path) -> None:
    troubles: list[str] = []
    with EmbeddedBroker(tmp_path, port=0) as broker:
        services = api_services(
            jeonju, store, broker.url, now=lambda: NOW, trouble_of_ingest=lambda: troubles[-1] if troubles else None
        )
        with local_client(create_app(services, keys=NO_KEYS)) as client:
            wait_until(lambda: client.get("/readyz").status_code == 200, what="readiness")
            services.heartbeat.trouble = "the broker takes no messages"
            assert client.get("/readyz").status_code == 503
            assert client.get("/readyz").json()["status"] == "the broker takes no messages"
            services.heartbeat.trouble = None
            troubles.append("the store did not take a commit, free some space")
            assert client.get("/readyz").status_code == 503
            assert client.get("/readyz").json()["status"] == troubles[0]
