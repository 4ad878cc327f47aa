"""Corrections that people agree to, over a real InfluxDB: its journal holds them, its rows keep what was measured."""

from contextlib import closing

import pytest

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract.site import Site
from jeonju.storage.open import open_store
from tests.ingest.test_corrections import agree_while_it_runs
from tests.storage.influx.servers import Influxd


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
def test_running_ingest_reads_of_an_agreement_and_the_devices_tell(
    jeonju: Site, influxd: Influxd, database: str, broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_store(influxd.url(database))) as store:
        agree_while_it_runs(jeonju, store, broker, monkeypatch)
