import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.contract import topics

NAMES = st.from_regex(topics.NAME, fullmatch=True).filter(lambda name: name != "alerts")


@given(NAMES, NAMES)
def test_topics_of_a_device_are_read_back_as_they_were_made(site: str, device: str) -> None:
    for make in (topics.readings, topics.status, topics.command):
        assert topics.site_and_device(make(site, device)) == (site, device)


@pytest.mark.parametrize(
    "topic", ["", "air/v1/jeonju", "air/v2/jeonju/palbok-01/readings", topics.alert("jeonju", "x"), "a/b/c/d/e/f"]
)
def test_foreign_topics_have_no_device(topic: str) -> None:
    assert topics.site_and_device(topic) is None
