"""Alerts to send, and a control room that receives them."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

from jeonju.contract.records import AlertRecord

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
SECRET = "고양이 cat"


def alert(
    name: str,
    kind: str = "smoke",
    severity: str = "critical",
    device: str | None = "palbok-03",
    zone: str | None = "palbok",
    started_at: datetime = NOW,
    ended_at: datetime | None = None,
) -> AlertRecord:
    return AlertRecord(
        name,
        "jeonju",
        kind,
        severity,
        device,
        zone,
        started_at,
        ended_at or started_at,
        ended_at,
        90.0,
        None,
        "pm25",
        "연기 <&>",
        "smoke <&>",
        '{"class": "fire"}',
    )


class Clock:
    """A clock that people move."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at


class ControlRoom:
    """What was received; `status` is what it answers, and while `answers` is not set it does not answer at all."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.status = 200
        self.answers = threading.Event()
        self.answers.set()
        self.url = ""

    @property
    def events(self) -> list[str]:
        return [alert["event_id"] for body in self.received for alert in body["alerts"]]


def check_signatures(body: bytes, headers: dict[str, str]) -> None:
    """Check the signature of Standard Webhooks, and the one of earlier versions, as a receiver does."""
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    signature = Webhook(SECRET.encode()).sign(headers["webhook-id"], at, body.decode())
    assert hmac.compare_digest(headers["webhook-signature"], signature)
    former = hmac.new(SECRET.encode(), headers["X-Jeonju-Timestamp"].encode() + b"." + body, hashlib.sha256)
    assert headers["X-Jeonju-Signature"] == f"sha256={former.hexdigest()}"
    assert headers["webhook-id"] == headers["X-Jeonju-Notification"] == json.loads(body)["id"]


@contextmanager
def control_room(port: int = 0) -> Iterator[ControlRoom]:
    """A real web server that checks every signature."""
    room = ControlRoom()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            check_signatures(body, dict(self.headers))
            room.received.append(json.loads(body))
            room.answers.wait(60)
            try:
                self.send_response(room.status)
                self.end_headers()
            except OSError:
                pass  # the client is dead

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        room.url = f"http://127.0.0.1:{server.server_address[1]}/alerts"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield room
        finally:
            room.answers.set()
            server.shutdown()
            thread.join()
