"""Archives that are not what they should be; and the oldest Python that we promise."""

import io
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from jeonju.stack.unpacking import unpack

ROOT = Path(__file__).parents[3]
# The first Python with filters in `tarfile`; Debian 12 has an older one.
WITH_FILTERS = (3, 11, 4)
HOSTILE: dict[str, dict[str, Any]] = {
    "absolute": {"name": "{outside}/new"},
    "parent": {"name": "../new"},
    "parent-within": {"name": "store/../../new"},
    "nameless": {"name": "."},
    "nul": {"name": "a\0b", "pax_headers": {"path": "a\0b"}},
    "symlink": {"name": "link", "type": tarfile.SYMTYPE, "linkname": "{outside}"},
    "symlink-within": {"name": "link", "type": tarfile.SYMTYPE, "linkname": "store/first"},
    "hardlink": {"name": "link", "type": tarfile.LNKTYPE, "linkname": "{outside}/there"},
    "hardlink-within": {"name": "link", "type": tarfile.LNKTYPE, "linkname": "store/first"},
    "folder": {"name": "folder", "type": tarfile.DIRTYPE},
    "fifo": {"name": "pipe", "type": tarfile.FIFOTYPE},
    "device": {"name": "null", "type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
    "disk": {"name": "disk", "type": tarfile.BLKTYPE, "devmajor": 8},
    "sparse": {"name": "big", "pax_headers": {"GNU.sparse.map": "0,4", "GNU.sparse.size": "1099511627776"}},
    "twice": {"name": "store/first"},
    "twice-otherwise": {"name": "store/./first"},
    "below-a-file": {"name": "store/first/second"},
}


def archive_of(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as archive:
        for member in members:
            member.size = 4 if member.isreg() else 0
            archive.addfile(member, io.BytesIO(b"data"))
    return path


def member_of(name: str, **fields: Any) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(member, field, value)
    return member


@pytest.mark.parametrize("kind", HOSTILE)
def test_only_plain_files_inside_come_out(kind: str, tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder/of/its/own"
    for directory in (outside, folder):
        directory.mkdir(parents=True)
    (outside / "there").write_bytes(b"kept")
    fields = {
        field: value.format(outside=outside) if isinstance(value, str) else value
        for field, value in HOSTILE[kind].items()
    }
    archive = archive_of(tmp_path / "one.tar", member_of("store/first"), member_of(**fields))
    with pytest.raises((tarfile.TarError, OSError, ValueError)):
        unpack(archive, folder)
    found = [path for path in tmp_path.rglob("*") if not path.is_dir() or path.is_symlink()]
    assert set(found) == {archive, outside / "there", folder / "store/first"}
    assert (outside / "there").read_bytes() == b"kept"


@pytest.mark.parametrize(
    ("said", "given"), [(0o600, 0o600), (0o644, 0o644), (0o7777, 0o644), (0o000, 0o600), (0o4755, 0o644)]
)
def test_modes_are_sane(said: int, given: int, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    unpack(archive_of(tmp_path / "one.tar", member_of("a/b", mode=said)), folder)
    assert (folder / "a/b").stat().st_mode & 0o7777 == given
    assert (folder / "a/b").read_bytes() == b"data"


def test_python_without_filters_unpacks(tmp_path: Path) -> None:
    python = _older_python()
    folder = tmp_path / "new"
    folder.mkdir()
    good = archive_of(tmp_path / "good.tar", member_of("store/first", mode=0o7777))
    bad = archive_of(tmp_path / "bad.tar", member_of("../outside"))
    code = (
        "import sys; from pathlib import Path; from jeonju.stack.unpacking import unpack; "
        "unpack(Path(sys.argv[1]), Path(sys.argv[2]))"
    )

    def run(archive: Path) -> subprocess.CompletedProcess[str]:
        command = [python, "-c", code, str(archive), str(folder)]
        return subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)

    done = run(good)
    assert done.returncode == 0, done.stderr
    assert (folder / "store/first").read_bytes() == b"data"
    assert "leads out of the archive" in run(bad).stderr
    assert not (tmp_path / "outside").exists()


def _older_python() -> str:
    """The path of a Python 3.11.0 to 3.11.3, or skip."""
    code = f"import sys; sys.exit(not (3, 11) <= sys.version_info[:3] < {WITH_FILTERS})"
    for python in filter(None, (sys.executable, shutil.which("python3.11"), shutil.which("/usr/bin/python3.11"))):
        if subprocess.run([python, "-c", code], check=False).returncode == 0:
            return python
    pytest.skip("no Python 3.11.0 to 3.11.3 is here (Debian 12: apt-get install python3.11)")
