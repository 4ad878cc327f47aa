"""A channel for any HTTP interface: requests by templates, signed where asked for, and answers judged by status and a field of their JSON."""

import hashlib
import hmac
import json
import secrets
import time
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import orjson
import urllib3

from jeonju.common.clock import utc_now
from jeonju.common.errors import RejectedError
from jeonju.contract.site import Site
from jeonju.response.notify.notification import Notification
from jeonju.response.notify.taken import NotTakenError, Receivers, Send, retry_after_s, shortened
from jeonju.response.notify.words import Wording
from jeonju.rules.channel_base import read_secret
from jeonju.rules.http_channel import Http, Success
from jeonju.rules.templates import TextTemplate

# Of an answer no more is read, however long it goes on.
LONGEST_BODY: Final = 65_536
ANSWER_WITHIN_S: Final = 30.0
OF_SIGNING: Final = ("signature", "method", "path", "body")


def open_http(settings: Http, site: Site) -> Send:
    """Return what sends a notification, one request for each receiver; it raises NotTakenError where some did not take it.

    No redirect is followed, and scheme, host and port are those of the settings. Raises UserError for a secret that is missing.
    """
    request = _Request(settings)
    words = Wording(site, settings.language)
    receivers = Receivers([f"{request.host} for receiver {number}" for number, _ in enumerate(settings.to, 1)])
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(settings.timeout), retries=False)

    def send(notification: Notification, _now: datetime) -> str:
        def one(number: int) -> str:
            try:
                url, body, headers = request.made(words.fields(notification, settings.to[number]))
            except ValueError as error:
                raise NotTakenError(f"a template {error}") from error
            status, read, after_s = _asked(pool, settings, request.host, url, body, headers)
            is_taken, said = judged(settings.success, status, read)
            line = request.without_secrets(f"{request.host} answered {status}{f': {said}' if said else ''}")
            if is_taken:
                return line
            if status in settings.give_up_on:
                raise RejectedError(line)
            raise NotTakenError(line, after_s)

        return receivers.send(notification.id, one)

    return send


class _Request:
    """The templates of a channel."""

    def __init__(self, settings: Http) -> None:
        self._settings = settings
        self._secrets = {name: read_secret(place) for name, place in settings.secrets.items()}
        self._key = None if settings.sign is None else read_secret(settings.sign.secret).encode()
        self._compiled: dict[tuple[str, bool], TextTemplate] = {}
        self.host = urllib3.util.parse_url(settings.url.split("{")[0]).netloc or settings.name

    def made(self, fields: Mapping[str, Any]) -> tuple[str, bytes | None, dict[str, str]]:
        """Return address, body and headers. Raises ValueError where a template cannot be filled in."""
        now = utc_now()
        values = {
            **fields,
            "secret": self._secrets,
            "nonce": secrets.token_hex(16),
            "timestamp": str(int(now.timestamp())),
            "timestamp_ms": str(int(now.timestamp() * 1000)),
            "date": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        url = self._filled(self._settings.url, values, in_url=True)
        body, content_type = self._body(values)
        if self._settings.sign is not None:
            values["signature"] = self._signature({**values, "path": _path(url), "body": (body or b"").decode()})
        headers = {"Content-Type": content_type} if content_type else {}
        names = {name.lower() for name in self._settings.headers}
        headers = {name: value for name, value in headers.items() if name.lower() not in names}
        for name, text in self._settings.headers.items():
            headers[name] = _header(self._filled(text, values))
        return url, body, headers

    def _body(self, values: Mapping[str, Any]) -> tuple[bytes | None, str | None]:
        settings = self._settings
        if settings.content is not None:
            return orjson.dumps(self._nested(settings.content, values)), "application/json"
        if settings.form is not None:
            form = {name: self._filled(text, values) for name, text in settings.form.items()}
            return urlencode(form).encode(), "application/x-www-form-urlencoded"
        if settings.body is not None:
            return self._filled(settings.body, values).encode(), "text/plain; charset=utf-8"
        return None, None

    def _nested(self, content: Any, values: Mapping[str, Any]) -> Any:
        """Fill in every text of nested tables and lists: what a value holds can never become structure."""
        if isinstance(content, dict):
            return {name: self._nested(part, values) for name, part in content.items()}
        if isinstance(content, list):
            return [self._nested(part, values) for part in content]
        return self._filled(content, values) if isinstance(content, str) else content

    def _signature(self, values: Mapping[str, Any]) -> str:
        sign = self._settings.sign
        assert sign is not None and self._key is not None  # noqa: S101, PT018  (the one who calls looks)
        text = self._filled(sign.text, {**values, "method": self._settings.method})
        digest = hmac.new(self._key, text.encode(), getattr(hashlib, sign.algorithm)).digest()
        return digest.hex() if sign.encoding == "hex" else b64encode(digest).decode()

    def _filled(self, text: str, values: Mapping[str, Any], *, in_url: bool = False) -> str:
        if (text, in_url) not in self._compiled:
            self._compiled[text, in_url] = TextTemplate(text, self._secrets, OF_SIGNING, in_url=in_url)
        return self._compiled[text, in_url].render(values)

    def without_secrets(self, text: str) -> str:
        """Return an answer without what it repeats of the secrets: it is shown to people."""
        for secret in self._secrets.values():
            text = text.replace(secret, "***")
        return text


def _path(url: str) -> str:
    return urllib3.util.parse_url(url).request_uri


def _header(text: str) -> str:
    """Return a value for a header: one line, in UTF-8 as HTTP carries it."""
    return (
        " ".join("".join(letter if letter.isprintable() else " " for letter in text).split()).encode().decode("latin-1")
    )


def _asked(
    pool: urllib3.PoolManager, settings: Http, host: str, url: str, body: bytes | None, headers: Mapping[str, str]
) -> tuple[int, bytes, float]:
    """Return status and body of the answer, and after what time [s] it wants to be asked again."""
    try:
        answer = pool.request(settings.method, url, body=body, headers=headers, redirect=False, preload_content=False)
        try:
            read = _read(answer)
        finally:
            answer.close()
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise NotTakenError(f"{host} does not answer: {type(error).__name__}") from error
    return answer.status, read, retry_after_s(answer.headers.get("Retry-After"), utc_now())


def _read(answer: urllib3.BaseHTTPResponse) -> bytes:
    """Read as much of an answer as is worth it, whether it is endless or comes drop by drop."""
    read, until = b"", time.monotonic() + ANSWER_WITHIN_S
    while len(read) < LONGEST_BODY and time.monotonic() < until:
        if not (part := answer.read1(LONGEST_BODY - len(read))):
            break
        read += part
    return read


def judged(success: Success, status: int, read: bytes) -> tuple[bool, str]:
    """Return whether an answer means success, and what it says in one short line."""
    try:
        document = json.loads(read)
    except (ValueError, RecursionError):
        document = None
    is_taken = status in success.status if success.status else HTTPStatus(200) <= status < HTTPStatus(300)
    found = None
    if success.field is not None:
        found = _found(document, success.field)
        is_taken = is_taken and any(_plain(found) == _plain(one) for one in success.one_of)
    why = None if success.message is None else _found(document, success.message)
    parts = [] if found is None else [f"{success.field} {_plain(found)}"]
    parts += [] if why is None else [_plain(why)]
    return is_taken, shortened(" ".join(parts) if parts else read.decode(errors="replace"))


def _found(document: Any, path: str) -> Any:
    """Return what lies at a path such as `body.results.0.code`, None where nothing does."""
    for part in path.split("."):
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isascii() and part.isdigit() and int(part[:6]) < len(document):
            document = document[int(part[:6])]
        else:
            return None
    return document


def _plain(value: Any) -> str:
    """Return a value as JSON writes it, a text without its quotes: gateways answer 2000 or "2000" as they like."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
