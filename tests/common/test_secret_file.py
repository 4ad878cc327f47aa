import os
import stat
from pathlib import Path

import pytest

from jeonju.common.secret_file import read_secret, write_secret


def test_secret_is_replaced_whole_and_readable_as_its_mode_says(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_secret(path, b"one\n")
    assert (read_secret(path, "--secret"), stat.S_IMODE(path.stat().st_mode)) == ("one", 0o600)
    write_secret(path, b"two\n", 0o640)
    assert (read_secret(path, "--secret"), stat.S_IMODE(path.stat().st_mode)) == ("two", 0o640)
    assert list(tmp_path.iterdir()) == [path]


def test_secret_that_is_made_once_stays(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_secret(path, b"one\n", once=True)
    write_secret(path, b"two\n", once=True)
    assert read_secret(path, "--secret") == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_failed_write_leaves_the_old_secret_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    write_secret(path, b"one\n")

    def fails(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fchmod", fails)
    with pytest.raises(OSError, match="no space left"):
        write_secret(path, b"two\n")
    assert read_secret(path, "--secret") == "one"
    assert list(tmp_path.iterdir()) == [path]
