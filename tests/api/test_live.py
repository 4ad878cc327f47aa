"""The api's live side while it starts and ends."""

from datetime import UTC, datetime
from pathlib import Path

from jeonju.api.live import Live
from jeonju.api.stream import Stream
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.common.errors import UnavailableError
from jeonju.contract.site import Site
from jeonju.storage.port import Store
from tests.waiting import wait_until

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def test_what_arrived_before_the_end_is_finished_with_the_broker_still_there(
    jeonju: Site, store: Store, tmp_path: Path
) -> None:
    said: list[str] = []
    with EmbeddedBroker(tmp_path, port=0) as broker:
        live = Live(jeonju, store, broker.url, lambda: NOW, Stream())
        live.start()
        wait_until(lambda: live.feed.connected, what="the broker")

        def tell() -> None:
            # The end has been asked for once its mark stands behind this piece of work.
            wait_until(lambda: not live._work.empty(), what="the end")
            try:
                live.response.fleet.operate("recall", "robot-1", "somebody", lambda _dispatcher, _now: [])
                said.append("told")
            except UnavailableError as error:
                said.append(str(error))

        live._put(tell)
        wait_until(live._work.empty, what="the work to be taken up")
        live.stop()
    assert said == ["told"]
