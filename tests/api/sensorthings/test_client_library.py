"""A client that others wrote (frost-sta-client, of those who wrote FROST-Server) reads the city over a real connection, with a key."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import frost_sta_client as frost
import pytest
from frost_sta_client.service.auth_handler import AuthHandler

from jeonju.contract.site import Site
from jeonju.storage.duckdb.store import DuckDBStore
from tests.api.small_city import NOW, ROBOT, STEPS, half_an_hour, robot_place
from tests.clients import served_with_key

# The library uses what its own libraries would rather not have used.
pytestmark = pytest.mark.filterwarnings("ignore:furl:DeprecationWarning")


class Key(AuthHandler):
    """Shows a key of the api, where the library itself knows user and password alone."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key

    def add_auth_header(self) -> Callable[[Any], Any]:
        def show(request: Any) -> Any:
            request.headers["Authorization"] = f"Bearer {self._key}"
            return request

        return show


@pytest.fixture(scope="module")
def service(jeonju: Site) -> Iterator[frost.SensorThingsService]:
    store = DuckDBStore(":memory:")
    store.write(half_an_hour())
    with tempfile.TemporaryDirectory() as folder, served_with_key(jeonju, store, Path(folder)) as (wire, key):
        yield frost.SensorThingsService(f"http://127.0.0.1:{wire.port}/sta/v1.1", Key(key))
    store.close()


def test_client_reads_every_observation_of_a_datastream_over_all_pages(service: frost.SensorThingsService) -> None:
    stream = service.datastreams().find("palbok-01:pm25")
    assert stream.unit_of_measurement.definition == "ucum:ug/m3"
    found = stream.get_observations().query().orderby("phenomenonTime", "ASC").top(50).list()
    assert [one.result for one in found] == pytest.approx([20 + step / 10 for step in reversed(range(STEPS))])


def test_client_filters_counts_and_expands(service: frost.SensorThingsService) -> None:
    since = (NOW - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = f"Datastream/ObservedProperty/id eq 'pm25' and phenomenonTime gt {since} and result gt 30"
    found = service.observations().query().filter(condition).expand("Datastream,FeatureOfInterest").count().list()
    assert found.count == 6
    assert {one.datastream.id for one in found} == {f"{ROBOT}:pm25"}
    assert found.get(0).feature_of_interest.feature["coordinates"] == list(reversed(robot_place(0)))


def test_client_follows_links_of_things(service: frost.SensorThingsService) -> None:
    things = list(service.things().query().filter("properties/kind eq 'robot'").orderby("name", "ASC").list())
    assert len(things) == 6
    robot = service.things().find(ROBOT)
    assert len(list(robot.get_historical_locations().query().top(100).list())) == STEPS
    assert {one.observed_property.id for one in robot.get_datastreams().query().expand("ObservedProperty").list()} >= {"pm25"}  # fmt: skip


def test_client_is_told_what_is_not_there(service: frost.SensorThingsService) -> None:
    with pytest.raises(Exception, match="404"):
        service.things().find("nobody")
