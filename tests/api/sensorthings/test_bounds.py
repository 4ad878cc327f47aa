"""Work is bounded: what would need more readings than a request may have is refused in a line, or comes page by page."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from jeonju.api import windows
from jeonju.api.sensorthings import page
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Series
from tests.api.small_city import NOW, STEPS, half_an_hour
from tests.clients import local_client

PATH = "/sta/v1.1/Datastreams('palbok-01:pm25')/Observations"
TEN_YEARS = "phenomenonTime ge 2016-03-04T12:00:00Z and phenomenonTime le 2026-03-04T12:00:00Z"


class CountingStore(DuckDBStore):
    """Counts the questions for readings, and the rows of the answers."""

    reads = rows = 0

    def readings(self, series: Series):  # type: ignore[no-untyped-def]
        table = super().readings(series)
        self.reads, self.rows = self.reads + 1, self.rows + table.num_rows
        return table


@pytest.fixture
def counting() -> Iterator[CountingStore]:
    store = CountingStore(":memory:")
    store.write(half_an_hour())
    yield store
    store.close()


@pytest.fixture
def client(jeonju: Site, counting: CountingStore) -> Iterator[TestClient]:
    with local_client(api_app(jeonju, counting, "mqtt://127.0.0.1:1", now=lambda: NOW)) as started:
        # What detection reads at its start.
        counting.reads = counting.rows = 0
        yield started


def test_newest_of_every_datastream_is_known_without_reading(client: TestClient, counting: CountingStore) -> None:
    counting.reads = 0
    expand = "Datastreams($expand=Observations($top=1;$orderby=phenomenonTime desc))"
    things = client.get("/sta/v1.1/Things", params={"$expand": expand, "$filter": "startswith(id,'palbok-0')"}).json()
    newest = {
        stream["@iot.id"]: stream["Observations"][0]["result"]
        for thing in things["value"]
        for stream in thing["Datastreams"]
        if stream["Observations"]
    }
    assert newest["palbok-01:pm25"] == 20.0
    assert len(newest) == 2 * 4
    # Of what the site file names and nobody measures, the store is asked; all quantities of a device share the answers.
    assert counting.reads < 30


def test_ten_years_come_page_by_page(client: TestClient, counting: CountingStore) -> None:
    counting.reads = 0
    answer = client.get(PATH, params={"$filter": TEN_YEARS, "$top": 50}).json()
    assert len(answer["value"]) == 50
    assert "@iot.nextLink" in answer
    assert counting.reads < 8
    assert counting.rows < 5 * STEPS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"$count": "true"}, "$count: there are too many to be counted; bound phenomenonTime"),
        (
            {"$orderby": "result"},
            "$orderby: more than 20000 cannot be sorted but by phenomenonTime; bound phenomenonTime",
        ),
        ({"$filter": "result gt 1000"}, "and there is more; bound phenomenonTime"),
    ],
)
def test_more_than_may_be_read_is_refused(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], message: str
) -> None:
    monkeypatch.setattr(windows, "MOST_ROWS", 50)
    answer = client.get(PATH, params=options)
    assert answer.status_code == 400
    assert message in answer.json()["detail"]
    inside = {"$filter": f"phenomenonTime gt {NOW - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"}
    assert client.get(PATH, params=options | inside).status_code == 200


def test_more_than_may_be_judged_one_by_one_comes_in_part(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST_JUDGED", 40)
    asked = {"$filter": "round(result) eq 24"}
    answer = client.get(PATH, params=asked).json()
    shown = answer["value"]
    assert shown == [] or "@iot.nextLink" in answer


def test_an_answer_has_a_largest_size(client: TestClient) -> None:
    expand = "Datastreams($expand=Observations($top=1000))"
    answer = client.get("/sta/v1.1/Things", params={"$expand": expand, "$filter": "startswith(id,'palbok-0')"})
    assert answer.status_code == 200
    deep = "Datastreams($expand=Observations($top=1000;$expand=Datastream($expand=Thing($expand=Datastreams))))"
    answer = client.get("/sta/v1.1/Things", params={"$expand": deep, "$filter": "startswith(id,'palbok-0')"})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("the answer would have more than 20000 entities")
