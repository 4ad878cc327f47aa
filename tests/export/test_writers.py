"""Files of pieces: every row once, whatever the pieces, in all formats; and none that is not whole."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import xarray as xr

from jeonju.common.errors import UserError
from jeonju.contract.columns import readings_table as stored_rows
from jeonju.contract.quality import Flag, encode_flags
from jeonju.contract.site import Site
from jeonju.export import writers
from jeonju.export.pieces import Piece
from jeonju.export.rows import About, Place, one_kind, readings_table
from jeonju.export.whole_file import write_whole

START = datetime(2026, 3, 4, tzinfo=UTC)
KEYS = ["pm25", "co2", "noise", "temperature"]
SUSPECT = encode_flags({"pm25": Flag.of("suspect", "stuck", for_s=60), "time": Flag.of("bad", "impossible-time")})
PLACES = [
    Place("palbok-01", "station", "palbok", "simulated", "팔복 1", "Palbok 1", 35.85, 127.1, 3.0),
    Place("balcony", "station", "", "real"),
]


def piece(first: int, count: int, devices: tuple[str, ...] = ("palbok-01", "balcony")) -> pa.Table:
    """Rows of a second each; CO2 comes with the 20th, and one is flagged."""
    rows = [
        {
            "site": "jeonju",
            "device": device,
            "time": START + timedelta(seconds=second, microseconds=1),
            "received_at": START,
            "lat": 35.0 + second / 1000 if device == "balcony" else None,
            "lon": 127.0 if device == "balcony" else None,
            "pm25": float(second),
            "temperature": -1.5,
            "co2": 400.0 if second >= 20 else None,
            "quality": SUSPECT if second == 25 and device == "balcony" else None,
        }
        for second in range(first, first + count)
        for device in devices
    ]
    return readings_table(stored_rows(rows), KEYS)


def about(site: Site, *places: Place) -> About:
    return About.of(site, "export", START, places)


def written(path: Path, kind: writers.Kind, site: Site, *tables: pa.Table, places: list[Place] = PLACES) -> Path:
    pieces = [Piece(None, START), *(Piece(table, table["time"][-1].as_py()) for table in tables)]
    told = write_whole(path, kind, piece(0, 1).schema, about(site, *places), iter(pieces))
    assert told.rows == sum(table.num_rows for table in tables)
    return path


def test_netcdf_of_stations_is_a_ragged_array_with_places_names_units_and_flags(jeonju: Site, tmp_path: Path) -> None:
    path = written(tmp_path / "air.nc", "netcdf", jeonju, piece(0, 15), piece(15, 15))
    with xr.open_dataset(path, engine="h5netcdf") as air:
        assert (air.attrs["Conventions"], air.attrs["featureType"]) == ("CF-1.11", "timeSeries")
        assert air.sizes == {"obs": 60, "station": 2}
        assert air.station_name.values.tolist() == ["palbok-01", "balcony"]
        assert air.station_name.attrs["cf_role"] == "timeseries_id"
        assert air.station_index.attrs["instance_dimension"] == "station"
        assert air.station_index.values[:3].tolist() == [0, 1, 0]
        # A station that no site file knows stands where it first said.
        assert air.lat.values.tolist() == [35.85, 35.0]
        assert str(air.time.values[2]) == "2026-03-04T00:00:01.000001000"
        assert air.pm25.attrs["standard_name"] == "mass_concentration_of_pm2p5_ambient_aerosol_particles_in_air"
        assert (air.pm25.attrs["units"], air.co2.attrs["units"], air.temperature.attrs["units"]) == (
            "ug m-3",
            "1e-6",
            "degree_Celsius",
        )
        assert air.pm25.values[-1] == 29.0
        # A quantity that comes later is absent before; one that nobody measures has no variable.
        assert air.co2.isnull().values.tolist() == [True] * 40 + [False] * 20
        assert "noise" not in air
        quality, reason = air.pm25_quality, air.pm25_reason
        assert quality.attrs["flag_meanings"] == "ok estimated suspect bad"
        assert quality.attrs["flag_values"].tolist() == [0, 1, 2, 3]
        assert {number: int(value) for number, value in enumerate(quality.values) if value} == {51: 2}
        meanings = dict(zip(reason.attrs["flag_meanings"].split(), reason.attrs["flag_masks"].tolist(), strict=True))
        assert int(reason.values[51]) == meanings["stuck"]
        assert int(air.time_quality.values[51]) == 3
        assert air.pm25.attrs["ancillary_variables"] == "pm25_quality pm25_reason"


def test_netcdf_of_robots_is_a_trajectory_with_a_place_in_every_row(jeonju: Site, tmp_path: Path) -> None:
    robots = [Place("balcony", "robot", "palbok", "simulated", height_m=1.2)]
    path = written(tmp_path / "robots.nc", "netcdf", jeonju, piece(0, 5, ("balcony",)), places=robots)
    with xr.open_dataset(path, engine="h5netcdf") as air:
        assert air.attrs["featureType"] == "trajectory"
        assert air.trajectory_name.attrs["cf_role"] == "trajectory_id"
        assert air.lat.dims == ("obs",)
        assert air.lat.values.tolist() == [35.0, 35.001, 35.002, 35.003, 35.004]
    with pytest.raises(UserError, match="kind=station or kind=robot"):
        one_kind((*robots, *PLACES))


@pytest.mark.parametrize(("kind", "suffix"), [("csv", "csv"), ("parquet", "parquet"), ("netcdf", "nc")])
def test_a_file_without_rows_has_columns_and_can_be_read(
    kind: writers.Kind, suffix: str, jeonju: Site, tmp_path: Path
) -> None:
    path = written(tmp_path / f"none.{suffix}", kind, jeonju)
    if kind == "csv":
        assert path.read_text("utf-8-sig").startswith('"time","device"')
    elif kind == "parquet":
        assert pq.read_table(path).column_names[:2] == ["time", "device"]
    else:
        with xr.open_dataset(path, engine="h5netcdf") as air:
            assert air.sizes["obs"] == 0


def test_parquet_and_csv_hold_every_row_of_every_piece(
    jeonju: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "ROWS_OF_A_GROUP", 25)
    pieces = [piece(number * 10, 10) for number in range(3)]
    file = pq.ParquetFile(written(tmp_path / "air.parquet", "parquet", jeonju, *pieces))
    assert file.read().to_pydict() == pa.concat_tables(pieces).to_pydict()
    # Few groups, however small the pieces: what is said of each stays in memory until the end.
    assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == [40, 20]
    assert About.from_metadata(file.schema_arrow.metadata) == about(jeonju, *PLACES)
    text = written(tmp_path / "air.csv", "csv", jeonju, *pieces).read_bytes()
    rows = pyarrow.csv.read_csv(io.BytesIO(text.removeprefix(b"\xef\xbb\xbf")))
    assert rows["pm25 [µg/m³]"].to_pylist() == pa.concat_tables(pieces)["pm25"].to_pylist()
    assert "quality" not in rows.column_names
    assert (
        rows["flags"].to_pylist()[51]
        == "pm25: suspect, stuck: the same value for 1 min; time: bad, impossible time, time of arrival taken"
    )


def test_parquet_of_too_many_rows_ends_in_a_line(jeonju: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "ROWS_OF_A_GROUP", 10)
    monkeypatch.setattr(writers, "MOST_GROUPS", 2)
    with pytest.raises(UserError, match="take a shorter time, or CSV"):
        written(tmp_path / "air.parquet", "parquet", jeonju, *[piece(number, 10) for number in range(3)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["csv", "parquet", "nc"])
def test_what_breaks_off_leaves_nothing_and_what_was_there_stays(suffix: str, jeonju: Site, tmp_path: Path) -> None:
    path = tmp_path / f"air.{suffix}"
    path.write_text("of before")

    def broken() -> Iterator[Piece]:
        yield Piece(piece(0, 10), START)
        raise KeyboardInterrupt

    kind: writers.Kind = "netcdf" if suffix == "nc" else suffix  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, kind, piece(0, 1).schema, about(jeonju, *PLACES), broken())
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "of before"


@pytest.mark.parametrize("text", ["=1+1", " =1", "\t=1", "\n@x", "+82 10", "-x", "\uff1d1", "\ttext"])
def test_beginning_of_a_formula_is_seen_in_every_guise(text: str) -> None:
    (column,) = writers._for_csv(pa.table({"note": [text, None, "plain = text"]})).columns
    assert column.to_pylist() == ["'" + text, None, "plain = text"]
