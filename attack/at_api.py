"""Attempts at the api, with a viewer's means or none."""

import socket
import time
from collections import Counter
from contextlib import ExitStack, suppress
from typing import Final

import urllib3

from attack.attempts import Attempt, Seen
from attack.target import Target
from attack.wire import HOST

BODY_MB: Final = 100
MOST_MB_MORE: Final = 60.0
LISTENERS: Final = 300
REPORTS: Final = 60
ANSWERS_WITHIN_S: Final = 5.0


def large_body(target: Target) -> Seen:
    """A body of any size to a route that needs no key (H3): refused before it is read."""
    before = target.sizes()[0].mb
    peak, sent, status = before, 0, "no answer"
    with socket.create_connection((HOST, target.http_port), timeout=5) as connection:
        head = f"POST /api/v1/session HTTP/1.1\r\nHost: {HOST}:{target.http_port}\r\nContent-Type: application/json\r\n"
        with suppress(OSError):
            connection.sendall(f"{head}Content-Length: {BODY_MB * 1_000_000}\r\n\r\n".encode())
            for _ in range(BODY_MB):
                connection.sendall(b" " * 1_000_000)
                sent += 1
                peak = max(peak, target.sizes()[0].mb)
        with suppress(OSError):
            status = connection.recv(64).split(b"\r\n")[0].decode("latin-1") or status
    peak = max(peak, target.sizes()[0].mb)
    seen = f"{sent} of {BODY_MB} MB sent, {status}, {peak - before:.0f} MB more"
    return Seen(seen, peak - before < MOST_MB_MORE)


def foreign_host(target: Target) -> Seen:
    """Without keys: a page of another host name, and one of another origin (M1)."""
    read = target.get("/api/v1/devices", Host="attacker.example").status
    write = target.http.request(
        "POST",
        target.url("/api/v1/robots/robot-1/forbid"),
        headers={"Origin": "http://attacker.example", "Content-Type": "text/plain"},
        body=b"{}",
    ).status
    return Seen(f"read: {read}, write: {write}", 400 <= read < 500 and write in (400, 403))


def slow_listeners(target: Target) -> Seen:
    """Listeners of the live stream that never read, and go (M4)."""
    before = target.sizes()[0].descriptors
    with ExitStack() as stack:
        request = f"GET /api/v1/stream HTTP/1.1\r\nHost: {HOST}:{target.http_port}\r\nAuthorization: Bearer {target.key}\r\n\r\n"
        for _ in range(LISTENERS):
            with suppress(OSError):
                connection = stack.enter_context(socket.create_connection((HOST, target.http_port), timeout=5))
                connection.sendall(request.encode())
        alive_s = _alive_after_s(target)
        most = target.sizes()[0].descriptors
    after = most
    for _ in range(150):
        after = target.sizes()[0].descriptors
        if after <= before + 20:
            break
        time.sleep(0.1)
    seen = f"descriptors {before}, {most} with {LISTENERS} listeners, {after} after; /healthz after {alive_s:.1f} s"
    return Seen(seen, after <= before + 20 and alive_s < ANSWERS_WITHIN_S)


def forwarded_for(target: Target) -> Seen:
    """Wrong keys, each with another `X-Forwarded-For` (M6)."""
    answers = Counter(
        target.get("/api/v1/devices", key=f"wrong-{number}", **{"X-Forwarded-For": f"203.0.113.{number}"}).status
        for number in range(30)
    )
    return Seen(_counted(answers), answers[429] > 0 and answers[200] == 0)


def odd_keys(target: Target) -> Seen:
    """Keys that are no text, very long, or empty: no failure of the server."""
    answers: Counter[int] = Counter()
    for key in (b"\xff\xfe", b"k" * 20_000, b"", "열쇠".encode()):
        with suppress(OSError), socket.create_connection((HOST, target.http_port), timeout=5) as connection:
            head = f"GET /api/v1/devices HTTP/1.1\r\nHost: {HOST}:{target.http_port}\r\nConnection: close\r\n"
            connection.sendall(head.encode() + b"Authorization: Bearer " + key + b"\r\n\r\n")
            answers[int(connection.recv(64).split(b" ")[1])] += 1
    return Seen(_counted(answers), not any(status >= 500 or status == 200 for status in answers))


def many_reports(target: Target) -> Seen:
    """Sixty reports at once (M8): others are answered meanwhile."""
    incidents = target.json("/api/v1/incidents")
    incident = incidents[0]["id"] if incidents else "none"
    with ExitStack() as stack:
        request = f"GET /api/v1/incidents/{incident}/report.pdf HTTP/1.1\r\nHost: {HOST}:{target.http_port}\r\n"
        for _ in range(REPORTS):
            connection = stack.enter_context(socket.create_connection((HOST, target.http_port), timeout=5))
            connection.sendall(f"{request}Authorization: Bearer {target.key}\r\n\r\n".encode())
        alive_s = _alive_after_s(target)
    what = "" if incidents else " (of an incident that is none)"
    return Seen(f"{REPORTS} reports{what}, /healthz after {alive_s:.1f} s", alive_s < ANSWERS_WITHIN_S)


def _alive_after_s(target: Target) -> float:
    begun = time.monotonic()
    with suppress(urllib3.exceptions.HTTPError):
        target.get("/healthz")
    return time.monotonic() - begun


def _counted(answers: Counter[int]) -> str:
    return ", ".join(f"{number} times {status}" for status, number in sorted(answers.items()))


KEYLESS: Final[dict[str, Attempt]] = {
    "host": Attempt("a page of another host or origin, without keys (M1)", foreign_host)
}
ATTEMPTS: Final[dict[str, Attempt]] = {
    "body": Attempt(f"a body of {BODY_MB} MB without a key (H3)", large_body),
    "listeners": Attempt(f"{LISTENERS} live listeners that never read (M4)", slow_listeners),
    "odd-keys": Attempt("keys that are no text", odd_keys),
    "reports": Attempt(f"{REPORTS} reports at once (M8)", many_reports),
    # The last one: the address is locked out for a minute.
    "forwarded": Attempt("wrong keys behind invented addresses (M6)", forwarded_for),
}
