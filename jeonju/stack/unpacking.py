"""Unpack an archive that may come from anybody. It needs the standard library of Python 3.11.0 only: `tarfile`'s own filters came with 3.11.4."""

import shutil
import tarfile
from pathlib import Path, PurePosixPath
from typing import Final

# Whatever the archive says: the owner may read and write, others read at most, nothing is a program.
_MOST: Final = 0o644
_LEAST: Final = 0o600
_PLAIN: Final = (tarfile.REGTYPE, tarfile.AREGTYPE)


def unpack(source: Path, folder: Path) -> None:
    """Write the files of an uncompressed archive into an empty folder.

    Raises tarfile.TarError, OSError or ValueError for what cannot be read, and for any member but a plain file inside of the folder that
    comes once; some may be written by then.
    """
    with tarfile.open(source, "r:") as archive:
        for member in archive:
            place = folder / _inside(member)
            content = archive.extractfile(member)
            if content is None:
                raise tarfile.ReadError(f"{member.name!r} has no content")
            place.parent.mkdir(parents=True, exist_ok=True)
            # There must be nothing yet, so nothing is followed or replaced.
            with place.open("xb") as file:
                shutil.copyfileobj(content, file)
            place.chmod(member.mode & _MOST | _LEAST)


def _inside(member: tarfile.TarInfo) -> PurePosixPath:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise tarfile.ReadError(f"{member.name!r} leads out of the archive")
    # A sparse one may grow to any size.
    if member.type not in _PLAIN or member.issparse():
        raise tarfile.ReadError(f"{member.name!r} is no plain file")
    return path
