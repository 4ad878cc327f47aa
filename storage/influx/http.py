"""Ask an InfluxDB over HTTP: `/query` with InfluxQL, which all versions answer alike, and what their refusals mean."""

import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Final, Literal
from urllib.parse import urlencode

import msgspec
import urllib3

from jeonju.common.errors import JeonjuError, UnavailableError, UserError
from jeonju.storage.influx.address import Address
from jeonju.storage.influx.influxql import Part

CONNECT_S: Final = 5.0
ANSWER_S: Final = 30.0
CHUNK_ROWS: Final = 10_000
# So many come to about half a megabyte.
STATEMENTS: Final = 100
# 1.x and early 2.x say "beyond", 2.7 says "outside".
_TOO_OLD: Final = re.compile(r"(?:beyond|outside) retention policy.*dropped=(\d+)", re.DOTALL)

Precision = Literal["us", "ns"]
# How long each policy keeps [s], None for ever.
Keeping = dict[str, float | None]


class Queries:
    """Questions in InfluxQL, and the connections for them."""

    def __init__(self, address: Address) -> None:
        self._address = address
        # The caller decides whether to try again: ingest waits longer and longer, the api answers 503.
        self._pool = urllib3.PoolManager(
            maxsize=8,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=ANSWER_S),
            headers=address.headers(),
        )

    def query(self, *questions: str, epoch: str = "u") -> Iterator[Part]:
        """Ask in InfluxQL; the answers come in parts as the server finds them."""
        for first in range(0, len(questions), STATEMENTS):
            yield from self._query(";".join(questions[first : first + STATEMENTS]), epoch)

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.clear()

    def _query(self, question: str, epoch: str) -> Iterator[Part]:
        options = {"db": self._address.name, "epoch": epoch, "chunked": "true", "chunk_size": CHUNK_ROWS}
        try:
            # The question can be longer than addresses may be.
            response = self._pool.request(
                "POST",
                f"{self._address.base}/query?{urlencode(options)}",
                fields={"q": question},
                encode_multipart=False,
                preload_content=False,
            )
            try:
                if response.status != HTTPStatus.OK:
                    raise refusal(self._address, response.status, response.data.decode(errors="replace"))
                for line in _lines(response.stream(2**16)):
                    yield from self._parts(line)
            finally:
                # After a whole answer the connection is back in the pool already; one with a rest in it must not be used again.
                response.close()
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(self._address, error) from error

    def _parts(self, answer: bytes) -> Iterator[Part]:
        try:
            results = msgspec.json.decode(answer)["results"]
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise UnavailableError(f"{self._address} broke off, or is no InfluxDB: {answer[:80]!r}") from error
        for result in results:
            if "error" in result:
                raise refusal(self._address, HTTPStatus.BAD_REQUEST, str(result["error"]))
            for series in result.get("series", ()):
                yield Part(series.get("name", ""), series.get("tags", {}), series["columns"], series.get("values", []))

    def _post(self, path: str, fields: dict[str, str], body: bytes = b"") -> tuple[int, str]:
        try:
            response = self._pool.request("POST", f"{self._address.base}{path}?{urlencode(fields)}", body=body)
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(self._address, error) from error
        return response.status, response.data.decode(errors="replace")


def refusal(address: Address, status: int, answer: str) -> JeonjuError:
    """Return the error that an answer of a server means: for a person to change, or to try again."""
    reason = said(answer)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return UserError(f"{address} refuses the user and password, or the token: {reason}")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in (
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    ):
        return UnavailableError(f"{address} cannot answer now: {reason}")
    return UserError(f"{address} refuses: {reason}")


def unreachable(address: Address, error: Exception) -> UnavailableError:
    """Return the error for a server that does not answer."""
    return UnavailableError(f"{address} cannot be reached: {(str(error) or type(error).__name__).splitlines()[0]}")


def dropped_as_too_old(address: Address, status: int, answer: str) -> int:
    """Return how many points a server has dropped as too old; it has taken the rest, so nobody is helped by offering all of them again."""
    found = _TOO_OLD.search(answer)
    if found is None:
        raise refusal(address, status, answer)
    return int(found[1])


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut a stream into its lines, each one JSON document."""
    rest: list[bytes] = []
    for chunk in chunks:
        *whole, last = chunk.split(b"\n")
        for line in whole:
            yield b"".join([*rest, line])
            rest = []
        rest.append(last)
    if last_line := b"".join(rest):
        yield last_line


def said(answer: str) -> str:
    """Return what an answer says, on one line: 1.x has it in `error`, 2.x in `message`."""
    try:
        document = msgspec.json.decode(answer)
        text = str(document.get("error") or document.get("message") or answer)
    except (msgspec.DecodeError, AttributeError):
        text = answer
    return " ".join(text.split())[:300]
