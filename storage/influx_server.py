"""Talk to an InfluxDB server: `/query` with InfluxQL for both major versions, `/write` for 1.x, the official client's writes for 2.x."""

import logging
import os
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final, Literal, NamedTuple, Protocol
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import msgspec
import urllib3

from airquality.errors import JeonjuError, UnavailableError, UserError
from storage.influx_names import AIR, AIR_1H, AIR_1M, DEVICE_TAG, FLOATS, SITE
from storage.line_protocol import bodies

log = logging.getLogger(__name__)

TOKEN_VARIABLE: Final = "INFLUXDB_TOKEN"  # noqa: S105  (the name of a variable, no secret)
CONNECT_S: Final = 5.0
ANSWER_S: Final = 30.0
CHUNK_ROWS: Final = 10_000
# Angles cannot be averaged as numbers, so the roll-ups leave them out.
ROLLED_UP: Final = tuple(name for name in FLOATS if name not in ("lat", "lon", "wind_direction", "heading"))
# Late readings come within the time after FOR; both roll-ups are made from the readings, as a mean of means weighs gaps wrongly.
ROLL_UPS: Final = ((AIR_1M, "1m", "EVERY 1m FOR 10m"), (AIR_1H, "1h", "EVERY 10m FOR 3h"))
_HOW_TO_WRITE: Final = (
    "write it like influxdb://user:password@host:8086/database or influxdb://host:8086/bucket?org=ORG&token=TOKEN"
)


class Address(NamedTuple):
    """Where a database (1.x) or bucket (2.x, `org` is set) is and how to log in."""

    base: str
    name: str
    user: str | None
    password: str
    org: str | None
    token: str

    def __str__(self) -> str:
        return f"{self.base}/{self.name}"


Precision = Literal["us", "ns"]


class Part(NamedTuple):
    """Rows of one series, or some of them: of which measurement, the tags they are grouped by, the columns' names, the rows."""

    name: str
    tags: dict[str, str]
    columns: list[str]
    rows: list[list[Any]]


class Server(Protocol):
    """What the store needs of a server."""

    def write(self, lines: Iterable[str], precision: Precision) -> None:
        """Write lines of line protocol with times of that precision."""

    def query(self, question: str, *, epoch: str = "u") -> Iterator[Part]:
        """Ask in InfluxQL; the answer comes in parts."""

    def close(self) -> None:
        """Let go of the connections."""


def connect(url: str) -> Server:
    """Return the server behind a URL, with its database or bucket made if it was missing.

    Raises UserError for a bad URL or wrong credentials, UnavailableError when nobody answers.
    """
    address = parse_address(url)
    server = Version1(address) if address.org is None else Version2(address)
    try:
        server.prepare()
    except BaseException:
        server.close()
        raise
    return server


def parse_address(url: str) -> Address:
    """Return the parts of `influxdb://…`, or `influxdbs://…` with TLS."""
    try:
        parts = urlsplit(url)
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
        host, port = parts.hostname, parts.port or 8086
    except ValueError as error:
        # Its text is kept away: it can hold a part of a password that was not percent-encoded.
        raise UserError(f"that is no address of an InfluxDB; {_HOW_TO_WRITE}") from error
    name = unquote(parts.path.strip("/"))
    if not host or not name or "/" in name or options.keys() - {"org", "token"}:
        raise UserError(f"that is no address of an InfluxDB; {_HOW_TO_WRITE}")
    org = options["org"][0] if "org" in options else None
    token = options["token"][0] if "token" in options else os.environ.get(TOKEN_VARIABLE, "")
    if org is not None and not token:
        raise UserError(f"InfluxDB 2 needs a token; set {TOKEN_VARIABLE}, or add &token=TOKEN to the address")
    scheme = "https" if parts.scheme == "influxdbs" else "http"
    shown = f"[{host}]" if ":" in host else host
    user, password = (unquote(text) if text else text for text in (parts.username, parts.password))
    return Address(f"{scheme}://{shown}:{port}", name, user, password or "", org, token)


class _Queries:
    """Questions in InfluxQL, which both versions answer alike."""

    def __init__(self, address: Address) -> None:
        self._address = address
        # Retries are the business of whoever calls: ingest waits longer and longer, the api tells its user.
        self._pool = urllib3.PoolManager(
            maxsize=8,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=ANSWER_S),
            headers=_log_in(address),
        )

    def query(self, question: str, *, epoch: str = "u") -> Iterator[Part]:
        """Ask in InfluxQL; the answer comes in parts as the server finds them."""
        fields = {"db": self._address.name, "q": question, "epoch": epoch, "chunked": "true", "chunk_size": CHUNK_ROWS}
        try:
            response = self._pool.request(
                "GET", f"{self._address.base}/query?{urlencode(fields)}", preload_content=False
            )
            try:
                if response.status != HTTPStatus.OK:
                    raise _refusal(self._address, response.status, response.data.decode(errors="replace"))
                for line in _lines(response.stream(2**16)):
                    yield from self._parts(line)
            finally:
                # After a whole answer the connection is back in the pool already; one with a rest in it must not be used again.
                response.close()
        except urllib3.exceptions.HTTPError as error:
            raise _unreachable(self._address, error) from error

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.clear()

    def _parts(self, answer: bytes) -> Iterator[Part]:
        try:
            results = msgspec.json.decode(answer)["results"]
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise UnavailableError(f"{self._address} broke off, or is no InfluxDB: {answer[:80]!r}") from error
        for result in results:
            if "error" in result:
                raise _refusal(self._address, HTTPStatus.BAD_REQUEST, str(result["error"]))
            for series in result.get("series", ()):
                yield Part(series.get("name", ""), series.get("tags", {}), series["columns"], series.get("values", []))

    def _post(self, path: str, fields: dict[str, str], body: bytes = b"") -> None:
        try:
            response = self._pool.request("POST", f"{self._address.base}{path}?{urlencode(fields)}", body=body)
        except urllib3.exceptions.HTTPError as error:
            raise _unreachable(self._address, error) from error
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            _raise_unless_too_old(self._address, response.status, response.data.decode(errors="replace"))
        elif response.status == HTTPStatus.OK:
            # A refused statement comes with the status of success.
            list(self._parts(response.data))


class Version1(_Queries):
    """InfluxDB 1.x."""

    def prepare(self) -> None:
        """Make the database and its roll-ups where they are missing."""
        name = self._address.name
        if all(row[0] != name for part in self.query("SHOW DATABASES") for row in part.rows):
            self._post("/query", {"q": f"CREATE DATABASE {quoted(name)}"})
        self._make_roll_ups()

    def write(self, lines: Iterable[str], precision: Precision) -> None:
        """Write lines through `/write`."""
        # 1.x calls microseconds `u`; `us` it takes, without a word, for nanoseconds.
        for body in bodies(lines):
            self._post("/write", {"db": self._address.name, "precision": {"us": "u", "ns": "n"}[precision]}, body)

    def _make_roll_ups(self) -> None:
        database = self._address.name
        try:
            answer = self.query("SHOW CONTINUOUS QUERIES")
            present = {row[0] for part in answer if part.name == database for row in part.rows}
            for name, interval, resample in ROLL_UPS:
                if name not in present:
                    self._post("/query", {"q": roll_up(database, name, interval, resample)})
        except UserError as error:
            # Only an administrator may see and make them; the store works without.
            log.warning("the roll-ups %s and %s were not made: %s", AIR_1M, AIR_1H, error)


class Version2(_Queries):
    """InfluxDB 2.x. Roll-ups are tasks there, made by whoever runs the server."""

    def __init__(self, address: Address) -> None:
        # This takes a while, and 1.x needs none of it.
        from influxdb_client import InfluxDBClient
        from influxdb_client.client.write_api import SYNCHRONOUS

        super().__init__(address)
        self._client = InfluxDBClient(
            address.base, token=address.token, org=address.org, timeout=int(ANSWER_S * 1000), retries=False
        )
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)

    def prepare(self) -> None:
        """Make the bucket where it is missing."""
        with self._translated_errors():
            self._make_bucket()
        # Buckets are databases of the same name since 2.1; before, and where a mapping takes the name, this says what is wrong.
        list(self.query("SHOW MEASUREMENTS LIMIT 1"))

    def write(self, lines: Iterable[str], precision: Precision) -> None:
        """Write lines through the official client."""
        for body in bodies(lines):
            with self._translated_errors():
                self._writer.write(self._address.name, record=body, write_precision=precision)

    def close(self) -> None:
        """Let go of the connections."""
        self._writer.close()
        self._client.close()
        super().close()

    def _make_bucket(self) -> None:
        from influxdb_client.rest import ApiException

        buckets = self._client.buckets_api()
        try:
            found = buckets.find_buckets(name=self._address.name, org=self._address.org).buckets
        except ApiException as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            found = []
        if not found:
            buckets.create_bucket(bucket_name=self._address.name, org=self._address.org)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        from influxdb_client.rest import ApiException

        try:
            yield
        except ApiException as error:
            _raise_unless_too_old(self._address, error.status or 0, str(error.body or error.reason))
        except urllib3.exceptions.HTTPError as error:
            raise _unreachable(self._address, error) from error


def quoted(name: str) -> str:
    """Return a name as InfluxQL takes it."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def text(value: str) -> str:
    """Return a text as InfluxQL takes it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def roll_up(database: str, name: str, interval: str, resample: str) -> str:
    """Return the statement that makes the continuous query `name` of means over `interval`."""
    means = ", ".join(f"mean({quoted(key)}) AS {quoted(key)}" for key in ROLLED_UP)
    return (
        f"CREATE CONTINUOUS QUERY {quoted(name)} ON {quoted(database)} RESAMPLE {resample} BEGIN "
        f"SELECT {means} INTO {quoted(name)} FROM {quoted(AIR)} GROUP BY time({interval}), {quoted(SITE)}, {quoted(DEVICE_TAG)} END"
    )


def _log_in(address: Address) -> dict[str, str]:
    if address.org is not None:
        return {"Authorization": f"Token {address.token}"}
    if address.user is not None:
        pair = f"{address.user}:{address.password}".encode()
        return {"Authorization": f"Basic {b64encode(pair).decode()}"}
    return {}


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


def _raise_unless_too_old(address: Address, status: int, answer: str) -> None:
    # The server has taken the rest and would forget these readings at once: to offer them again helps nobody.
    if "beyond retention policy" not in answer:
        raise _refusal(address, status, answer)


def _refusal(address: Address, status: int, answer: str) -> JeonjuError:
    reason = _reason(answer)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return UserError(f"{address} refuses the user and password, or the token: {reason}")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in (
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    ):
        return UnavailableError(f"{address} cannot answer now: {reason}")
    return UserError(f"{address} refuses: {reason}")


def _unreachable(address: Address, error: Exception) -> UnavailableError:
    return UnavailableError(f"{address} cannot be reached: {(str(error) or type(error).__name__).splitlines()[0]}")


def _reason(answer: str) -> str:
    """Return what an answer says, on one line: 1.x has it in `error`, 2.x in `message`."""
    try:
        document = msgspec.json.decode(answer)
        said = str(document.get("error") or document.get("message") or answer)
    except (msgspec.DecodeError, AttributeError):
        said = answer
    return " ".join(said.split())[:300]
