"""Filters are compared as MQTT matches topics: paho's own function is the judge."""

from functools import cache
from itertools import product, zip_longest

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from jeonju.broker.filters import FilterTree, apart, covers, without_covered

# Few names and few levels: every topic that could tell two filters apart is among these. `z` stands in no filter.
NAMES = ["a", "b", "$s", ""]
DEEPEST = 3
TOPICS = [
    topic
    for depth in range(1, DEEPEST + 2)
    for levels in product([*NAMES, "z"], repeat=depth)
    if (topic := "/".join(levels))
]


@st.composite
def filters(draw: st.DrawFn) -> str:
    levels = draw(st.lists(st.sampled_from([*NAMES, "+", "+"]), max_size=DEEPEST - 1))
    last = draw(st.sampled_from([*NAMES, "+", "#"]))
    text = "/".join([*levels, last])
    # What `/#` and `+` have in common is the empty topic, which does not exist.
    assume(text not in ("", "/#"))
    return text


@cache
def topics_of(filter_: str) -> frozenset[str]:
    return frozenset(topic for topic in TOPICS if topic_matches_sub(filter_, topic))


def levels_of(topic: str) -> list[str]:
    return ["+", "#"] if topic == "#" else topic.split("/")


def overlap(topic_filter: str, other: str) -> bool:
    """Return whether there is a topic that both filters match."""
    for number, (a, b) in enumerate(zip_longest(levels_of(topic_filter), levels_of(other))):
        if "#" in (a, b):
            return True
        if a is None or b is None or (a != b and "+" not in (a, b)):
            return False
        if number == 0 and a != b and (a + b).replace("+", "").startswith("$"):
            return False
    return True


@given(filters(), filters())
def test_filters_are_compared_as_their_topics_are(item: str, other: str) -> None:
    assert covers(item, other) == (topics_of(other) <= topics_of(item))
    assert overlap(item, other) == overlap(other, item) == bool(topics_of(item) & topics_of(other))


@given(st.lists(filters(), max_size=8), filters())
def test_a_tree_of_filters_finds_what_comparing_each_finds(known: list[str], other: str) -> None:
    tree = FilterTree(known)
    assert tree.covers(other) == any(covers(item, other) for item in known)
    assert tree.overlaps(other) == any(overlap(item, other) for item in known)
    assert {topics_of(item) for item in tree.covered(other)} == {
        topics_of(item) for item in known if covers(other, item)
    }


@given(st.lists(filters(), max_size=8))
def test_every_topic_is_subscribed_in_the_end_and_once_in_a_group(wanted: list[str]) -> None:
    kept = without_covered(wanted)
    assert set(kept) <= set(wanted)
    assert frozenset().union(*map(topics_of, kept)) == frozenset().union(*map(topics_of, wanted))
    assert not any(covers(item, other) for item in kept for other in kept if item is not other)
    groups = apart(kept)
    assert sorted(item for group in groups for item in group) == sorted(kept)
    place = {item: at for at, group in enumerate(groups) for item in group}
    for at, item in enumerate(kept):
        assert all(place[other] < place[item] for other in kept[:at] if overlap(item, other))


@pytest.mark.parametrize(
    ("wide", "narrow", "yes"),
    [
        ("zigbee2mqtt/+", "zigbee2mqtt/plug", True),
        ("zigbee2mqtt/plug", "zigbee2mqtt/+", False),
        ("tele/#", "tele", True),
        ("tele/+", "tele/#", False),
        ("#", "$SYS/broker", False),
        ("#", "air/v1/+/+/readings", True),
        ("air/#", "air/v1/+/+/readings", True),
        ("+/#", "#", True),
    ],
)
def test_filter_covers(wide: str, narrow: str, yes: bool) -> None:
    assert covers(wide, narrow) is yes


def test_overlapping_filters_go_apart_and_those_that_have_a_place_keep_it() -> None:
    assert apart(["a/+/b", "a/b/+", "c/#"]) == [["a/+/b", "c/#"], ["a/b/+"]]
    assert apart(["a/+/b", "c/#"], [["a/b/+"]]) == [["a/b/+", "c/#"], ["a/+/b"]]
    # Beside the first it would come before the second, which may hold messages for both.
    assert apart(["c/+/d"], [["x"], ["c/d/+"]]) == [["x"], ["c/d/+"], ["c/+/d"]]
