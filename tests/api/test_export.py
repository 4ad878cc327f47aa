"""Lists and series as files: every row once, with units, instants and flags, nothing that a spreadsheet would run, and no more than a bound."""

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pyarrow as pa
import pyarrow.parquet
import pytest
import xarray as xr
from fastapi.testclient import TestClient

from jeonju.api import export
from jeonju.common.errors import UnavailableError
from jeonju.contract.columns import readings_table
from jeonju.contract.records import DeviceRecord, JournalEntry, LedgerEntry
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit, Series
from tests.api.test_moment import incident
from tests.clients import local_client, served, until_closed
from tests.response.notifying import alert
from tests.waiting import wait_until

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
EVIL = '=HYPERLINK("http://evil.example","x")'


@pytest.fixture
def client(jeonju: Site, store: DuckDBStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    (tmp_path / "files").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "files"))
    rows = [
        {
            "site": "jeonju",
            "device": device,
            "time": NOW - timedelta(seconds=10 * step, microseconds=500_000 * (step == 3)),
            "received_at": NOW,
            "pm25": 20.0 + step / 8,
            "temperature": -3.25,
            "quality": '{"pm25":["suspect","stuck"]}' if step == 2 else None,
        }
        for step in range(30)
        for device in ("palbok-01", "palbok-02")
    ]
    device = DeviceRecord("jeonju", EVIL, "palbok", "station", "simulated", "online", NOW)
    ledger = LedgerEntry("jeonju", "palbok-01", "1", 720, 720, 1, 2, 3, 4)
    store.write(Commit(readings=readings_table(rows), devices=[device], ledger=[ledger]))
    store.write_alerts([alert("one")._replace(summary_en=EVIL, value=-4.5)])
    store.write_incidents([incident("open", NOW - timedelta(minutes=9), None)])
    store.write_journal([JournalEntry("j", "jeonju", NOW, "@kim", "comment", "one", "{}")])
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: NOW)) as started:
        yield started


def as_csv(client: TestClient, path: str, **query: Any) -> list[dict[str, str]]:
    answer = client.get(f"/api/v1/{path}", params={**query, "format": "csv"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8"), answer.text
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="jeonju-{path}-20260304T120000Z.csv')
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def as_parquet(client: TestClient, path: str, **query: Any) -> pa.Table:
    answer = client.get(f"/api/v1/{path}", params={**query, "format": "parquet"})
    assert answer.headers["content-type"] == "application/vnd.apache.parquet", answer.text
    return pyarrow.parquet.read_table(io.BytesIO(answer.content))


def test_series_as_csv_has_units_instants_and_flags(client: TestClient) -> None:
    rows = as_csv(client, "series", device="palbok-01", quantity=["pm25", "temperature"], every="raw")
    assert list(rows[0]) == ["time", "device", "lat [°]", "lon [°]", "pm25 [µg/m³]", "temperature [°C]", "flags"]
    assert len(rows) == 30
    assert [row["time"] for row in rows[-4:]] == [
        "2026-03-04T11:59:29.500000Z",
        "2026-03-04T11:59:40Z",
        "2026-03-04T11:59:50Z",
        "2026-03-04T12:00:00Z",
    ]
    assert [row["pm25 [µg/m³]"] for row in rows[-2:]] == ["20.125", "20"]
    # A number may be negative, it is no formula.
    assert {row["temperature [°C]"] for row in rows} == {"-3.25"}
    assert [row["flags"] for row in rows[-4:]] == ["", "pm25: suspect, stuck", "", ""]


def test_series_as_parquet_says_what_its_columns_mean(client: TestClient) -> None:
    table = as_parquet(client, "series", device=["palbok-01", "palbok-02"], every="raw")
    assert table.num_rows == 60
    assert table.schema.field("time").type == pa.timestamp("us", tz="UTC")
    assert table.schema.field("pm25").metadata == {b"unit": "µg/m³".encode()}
    # Of devices of the site file only what they measure.
    assert "o3" in table.column_names
    assert "thermal_max" not in table.column_names
    about = table.schema.metadata
    assert (about[b"site"], about[b"rows"], about[b"made_at"]) == (b"jeonju", b"series", b"2026-03-04T12:00:00+00:00")
    assert json.loads(about[b"units"])["temperature"] == "°C"
    assert b"not official values of the national network" in about[b"note_en"]
    means = as_parquet(client, "series", device="palbok-01", quantity="pm25", every="60")
    assert means["pm25"].to_pylist()[1] == pytest.approx(sum(20 + step / 8 for step in range(19, 25)) / 6)


def test_what_a_sender_wrote_is_no_formula(client: TestClient) -> None:
    assert as_csv(client, "alerts")[0]["summary_en"] == "'" + EVIL
    assert as_csv(client, "alerts")[0]["value"] == "-4.5"
    assert as_csv(client, "devices")[0]["device"] == "'" + EVIL
    assert as_csv(client, "journal")[0]["who"] == "'@kim"
    assert as_parquet(client, "alerts")["summary_en"].to_pylist() == [EVIL]


def test_every_list_that_says_so_comes_as_a_file_with_all_of_its_rows(client: TestClient, store: DuckDBStore) -> None:
    store.write_alerts([alert(f"more-{number}") for number in range(300)])
    paths = client.get("/openapi.json").json()["paths"]
    offered = {
        path.removeprefix("/api/v1/"): methods["get"]
        for path, methods in paths.items()
        if "text/csv" in methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
    }
    assert set(offered) == {"alerts", "cai", "devices", "export", "incidents", "journal", "latest", "ledger", "series"}
    counts = {path: (len(as_csv(client, path)), as_parquet(client, path).num_rows) for path in offered}
    assert counts["alerts"] == (301, 301)
    assert counts["latest"] == (2, 2)
    assert counts["cai"] == (0, 0)
    assert all("format" in [given["name"] for given in route["parameters"]] for route in offered.values())
    assert client.get("/api/v1/alerts?format=xlsx").status_code == 422


def test_too_many_rows_are_refused_in_a_line_and_no_file_stays(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MOST_ROWS", 59)
    answer = client.get("/api/v1/series?every=raw&format=csv")
    assert (answer.status_code, answer.json()["detail"].partition(";")[0]) == (422, "more than 59 rows")
    monkeypatch.setattr(export, "MOST_ROWS", 60)
    for _ in range(20):
        assert client.get("/api/v1/series?every=raw&format=csv").status_code == 200
    assert list((tmp_path / "files").iterdir()) == []
    assert client.app.state.air.turns.files._present == 0  # type: ignore[attr-defined]


def exported(client: TestClient, **query: Any) -> httpx2.Response:
    answer = client.get("/api/v1/export", params=query)
    assert answer.status_code == 200, answer.text
    return answer


def test_export_has_the_rows_of_the_series_in_every_format(client: TestClient, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(client, device="palbok-01").content.decode("utf-8-sig"))))
    assert rows == as_csv(client, "series", device="palbok-01", every="raw")
    answer = exported(client, format="parquet", quantity=["pm25"])
    table = pyarrow.parquet.read_table(io.BytesIO(answer.content))
    assert table.num_rows == 60
    assert table.column_names == ["time", "device", "lat", "lon", "pm25", "flags", "quality"]
    assert {"name": "palbok-01", "zone": "palbok"}.items() <= next(
        row.items() for row in json.loads(table.schema.metadata[b"devices"]) if row["name"] == "palbok-01"
    )
    means = pyarrow.parquet.read_table(io.BytesIO(exported(client, format="parquet", every="60").content))
    assert means.num_rows == 12
    answer = exported(client, format="netcdf", kind="station")
    assert answer.headers["content-disposition"].endswith('export-20260304T120000Z.nc"')
    with xr.open_dataset(io.BytesIO(answer.content), engine="h5netcdf") as air:
        assert air.sizes == {"obs": 60, "station": 2}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"start": "2026-03-05T00:00:00Z", "end": "2026-03-04T00:00:00Z"}, "start must be before end"),
        ({"device": "nobody"}, "device: nobody is not known; see /api/v1/devices"),
        ({"quantity": "xenon"}, "quantity: xenon is not known; see /api/v1/quantities"),
        ({"every": "0"}, "every: String should match"),
        ({"format": "xlsx"}, "format: Input should be"),
        (
            {"format": "netcdf"},
            "a CF-NetCDF holds stations or robots, not both: choose with kind=station or kind=robot",
        ),
        ({"start": "2026-03-04"}, "start: "),
    ],
)
def test_what_cannot_be_exported_is_refused_in_a_line(client: TestClient, query: dict[str, str], said: str) -> None:
    answer = client.get("/api/v1/export", params=query)
    assert (answer.status_code, answer.json()["detail"][: len(said)]) == (422, said)
    assert client.app.state.air.turns.spans._present == 0  # type: ignore[attr-defined]


def test_ten_years_are_a_stream_and_too_much_for_parquet_is_a_clear_answer(
    client: TestClient, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    decade = {"start": "2016-03-05T00:00:00Z", "end": "2026-03-05T00:00:00Z"}
    assert exported(client, **decade).content.count(b"\n") == 61
    assert client.get("/api/v1/export", params={**decade, "format": "parquet"}).status_code == 200
    many = LedgerEntry("jeonju", "palbok-01", "1", 1, 320_000_000, 0, 0, 0, 0)
    store.write(Commit(ledger=[many]))
    answer = client.get("/api/v1/export", params={**decade, "format": "parquet"})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(
        "about 320,000,000 rows are more than the 200,000,000 rows of a Parquet file"
    )
    # Fewer rows, or a format without a bound, is not refused.
    assert client.get("/api/v1/export", params={**decade, "format": "parquet", "every": "3600"}).status_code == 200
    monkeypatch.setattr(export, "MOST_ROWS", 59)
    answer = client.get("/api/v1/export", params={"format": "netcdf", "kind": "station"})
    assert (answer.status_code, answer.json()["detail"].partition(";")[0]) == (422, "more than 59 rows")


class Endless:
    """A store whose readings never end, and which fails when it is told to; all else is that of a real one."""

    def __init__(self, store: DuckDBStore) -> None:
        self.store, self.asked, self.fails = store, 0, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def readings(self, series: Series) -> pa.Table:
        self.asked += 1
        if self.fails:
            raise UnavailableError("the disk is gone")
        start = int(series.start.timestamp())
        return readings_table(
            {
                "site": "jeonju",
                "device": "palbok-01",
                "time": datetime.fromtimestamp(start + second, UTC),
                "received_at": NOW,
            }
            for second in range(min(series.limit, 500))
            if start + second < series.end.timestamp()
        )


def test_export_that_is_broken_off_frees_everything_and_four_are_sent_at_once(
    jeonju: Site, store: DuckDBStore, caplog: pytest.LogCaptureFixture
) -> None:
    endless = Endless(store)
    app = api_app(jeonju, endless, "mqtt://127.0.0.1:1", now=lambda: NOW)
    turns = app.state.air.turns.spans
    path = "/api/v1/export?start=1971-01-02T00:00:00Z&end=2190-01-01T00:00:00Z"
    with served(app) as wire:
        request = f"GET {path} HTTP/1.1\nHost: 127.0.0.1\n\n"
        listening = [wire.open(request, receive_bytes=4096) for _ in range(4)]
        heads = [client.recv(4096) for client in listening]
        assert all(head.startswith(b"HTTP/1.1 200") for head in heads)
        refused = wire.ask("GET", path)
        assert (refused.status, refused.json()["detail"]) == (
            429,
            "too many exports are asked for at once; try again later",
        )

        # Nobody reads: no more is read from the store than fits into the buffers on the way. Others are served.
        def stands_still() -> bool:
            before = endless.asked
            assert {wire.ask("GET", "/api/v1/latest").status for _ in range(20)} == {200}
            return endless.asked == before

        wait_until(stands_still, what="the exports to wait for their clients")
        for client in listening:
            client.close()
        wait_until(lambda: turns._present == 0, what="the places of those that went away")
        # What goes wrong half-way is no whole answer: the last chunk never comes.
        reading = wire.open(request)
        assert reading.recv(4096).startswith(b"HTTP/1.1 200")
        endless.fails = True
        assert not until_closed(reading).endswith(b"0\r\n\r\n")
        reading.close()
        wait_until(lambda: turns._present == 0, what="the place of the one that broke off")
    assert "an export was broken off: the disk is gone" in caplog.text
    assert "Traceback" not in caplog.text
