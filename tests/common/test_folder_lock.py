"""One process at a time uses a folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from jeonju.common.errors import UserError
from jeonju.common.folder_lock import only_user_of
from tests.processes import started

HOLDS = """
import sys, time
from pathlib import Path
from jeonju.common.folder_lock import only_user_of
with only_user_of(Path(sys.argv[1]), "--data"):
    print("has it", flush=True)
    time.sleep(600)
"""


def test_second_one_hears_who_has_it_and_a_kill_gives_it_back(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    with started(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "has it\n"
        with pytest.raises(UserError, match=rf"number {process.pid}\) uses the folder .*choose another --data"):
            only_user_of(tmp_path, "--data").__enter__()
        process.kill()
    with only_user_of(tmp_path, "--data"):
        pass


def test_folder_is_made_for_its_owner_to_list(tmp_path: Path) -> None:
    with only_user_of(tmp_path / "new", "--data"):
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o711
        assert (tmp_path / "new/in-use").stat().st_mode & 0o777 == 0o600


def test_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot be written: .*; choose another --data"):
        only_user_of(tmp_path / "file/data", "--data").__enter__()
