"""The live stream over sockets: who comes back misses nothing, it ends with its key or session, and who does not read is cut off and counted."""

import asyncio
import json
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from jeonju.api import stream as module
from jeonju.api.access.keys import KeyFile, Role
from jeonju.api.stream import Stream, TooManyError
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import Wire, served
from tests.waiting import wait_until

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    keys = KeyFile(tmp_path / "keys.json")
    keys.add("first", Role.ADMIN, NOW)
    return keys


@pytest.fixture
def wire(jeonju: Site, store: DuckDBStore, tmp_path: Path, keys: KeyFile) -> Iterator[Wire]:
    path = tmp_path / "keys.json"
    with served(api_app(jeonju, store, "mqtt://127.0.0.1:1", keys=path), keys=path) as running:
        yield running


def listen(wire: Wire, *headers: str, receive_bytes: int | None = None) -> socket.socket:
    """Return a connection on which the stream has begun."""
    lines = "".join(f"{header}\n" for header in headers)
    client = wire.open(f"GET /api/v1/stream HTTP/1.1\nHost: localhost\n{lines}\n", receive_bytes)
    heard = b""
    while b": welcome" not in heard:
        heard += (part := client.recv(256))
        assert part, heard
    return client


def shown(key: str) -> str:
    return f"Authorization: Bearer {key}"


def test_stream_ends_when_its_key_is_revoked_and_others_go_on(wire: Wire, keys: KeyFile) -> None:
    stays, goes = (keys.add(name, Role.VIEWER, NOW) for name in ("stays", "goes"))
    with listen(wire, shown(stays)) as staying, listen(wire, shown(goes)) as going:
        keys.revoke("goes")
        # Both ways in which a body of unknown length ends.
        assert until_closed_or_last(going).endswith(b"0\r\n\r\n")
        wire.app.state.air.stream.send("alert", {"n": 1})
        assert b'{"n":1}' in staying.recv(1024)
        assert wire.app.state.air.stream.listeners == 1


def until_closed_or_last(client: socket.socket) -> bytes:
    heard = b""
    while not heard.endswith(b"0\r\n\r\n") and (part := client.recv(4096)):
        heard += part
    return heard


@pytest.mark.parametrize("how", ["logout", "revoked", "weaker"])
def test_stream_ends_with_its_session(wire: Wire, keys: KeyFile, how: str) -> None:
    key = keys.add("kim", Role.OPERATOR, NOW)
    cookie = wire.ask("POST", "/api/v1/session", {"key": key}).headers["set-cookie"].partition(";")[0]
    with listen(wire, f"Cookie: {cookie}") as client, listen(wire, shown(key)) as by_key:
        if how == "logout":
            wire.ask("DELETE", "/api/v1/session", Cookie=cookie)
        else:
            keys.revoke("kim")
        assert until_closed_or_last(client).endswith(b"0\r\n\r\n")
        if how != "logout":
            assert until_closed_or_last(by_key).endswith(b"0\r\n\r\n")


def test_stream_without_a_key_ends_when_the_first_key_is_made(jeonju: Site, store: DuckDBStore, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    with served(api_app(jeonju, store, "mqtt://127.0.0.1:1", keys=path), keys=path) as wire, listen(wire) as client:
        KeyFile(path).add("kim", Role.ADMIN, NOW)
        assert until_closed_or_last(client).endswith(b"0\r\n\r\n")


def test_listeners_that_never_read_are_cut_off_and_counted(
    wire: Wire, keys: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STALLED_S", 0.2)
    key, stream = keys.add("kim", Role.VIEWER, NOW), wire.app.state.air.stream
    with ExitStack() as stack:
        deaf = [stack.enter_context(listen(wire, shown(key), receive_bytes=4096)) for _ in range(20)]
        quick = stack.enter_context(listen(wire, shown(key)))
        assert stream.listeners == 21
        # Fewer than may wait, so that only not reading is what ends them, and more than the buffers of the system hold.
        for _ in range(12):
            stream.send("alert", {"text": "x" * 1_000_000})
            left = 1_000_000
            while left > 0:
                left -= len(quick.recv(65_536))
        wait_until(lambda: stream.listeners == 1, what="the places of those that do not read")
        assert stream.dropped == 20
        for client in deaf:
            is_cut_off(client)
        figures = wire.ask("GET", "/metrics", Authorization=f"Bearer {key}").body.decode()
        assert "jeonju_api_stream_listeners_dropped_total 20.0" in figures


def test_places_are_bounded_for_all_and_for_each_key(
    wire: Wire, keys: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_OF_A_KEY", 2)
    monkeypatch.setattr(module, "MOST_LISTENERS", 3)
    one, two = (keys.add(name, Role.VIEWER, NOW) for name in ("one", "two"))
    with listen(wire, shown(one)), listen(wire, shown(one)) as second:
        refused = wire.ask("GET", "/api/v1/stream", Authorization=f"Bearer {one}")
        assert (refused.status, refused.headers["retry-after"]) == (429, "30")
        with listen(wire, shown(two)):
            assert (
                "3 listen already" in wire.ask("GET", "/api/v1/stream", Authorization=f"Bearer {two}").json()["detail"]
            )
        second.close()
        wait_until(lambda: wire.app.state.air.stream.listeners == 1, what="free places")
        listen(wire, shown(one)).close()


def test_places_are_taken_when_asked_for_not_when_the_stream_begins() -> None:
    """The limit was looked at before the place was taken: all that asked at the same moment got in."""

    async def many() -> int:
        stream, taken = Stream(), 0
        for _ in range(module.MOST_LISTENERS + 20):
            try:
                stream.join("key", lambda: True, is_counted=False)
                taken += 1
            except TooManyError:
                pass
        return taken

    assert asyncio.run(many()) == module.MOST_LISTENERS


def test_answer_that_nobody_reads_does_not_keep_its_connection(
    jeonju: Site, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeonju.stack.http_server.LOOK_EVERY_S", 0.2)
    app = api_app(jeonju, store, "mqtt://127.0.0.1:1")
    with served(app) as wire:
        request = "GET /static-offline-docs/swagger-ui-bundle.js HTTP/1.1\nHost: localhost\n\n"
        with wire.open(request * 8, receive_bytes=4096) as client:
            client.recv(1)
            is_cut_off(client)


def is_cut_off(client: socket.socket) -> None:
    """Wait until the other side has ended the connection, without reading what would let it go on."""
    wait_until(lambda: client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0, what="the end of the connection")


def test_connection_that_breaks_again_and_again_misses_nothing_and_gets_nothing_twice(
    wire: Wire, keys: KeyFile
) -> None:
    key, last, stream, over = (
        shown(keys.add("kim", Role.VIEWER, NOW)),
        400,
        wire.app.state.air.stream,
        threading.Event(),
    )

    def send() -> None:
        for number in range(last + 1):
            stream.send("alert", {"n": number})
            over.wait(0.002)

    heard, headers, breaks = list[int](), [key], 0
    sending = threading.Thread(target=send)
    while last not in heard:
        with opened(wire, *headers) as client:
            for event_id, event, data in islice(events(client), 10):
                headers = [key, f"Last-Event-ID: {event_id}"]
                if event == "reset":
                    sending.start()
                else:
                    heard.append(data["n"])
                if last in heard:
                    break
            # What has arrived and is not read is lost, as where a network breaks off.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        breaks += 1
    sending.join()
    assert heard == list(range(last + 1))
    assert breaks > 5


@pytest.mark.parametrize("shows", ["nothing", "of a process before", "nonsense", "of the future"])
def test_who_shows_no_event_that_is_known_is_told_to_ask_for_all(wire: Wire, keys: KeyFile, shows: str) -> None:
    key = shown(keys.add("kim", Role.VIEWER, NOW))
    with opened(wire, key) as client:
        newest, *_ = next(events(client))
    known = {
        "nothing": "",
        "of a process before": "0123456789ab-0",
        "nonsense": newest.replace("-0", "-x"),
        "of the future": newest.replace("-0", "-9"),
    }
    with opened(wire, key, f"Last-Event-ID: {known[shows]}") as client:
        assert next(events(client)) == (newest, "reset", {})


def test_page_shows_its_last_event_in_the_address_and_the_newest_in_a_header_counts_more(
    wire: Wire, keys: KeyFile
) -> None:
    key, stream = shown(keys.add("kim", Role.VIEWER, NOW)), wire.app.state.air.stream
    with opened(wire, key) as client:
        heard = events(client)
        zero, *_ = next(heard)
        for number in range(2):
            stream.send("alert", {"n": number})
        one, *_ = next(heard)
        next(heard)
    path = f"/api/v1/stream?last_event_id={zero}"
    with opened(wire, key, path=path) as client:
        assert next(events(client))[1:] == ("alert", {"n": 0})
    with opened(wire, key, f"Last-Event-ID: {one}", path=path) as client:
        assert next(events(client))[1:] == ("alert", {"n": 1})


def opened(wire: Wire, *headers: str, path: str = "/api/v1/stream") -> socket.socket:
    return wire.open("\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]))


def events(client: socket.socket) -> Iterator[tuple[str, str, Any]]:
    """Yield id, name and content of each event that arrives."""
    text = b""
    while part := client.recv(700):
        text += part
        while (found := re.search(rb"id: (\S+)\nevent: (\w+)\ndata: (.*)\n\n", text)) is not None:
            yield found[1].decode(), found[2].decode(), json.loads(found[3])
            text = text[found.end() :]
