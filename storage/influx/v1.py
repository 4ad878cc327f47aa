"""InfluxDB 1.x: a database with retention policies, written through `/write`."""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from jeonju.common.errors import UserError
from jeonju.storage.influx.http import Keeping, Precision, Queries, dropped_as_too_old, refusal
from jeonju.storage.influx.influxql import quoted
from jeonju.storage.influx.line_protocol import bodies
from jeonju.storage.influx.names import POLICIES

EXISTS: Final = "already exists"
_SECONDS_OF: Final = {"h": 3600, "m": 60, "s": 1}


class Version1(Queries):
    """InfluxDB 1.x."""

    def prepare(self, keeping: Keeping | None) -> None:
        """Make the database and its retention policies where they are missing, and let them keep as long as they should."""
        for _ in POLICIES:
            try:
                self._prepare(keeping)
            except UserError as error:
                if EXISTS not in str(error):
                    raise
                # Another process has just made it, with another duration perhaps.
                continue
            return
        self._prepare(keeping)

    def _prepare(self, keeping: Keeping | None) -> None:
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

    def write(self, lines: Iterable[str], precision: Precision, policy: str | None = None) -> list[int]:
        """Write lines through `/write`."""
        # 1.x calls microseconds `u`; `us` it takes, without a word, for nanoseconds.
        fields = {"db": self._address.name, "precision": {"us": "u", "ns": "n"}[precision]}
        if policy is not None:
            fields["rp"] = policy
        dropped: list[int] = []
        first = 0
        for body, count in bodies(lines):
            status, answer = self._post("/write", fields, body)
            if status >= HTTPStatus.MULTIPLE_CHOICES:
                dropped += range(first, first + dropped_as_too_old(self._address, status, answer))
            first += count
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


def _kept_s(duration: str) -> float | None:
    """Return the seconds of a duration such as 720h0m0s; 0s stands for ever."""
    seconds = sum(int(number) * _SECONDS_OF[unit] for number, unit in re.findall(r"(\d+)([hms])", duration))
    return float(seconds) or None
