"""Text files as Korean Windows saves them: Notepad puts a byte order mark before UTF-8, Excel writes CSV in CP949."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from jeonju.common.errors import UserError
from jeonju.common.secret_file import read_secret
from jeonju.common.text_file import read_text
from jeonju.common.toml_lines import load_toml
from jeonju.contract.site import BUILT_IN_SITES, load_site
from jeonju.evaluation.tables import read_table
from jeonju.evaluation.timelines import from_csv, from_json_lines

TABLE = "time,device,pm25,memo\n2026-03-02T08:00:00Z,station-1,12,팔복동\n"


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    site, table, secret = tmp_path / "city.toml", tmp_path / "city.csv", tmp_path / "secret"
    site.write_text((BUILT_IN_SITES / "jeonju.toml").read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert load_site(str(site)) == load_site("jeonju")
    table.write_text(TABLE, encoding="utf-8-sig")
    assert [reading.device for _, reading in from_csv(table)] == ["station-1"]
    assert len(read_table(tmp_path, table.name, ("time", "memo"))) == 1
    secret.write_text("hunter2\n", encoding="utf-8-sig")
    assert read_secret(secret, "--secret") == "hunter2"


@pytest.mark.parametrize("encoding", ["cp949", "utf-16"])
def test_another_encoding_is_one_line_that_says_what_to_do(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "table.csv"
    file.write_text(TABLE, encoding=encoding)
    for read in (
        read_text,
        lambda path: list(from_csv(path)),
        lambda path: list(from_json_lines(path)),
        lambda path: read_table(path.parent, path.name, ("time",)),
        lambda path: load_toml(path, BaseModel),
    ):
        with pytest.raises(UserError) as error:
            read(file)
        assert str(error.value) == f"{file} is not in UTF-8; save it as UTF-8 (not as ANSI, CP949 or UTF-16)"
