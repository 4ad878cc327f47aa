"""The client against a real api: typed answers, data frames, errors in one line, and events that break lose or double nothing."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from jeonju.client import ApiError, Client, Event
from jeonju.client import events as streaming
from jeonju.client.connection import Connection
from jeonju.common.errors import UserError
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import Wire, served, served_with_key
from tests.waiting import wait_until


def test_answers_are_typed_and_whole(url: str, jeonju: Site, run: Path) -> None:
    with Client(url) as air:
        assert [device.device for device in air.devices()] == sorted(device.name for device in jeonju.devices)
        latest = air.latest()
        assert {reading.device for reading in latest} == {device.name for device in jeonju.devices}
        assert all(reading.time.tzinfo is UTC or reading.time.utcoffset() == timedelta(0) for reading in latest)
        assert latest[0].values["pm25"] > 0
        alerts = air.alerts("all")
        assert alerts
        assert all(alert.summary_en and alert.summary_ko for alert in alerts)
        assert air.incidents("all")[0].lat is not None
        assert air.site()["name"] == "jeonju"
        assert {row["key"] for row in air.quantities()} >= {"pm25", "wind_speed"}
        assert len(air.state()["latest"]) == len(jeonju.devices)
        assert air.get("/api/v1/limits")["grades"]


def test_readings_come_as_pandas_and_xarray_with_units(url: str, run: Path) -> None:
    with Client(url) as air:
        end = max(reading.time for reading in air.latest()) + timedelta(seconds=1)
        readings = air.readings(end - timedelta(hours=2), end, quantities=["pm25", "co2"], kind="station")
        stored = pq.read_table(run / "readings.parquet", filters=[("device", "==", "palbok-03")])
        frame = readings.to_pandas()
        assert frame[frame.device == "palbok-03"].pm25.dropna().tolist() == stored["pm25"].drop_null().to_pylist()
        assert readings.units["pm25"] == "µg/m³"
        assert len(readings) == len(frame)
        assert {device["kind"] for device in readings.devices} == {"station"}
        grid = air.readings(end - timedelta(hours=2), end, quantities=["pm25"], every_s=60).to_xarray()
        assert grid.pm25.dims == ("time", "device")
        assert grid.pm25.attrs["units"] == "µg/m³"
        assert grid.attrs["site"] == "jeonju"
        one = frame[frame.device == "palbok-03"].set_index("time").pm25.resample("60s").mean()
        assert grid.pm25.sel(device="palbok-03").to_numpy() == pytest.approx(one.to_numpy(), rel=1e-9, nan_ok=True)


def test_export_appears_whole_or_not_at_all(url: str, tmp_path: Path) -> None:
    with Client(url) as air:
        end = max(reading.time for reading in air.latest())
        file = air.export(tmp_path / "air.nc", end - timedelta(minutes=5), end, kind="robot")
        assert file.stat().st_size > 1000
        with pytest.raises(ApiError, match=r"must end in \.csv, \.parquet, \.nc"):
            air.export(tmp_path / "air.xlsx")
        with pytest.raises(ApiError, match="device: nobody is not known"):
            air.export(tmp_path / "air.csv", devices=["nobody"])
        with pytest.raises(ApiError, match="needs a time zone"):
            air.export(tmp_path / "air.csv", datetime(2026, 3, 4))  # noqa: DTZ001
    assert [path.name for path in tmp_path.iterdir()] == ["air.nc"]


def test_what_the_api_refuses_is_one_exception_with_its_line(jeonju: Site, store: DuckDBStore, tmp_path: Path) -> None:
    with served_with_key(jeonju, store, tmp_path) as (wire, key):
        address = f"http://127.0.0.1:{wire.port}"
        with Client(address) as air, pytest.raises(ApiError, match=r"refuses: .*key") as refused:
            air.devices()
        assert (refused.value.status, refused.value.is_temporary) == (401, False)
        (tmp_path / "key").write_text(f"{key}\n")
        with Client(address, key_file=tmp_path / "key") as air:
            assert air.devices() == []
            with pytest.raises(ApiError, match="no alert"):
                air.get("/api/v1/alerts/none")
    with Client(address) as air, pytest.raises(ApiError, match="does not answer") as away:
        next(iter(air.devices()))
    assert away.value.is_temporary
    with pytest.raises(UserError, match="cannot be read"):
        Client(address, key_file=tmp_path / "nothing")


class Following:
    """Takes events in a thread."""

    def __init__(self, address: str) -> None:
        self.connection = Connection(address, None, None, None)
        self.taken: list[Event] = []
        self.is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def numbers(self) -> list[int]:
        return [event.data["number"] for event in self.taken if event.kind == "alert"]

    def stop(self) -> None:
        self.is_over.set()
        self._thread.join()
        self.connection.close()

    def _run(self) -> None:
        found: Iterator[Event] = streaming.events(self.connection, wait=self._wait)
        with suppress(_OverError):
            for event in found:
                self.taken.append(event)
                if event.kind == "alert" and event.data["number"] < 0:
                    return

    def _wait(self, _seconds: float) -> None:
        if self.is_over.is_set():
            raise _OverError
        time.sleep(0.02)


class _OverError(Exception):
    pass


def test_events_come_once_each_over_broken_connections_and_a_restart(jeonju: Site, store: DuckDBStore) -> None:
    def send(wire: Wire, first: int, last: int) -> None:
        for number in range(first, last):
            wire.app.state.air.stream.send("alert", {"number": number})

    def break_off(wire: Wire) -> None:
        for listener in list(wire.app.state.air.stream._listeners):
            wire.app.state.air.stream._loop.call_soon_threadsafe(listener.abort)

    following = None
    port = 0
    try:
        with served(api_app(jeonju, store, "mqtt://127.0.0.1:1")) as wire:
            port = wire.port
            following = Following(f"http://127.0.0.1:{port}")
            wait_until(lambda: following.taken, what="the first event")
            assert following.taken[0].kind == "reset"
            for part in range(5):
                send(wire, part * 100, part * 100 + 50)
                break_off(wire)
                send(wire, part * 100 + 50, part * 100 + 100)
            wait_until(lambda: len(following.numbers()) >= 500, what="all events")
            assert following.numbers() == list(range(500))
            assert [event.kind for event in following.taken].count("reset") == 1
        # Another start knows nothing of what went before, and says so.
        with served(api_app(jeonju, store, "mqtt://127.0.0.1:1"), port=port) as wire:
            wait_until(lambda: [event.kind for event in following.taken].count("reset") == 2, what="the second reset")
            send(wire, 500, 501)
            wait_until(lambda: len(following.numbers()) == 501, what="an event after the restart")
            send(wire, -1, 0)
            wait_until(lambda: following.numbers()[-1] == -1, what="the last event")
    finally:
        if following is not None:
            following.stop()
