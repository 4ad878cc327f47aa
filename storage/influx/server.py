"""What the store needs of an InfluxDB server, and which version answers at an address."""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from jeonju.common.errors import UserError
from jeonju.storage.influx.address import parse_address
from jeonju.storage.influx.http import Keeping, Precision
from jeonju.storage.influx.influxql import Part
from jeonju.storage.influx.names import POLICIES
from jeonju.storage.influx.v1 import Version1
from jeonju.storage.influx.v2 import Version2
from jeonju.storage.port import Retention

# Both versions refuse a policy that keeps for less.
_LEAST_S: Final = 3600


class Server(Protocol):
    """What the store needs of a server."""

    def write(self, lines: Iterable[str], precision: Precision, policy: str | None = None) -> list[int]:
        """Write lines of line protocol with times of that precision; return which the server dropped for being older than it keeps.

        It says only how many. They are the oldest, so of lines in the order of time it is known which; of others, how many.
        """

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
