"""One stack serves several sites: one broker, one store, one api; keys are for sites."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from jeonju.api.access.keys import KeyFile, Role
from jeonju.common.errors import UserError
from jeonju.contract.site import load_sites
from jeonju.stack.city import City, UpSettings, running_city
from jeonju.stack.http_server import HttpSettings
from tests.api.browsing import PLAIN, chromium
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
[[stations]]
name = "other"
zone = "{name}-zone"
lat = 35.801
lon = 127.1
quantities = ["pm25", "co2"]
"""


def small(folder: Path, name: str, index: str = "cai") -> str:
    path = folder / f"{name}.toml"
    path.write_text(SMALL.format(name=name, index=index), encoding="utf-8")
    return str(path)


@dataclass
class Stack:
    """Two sites in one stack, a key for both and one for the second."""

    city: City
    everywhere: str
    of_second: str

    def asked(self, path: str, key: str) -> tuple[int, Any]:
        """Ask the api, and return status and content."""
        request = urllib.request.Request(self.city.url + path, headers={"Authorization": f"Bearer {key}"})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("sites")
    keys = KeyFile(folder / "keys.json")
    everywhere = keys.add("anna", Role.VIEWER, NOW)
    of_second = keys.add("ben", Role.OPERATOR, NOW, ["second"])
    settings = UpSettings(
        sites=(small(folder, "first"), small(folder, "second", "eu")),
        history_s=0.0,
        data=folder / "data",
        http=HttpSettings(port=0, keys=folder / "keys.json"),
        mqtt_port=0,
    )
    with running_city(settings) as city:
        yield Stack(city, everywhere, of_second)


def test_two_sites_share_a_stack_and_each_has_its_own_api(stack: Stack) -> None:
    asked, key = stack.asked, stack.everywhere
    wait_until(lambda: asked("/api/v1/latest", key)[1] and asked("/sites/second/api/v1/latest", key)[1])
    assert {each["site"] for each in asked("/api/v1/latest", key)[1]} == {"first"}
    assert {each["site"] for each in asked("/sites/second/api/v1/latest", key)[1]} == {"second"}
    assert asked("/sites/first/api/v1/site", key)[1]["name"] == "first"
    assert [site["path"] for site in asked("/api/v1/sites", key)[1]] == ["/", "/sites/second/"]
    assert asked("/sites/second/api/v1/limits", key)[1]["index"]["key"] == "eu"
    assert asked("/sites/third/api/v1/site", key)[0] == 404
    wait_until(lambda: sum(len(stack.city.store.devices(name)) for name in ("first", "second")) == 4)
    devices = {
        (one.site, one.device, one.zone) for name in ("first", "second") for one in stack.city.store.devices(name)
    }
    assert devices == {(name, each, f"{name}-zone") for name in ("first", "second") for each in ("station", "other")}


def test_a_key_for_one_site_sees_nothing_of_the_other_by_any_address(stack: Stack) -> None:
    assert [site["name"] for site in stack.asked("/api/v1/sites", stack.of_second)[1]] == ["second"]
    assert stack.asked("/sites/second/api/v1/latest", stack.of_second)[0] == 200
    for path in ("/api/v1/latest", "/sites/first/api/v1/latest", "/api/v1/site", "/metrics", "/sites/first/metrics"):
        status, said = stack.asked(path, stack.of_second)
        assert (status, said["detail"]) == (403, "the key 'ben' is not for the site first, but for second")


def test_the_page_offers_the_sites_of_a_key_and_opens_the_first_of_them(stack: Stack) -> None:
    with chromium(*PLAIN) as browser:
        page = browser.new_page()
        page.goto(stack.city.url)
        page.fill("#door-key", stack.everywhere)
        page.click("#door button.main")
        expect(page.locator("#sites option")).to_have_text(["first", "second"])
        page.select_option("#sites", "second")
        expect(page).to_have_url(f"{stack.city.url}/sites/second/")
        expect(page.locator("#title")).to_contain_text("second")
        other = browser.new_context().new_page()
        other.goto(stack.city.url)
        other.fill("#door-key", stack.of_second)
        other.click("#door button.main")
        expect(other).to_have_url(f"{stack.city.url}/sites/second/")
        expect(other.locator("#title")).to_contain_text("second")
        assert other.locator("#sites").count() == 0


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
