"""Lists and series as files: every row once, with units, instants and flags, nothing that a spreadsheet would run, and no more than a bound."""

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from jeonju.api import export
from jeonju.api.http import readings
from jeonju.contract.columns import readings_table
from jeonju.contract.records import DeviceRecord, JournalEntry, LedgerEntry
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit, Series
from tests.api.test_moment import incident
from tests.clients import local_client
from tests.response.notifying import alert

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


@pytest.mark.parametrize("text", ["=1+1", " =1", "\t=1", "\n@x", "+82 10", "-x", "\uff1d1", "\ttext"])
def test_beginning_of_a_formula_is_seen_in_every_guise(text: str) -> None:
    (column,) = export._for_csv(pa.table({"note": [text, None, "plain = text"]})).columns
    assert column.to_pylist() == ["'" + text, None, "plain = text"]


def test_every_list_that_says_so_comes_as_a_file_with_all_of_its_rows(client: TestClient, store: DuckDBStore) -> None:
    store.write_alerts([alert(f"more-{number}") for number in range(300)])
    paths = client.get("/openapi.json").json()["paths"]
    offered = {
        path.removeprefix("/api/v1/"): methods["get"]
        for path, methods in paths.items()
        if "text/csv" in methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
    }
    assert set(offered) == {"alerts", "cai", "devices", "incidents", "journal", "latest", "ledger", "series"}
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


class Kept:
    """A store with rows at some instants: as every store, it gives the earliest rows first, as many as are asked for."""

    def __init__(self, table: pa.Table) -> None:
        self.table, self.largest = table, 0

    def readings(self, series: Series) -> pa.Table:
        from_start = self.table.filter(pa.compute.greater_equal(self.table["time"], pa.scalar(series.start)))
        self.largest = max(self.largest, series.limit)
        return from_start.slice(0, series.limit)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 5)), unique=True, max_size=40), st.integers(1, 9))
def test_pieces_of_a_series_are_all_of_it_once(marks: list[tuple[int, int]], most: int) -> None:
    rows = [
        {"site": "jeonju", "device": f"d-{device}", "time": NOW + timedelta(seconds=second), "received_at": NOW}
        for second, device in sorted(marks)
    ]
    store = Kept(readings_table(rows))
    wanted = Series(site="jeonju", start=NOW, end=NOW + timedelta(hours=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readings, "MOST_POINTS", most)
        pieces = list(readings._pieces(store, wanted))  # type: ignore[arg-type]
    assert pa.concat_tables(pieces).to_pylist() == store.table.to_pylist()
