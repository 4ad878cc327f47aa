"""Keys at the command line, and an api that is not opened to others without one."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jeonju.cli.app import app
from jeonju.common.errors import UserError
from jeonju.stack.http_server import HttpSettings
from tests.processes import started


def key(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["key", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout.strip()


def test_key_is_shown_once_listed_without_it_and_revoked(tmp_path: Path) -> None:
    file = str(tmp_path / "keys.json")
    secret = key("add", "kim", "--role", "operator", "--keys", file)
    assert secret.startswith("jeonju_")
    (row,) = json.loads(key("list", "--json", "--keys", file))
    assert (row["name"], row["role"]) == ("kim", "operator")
    assert secret not in key("list", "--keys", file)
    key("revoke", "kim", "--keys", file)
    assert json.loads(key("list", "--json", "--keys", file)) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "air.example"])
def test_other_machines_are_refused_without_a_key(tmp_path: Path, host: str) -> None:
    keys = tmp_path / "keys.json"
    with pytest.raises(UserError, match=r"lets others in, and there is no key in .*; make one first: jeonju key add"):
        HttpSettings(host=host, keys=keys).check()
    key("add", "kim", "--keys", str(keys))
    HttpSettings(host=host, keys=keys).check()


def test_certificate_that_cannot_be_used_is_named_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs both --tls-cert and --tls-key"):
        HttpSettings(certificate=tmp_path / "a.pem").check()
    with pytest.raises(UserError, match=r"a\.pem and .*b\.pem cannot be used for HTTPS: No such file"):
        HttpSettings(certificate=tmp_path / "a.pem", private_key=tmp_path / "b.pem").check()


@pytest.mark.parametrize("command", [["api"], ["up"]])
def test_file_of_keys_that_is_none_stops_the_start_with_one_line(tmp_path: Path, command: list[str]) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text("{")
    stopped = subprocess.run(
        [sys.executable, "-m", "jeonju", *command, "--keys", str(keys)], capture_output=True, text=True, cwd=tmp_path
    )
    assert stopped.returncode == 2
    (line,) = [line for line in stopped.stderr.splitlines() if line != "starting …"]
    assert "cannot be read as keys of the api" in line
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


def test_page_is_for_everybody_where_that_is_asked_for_and_nothing_else_is(tmp_path: Path) -> None:
    key("add", "kim", "--keys", str(tmp_path / "keys.json"))
    options = ["--port", "0", "--keys", "keys.json", "--store", "air.duckdb", "--broker", "mqtt://127.0.0.1:1"]
    command = [sys.executable, "-m", "jeonju", "api", *options]
    surroundings = os.environ | {"JEONJU_API_PUBLIC_PAGE": "1"}
    with started(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path, env=surroundings
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}/public", timeout=60) as page:
            assert "<h1>전주 대기질</h1>" in page.read().decode()
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{url}/api/v1/latest", timeout=60)
        process.terminate()
