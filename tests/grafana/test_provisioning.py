"""The files that people write beside the generated ones: they name what is there."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from jeonju.grafana import alert_rules
from jeonju.grafana.__main__ import PROVISIONING
from jeonju.grafana.influxql import DATA_SOURCE_UID
from jeonju.grafana.language import LANGUAGES
from jeonju.storage.influx.address import TOKEN_VARIABLE

MOUNTED_AT: Final = "/etc/grafana/provisioning"
SOURCES: Final = (PROVISIONING / "datasources/jeonju-air.yaml", PROVISIONING.parent / "influxdb-1.yaml")


def settings(path: Path) -> dict[str, str]:
    """Every `name: value` of a file; in these no name occurs twice."""
    return dict(re.findall(r"^[ -]*(\w+): +(\S.*)$", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_dashboards_ask_the_data_source_that_is_set_up_in_influxql() -> None:
    for path in SOURCES:
        found = settings(path)
        assert (found["uid"], found["type"], found["version"]) == (DATA_SOURCE_UID, "influxdb", "InfluxQL")
        # The one place for Grafana 9.3, the other for all later ones.
        assert found["database"] == found["dbName"] == "${INFLUXDB_DATABASE}"


def test_secrets_come_from_the_surroundings() -> None:
    assert settings(SOURCES[0])["httpHeaderValue1"] == f"Token ${{{TOKEN_VARIABLE}}}"
    assert settings(SOURCES[1])["password"] == "${INFLUXDB_PASSWORD}"


def test_each_language_has_its_folder() -> None:
    text = (PROVISIONING / "dashboards/jeonju-air.yaml").read_text(encoding="utf-8")
    for language in LANGUAGES:
        assert f"folder: {language.folder}\n" in text
        assert f"path: {MOUNTED_AT}/dashboards/{language.code}\n" in text
        assert list((PROVISIONING / "dashboards" / language.code).glob("*.json"))


def test_site_that_is_not_there_is_said_in_one_line() -> None:
    command = [sys.executable, "-m", "jeonju.grafana"]
    done = subprocess.run(
        command, env=os.environ | {"JEONJU_SITE": "nowhere"}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "no site is named 'nowhere'" in done.stderr


def test_alert_rules_make_no_folder_of_their_own() -> None:
    folders = {group["folder"] for group in alert_rules.provisioned()["groups"]}
    assert folders <= {language.folder for language in LANGUAGES}
    # Found by its title, whichever of both Grafana reads first: one made under another uid would bear the same name.
    assert "folderUid:" not in (PROVISIONING / "dashboards/jeonju-air.yaml").read_text(encoding="utf-8")


def test_questions_that_name_hundreds_of_devices_are_posted() -> None:
    for path in SOURCES:
        assert settings(path)["httpMode"] == "POST"
