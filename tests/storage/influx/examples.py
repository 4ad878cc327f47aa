"""What the tests of InfluxDB write, and a server that fails when they want it to."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from jeonju.common.errors import UnavailableError
from jeonju.contract.columns import readings_table
from jeonju.contract.records import DeadLetter, DeviceRecord, LedgerEntry
from jeonju.storage.influx.http import Precision
from jeonju.storage.influx.server import Server
from jeonju.storage.influx.store import InfluxStore
from jeonju.storage.port import Commit, Series
from tests.storage.letters import as_written

T0 = datetime(2026, 3, 2, tzinfo=UTC)


FOREVER = Series(site="jeonju", start=datetime(1, 1, 1, tzinfo=UTC), end=datetime(9999, 1, 1, tzinfo=UTC))


WHOLE = Commit(
    readings=readings_table(
        {"site": "jeonju", "device": device, "time": T0 + timedelta(seconds=second), "received_at": T0, "pm25": 1.5}
        for device in "abc"
        for second in range(10)
    ),
    devices=[DeviceRecord("jeonju", device, "palbok", "station", "real", "online", T0) for device in "abc"],
    dead_letters=[DeadLetter(T0, "air/x", b"\xff", "is not JSON"), DeadLetter(T0, "air/y", b"", "is empty")],
    ledger=[LedgerEntry("jeonju", device, None, 9, 10, 1, 2, 3, 4) for device in "abc"],
)


def holdings(store: InfluxStore) -> tuple[Any, ...]:
    return (
        store.readings(FOREVER).to_pylist(),
        store.devices("jeonju"),
        sorted(as_written(store.dead_letters())),
        store.ledger("jeonju"),
    )


class Stumbling:
    """A server that fails at the chosen write, before or after the lines are in."""

    def __init__(self, behind: Server, fails_at: int, *, afterwards: bool) -> None:
        self._behind, self._left, self._afterwards = behind, fails_at, afterwards

    def write(self, lines: Iterable[str], precision: Precision, policy: str | None = None) -> list[int]:
        fails = self._left == 0
        self._left -= 1
        dropped = self._behind.write(lines, precision, policy) if not fails or self._afterwards else []
        if fails:
            raise UnavailableError("stumbled")
        return dropped

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)
