from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from jeonju.common.errors import UserError
from jeonju.common.toml_lines import line_of, load_toml

TEXT = """\
name = "x"

[weather]
"wind speed" = 3   # a comment with = in it
limits.pm25 = 75

[[zones]]
name = "first"
[zones.box]
north = 1
[[zones]]
name = "second"
outline = [
  [1, 2],
]
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 1),
        (("weather", "wind speed"), 4),
        (("weather", "limits", "pm25"), 5),
        (("zones", 0, "name"), 8),
        (("zones", 0, "box", "north"), 10),
        (("zones", 1), 11),
        (("zones", 1, "outline", 0, 1), 13),
        (("zones", 1, "absent"), 11),
        (("absent",), 1),
    ],
)
def test_line_of_a_setting_is_found(path: tuple[str | int, ...], line: int) -> None:
    assert line_of(TEXT, path) == line


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int


class Model(BaseModel):
    inner: list[Inner]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[inner]]\nsize = 1\n[[inner]]\nsize = 'big'\n", ":4: inner[1].size Input should be a valid integer"),
        ("[[inner]]\nsize = 1\ncolour = 2\n", ":3: inner[0].colour is not a known setting (got 2)"),
        ("[[inner]]\n", ":1: inner[0].size is missing"),
        ("", ":1: inner is missing"),
        ("inner = [", "is not valid TOML"),
        ("inner = []\ninner = []", "is not valid TOML"),
    ],
)
def test_fault_is_named_with_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "file.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_toml(path, Model)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.toml: cannot be read: No such file"):
        load_toml(tmp_path / "absent.toml", Model)
