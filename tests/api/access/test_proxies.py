"""The api behind proxies: those that are trusted, those that are not, and clients that only say so."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jeonju.common.errors import UserError
from jeonju.contract.site import Site
from jeonju.stack.http_server import HttpSettings
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import served, served_with_key
from tests.waiting import wait_until

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
FIRE = {"kind": "fire", "lat": 35.85, "lon": 127.09}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path_factory.mktemp("requests") / "air.duckdb")
    yield opened
    opened.close()


def test_invented_addresses_do_not_lift_the_limit_of_wrong_keys(
    jeonju: Site, store: DuckDBStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with served_with_key(jeonju, store, tmp_path) as (wire, _):
        invented = [
            {
                "X_Forwarded_For": f"10.0.0.{number}",
                "Forwarded": f"for=10.0.0.{number}",
                "X_Real_IP": f"10.0.0.{number}",
            }
            for number in range(12)
        ]
        answers = [wire.ask("GET", "/api/v1/site", Authorization="Bearer no", **headers).status for headers in invented]
        assert answers == [401] * 10 + [429] * 2
    assert "from 127.0.0.1" in caplog.text
    assert "10.0.0." not in caplog.text


def test_proxy_that_is_trusted_says_who_asks_and_over_what(
    jeonju: Site, store: DuckDBStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with served_with_key(jeonju, store, tmp_path, trusted_proxies=("127.0.0.0/8",)) as (wire, key):
        # What the client invents stands before what the proxy adds.
        answers = [
            wire.ask(
                "GET",
                "/api/v1/site",
                Authorization="Bearer no",
                X_Forwarded_For=f"1.2.3.{number}, 203.0.113.{number % 2}",
            ).status
            for number in range(24)
        ]
        assert answers == [401] * 20 + [429] * 4
        opened = wire.ask(
            "POST", "/api/v1/session", {"key": key}, X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https"
        )
        assert "Secure" in opened.headers["set-cookie"]
        assert "strict-transport-security" in opened.headers
    assert "from 203.0.113.0" in caplog.text
    entries = [entry for entry in store.journal("jeonju") if entry.subject == "/api/v1/session"]
    assert "203.0.113.9" in entries[-1].details


def test_without_keys_who_comes_through_a_trusted_proxy_from_elsewhere_is_not_served(
    jeonju: Site, store: DuckDBStore
) -> None:
    with served(api_app(jeonju, store, "mqtt://127.0.0.1:1"), trusted_proxies=("127.0.0.1",)) as wire:
        assert wire.ask("GET", "/api/v1/site", X_Forwarded_For="203.0.113.9").status == 403
        assert wire.ask("GET", "/api/v1/site").status == 200


@pytest.mark.parametrize("network", ["proxy", "10.0.0.0/33", "*", "10.0.0.1/8"])
def test_network_of_a_proxy_that_is_none_is_said_at_the_start(network: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--trusted-proxy"):
        HttpSettings(keys=tmp_path / "none", trusted_proxies=(network,)).check()


@pytest.mark.parametrize(
    "name", ["http://air.example.org", "air.example.org:8000", "a/b", "*.example.org", "[::1]", "a..b"]
)
def test_name_that_no_request_could_ask_for_is_said_at_the_start(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--host-names"):
        HttpSettings(keys=tmp_path / "none", names=(name,)).check()


def test_names_and_addresses_are_taken(tmp_path: Path) -> None:
    HttpSettings(keys=tmp_path / "none", names=("air.example.org", "Air-2", "10.0.0.7", "2001:db8::1")).check()


def test_behind_nginx(jeonju: Site, store: DuckDBStore, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None or shutil.which("curl") is None:
        pytest.skip("nginx and curl are not installed (apt-get install nginx-light curl)")
    with served_with_key(jeonju, store, tmp_path, trusted_proxies=("127.0.0.1",)) as (wire, key):
        front = tmp_path / "front.sock"
        (tmp_path / "nginx.conf").write_text(
            f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\n"
            f"http {{ access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p;\n"
            f"fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;\n"
            f"server {{ listen unix:{front}; location / {{ proxy_pass http://127.0.0.1:{wire.port};\n"
            "set_real_ip_from unix:; real_ip_header X-Client;\n"
            "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto https; } } }\n"
        )
        nginx = subprocess.Popen([program, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")])
        try:
            wait_until(front.exists, what="nginx")
            curl = [
                "curl",
                "-s",
                "-i",
                "--unix-socket",
                str(front),
                "-H",
                "X-Client: 203.0.113.5",
                "-H",
                "X-Forwarded-For: 6.6.6.6",
            ]
            asked = subprocess.run(
                [*curl, "-H", "Authorization: Bearer no", "http://air/api/v1/site"],
                capture_output=True,
                text=True,
                check=True,
            )
            assert " 401 " in asked.stdout.splitlines()[0]
            body = ["-H", "Content-Type: application/json", "-d", f'{{"key": "{key}"}}']
            same = ["-H", "Origin: https://air", "-H", "Sec-Fetch-Site: same-origin"]
            opened = subprocess.run(
                [*curl, *body, *same, "http://air/api/v1/session"], capture_output=True, text=True, check=True
            )
            assert " 200 " in opened.stdout.splitlines()[0]
            assert re.search(r"set-cookie: .*Secure", opened.stdout, re.IGNORECASE)
        finally:
            nginx.terminate()
            nginx.wait()
    assert "from 203.0.113.5" in caplog.text
    assert "6.6.6.6" not in caplog.text
