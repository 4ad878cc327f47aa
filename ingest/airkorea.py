"""Ask AirKorea's open interface for the official hourly values of a province, and put its answers on the broker as they are.

The values of an hour appear some minutes after its end. It asks every ten minutes at most, and three times in a row at most: even on a day when
everything fails that is 432 of the 500 calls a day that a new key has. The key is in no log, error or message.
"""

import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote

import msgspec
import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from jeonju.broker.client import Client
from jeonju.broker.identity import passing_id
from jeonju.common.errors import JeonjuError, UnavailableError, UserError
from jeonju.decoders.airkorea.decoder import hour
from jeonju.ingest.airkorea_stations import StationList, read_stations

log = logging.getLogger(__name__)

SERVICE: Final = "http://apis.data.go.kr/B552584/ArpltnInforInqireSvc"
STATIONS: Final = "http://apis.data.go.kr/B552584/MsrstnInfoInqireSvc"
KEY_VARIABLE: Final = "AIRKOREA_KEY"
PROVINCES: Final = (
    "전국",
    "서울",
    "부산",
    "대구",
    "인천",
    "광주",
    "대전",
    "울산",
    "경기",
    "강원",
    "충북",
    "충남",
    "전북",
    "전남",
    "경북",
    "경남",
    "제주",
    "세종",
)
# All stations of the country are some 660.
MOST_STATIONS: Final = 1000
ANSWER_S: Final = 30.0
AFTER_THE_HOUR: Final = timedelta(minutes=12)
LEAST: Final = timedelta(minutes=10)
ATTEMPTS: Final = 3
FIRST_PAUSE_S: Final = 5.0
ACKNOWLEDGED_WITHIN_S: Final = 30.0


USED_UP: Final = "LIMITED_NUMBER_OF_SERVICE_REQUESTS_EXCEEDS_ERROR"


class UsedUpError(UnavailableError):
    """The calls of the day are used up: asking again soon would be in vain."""


class _StoppedError(Exception):
    """The command is to end."""


class _Refusal(NamedTuple):
    """How the portal names a refusal, by number and word, and what a person can do; None where only waiting helps."""

    number: str
    word: str
    advice: str | None


_SEE_KEY: Final = f"see on data.go.kr (15073861) that the key in {KEY_VARIABLE} is whole and may be used for AirKorea; a new one takes up to an hour"
_REFUSALS: Final = (
    _Refusal("30", "SERVICE_KEY_IS_NOT_REGISTERED_ERROR", _SEE_KEY),
    _Refusal(
        "31", "DEADLINE_HAS_EXPIRED_ERROR", f"the key in {KEY_VARIABLE} has expired; extend its use on data.go.kr"
    ),
    _Refusal("32", "UNREGISTERED_IP_ERROR", "enter the address of this machine beside the key on data.go.kr"),
    _Refusal("33", "UNSIGNED_CALL_ERROR", _SEE_KEY),
    _Refusal(
        "20", "SERVICE_ACCESS_DENIED_ERROR", "apply for the use of AirKorea's air pollution service on data.go.kr"
    ),
    _Refusal("21", "TEMPORARILY_DISABLE_THE_SERVICEKEY_ERROR", None),
    _Refusal("22", USED_UP, None),
    _Refusal(
        "12", "NO_OPENAPI_SERVICE_ERROR", "the address of the service has changed; name the new one with --service"
    ),
)
_XML_REASON: Final = re.compile(r"<(returnAuthMsg|errMsg)>([^<]*)<")
_XML_NUMBER: Final = re.compile(r"<returnReasonCode>([^<]*)<")


class Answer(NamedTuple):
    """What the interface answered, byte for byte, and the newest hour in it."""

    payload: bytes
    newest: datetime | None


class AirKorea:
    """The open interface, for one province."""

    def __init__(self, province: str, key: str, *, service: str = SERVICE) -> None:
        if province not in PROVINCES:
            raise UserError(f"{province!r} is no province of AirKorea; there are: {' '.join(PROVINCES)}")
        self.province = province
        # The portal shows each key twice, as it is and percent-encoded: either becomes encoded exactly once.
        self._key = quote(unquote(key.strip()), safe="")
        self._service = service.rstrip("/")
        # At its finest level urllib3 logs addresses, and with them the key.
        logging.getLogger("urllib3").setLevel(logging.INFO)
        self._pool = urllib3.PoolManager(retries=False, timeout=ANSWER_S)

    def ask(self) -> Answer:
        """Ask once.

        Raises UserError for what a person must change, UnavailableError for what may pass.
        """
        return self._ask(f"{self._service}/getCtprvnRltmMesureDnsty", f"sidoName={quote(self.province)}&ver=1.5")

    def ask_stations(self, service: str = STATIONS) -> StationList:
        """Ask once for the stations of the province; the key must be allowed for the service of stations too (15073877). Raises as `ask` does."""
        answer = self._ask(f"{service.rstrip('/')}/getMsrstnList", f"addr={quote(self.province)}")
        return read_stations(answer.payload, self.province)

    def _ask(self, address: str, query: str) -> Answer:
        url = f"{address}?serviceKey={self._key}&{query}&returnType=json&numOfRows={MOST_STATIONS}&pageNo=1"
        try:
            response = self._pool.request("GET", url)
        except urllib3.exceptions.HTTPError as error:
            # The text of the error can hold the address, and with it the key.
            raise UnavailableError(f"AirKorea cannot be reached ({type(error).__name__})") from None
        # Some answers repeat what was asked.
        payload = response.data
        for secret in (self._key, unquote(self._key)):
            payload = payload.replace(secret.encode(), b"***")
        return read_answer(response.status, payload)


def read_answer(status: int, payload: bytes) -> Answer:
    """Return an answer that holds values; refusals come in XML, JSON or plain words, often with the status of success.

    Raises UserError for what a person must change, UnavailableError for what may pass.
    """
    try:
        content = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _refused(status, *_in_xml(payload.decode(errors="replace"))) from None
    response = _inner(content, "response")
    header, items = _inner(response, "header"), _inner(response, "body").get("items")
    if header.get("resultCode") == "00" and isinstance(items, list):
        times = [at for item in items if isinstance(item, dict) and (at := hour(item.get("dataTime")))]
        return Answer(payload, max(times, default=None))
    gate = _inner(_inner(content, "OpenAPI_ServiceResponse"), "cmmMsgHeader")
    number = header.get("resultCode") or gate.get("returnReasonCode")
    words = header.get("resultMsg") or gate.get("returnAuthMsg") or gate.get("errMsg")
    raise _refused(status, str(number or ""), str(words or "neither values nor a reason"))


def key_from_surroundings(surroundings: Mapping[str, str] = os.environ) -> str:
    """Return the key of the open data portal.

    Raises UserError where there is none.
    """
    if not (key := surroundings.get(KEY_VARIABLE, "").strip()):
        raise UserError(f"AirKorea needs a key; get one on data.go.kr (15073861) and set {KEY_VARIABLE}")
    return key


def next_time(now: datetime, every: timedelta, newest: datetime | None) -> datetime:
    """Return when to ask again: some minutes after a full interval, sooner where the values of this hour were not there yet."""
    since = now - AFTER_THE_HOUR - datetime(1970, 1, 1, tzinfo=UTC)
    regular = now - since % every + every
    is_behind = newest is None or newest <= now - AFTER_THE_HOUR - timedelta(hours=1)
    return min(regular, now + LEAST) if is_behind else regular


def carry(
    source: AirKorea,
    broker_url: str,
    *,
    every: timedelta,
    once: bool,
    now: Callable[[], datetime],
    over: Callable[[float], bool],
    on_answer: Callable[[Answer], None] = lambda _answer: None,
) -> None:
    """Ask and publish until `over`, which waits and tells whether to end, says so; or `once`.

    Raises UserError where it never worked, and every error for `once`; anything else is logged and tried again.
    """
    if every < LEAST:
        raise UserError(
            f"--every must be {LEAST.total_seconds() / 60:g}m or more: the values are hourly, and calls are counted"
        )
    topic, has_worked = f"airkorea/{source.province}", False

    def pause(seconds: float) -> None:
        if over(seconds):
            raise _StoppedError

    patiently = Retrying(
        retry=retry_if_exception(
            lambda error: isinstance(error, UnavailableError) and not isinstance(error, UsedUpError)
        ),
        wait=wait_exponential(multiplier=FIRST_PAUSE_S, max=300),
        stop=stop_after_attempt(ATTEMPTS),
        sleep=pause,
        before_sleep=_say,
        reraise=True,
    )
    with suppress(_StoppedError):
        while True:
            newest = None
            try:
                answer: Answer = patiently(source.ask)
                patiently(publish, broker_url, topic, answer.payload)
                newest, has_worked = answer.newest, True
                on_answer(answer)
            except JeonjuError as error:
                if once or (isinstance(error, UserError) and not has_worked):
                    raise
                newest = now() if isinstance(error, UsedUpError) else None
                log.warning("%s", error)
            if once:
                return
            pause((next_time(now(), every, newest) - now()).total_seconds())


def publish(broker_url: str, topic: str, payload: bytes) -> None:
    """Publish one message at QoS 1 and wait for its acknowledgement.

    Raises UnavailableError without one, UserError when the broker refuses.
    """
    client = Client(broker_url, passing_id("jeonju-airkorea"))
    client.begin()
    try:
        message = client.publish(topic, payload, qos=1)
        end = time.monotonic() + ACKNOWLEDGED_WITHIN_S
        while not message.is_published() and not client.failure and time.monotonic() < end:
            message.wait_for_publish(0.2)
    finally:
        client.end()
    if not message.is_published():
        raise client.failure or UnavailableError(f"the broker at {client.address!r} does not take {topic}: no answer")


def _say(state: RetryCallState) -> None:
    log.warning("%s; it is tried again", state.outcome.exception() if state.outcome else "it failed")


def _inner(content: Any, name: str) -> dict[str, Any]:
    inner = content.get(name) if isinstance(content, dict) else None
    return inner if isinstance(inner, dict) else {}


def _in_xml(text: str) -> tuple[str, str]:
    """Return number and words of a refusal in XML, or its plain words."""
    reasons = dict(_XML_REASON.findall(text))
    number = _XML_NUMBER.search(text)
    return number[1] if number else "", reasons.get("returnAuthMsg") or reasons.get("errMsg") or text or "nothing"


def _refused(status: int, number: str, words: str) -> JeonjuError:
    said = " ".join(words.split())[:100]
    known = next(
        (known for known in _REFUSALS if known.word in (number, words) or known.number == number.strip()), None
    )
    if known is not None and known.advice is not None:
        return UserError(f"AirKorea answers {known.word}: {known.advice}")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) and known is None:
        return UserError(f"AirKorea answers {status} {said}: {_SEE_KEY}")
    if known is not None and known.word == USED_UP:
        return UsedUpError(
            "the calls that AirKorea allows this key a day are used up; it is tried again every full interval"
        )
    parts = ("" if status == HTTPStatus.OK else str(status), number.strip(), known.word if known else said)
    return UnavailableError(f"AirKorea gives no values now: {' '.join(filter(None, parts))}")
