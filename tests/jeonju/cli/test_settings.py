"""Options from the command line, the environment and a file, in this order."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from jeonju.cli.app import app
from jeonju.common.errors import UserError


def asked(tmp_path: Path, text: str, *arguments: str, **environment: str) -> str:
    """List the keys of the file that the settings lead to."""
    file = tmp_path / "air.toml"
    file.write_text(text, encoding="utf-8")
    command = ["--config", str(file), "key", "list", "--json", *arguments]
    result = CliRunner().invoke(app, command, env=environment, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def keys(folder: Path, name: str) -> str:
    path = folder / f"{name}.json"
    CliRunner().invoke(app, ["key", "add", name, "--keys", str(path)], catch_exceptions=False)
    return str(path)


def test_command_line_comes_before_environment_before_file(tmp_path: Path) -> None:
    in_file, in_environment, on_line = (keys(tmp_path, name) for name in ("file", "environment", "line"))
    text = f"[key.list]\nkeys = '{in_file}'\n"
    assert '"file"' in asked(tmp_path, text)
    assert '"environment"' in asked(tmp_path, text, JEONJU_KEY_LIST_KEYS=in_environment)
    assert '"environment"' in asked(tmp_path, text, JEONJU_API_KEYS=in_environment)
    assert '"line"' in asked(tmp_path, text, "--keys", on_line, JEONJU_API_KEYS=in_environment)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[up]\nhistory = '1h'\nprot = 9000\n", r"air\.toml:3: up\.prot is not a known setting; here are: .*port"),
        ("[upp]\n", r"air\.toml:1: upp is not a known setting; here are: .*up"),
        ("[up]\nport = {a = 1}\n", r"air\.toml:2: up\.port is not a known setting"),
        ("[up\n", "cannot be read as settings"),
    ],
    ids=["unknown-option", "unknown-command", "table-for-option", "no-toml"],
)
def test_what_is_no_option_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        asked(tmp_path, text)


def test_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read: No such file"):
        CliRunner().invoke(app, ["--config", str(tmp_path / "no.toml"), "key", "list"], catch_exceptions=False)
