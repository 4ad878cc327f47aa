"""Subscriptions: told once and in time, kept over restarts, bounded, and no way into our network."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from jeonju.api.access.keys import KeyFile, Role
from jeonju.api.ngsi.endpoint import INSIDE, Endpoint, is_outside
from jeonju.api.ngsi.subscriptions import MOST
from jeonju.common.errors import UserError
from jeonju.contract.columns import readings_table
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from tests.api.small_city import NOW, half_an_hour
from tests.clients import local_client
from tests.waiting import wait_until

PATH = "/ngsi-ld/v1/subscriptions"


class Receiver:
    """A real endpoint; `status` is what it answers."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.status, self.location = 200, ""
        self.authority = ""

    def wants(self, **more: Any) -> dict[str, Any]:
        """Return a subscription to what is told here."""
        notification = {"endpoint": {"uri": f"http://{self.authority}/notify"}, "format": "keyValues"}
        return {
            "type": "Subscription",
            "entities": [{"type": "AirQualityObserved"}],
            "notification": notification,
            **more,
        }


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    room = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            room.headers.append(dict(self.headers))
            room.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(room.status)
            if room.location:
                self.send_header("Location", room.location)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        room.authority = f"127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv(INSIDE, f"other:1, {room.authority}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield room
        server.shutdown()
        thread.join()


class City:
    """An api whose clock and readings a test moves."""

    def __init__(self, site: Site, store: DuckDBStore) -> None:
        self._site, self.store, self.at = site, store, NOW

    def now(self) -> datetime:
        return self.at

    @contextmanager
    def client(self) -> Iterator[TestClient]:
        app = api_app(self._site, self.store, "mqtt://127.0.0.1:1", now=self.now)
        with local_client(app) as started:
            self.wake: Callable[[], None] = app.state.ngsi_notifier.wake
            yield started

    def measure(self, pm25: float) -> None:
        """Have a station send a value after a while, and the subscriptions looked through."""
        self.at += timedelta(minutes=1)
        row = {"site": "jeonju", "device": "palbok-01", "time": self.at, "received_at": self.at, "pm25": pm25}
        self.store.write(Commit(readings=readings_table([row])))
        self.wake()


@pytest.fixture
def city(jeonju: Site, store: DuckDBStore) -> City:
    store.write(half_an_hour())
    return City(jeonju, store)


def test_endpoint_is_told_what_is_new_once(city: City, receiver: Receiver) -> None:
    with city.client() as client:
        wanted = receiver.wants(q="pm25>30", watchedAttributes=["pm25"], id="urn:ngsi-ld:Subscription:smoke")
        made = client.post(PATH, json=wanted)
        assert (made.status_code, made.headers["location"]) == (201, f"{PATH}/urn:ngsi-ld:Subscription:smoke")
        wait_until(lambda: len(receiver.received) == 1)
        for count, value in enumerate((60.0, 10.0, 70.0), 1):
            city.measure(value)
            wait_until(lambda told=2 if count < 3 else 3: len(receiver.received) == told)  # type: ignore[misc]
        told = [{one["id"].rpartition(":")[2]: one["pm25"] for one in body["data"]} for body in receiver.received]
        assert told == [{"robot-1": 50.0}, {"palbok-01": 60.0}, {"palbok-01": 70.0}]
        assert receiver.received[0]["type"] == "Notification"
        assert receiver.received[0]["subscriptionId"] == wanted["id"]
        wait_until(lambda: client.get(f"{PATH}/{wanted['id']}").json()["notification"]["timesSent"] == 3)


def test_subscription_outlives_a_restart_until_it_is_deleted(city: City, receiver: Receiver) -> None:
    with city.client() as client:
        assert client.post(PATH, json=receiver.wants(id="urn:ngsi-ld:Subscription:1", q="pm25>1000")).status_code == 201
    with city.client() as client:
        [kept] = client.get(PATH).json()
        assert (kept["id"], kept["q"], kept["status"]) == ("urn:ngsi-ld:Subscription:1", "pm25>1000", "active")
        assert client.post(PATH, json=receiver.wants(id="urn:ngsi-ld:Subscription:1")).status_code == 409
        assert client.delete(f"{PATH}/urn:ngsi-ld:Subscription:1").status_code == 204
        assert client.delete(f"{PATH}/urn:ngsi-ld:Subscription:1").status_code == 404
        assert client.get(PATH).json() == []


def test_there_are_at_most_so_many(city: City, receiver: Receiver) -> None:
    with city.client() as client:
        answers = [client.post(PATH, json=receiver.wants(q="pm25>1000")) for _ in range(MOST + 1)]
        assert [one.status_code for one in answers] == [201] * MOST + [403]
        assert f"there are {MOST} subscriptions" in answers[-1].json()["detail"]


def test_redirect_is_not_followed_and_a_failure_is_told(city: City, receiver: Receiver) -> None:
    receiver.status, receiver.location = 302, f"http://{receiver.authority}/elsewhere"
    with city.client() as client:
        client.post(PATH, json=receiver.wants(id="urn:ngsi-ld:Subscription:1"))
        wait_until(
            lambda: client.get(f"{PATH}/urn:ngsi-ld:Subscription:1").json()["notification"]["status"] == "failed"
        )
        shown = client.get(f"{PATH}/urn:ngsi-ld:Subscription:1").json()["notification"]
        assert shown["lastErrorReason"].endswith("answered 302")
        assert len(receiver.received) == 1


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:8086/api/v2",
        "http://localhost/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/",
        "http://[::1]:8000/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:8.8.8.8]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://224.0.0.1/",
        "ftp://8.8.8.8/",
        "file:///etc/passwd",
        "http://user:password@8.8.8.8/",
        "http://8.8.8.8:99999/",
        "http://8.8.8.8/\r\nX: y",
        "http:///",
    ],
)
def test_endpoint_leads_not_inside(uri: str) -> None:
    with pytest.raises(UserError):
        Endpoint(uri).check()


def test_subscription_with_an_endpoint_inside_is_refused(client: TestClient, receiver: Receiver) -> None:
    wanted = receiver.wants()
    wanted["notification"]["endpoint"]["uri"] = "http://localhost:8086/"
    answer = client.post(PATH, json=wanted)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("notification.endpoint.uri: localhost is not in the open Internet")
    assert client.get(PATH).json() == []


def test_addresses_of_the_internet_are_outside() -> None:
    assert is_outside("8.8.8.8")
    assert is_outside("2606:4700:4700::1111")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"entities": []}, "entities: "),
        ({"entities": [{"type": "Car"}]}, "entities.0.type: "),
        ({"q": "pm25>"}, "q: ends where a value should be"),
        ({"timeInterval": 5}, "timeInterval: "),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt: has passed already"),
        ({"id": "x y"}, "id: "),
        ({"throttling": 1e9}, "throttling: "),
        ({"geoQ": {"georel": "within", "geometry": "Point", "coordinates": [500, 0]}}, "coordinates: "),
    ],
)
def test_wrong_subscription_is_refused(
    client: TestClient, receiver: Receiver, more: dict[str, Any], message: str
) -> None:
    answer = client.post(PATH, json=receiver.wants(**more))
    assert answer.status_code == 400
    assert message in answer.json()["detail"]
    assert client.post(PATH, content=b"{").status_code == 400


def test_only_an_administrator_subscribes(jeonju: Site, store: DuckDBStore, tmp_path: Path, receiver: Receiver) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    shown = {role: {"Authorization": f"Bearer {keys.add(role.name.lower(), role, NOW)}"} for role in Role}
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", keys=tmp_path / "keys.json")) as client:
        statuses = {
            role: client.post(PATH, json=receiver.wants(), headers=key).status_code for role, key in shown.items()
        }
        assert statuses == {Role.VIEWER: 403, Role.OPERATOR: 403, Role.ADMIN: 201}
        assert client.get(PATH, headers=shown[Role.VIEWER]).status_code == 200
        assert client.get("/ngsi-ld/v1/entities?type=Alert").status_code == 401
        assert client.get("/sta/v1.1/Things").status_code == 401
        assert client.get("/sta/v1.1/Things", headers=shown[Role.VIEWER]).status_code == 200
        assert client.post("/sta/v1.1/Things", headers=shown[Role.ADMIN]).status_code == 405
