"""`jeonju backup` and `jeonju restore`: a round trip, and everything that must not happen."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jeonju.api.access.keys import KeyFile, Role
from jeonju.broker.security import Security
from jeonju.cli.app import app
from jeonju.common.errors import UserError
from jeonju.contract.records import DeadLetter
from jeonju.contract.site import Site
from jeonju.stack.backup import Places, Service, back_up, restore
from jeonju.stack.city import UpSettings, running_city
from jeonju.stack.http_server import HttpSettings
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from tests.storage.influx.servers import answers
from tests.storage.letters import as_written
from tests.waiting import wait_until

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def places(folder: Path) -> Places:
    return Places(str(folder / "air.duckdb"), folder / "keys.json", folder / "security")


def city(folder: Path, site: Site) -> Places:
    """Make a folder with something of everything."""
    store = DuckDBStore(folder / "air.duckdb")
    store.write(Commit(dead_letters=[DeadLetter(NOW, "topic", b"payload", "reason")]))
    store.close()
    KeyFile(folder / "keys.json").add("mine", Role.ADMIN, NOW)
    Security(folder / "security").setup([], [site], NOW)
    return places(folder)


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_is_restored_is_what_was_there(tmp_path: Path, jeonju: Site) -> None:
    (tmp_path / "old").mkdir()
    old, archive = city(tmp_path / "old", jeonju), tmp_path / "backups/one.tar"
    manifest = back_up(archive, old, None, NOW)
    assert archive.stat().st_mode & 0o777 == 0o600
    assert manifest["made_at"] == "2026-03-04T00:00:00+00:00"
    assert [path.name for path in archive.parent.iterdir()] == ["one.tar"]
    restore(archive, places(tmp_path / "new"))
    before, after = content(tmp_path / "old"), content(tmp_path / "new")
    assert before.keys() == after.keys()
    for name in before.keys() - {"air.duckdb"}:
        assert after[name] == before[name], name
    store = DuckDBStore(tmp_path / "new/air.duckdb")
    assert as_written(store.dead_letters()) == [DeadLetter(NOW, "topic", b"payload", "reason")]
    store.close()
    assert Security(tmp_path / "new/security").setup([], [jeonju], NOW) == []


def test_restore_needs_no_filters_of_tarfile(tmp_path: Path, jeonju: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11.0 to 3.11.3 have none."""

    def extractall(
        archive: tarfile.TarFile, path: str = ".", members: object = None, *, numeric_owner: bool = False
    ) -> None:
        raise AssertionError("this one writes whatever the archive says")

    def extract(
        archive: tarfile.TarFile, member: str, path: str = "", set_attrs: bool = True, *, numeric_owner: bool = False
    ) -> None:
        raise AssertionError("this one writes whatever the archive says")

    (tmp_path / "old").mkdir()
    back_up(tmp_path / "one.tar", city(tmp_path / "old", jeonju), None, NOW)
    for name in ("data_filter", "tar_filter", "fully_trusted_filter", "FilterError"):
        monkeypatch.delattr(tarfile, name, raising=False)
    monkeypatch.setattr(tarfile.TarFile, "extractall", extractall)
    monkeypatch.setattr(tarfile.TarFile, "extract", extract)
    restore(tmp_path / "one.tar", places(tmp_path / "new"))
    assert KeyFile(tmp_path / "new/keys.json").keys()[0].name == "mine"


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_what_is_a_link_is_restored_as_a_file(link: Callable[[Path, Path], None], tmp_path: Path, jeonju: Site) -> None:
    (tmp_path / "old").mkdir()
    old = city(tmp_path / "old", jeonju)
    link(old.security / "linked", old.keys)
    back_up(tmp_path / "one.tar", old, None, NOW)
    restore(tmp_path / "one.tar", places(tmp_path / "new"))
    restored = tmp_path / "new/security/linked"
    assert not restored.is_symlink()
    assert restored.read_bytes() == old.keys.read_bytes()


def test_nothing_is_overwritten(tmp_path: Path, jeonju: Site) -> None:
    (tmp_path / "old").mkdir()
    old, archive = city(tmp_path / "old", jeonju), tmp_path / "one.tar"
    back_up(archive, old, None, NOW)
    with pytest.raises(UserError, match="is there already; name another file"):
        back_up(archive, old, None, NOW)
    before = content(tmp_path / "old")
    for kept, said in (
        ("air.duckdb", "there is a store"),
        ("keys.json", "there are keys"),
        ("security/accounts.json", "there are accounts"),
    ):
        target = tmp_path / kept.replace("/", "-")
        (target / kept).parent.mkdir(parents=True)
        (target / kept).write_bytes(before[kept][0])
        with pytest.raises(UserError, match=f"{said} in|{said}"):
            restore(archive, places(target))
        assert content(target).keys() == {kept}
    # What is not asked for is not in the way.
    restore(archive, places(tmp_path / "air.duckdb"), ["keys", "security"])
    assert KeyFile(tmp_path / "air.duckdb/keys.json").keys()[0].name == "mine"


@pytest.mark.parametrize("harm", ["cut", "changed", "added", "missing", "escape", "other", "newer"])
def test_damaged_archive_changes_nothing(harm: str, tmp_path: Path, jeonju: Site) -> None:
    (tmp_path / "old").mkdir()
    archive = tmp_path / "one.tar"
    back_up(archive, city(tmp_path / "old", jeonju), None, NOW)
    with tarfile.open(archive) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    if harm == "changed":
        members["keys/keys.json"] += b" "
    elif harm == "added":
        members["security/extra"] = b""
    elif harm == "missing":
        del members["keys/keys.json"]
    elif harm == "escape":
        members["../outside"] = b""
    elif harm == "other":
        members = {"a": b"b"}
    elif harm == "newer":
        members["manifest.json"] = json.dumps(json.loads(members["manifest.json"]) | {"format": 99}).encode()
    with tarfile.open(archive, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    if harm == "cut":
        archive.write_bytes(archive.read_bytes()[:5000])
    with pytest.raises(UserError, match=r"damaged at|cannot be read as a backup|no backup of ours|upgrade it"):
        restore(archive, places(tmp_path / "new"))
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "outside").exists()


def test_place_that_cannot_be_read_or_written_is_named(tmp_path: Path, jeonju: Site) -> None:
    (tmp_path / "old").mkdir()
    old, file = city(tmp_path / "old", jeonju), tmp_path / "file"
    file.write_text("no folder")
    with pytest.raises(UserError, match=r"file/one.tar cannot be made: .*file"):
        back_up(file / "one.tar", old, None, NOW)
    with pytest.raises(UserError, match=r"there is no backup .*/none.tar"):
        restore(tmp_path / "none.tar", old)
    back_up(tmp_path / "one.tar", old, None, NOW)
    with pytest.raises(UserError, match=r"file.* cannot be written: (Not a directory|File exists)"):
        restore(tmp_path / "one.tar", places(file))


def test_running_service_copies_its_store_for_an_admin(tmp_path: Path) -> None:
    data, keys = tmp_path / "data", tmp_path / "data/keys.json"
    files = {role: tmp_path / role.name for role in (Role.OPERATOR, Role.ADMIN)}
    for role, file in files.items():
        file.write_text(KeyFile(keys).add(role.name.lower(), role, NOW))
    settings = UpSettings(
        simulate=False, data=data, mqtt_port=0, security=data / "none", http=HttpSettings(port=0, keys=keys)
    )
    with running_city(settings) as running:
        wait_until(lambda: answers(f"{running.url}/healthz"), what="the api")
        running.store.write(Commit(dead_letters=[DeadLetter(NOW, "topic", b"payload", "reason")]))
        with pytest.raises(UserError, match="this needs one of an admin"):
            back_up(tmp_path / "no.tar", places(data), Service(running.url, files[Role.OPERATOR]), NOW)
        assert not (tmp_path / "no.tar").exists()
        back_up(tmp_path / "one.tar", places(data), Service(running.url, files[Role.ADMIN]), NOW)
    restore(tmp_path / "one.tar", places(tmp_path / "new"))
    store = DuckDBStore(tmp_path / "new/air.duckdb")
    assert [letter.topic for letter in store.dead_letters()] == ["topic"]
    store.close()


def archive_of(folder: Path, files: dict[str, bytes], mode: int = 0o600) -> Path:
    """Write an archive as `back_up` does, with any content."""
    manifest = {"format": 1, "files": {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}}
    archive = folder / "archive.tar"
    with tarfile.open(archive, "w") as tar:
        for name, body in {"manifest.json": json.dumps(manifest).encode(), **files}.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(body), mode
            tar.addfile(member, io.BytesIO(body))
    return archive


def test_modes_are_ours_and_not_those_of_the_archive(tmp_path: Path) -> None:
    files = {"keys/keys.json": b"[]", "security/broker/ca.pem": b"a", "security/accounts.json": b"[]"}
    restore(archive_of(tmp_path, files, 0o644), places(tmp_path / "new"))
    modes = {name: mode & 0o777 for name, (_, mode) in content(tmp_path / "new").items()}
    assert modes == {"keys.json": 0o600, "security/broker/ca.pem": 0o644, "security/accounts.json": 0o600}


@pytest.mark.parametrize("name", ["store.duckdb", "store.influx.gz"])
def test_file_that_is_no_store_is_refused_before_anything_is_changed(name: str, tmp_path: Path) -> None:
    store = "influxdb://127.0.0.1:1/air" if name.endswith("gz") else str(tmp_path / "new/air.duckdb")
    archive = archive_of(tmp_path, {f"store/{name}": b"hello", "keys/keys.json": b"[]"})
    with pytest.raises(UserError, match=rf"{name} in the backup is no store of ours"):
        restore(archive, places(tmp_path / "new")._replace(store=store))
    assert not (tmp_path / "new").exists()


def test_backup_without_what_is_asked_for_is_said(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, {})
    with pytest.raises(UserError, match="holds nothing of what is asked for"):
        restore(archive, places(tmp_path / "new"))
    archive = archive_of(tmp_path, {"keys/keys.json": b"[]"})
    with pytest.raises(UserError, match=r"holds nothing of what is asked for \(store\)"):
        restore(archive, places(tmp_path / "new"), ["store"])
    done = CliRunner().invoke(app, ["restore", str(archive), *options(places(tmp_path / "new"))])
    assert done.output == "1 file is back: keys; the backup has no store and no security\n"


def options(to: Places) -> list[str]:
    return ["--store", to.store, "--keys", str(to.keys), "--security", str(to.security)]
