"""Keys of the api: made here, shown once, kept as hashes in a file that only its owner may read."""

import hashlib
import json
import logging
import secrets
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Final

from jeonju.common.errors import UserError
from jeonju.common.secret_file import write_secret
from jeonju.contract.topics import NAME

log = logging.getLogger(__name__)

PREFIX: Final = "jeonju_"
SECRET_BYTES: Final = 32


class Role(IntEnum):
    """What a key may do; each may also do what those before it may."""

    VIEWER = 1
    """Read everything."""
    OPERATOR = 2
    """Work alerts and incidents, send robots, replay dead letters."""
    ADMIN = 3
    """Adopt devices, and make things happen in the simulator."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key as it is kept.

    It is 256 random bits, which no dictionary holds, so that a plain SHA-256 protects it as well as a slow hash and costs each request nothing.
    """

    name: str
    role: str
    sha256: str
    made_at: str
    # Names with commas; all sites without.
    sites: str = ""


class KeyFile:
    """Keys in a file, read again when it changes, so that a revoked key ends at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: dict[str, Key] = {}
        self._stamp: tuple[int, int, int] | None = None
        self._unreadable: tuple[int, int, int] | str | None = None

    @property
    def exists(self) -> bool:
        """Whether any key was ever made here: from then on every request needs one. A file that cannot be looked at is one."""
        try:
            return self._path.exists()
        except OSError:
            return True

    def keys(self) -> list[Key]:
        """Return all keys by name. Raises UserError for a file that is none of ours."""
        self._read()
        return sorted(self._keys.values(), key=lambda key: key.name)

    def add(self, name: str, role: Role, now: datetime, sites: Collection[str] = ()) -> str:
        """Make a key, for all sites where none are named, and return it; it cannot be shown again.

        Raises UserError for a name that is taken or is none.
        """
        self._read()
        if not NAME.fullmatch(name):
            raise UserError(f"{name!r} is no name; use 1 to 64 letters, digits, '-' or '_'")
        if any(key.name == name for key in self._keys.values()):
            raise UserError(f"there is a key named {name!r} already; revoke it first, or choose another name")
        if wrong := [site for site in sites if not NAME.fullmatch(site)]:
            raise UserError(f"{wrong[0]!r} is no name of a site; give such as jeonju,gangnam")
        secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        key = Key(
            name=name,
            role=role.name.lower(),
            sha256=_hash(secret),
            made_at=now.isoformat(timespec="seconds"),
            sites=",".join(sites),
        )
        self._write([*self._keys.values(), key])
        return secret

    def revoke(self, name: str) -> None:
        """Forget a key. Raises UserError for one that is not there."""
        self._read()
        left = [key for key in self._keys.values() if key.name != name]
        if len(left) == len(self._keys):
            raise UserError(
                f"no key is named {name!r}; there are: {', '.join(key.name for key in self.keys()) or 'none'}"
            )
        self._write(left)

    @staticmethod
    def hash_of(key: str) -> str:
        """Return the hash by which a key is kept."""
        return _hash(key)

    def find(self, key: str) -> tuple[str, Role] | None:
        """Return name and role of a presented key, or None."""
        return self.of_hash(_hash(key))

    def of_hash(self, digest: str) -> tuple[str, Role] | None:
        """Return name and role of the key with this hash, or None.

        It is looked up by the hash of what was presented: how long that takes says nothing about the hashes of others that could be used.
        While the file cannot be read, the keys that were read last stay.
        """
        try:
            self._read()
            self._unreadable = None
        except UserError as error:
            self._complain(error)
        found = self._keys.get(digest)
        return None if found is None else (found.name, Role[found.role.upper()])

    def sites_of(self, digest: str) -> frozenset[str]:
        """Return the sites that the key with this hash is for, none where it is for all."""
        found = self._keys.get(digest)
        return frozenset() if found is None or not found.sites else frozenset(found.sites.split(","))

    def _complain(self, error: UserError) -> None:
        """Log once for each state of the file that it cannot be read."""
        try:
            now: tuple[int, int, int] | str = _stamp(self._path)
        except OSError as why:
            now = str(why)
        if now != self._unreadable:
            self._unreadable = now
            log.error("%s; until then the keys that were read before stay valid", error)

    def _read(self) -> None:
        try:
            if self._stamp == (stamp := _stamp(self._path)):
                return
            keys = [_key(row) for row in json.loads(self._path.read_text(encoding="utf-8"))]
            # A role that is unknown is found here, not when the key is presented.
            self._keys, self._stamp = {key.sha256: key for key in keys if Role[key.role.upper()]}, stamp
        except FileNotFoundError:
            self._keys, self._stamp = {}, None
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise UserError(
                f"{self._path} cannot be read as keys of the api: {error}; restore it, or make new ones"
            ) from error

    def _write(self, keys: list[Key]) -> None:
        text = json.dumps([asdict(key) for key in keys], indent=2)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_secret(self._path, text.encode())
        except OSError as error:
            raise UserError(
                f"cannot write {self._path}: {error.strerror or error}; free some space, or choose another --keys"
            ) from error
        self._keys, self._stamp = {key.sha256: key for key in keys}, None


def _key(row: dict[str, str]) -> Key:
    """Return a key as it stands in the file. Raises TypeError for what is none."""
    if not all(isinstance(value, str) for value in row.values()):
        raise TypeError("a key holds texts only")
    return Key(**row)


def _stamp(path: Path) -> tuple[int, int, int]:
    """Return what changes when a file is written or replaced. Raises OSError."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
