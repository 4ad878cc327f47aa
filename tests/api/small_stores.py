"""A store of each kind in which the standards are asked: what they answer comes from readings, wherever those lie."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from jeonju.storage.open import open_store
from jeonju.storage.port import Store
from tests.storage.influx.servers import Influxd

KINDS: Final = ("duckdb", "influxdb1")


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[Store]:
    """An empty store in a file, or in a real InfluxDB 1.x that is started for it."""
    with ExitStack() as stack:
        url = str(folder / "air.duckdb") if kind == "duckdb" else stack.enter_context(Influxd(folder / "influxd")).url()
        store = open_store(url)
        stack.callback(store.close)
        yield store
