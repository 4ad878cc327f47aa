"""Static files are sent packed to those who unpack, and as they are to all others."""

import gzip
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from jeonju.api.http import pages
from jeonju.api.packed_files import PackedFiles
from jeonju.api.shared_answers import SharedAnswers

SCRIPT = b"console.log('page');" * 100


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    (tmp_path / "page.js").write_bytes(SCRIPT)
    (tmp_path / "page.js.gz").write_bytes(gzip.compress(SCRIPT))
    (tmp_path / "small.txt").write_bytes(b"small")
    app = FastAPI()
    app.mount("/static", PackedFiles(directory=tmp_path, check_dir=False))
    app.add_middleware(SharedAnswers)
    return TestClient(app)


def test_packed_and_plain_answers_are_not_mixed_up(client: TestClient) -> None:
    packed = client.get("/static/page.js", headers={"Accept-Encoding": "br, gzip;q=0.8"})
    plain = client.get("/static/page.js", headers={"Accept-Encoding": "gzip;q=0"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content == SCRIPT
    assert int(packed.headers["content-length"]) < len(SCRIPT) == int(plain.headers["content-length"])
    assert packed.headers["content-type"] == plain.headers["content-type"]
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    again = client.get("/static/page.js", headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["etag"]})
    assert again.status_code == 304


def test_what_is_not_packed_is_sent_as_it_is(client: TestClient) -> None:
    answer = client.get("/static/small.txt", headers={"Accept-Encoding": "gzip"})
    assert (answer.content, "content-encoding" in answer.headers) == (b"small", False)
    assert client.get("/static/nothing.js").status_code == 404


def test_without_the_build_the_page_says_how_to_make_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", tmp_path / "index.html")
    app = FastAPI()
    app.include_router(pages.router)
    answer = TestClient(app).get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.count("<code>make console</code>") == 2
