"""The map as most browsers draw it: by WebGL, under the strict policy. In a file of its own, as it needs a browser of its own."""

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from jeonju.api.access.tiles import Tiles
from jeonju.contract.site import Site
from jeonju.storage.duckdb.store import DuckDBStore
from tests.api.browsing import WITH_GL, City, chromium, running_city

# One grey pixel.
TILE = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")


class TileServer(ThreadingHTTPServer):
    """Another server, which gives the same tile for every address."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Tile)
        self.asked = threading.Event()


class Tile(BaseHTTPRequestHandler):
    """Answers one request."""

    server: TileServer

    def do_GET(self) -> None:
        """Give the tile to a page of another origin."""
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(TILE)
        self.server.asked.set()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def tile_server() -> Iterator[TileServer]:
    server = TileServer()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def city(jeonju: Site, store: DuckDBStore, tmp_path: Path, browser: Browser, tile_server: TileServer) -> Iterator[City]:
    tiles = Tiles.of(f"http://127.0.0.1:{tile_server.server_port}/{{z}}/{{x}}/{{y}}.png", "© tiles of a test")
    with running_city(jeonju, store, tmp_path, browser, tiles) as city:
        yield city


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(*WITH_GL) as started:
        yield started


def test_map_is_drawn_by_webgl_over_tiles_and_devices_stand_on_it(city: City, tile_server: TileServer) -> None:
    page = city.open()
    expect(page.locator(".maplibregl-canvas")).to_be_visible()
    expect(page.locator("#attribution")).to_have_text("© tiles of a test")
    assert tile_server.asked.wait(60)
    page.locator("#map [data-subject='palbok-03']").press("Enter")
    expect(page.locator("#device-title")).to_have_text("Centre of Palbok-dong")
    # It is looked at from the side, and stays so for who opens the link.
    page.get_by_role("button", name="Tilt").click()
    expect(page).to_have_url(f"{city.url}/#/devices/palbok-03?tilt=1")
