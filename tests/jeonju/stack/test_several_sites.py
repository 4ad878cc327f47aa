"""One stack serves several sites: one broker, one store, one api; keys are for sites."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jeonju.api.access.keys import KeyFile, Role
from jeonju.common.errors import UserError
from jeonju.contract.site import load_sites
from jeonju.stack.city import UpSettings, running_city
from jeonju.stack.http_server import HttpSettings
from tests.waiting import wait_until

NOW = datetime(2026, 3, 4, tzinfo=UTC)
SMALL = """
name = "{name}"
label_ko = "{name}"
label_en = "{name}"
timezone = "Asia/Seoul"
origin = [35.8, 127.1]
index = "{index}"
[[zones]]
name = "{name}-zone"
label_ko = "구역"
label_en = "Zone"
outline = [[35.79, 127.09], [35.79, 127.11], [35.81, 127.11]]
[[stations]]
name = "station"
zone = "{name}-zone"
lat = 35.8
lon = 127.1
quantities = ["pm25", "pm10", "no2", "o3"]
"""


def small(folder: Path, name: str, index: str = "cai") -> str:
    path = folder / f"{name}.toml"
    path.write_text(SMALL.format(name=name, index=index), encoding="utf-8")
    return str(path)


def test_two_sites_share_a_stack_and_each_key_sees_its_own(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    everywhere = keys.add("anna", Role.VIEWER, NOW)
    of_second = keys.add("ben", Role.OPERATOR, NOW, ["second"])
    settings = UpSettings(
        sites=(small(tmp_path, "first"), small(tmp_path, "second", "eu")),
        history_s=0.0,
        data=tmp_path / "data",
        http=HttpSettings(port=0, keys=tmp_path / "keys.json"),
        mqtt_port=0,
    )
    with running_city(settings) as city:

        def asked(path: str, key: str) -> tuple[int, Any]:
            request = urllib.request.Request(city.url + path, headers={"Authorization": f"Bearer {key}"})
            try:
                with urllib.request.urlopen(request) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as error:
                return error.code, json.load(error)

        wait_until(
            lambda: asked("/api/v1/latest", everywhere)[1] and asked("/sites/second/api/v1/latest", everywhere)[1]
        )
        assert [each["site"] for each in asked("/api/v1/latest", everywhere)[1]] == ["first"]
        assert [each["site"] for each in asked("/sites/second/api/v1/latest", everywhere)[1]] == ["second"]
        assert asked("/sites/first/api/v1/site", everywhere)[1]["name"] == "first"
        assert [site["path"] for site in asked("/api/v1/sites", everywhere)[1]] == ["/", "/sites/second/"]
        assert asked("/sites/second/api/v1/limits", everywhere)[1]["index"]["key"] == "eu"
        # The key of one site: nothing of the other, not even by the address of its own.
        assert [site["name"] for site in asked("/api/v1/sites", of_second)[1]] == ["second"]
        assert asked("/sites/second/api/v1/latest", of_second)[0] == 200
        for path in ("/api/v1/latest", "/sites/first/api/v1/latest", "/api/v1/site", "/metrics"):
            status, said = asked(path, of_second)
            assert (status, said["detail"]) == (403, "the key 'ben' is not for the site first, but for second")
        assert asked("/sites/third/api/v1/site", everywhere)[0] == 404
        devices = {(one.site, one.device, one.zone) for name in ("first", "second") for one in city.store.devices(name)}
        assert devices == {("first", "station", "first-zone"), ("second", "station", "second-zone")}


def test_a_site_that_is_named_twice_or_robots_that_share_a_name_are_refused(tmp_path: Path) -> None:
    first = small(tmp_path, "first")
    with pytest.raises(UserError, match="--site names a site twice: first, first"):
        load_sites([first, first])
    robot = '[[robots]]\nname = "r"\nzone = "{0}-zone"\ndock = [35.8, 127.1]\nloop = [[35.8, 127.1], [35.801, 127.1], [35.8, 127.101]]\nquantities = ["pm25"]\n'
    for name in ("first", "other"):
        path = Path(small(tmp_path, name))
        path.write_text(path.read_text(encoding="utf-8") + robot.format(name), encoding="utf-8")
    with pytest.raises(UserError, match="have the same name at the broker, jeonju-air/r; rename one"):
        load_sites([first, str(tmp_path / "other.toml")])
