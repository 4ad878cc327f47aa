"""The map as most browsers draw it: by WebGL, under the strict policy. In a file of its own, as it needs a browser of its own."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.api.browsing import WITH_GL, City, chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(*WITH_GL) as started:
        yield started


def test_map_is_drawn_by_webgl_and_devices_stand_on_it(city: City) -> None:
    page = city.open()
    expect(page.locator(".maplibregl-canvas")).to_be_visible()
    page.locator("#map [data-subject='palbok-03']").press("Enter")
    expect(page.locator("#device-title")).to_have_text("Centre of Palbok-dong")
    # It is looked at from the side, and stays so for who opens the link.
    page.get_by_role("button", name="Tilt").click()
    expect(page).to_have_url(f"{city.url}/#/devices/palbok-03?tilt=1")
