"""Keys: kept as hashes, in a file of its owner, gone at once when revoked."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jeonju.api.access.keys import KeyFile, Role
from jeonju.common.errors import UserError

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def test_key_is_found_by_what_was_shown_once_and_the_file_does_not_hold_it(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    secret = KeyFile(path).add("kim", Role.OPERATOR, NOW)
    assert KeyFile(path).find(secret) == ("kim", Role.OPERATOR)
    assert KeyFile(path).find(secret + "x") is None
    assert secret not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_revoked_key_ends_at_once_where_the_file_is_open_already(tmp_path: Path) -> None:
    running, at_the_shell = (KeyFile(tmp_path / "keys.json") for _ in range(2))
    secret = at_the_shell.add("kim", Role.VIEWER, NOW)
    assert running.find(secret) is not None
    at_the_shell.revoke("kim")
    assert running.find(secret) is None


@pytest.mark.parametrize(
    ("name", "message"),
    [("kim", "there is a key named 'kim' already"), ("", "is no name"), ("a b", "is no name"), ("../x", "is no name")],
)
def test_name_that_cannot_be_is_refused(tmp_path: Path, name: str, message: str) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    keys.add("kim", Role.VIEWER, NOW)
    with pytest.raises(UserError, match=message):
        keys.add(name, Role.VIEWER, NOW)


def test_revoking_what_is_not_there_names_what_is(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    keys.add("kim", Role.VIEWER, NOW)
    with pytest.raises(UserError, match="no key is named 'lee'; there are: kim"):
        keys.revoke("lee")


@pytest.mark.parametrize(
    "text", ["", "{", "{}x", "[1]", '[{"name": "a"}]', '[{"name":"a","role":"king","sha256":"","made_at":""}]', "\xff"]
)
def test_file_that_is_no_key_file_admits_no_key(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match="cannot be read as keys of the api"):
        KeyFile(path).keys()
    assert KeyFile(path).find("anything") is None
    assert KeyFile(path).exists


@pytest.mark.parametrize("text", ["", "{", '[{"name":1,"role":"admin","sha256":"","made_at":""}]'])
def test_keys_stay_while_their_file_is_spoilt_and_it_is_said_once(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "keys.json"
    secret = KeyFile(path).add("kim", Role.OPERATOR, NOW)
    whole, running = path.read_bytes(), KeyFile(path)
    assert running.find(secret) is not None
    path.write_text(text)
    assert [running.find(secret) for _ in range(3)] == [("kim", Role.OPERATOR)] * 3
    assert caplog.text.count("until then the keys that were read before stay valid") == 1
    KeyFile(other := tmp_path / "other.json").add("lee", Role.VIEWER, NOW)
    path.write_bytes(other.read_bytes())
    assert running.find(secret) is None
    path.write_bytes(whole)
    assert running.find(secret) is not None
