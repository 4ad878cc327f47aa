"""Korea's open data portal (data.go.kr), which stands before AirKorea and the weather service: keys, counted calls, and refusals in one line."""

import logging
import os
import re
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote

import msgspec
import urllib3

from jeonju.common.clock import utc_now
from jeonju.common.errors import JeonjuError, UnavailableError, UserError
from jeonju.ingest.daily_calls import DailyCalls, UsedUpError

ANSWER_S: Final = 30.0
USED_UP: Final = "LIMITED_NUMBER_OF_SERVICE_REQUESTS_EXCEEDS_ERROR"


class Answer(NamedTuple):
    """What is put on the broker, and the newest hour in it."""

    payload: bytes
    newest: datetime | None


class Service(NamedTuple):
    """An interface of the portal: its name in messages, its number there, and the environment variables that may hold its key."""

    name: str
    number: str
    variables: tuple[str, ...]

    def key(self, surroundings: Mapping[str, str] = os.environ) -> str:
        """Return the key. Raises UserError where there is none."""
        found = next((key for name in self.variables if (key := surroundings.get(name, "").strip())), None)
        if found is None:
            raise UserError(
                f"{self.name} needs a key; get one on data.go.kr ({self.number}) and set {' or '.join(self.variables)}"
            )
        return found


class _Refusal(NamedTuple):
    """How the portal names a refusal, by number and word, and what a person can do; None where only waiting helps."""

    number: str
    word: str
    advice: str | None


_SEE_KEY: Final = "see on data.go.kr ({number}) that the key in {variable} is whole and may be used for {name}; a new one takes up to an hour"
_REFUSALS: Final = (
    _Refusal("30", "SERVICE_KEY_IS_NOT_REGISTERED_ERROR", _SEE_KEY),
    _Refusal("31", "DEADLINE_HAS_EXPIRED_ERROR", "the key in {variable} has expired; extend its use on data.go.kr"),
    _Refusal("32", "UNREGISTERED_IP_ERROR", "enter the address of this machine beside the key on data.go.kr"),
    _Refusal("33", "UNSIGNED_CALL_ERROR", _SEE_KEY),
    _Refusal("20", "SERVICE_ACCESS_DENIED_ERROR", "apply for the use of {name} ({number}) on data.go.kr"),
    _Refusal("21", "TEMPORARILY_DISABLE_THE_SERVICEKEY_ERROR", None),
    _Refusal("22", USED_UP, None),
    _Refusal(
        "12", "NO_OPENAPI_SERVICE_ERROR", "the address of the service has changed; name the new one with --service"
    ),
)
_XML_REASON: Final = re.compile(r"<(returnAuthMsg|errMsg)>([^<]*)<")
_XML_NUMBER: Final = re.compile(r"<returnReasonCode>([^<]*)<")


class DataPortal:
    """Asks one service with one key; the key is in no log, error or message. Where `calls` is given, every call is counted and bounded."""

    def __init__(self, service: Service, key: str, calls: DailyCalls | None = None) -> None:
        self._service, self._calls = service, calls
        # The portal shows each key twice, as it is and percent-encoded: either becomes encoded exactly once.
        self._key = quote(unquote(key.strip()), safe="")
        # At its finest level urllib3 logs addresses, and with them the key.
        logging.getLogger("urllib3").setLevel(logging.INFO)
        self._pool = urllib3.PoolManager(retries=False, timeout=ANSWER_S)

    def ask(self, address: str, query: str) -> tuple[bytes, dict[str, Any]]:
        """Return a good answer, as it came and its body. Raises UserError for what a person must change, UnavailableError for what may pass."""
        if self._calls is not None:
            self._calls.take(utc_now())
        url = f"{address}?serviceKey={self._key}&{query}"
        try:
            response = self._pool.request("GET", url)
        except urllib3.exceptions.HTTPError as error:
            # The text of the error can hold the address, and with it the key.
            raise UnavailableError(f"{self._service.name} cannot be reached ({type(error).__name__})") from None
        # Some answers repeat what was asked.
        payload = response.data
        for secret in (self._key, unquote(self._key)):
            payload = payload.replace(secret.encode(), b"***")
        return payload, self._body(response.status, payload)

    def _body(self, status: int, payload: bytes) -> dict[str, Any]:
        """Return the body of an answer with items; refusals come in XML, JSON or plain words, often with the status of success."""
        try:
            content = msgspec.json.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._refused(status, *_in_xml(payload.decode(errors="replace"))) from None
        response = inner(content, "response")
        header, body = inner(response, "header"), inner(response, "body")
        if header.get("resultCode") == "00" and isinstance(body.get("items"), list | dict):
            return body
        gate = inner(inner(content, "OpenAPI_ServiceResponse"), "cmmMsgHeader")
        number = header.get("resultCode") or gate.get("returnReasonCode")
        words = header.get("resultMsg") or gate.get("returnAuthMsg") or gate.get("errMsg")
        raise self._refused(status, str(number or ""), str(words or "neither values nor a reason"))

    def _refused(self, status: int, number: str, words: str) -> JeonjuError:
        name, said = self._service.name, " ".join(words.split())[:100]
        known = next(
            (known for known in _REFUSALS if known.word in (number, words) or known.number == number.strip()), None
        )
        if known is not None and known.advice is not None:
            return UserError(f"{name} answers {known.word}: {self._advice(known.advice)}")
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) and known is None:
            return UserError(f"{name} answers {status} {said}: {self._advice(_SEE_KEY)}")
        if known is not None and known.word == USED_UP:
            return UsedUpError(
                f"the calls that {name} allows this key a day are used up; it is tried again every full interval"
            )
        parts = ("" if status == HTTPStatus.OK else str(status), number.strip(), known.word if known else said)
        return UnavailableError(f"{name} gives no values now: {' '.join(filter(None, parts))}")

    def _advice(self, advice: str) -> str:
        service = self._service
        return advice.format(number=service.number, variable=" or ".join(service.variables), name=service.name)


def inner(content: Any, name: str) -> dict[str, Any]:
    """Return an object inside another, an empty one where there is none."""
    found = content.get(name) if isinstance(content, dict) else None
    return found if isinstance(found, dict) else {}


def _in_xml(text: str) -> tuple[str, str]:
    """Return number and words of a refusal in XML, or its plain words."""
    reasons = dict(_XML_REASON.findall(text))
    number = _XML_NUMBER.search(text)
    return number[1] if number else "", reasons.get("returnAuthMsg") or reasons.get("errMsg") or text or "nothing"
