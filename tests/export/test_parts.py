"""An export that is gone on with is the same file, however often it was broken off, and whatever a crash left behind."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from jeonju.common.errors import UserError
from jeonju.export.parts import Parts, folder_of
from jeonju.export.pieces import Piece, in_windows, within
from jeonju.storage.port import Series
from tests.disks import enlarge, small_disk
from tests.export.test_pieces import NOW, Kept, rows_at

END = NOW + timedelta(seconds=200)
ASKED = {"place": "here", "span": ["7d", "0s"]}
TABLE = rows_at([(mark, device) for mark in range(200) for device in range(3)], 1)


def begun(folder: Path) -> Parts:
    file = folder / "air.csv"
    folder_of(file).mkdir(exist_ok=True)
    parts = Parts.beside(file, ASKED, NOW, END)
    return Parts(parts.folder, parts.start, parts.end, rows_of_a_part=20)


def pieces_from(store: Kept, start: datetime) -> Iterator[Piece]:
    wanted = Series(site="jeonju", start=start, end=END)
    # Windows of ten seconds and 30 rows.
    for second in range(int((start - NOW).total_seconds()), 200, 10):
        part = replace(wanted, start=NOW + timedelta(seconds=second), end=NOW + timedelta(seconds=second + 10))
        yield from in_windows(part, lambda each: within(store, each), 30)  # type: ignore[arg-type]


def read(parts: Parts, store: Kept, at_most: int) -> pa.Table:
    tables = []
    for number, piece in enumerate(parts.all_of(TABLE.schema, pieces_from(store, parts.reached))):
        if number >= at_most:
            raise KeyboardInterrupt
        if piece.rows is not None:
            tables.append(piece.rows)
    return pa.concat_tables([TABLE.slice(0, 0), *tables])


@pytest.mark.parametrize("breaks", [(0, 25), (10, 3, 30)])
def test_however_often_it_breaks_off_all_rows_are_there_once(breaks: tuple[int, ...], tmp_path: Path) -> None:
    for at_most in breaks:
        with pytest.raises(KeyboardInterrupt):
            read(begun(tmp_path), Kept(TABLE), at_most)
    store, parts = Kept(TABLE), begun(tmp_path)
    before = parts.reached
    assert before > NOW
    assert read(parts, store, 10_000).to_pylist() == TABLE.to_pylist()
    assert store.asked <= 2 * (END - before).total_seconds() / 10, "what is kept is not read again"
    parts.remove()
    assert not parts.folder.exists()


def test_what_a_crash_left_behind_is_no_part(tmp_path: Path) -> None:
    parts = begun(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        read(parts, Kept(TABLE), 30)
    reached = begun(tmp_path).reached
    assert NOW < reached < END
    (parts.folder / "begun").write_bytes(b"PAR1half")
    (parts.folder / "nonsense.parquet").write_bytes(b"")
    assert begun(tmp_path).reached == reached
    # A hole in the chain: from there on it is read again.
    first, second, *_ = sorted(parts.folder.glob("[0-9]*.parquet"))
    second.unlink()
    assert NOW < begun(tmp_path).reached < reached
    assert read(begun(tmp_path), Kept(TABLE), 10_000).to_pylist() == TABLE.to_pylist()
    first.write_bytes(b"PAR1")
    with pytest.raises(UserError, match="cannot be read; remove it"):
        read(begun(tmp_path), Kept(TABLE), 10_000)


def test_parts_of_something_else_are_not_mixed_in(tmp_path: Path) -> None:
    parts = begun(tmp_path)
    with pytest.raises(UserError, match="an export with other options"):
        Parts.beside(tmp_path / "air.csv", {**ASKED, "place": "there"}, NOW, END)
    # `7d` means the week before the first attempt.
    later = Parts.beside(tmp_path / "air.csv", ASKED, NOW + timedelta(hours=1), END + timedelta(hours=1))
    assert (later.start, later.end) == (NOW, END)
    with pytest.raises(KeyboardInterrupt):
        read(parts, Kept(TABLE), 30)
    with pytest.raises(UserError, match="other columns"):
        list(begun(tmp_path).all_of(pa.schema([("time", pa.int64())]), iter(())))
    (parts.folder / "asked.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="nothing to go on with"):
        begun(tmp_path)


def test_a_full_disk_keeps_the_parts_that_are_whole_and_nothing_else(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "16k") as disk:
        parts = begun(disk)
        with pytest.raises(OSError, match="No space left on device"):
            read(parts, Kept(TABLE), 10_000)
        kept = {file.name for file in parts.folder.iterdir()}
        assert kept
        assert "begun" not in kept
        enlarge(disk, "10m")
        assert read(begun(disk), Kept(TABLE), 10_000).to_pylist() == TABLE.to_pylist()
