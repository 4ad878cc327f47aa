from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from jeonju.broker.rights import of_services, subjects
from jeonju.contract.site import Site

LEVEL = st.sampled_from(["a", "b", "c.d", ""])
FILTER = st.builds(
    lambda levels, end: "/".join([*levels, *end]),
    st.lists(st.one_of(LEVEL, st.just("+")), min_size=1, max_size=4),
    st.sampled_from([[], ["#"]]),
).filter(bool)
TOPIC = st.lists(LEVEL, min_size=1, max_size=5).map("/".join).filter(bool)


@given(FILTER, TOPIC)
def test_subjects_match_what_the_filter_matches(wide: str, topic: str) -> None:
    assert any(_subject_matches(subject, subjects(topic)[0]) for subject in subjects(wide)) == topic_matches_sub(
        wide, topic
    )


def _subject_matches(pattern: str, subject: str) -> bool:
    """As NATS does it: tokens between dots, `*` for one and `>` for one or more."""
    tokens, wanted = pattern.split("."), subject.split(".")
    for number, token in enumerate(tokens):
        if token == ">":
            return len(wanted) > number
        if number >= len(wanted) or token not in ("*", wanted[number]):
            return False
    return len(tokens) == len(wanted)


def test_every_service_is_documented(jeonju: Site) -> None:
    page = Path("broker/README.md").read_text(encoding="utf-8")
    assert all(f"`{service}`" in page for service in of_services(jeonju))
