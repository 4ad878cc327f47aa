"""Backup and restore: the store, the keys of the api and the broker's accounts, in one archive that is checked before anything is changed."""

import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal, NamedTuple

import urllib3

from jeonju.common.errors import UnavailableError, UserError
from jeonju.common.secret_file import OWNER_ONLY, read_secret
from jeonju.stack.unpacking import unpack
from jeonju.storage import backup as stores
from jeonju.storage.duckdb.file import StoreInUseError

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
Part = Literal["store", "keys", "security"]
PARTS: Final[tuple[Part, ...]] = ("store", "keys", "security")
CONNECT_S: Final = 5.0
# The service makes its copy before it answers.
COPY_S: Final = 1800.0
PUBLIC: Final = 0o644
_CHUNK: Final = 2**20


class Places(NamedTuple):
    """Where the parts are; the store as `--store` names it."""

    store: str
    keys: Path
    security: Path


class Service(NamedTuple):
    """A running api that has the store open, and the file of an admin's key, if it needs one."""

    url: str
    key_file: Path | None


def back_up(target: Path, places: Places, service: Service | None, now: datetime) -> dict[str, Any]:
    """Write an archive that only its owner may read, and return its manifest.

    Raises UserError where the target is there already, or the store is not, or is in use.
    """
    if target.exists():
        raise UserError(f"{target} is there already; name another file")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, where there is room for it.
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup") as folder:
            store = _store_of(service, Path(folder)) if service else _store(places.store, Path(folder))
            members = {f"store/{store.name}": store, **_found(places)}
            manifest = {
                "format": FORMAT,
                "made_at": now.isoformat(timespec="seconds"),
                "files": {name: _digest(path) for name, path in members.items()},
                # Whoever restores needs these too, from where they are.
                "archived": stores.archived_days(store),
            }
            listing = Path(folder) / MANIFEST
            listing.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            new = Path(folder) / "archive"
            new.touch(mode=0o600)
            # What is a link here, such as a secret that is mounted, is a file there: links are not restored.
            with tarfile.open(new, "w", dereference=True) as archive:
                for name, path in {MANIFEST: listing, **members}.items():
                    archive.add(path, name, recursive=False)
            new.replace(target)
    except OSError as error:
        raise UserError(
            f"{target} cannot be made: {error.filename or 'the copy'}: {error.strerror or error}"
        ) from error
    return manifest


def restore(source: Path, places: Places, parts: Collection[Part] = PARTS) -> list[str]:
    """Put parts of an archive in their places, and return the names of the files.

    Raises UserError, before anything is changed, for an archive that is damaged, one that has none of the parts, and for a place that is not empty.
    """
    with _opened(source) as folder:
        names = [name for name in _checked(folder) if PurePosixPath(name).parts[0] in parts]
        if not names:
            raise UserError(f"{source} holds nothing of what is asked for ({', '.join(parts)}); nothing was changed")
        stored = [name for name in names if name.startswith("store/")]
        if "keys/keys.json" in names and places.keys.exists():
            raise UserError(f"there are keys in {places.keys} already; move them away, or leave them out: --part store")
        if any(name.startswith("security/") for name in names) and (places.security / "accounts.json").exists():
            raise UserError(
                f"there are accounts in {places.security} already; move them away, or leave them out: --part store"
            )
        for name in stored:
            stores.check_file(folder / name)
            stores.check_target(places.store, PurePosixPath(name).name)
        try:
            _put_back(folder, names, places)
        except OSError as error:
            raise UserError(f"{error.filename or places.store} cannot be written: {error.strerror or error}") from error
    return names


def _put_back(folder: Path, names: list[str], places: Places) -> None:
    for name in names:
        part, _, rest = name.partition("/")
        if part == "store":
            stores.restore(places.store, folder / name)
        else:
            _put(folder / name, places.keys if part == "keys" else places.security / rest)


def _store(url: str, folder: Path) -> Path:
    try:
        return stores.back_up(url, folder)
    except StoreInUseError as error:
        raise UserError(
            f"{url} is in use; ask the service that has it: jeonju backup TARGET --from http://127.0.0.1:8000"
        ) from error


def _store_of(service: Service, folder: Path) -> Path:
    """Let a running service make the copy."""
    headers = {}
    if service.key_file is not None:
        headers["Authorization"] = f"Bearer {read_secret(service.key_file, '--key-file')}"
    try:
        answer = urllib3.request(
            "POST",
            f"{service.url.rstrip('/')}/api/v1/backup",
            headers=headers,
            preload_content=False,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=COPY_S),
        )
        if answer.status != HTTPStatus.OK:
            raise UserError(f"{service.url} makes no backup: {_reason(answer.data)}")
        name = answer.headers.get("Content-Disposition", "").partition('filename="')[2].rstrip('"')
        if name not in (stores.DUCKDB_FILE, stores.INFLUX_FILE):
            raise UserError(f"{service.url} is not the api of this project")
        with (folder / name).open("wb") as file:
            shutil.copyfileobj(answer, file, _CHUNK)
    except urllib3.exceptions.HTTPError as error:
        raise UnavailableError(f"{service.url} does not answer, or broke off: {error}") from error
    return folder / name


def _reason(answer: bytes) -> str:
    try:
        document = json.loads(answer)
        return str(document.get("detail") or document.get("title"))
    except (ValueError, AttributeError):
        return answer[:80].decode(errors="replace")


def _found(places: Places) -> dict[str, Path]:
    """Return the other files there are, by their names in the archive."""
    found = {"keys/keys.json": places.keys} if places.keys.exists() else {}
    for path in sorted(places.security.rglob("*")):
        if path.is_file():
            found[f"security/{path.relative_to(places.security).as_posix()}"] = path
    return found


@contextmanager
def _opened(source: Path) -> Iterator[Path]:
    """Unpack an archive beside itself, where there is room for it."""
    if not source.is_file():
        raise UserError(f"there is no backup {source}")
    with tempfile.TemporaryDirectory(dir=source.parent, prefix=".restore") as folder:
        try:
            unpack(source, Path(folder))
        except (OSError, tarfile.TarError, ValueError) as error:
            raise UserError(f"{source} cannot be read as a backup: {error}") from error
        yield Path(folder)


def _checked(folder: Path) -> list[str]:
    """Return the names in the manifest after every file has been found to be what it was."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version, files = manifest["format"], dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError("this is no backup of ours: it has no manifest that can be read") from error
    if version != FORMAT:
        raise UserError(f"this backup has the format {version}, this program knows {FORMAT}; upgrade it")
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    if wrong := there ^ set(files) or {name for name in files if _digest(folder / name) != files[name]}:
        raise UserError(f"the backup is damaged at {min(wrong)}; nothing was changed")
    return list(files)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _put(source: Path, place: Path) -> None:
    # As `jeonju device setup` makes them: the broker must get through to its folder, nobody to what clients are given.
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if place.parent.name == "clients" else 0o711)
    # Whatever the modes in the archive are: certificates are public, everything else is secret.
    mode = PUBLIC if place.suffix == ".pem" else OWNER_ONLY
    with (
        os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as copy,
        source.open("rb") as file,
    ):
        os.fchmod(copy.fileno(), mode)
        shutil.copyfileobj(file, copy)
