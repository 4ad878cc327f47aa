"""An InfluxDB server: databases with retention policies and `/write` in 1.x; buckets and the official client's writes in 2.x."""

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final, Literal, Protocol

import urllib3

from airquality.errors import UserError
from storage.influx_address import Address, parse_address
from storage.influx_http import ANSWER_S, Queries, refusal, said, unreachable
from storage.influx_names import POLICIES
from storage.influxql import Part, quoted
from storage.line_protocol import bodies
from storage.port import Retention

log = logging.getLogger(__name__)

# Both versions refuse a policy that keeps for less.
_LEAST_S: Final = 3600
# 1.x and early 2.x say "beyond", 2.7 says "outside".
_TOO_OLD: Final = re.compile(r"(?:beyond|outside) retention policy.*dropped=(\d+)", re.DOTALL)
_DAY_S: Final = 86_400
_SECONDS_OF: Final = {"h": 3600, "m": 60, "s": 1}

_FORBIDDEN: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

Precision = Literal["us", "ns"]
# How long each policy keeps [s], None for ever.
Keeping = dict[str, float | None]


class Server(Protocol):
    """What the store needs of a server."""

    def write(self, lines: Iterable[str], precision: Precision, policy: str | None = None) -> int:
        """Write lines of line protocol with times of that precision; return how many the server dropped for being older than it keeps."""

    def query(self, *questions: str, epoch: str = "u") -> Iterator[Part]:
        """Ask in InfluxQL; the answers come in parts."""

    def close(self) -> None:
        """Let go of the connections."""


def connect(url: str, retention: Retention | None) -> Server:
    """Return the server behind a URL, with its database and retention policies, or its buckets, made where they were missing.

    With `retention` they keep for that long from now on; without it what is there stays as it is, and what is made keeps for ever.
    Raises UserError for a bad URL or wrong credentials, UnavailableError when nobody answers.
    """
    address = parse_address(url)
    keeping = None if retention is None else _keeping(retention)
    server = Version1(address) if address.org is None else Version2(address)
    try:
        server.prepare(keeping)
    except BaseException:
        server.close()
        raise
    return server


def _keeping(retention: Retention) -> Keeping:
    if any(kept_s is not None and kept_s < _LEAST_S for kept_s in retention):
        raise UserError(
            "InfluxDB keeps what it has for an hour at least; give --keep-raw and --keep-minutes 1h or more"
        )
    return dict(zip(POLICIES, retention, strict=True))


class Version1(Queries):
    """InfluxDB 1.x."""

    def prepare(self, keeping: Keeping | None) -> None:
        """Make the database and its retention policies where they are missing, and let them keep as long as they should."""
        database = quoted(self._address.name)
        if all(row[0] != self._address.name for part in self.query("SHOW DATABASES") for row in part.rows):
            self._set_up(f"CREATE DATABASE {database}")
        answer = self.query(f"SHOW RETENTION POLICIES ON {database}")
        present = {row[0]: _kept_s(row[1]) for part in answer for row in part.rows}
        for name in POLICIES:
            kept_s = keeping[name] if keeping else None
            duration = "INF" if kept_s is None else f"{int(kept_s)}s"
            if name not in present:
                self._set_up(f"CREATE RETENTION POLICY {quoted(name)} ON {database} DURATION {duration} REPLICATION 1")
            elif keeping and present[name] != kept_s:
                # A shard must not be longer than the policy: 0 lets the server choose anew.
                self._set_up(
                    f"ALTER RETENTION POLICY {quoted(name)} ON {database} DURATION {duration} SHARD DURATION 0s"
                )

    def write(self, lines: Iterable[str], precision: Precision, policy: str | None = None) -> int:
        """Write lines through `/write`."""
        # 1.x calls microseconds `u`; `us` it takes, without a word, for nanoseconds.
        fields = {"db": self._address.name, "precision": {"us": "u", "ns": "n"}[precision]}
        if policy is not None:
            fields["rp"] = policy
        dropped = 0
        for body in bodies(lines):
            status, answer = self._post("/write", fields, body)
            if status >= HTTPStatus.MULTIPLE_CHOICES:
                dropped += _dropped(self._address, status, answer)
        return dropped

    def _set_up(self, statement: str) -> None:
        try:
            status, answer = self._post("/query", {"q": statement})
            if status != HTTPStatus.OK:
                raise refusal(self._address, status, answer)
            # A refused statement comes with the status of success.
            list(self._parts(answer.encode()))
        except UserError as error:
            raise UserError(f"{error}; an administrator of the server can: {statement}") from error


class Version2(Queries):
    """InfluxDB 2.x: a policy of a database is the bucket DATABASE/POLICY, and InfluxQL finds it by that name."""

    def __init__(self, address: Address) -> None:
        # This takes a while, and 1.x needs none of it.
        from influxdb_client import InfluxDBClient
        from influxdb_client.client.write_api import SYNCHRONOUS

        super().__init__(address)
        self._client = InfluxDBClient(
            address.base, token=address.token, org=address.org, timeout=int(ANSWER_S * 1000), retries=False
        )
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)

    def prepare(self, keeping: Keeping | None) -> None:
        """Make the buckets where they are missing, and let them keep as long as they should."""
        with self._translated_errors():
            self._prepare_bucket(self._address.name, None, keep=False)
            for policy in POLICIES:
                kept_s = keeping[policy] if keeping else None
                self._prepare_bucket(self._bucket(policy), kept_s, keep=keeping is not None)

    def write(self, lines: Iterable[str], precision: Precision, policy: str | None = None) -> int:
        """Write lines through the official client."""
        from influxdb_client.rest import ApiException

        dropped = 0
        for body in bodies(lines):
            with self._translated_errors():
                try:
                    self._writer.write(self._bucket(policy), record=body, write_precision=precision)
                except ApiException as error:
                    dropped += _dropped(self._address, error.status or 0, str(error.body or error.reason))
        return dropped

    def close(self) -> None:
        """Let go of the connections."""
        self._writer.close()
        self._client.close()
        super().close()

    def _bucket(self, policy: str | None) -> str:
        return self._address.name if policy is None else f"{self._address.name}/{policy}"

    def _prepare_bucket(self, name: str, kept_s: float | None, *, keep: bool) -> None:
        from influxdb_client import BucketRetentionRules

        buckets = self._client.buckets_api()
        # 0 stands for ever; without a rule the server would leave an old one as it is.
        rule = BucketRetentionRules(
            type="expire", every_seconds=int(kept_s or 0), shard_group_duration_seconds=_shard_s(kept_s)
        )
        found = self._find_bucket(buckets, name)
        if found is None:
            with self._not_allowed(
                f"finds no bucket {name} in the organization {self._address.org} and may not make it"
            ):
                buckets.create_bucket(bucket_name=name, org=self._address.org, retention_rules=[rule])
        elif keep and [old.every_seconds for old in found.retention_rules] != [rule.every_seconds]:
            found.retention_rules = [rule]
            with self._not_allowed(f"may not change how long the bucket {name} keeps"):
                buckets.update_bucket(found)

    def _find_bucket(self, buckets: Any, name: str) -> Any:
        from influxdb_client.rest import ApiException

        try:
            found = buckets.find_buckets(name=name, org=self._address.org).buckets
        except ApiException as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None
        return found[0] if found else None

    @contextmanager
    def _not_allowed(self, what: str) -> Iterator[None]:
        from influxdb_client.client.exceptions import InfluxDBError
        from influxdb_client.rest import ApiException

        try:
            yield
        except InfluxDBError as error:
            # The client's own word for an organization that it cannot look up; it does not say who may not.
            reason = getattr(error, "body", None) or str(error)
            if isinstance(error, ApiException) and error.status not in _FORBIDDEN:
                raise
            raise UserError(f"{self._address}: the token {what}: {said(str(reason))}") from error

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        from influxdb_client.rest import ApiException

        try:
            yield
        except ApiException as error:
            raise refusal(self._address, error.status or 0, str(error.body or error.reason)) from error
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(self._address, error) from error


def _kept_s(duration: str) -> float | None:
    """Return the seconds of a duration such as 720h0m0s; 0s stands for ever."""
    seconds = sum(int(number) * _SECONDS_OF[unit] for number, unit in re.findall(r"(\d+)([hms])", duration))
    return float(seconds) or None


def _shard_s(kept_s: float | None) -> int:
    """Return how much time a file of the server should span: what both versions choose by themselves for new policies."""
    if kept_s is None or kept_s > 180 * _DAY_S:
        return 7 * _DAY_S
    return _DAY_S if kept_s >= 2 * _DAY_S else 3600


def _dropped(address: Address, status: int, answer: str) -> int:
    """Return how many points a server has dropped as too old; it has taken the rest, so nobody is helped by offering all of them again."""
    found = _TOO_OLD.search(answer)
    if found is None:
        raise refusal(address, status, answer)
    return int(found[1])
