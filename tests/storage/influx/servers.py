"""Real servers for the tests, and a stand-in for the one that no package brings."""

import json
import os
import shutil
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest
import urllib3

from chaos.processes import influxd_config
from jeonju.broker.embedded import free_port
from tests.waiting import wait_until

URL_VARIABLE, TOKEN_VARIABLE = "JEONJU_TEST_INFLUXDB_URL", "JEONJU_TEST_INFLUXDB_TOKEN"


class Influxd:
    """An InfluxDB 1.x of the test's own."""

    def __init__(self, folder: Path, *, auth: bool = False, forgets_at_once: bool = False) -> None:
        if shutil.which("influxd") is None:
            pytest.skip("influxd is not installed (apt-get install influxdb)")
        self.port = free_port()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        config = influxd_config(folder, self.port, auth=auth, forgets_at_once=forgets_at_once)
        (folder / "influxd.conf").write_text(config)
        self.start()

    def url(self, database: str = "air") -> str:
        return f"influxdb://127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["influxd", "run", "-config", str(self._folder / "influxd.conf")], stdout=log, stderr=log
            )
        wait_until(lambda: answers(f"http://127.0.0.1:{self.port}/ping"), what="influxd")

    def stop(self, *, kill: bool = False) -> None:
        """Stop it; nothing happens where it has stopped already."""
        self._process.kill() if kill else self._process.terminate()
        self._process.wait(timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def ask(self, question: str, database: str = "air", headers: dict[str, str] | None = None) -> Any:
        options = urllib.parse.urlencode({"q": question, "db": database, "epoch": "u"})
        response = urllib3.request("POST", f"http://127.0.0.1:{self.port}/query?{options}", headers=headers, timeout=60)
        (result,) = json.loads(response.data)["results"]
        assert "error" not in result, result
        return result.get("series", [])


def answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=1.0).status < 300
    except urllib3.exceptions.HTTPError:
        return False


@contextmanager
def victoria_metrics(folder: Path) -> Iterator[int]:
    """VictoriaMetrics, which takes `/api/v2/write`; yields its port."""
    if shutil.which("victoria-metrics") is None:
        pytest.skip("victoria-metrics is not installed (apt-get install victoria-metrics)")
    port = free_port()
    command = [f"-storageDataPath={folder}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y"]
    with (folder.parent / "victoria-metrics.log").open("wb") as log:
        process = subprocess.Popen(["victoria-metrics", *command], stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/health"), what="VictoriaMetrics")
        yield port
    finally:
        process.terminate()
        process.wait(timeout=60)


def real_influxdb_2() -> str:
    """The URL of an InfluxDB 2.x, or skip."""
    url = os.environ.get(URL_VARIABLE)
    if not url:
        pytest.skip(
            f"no InfluxDB 2.x is known; name one with {URL_VARIABLE}=influxdb://host:8086/bucket?org=ORG and {TOKEN_VARIABLE}"
        )
    return f"{url}&token={os.environ.get(TOKEN_VARIABLE, '')}"


TOKEN = "t=0k&en"


class StandIn(ThreadingHTTPServer):
    """What the store uses of the api of InfluxDB 2.x, over a real 1.x: it shows that we speak to the client rightly, not that 2.x agrees."""

    daemon_threads = True

    def __init__(self, behind: Influxd) -> None:
        super().__init__(("127.0.0.1", 0), _StandInHandler)
        self.behind = behind
        self.buckets: dict[str, Any] = {}
        # As 2.1 to 2.3 do, it knows buckets as databases only when they are mapped.
        self.mappings: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def databases(self) -> set[str]:
        return {mapping["database"] for mapping in self.mappings}

    def url(self, bucket: str = "air", token: str = TOKEN) -> str:
        return f"influxdb://127.0.0.1:{self.server_address[1]}/{bucket}?org=city&token={urllib.parse.quote(token)}"


class _StandInHandler(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"
    # Head and body are written one after the other; together with delayed acknowledgement that costs 40 ms each time.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        options = dict(urllib.parse.parse_qsl(parts.query))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Token {TOKEN}":
            self._send(401, {"code": "unauthorized", "message": "unauthorized access"})
        elif parts.path == "/api/v2/orgs":
            self._send(200, {"orgs": [{"id": "0000000000000001", "name": options["org"]}]})
        elif parts.path == "/api/v2/buckets" and self.command == "GET":
            names = [name for name in self.server.buckets if name == options["name"]]
            self._send(200, {"buckets": [self._described(name) for name in names]})
        elif parts.path == "/api/v2/buckets":
            self._make(json.loads(body))
        elif parts.path.startswith("/api/v2/buckets/"):
            self._change(json.loads(body))
        elif parts.path == "/api/v2/dbrps":
            self._map(options, body)
        elif options.get("bucket") not in self.server.buckets and options.get("db") not in self.server.databases:
            self._send(404, {"code": "not found", "message": "bucket not found"})
        elif parts.path == "/api/v2/write":
            self._write(options, body)
        else:
            self._pass_on("POST", "/query", options | dict(urllib.parse.parse_qsl(body.decode())))

    def _make(self, bucket: dict[str, Any]) -> None:
        assert bucket["orgID"] == "0000000000000001"
        database, policy = self._policy(bucket["name"])
        if policy is None:
            self.server.behind.ask(f'CREATE DATABASE "{database}"')
        else:
            self._order("CREATE", "REPLICATION 1", bucket)
        self.server.buckets[bucket["name"]] = bucket["retentionRules"]
        self._send(201, self._described(bucket["name"]))

    def _change(self, bucket: dict[str, Any]) -> None:
        self._order("ALTER", "", bucket)
        self.server.buckets[bucket["name"]] = bucket["retentionRules"]
        self._send(200, self._described(bucket["name"]))

    def _map(self, options: dict[str, str], body: bytes) -> None:
        if self.command == "GET":
            found = [item for item in self.server.mappings if item["database"] == options["db"]]
            self._send(200, {"content": found})
        else:
            mapping = json.loads(body) | {"id": str(len(self.server.mappings))}
            self.server.mappings.append(mapping)
            self._send(201, mapping)

    def _order(self, what: str, more: str, bucket: dict[str, Any]) -> None:
        database, policy = self._policy(bucket["name"])
        (rule,) = bucket["retentionRules"]
        kept, shard = (f"{rule[name]}s" for name in ("everySeconds", "shardGroupDurationSeconds"))
        self.server.behind.ask(
            f'{what} RETENTION POLICY "{policy}" ON "{database}" DURATION {kept} {more} SHARD DURATION {shard}'
        )

    def _described(self, name: str) -> dict[str, Any]:
        rules = self.server.buckets[name]
        return {"id": name.replace("/", "-"), "orgID": "0000000000000001", "name": name, "retentionRules": rules}

    @staticmethod
    def _policy(bucket: str) -> tuple[str, str | None]:
        database, slash, policy = bucket.partition("/")
        return database, policy if slash else None

    def _write(self, options: dict[str, str], body: bytes) -> None:
        assert options["org"] == "city"
        precision = {"us": "u", "ns": "n"}[options["precision"]]
        database, policy = self._policy(options["bucket"])
        self._pass_on("POST", "/write", {"db": database, "rp": policy or "", "precision": precision}, body)

    def _pass_on(self, method: str, path: str, options: dict[str, str], body: bytes | None = None) -> None:
        url = f"http://127.0.0.1:{self.server.behind.port}{path}?{urllib.parse.urlencode(options)}"
        answer = urllib3.request(method, url, body=body)
        self._send_bytes(answer.status, answer.data)

    def _send(self, status: int, answer: Any) -> None:
        self._send_bytes(status, json.dumps(answer).encode())

    def _send_bytes(self, status: int, answer: bytes) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
